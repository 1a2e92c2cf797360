//! Progress on standard error, where a person sits before it.

use crate::out::Out;
use indicatif::{ProgressBar, ProgressStyle};
use seatrial_factory::{Progress, Quiet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often the bar is drawn where nothing comes: a slow model is not a dead one.
const TICK: Duration = Duration::from_millis(250);

/// What tells of progress for this output.
pub(crate) fn of(out: &Out) -> Box<dyn Progress> {
    if out.draws_progress() { Box::new(Bar::default()) } else { Box::new(Quiet) }
}

/// One bar after the other: each piece of work has its own.
#[derive(Default)]
struct Bar(Mutex<Option<(String, ProgressBar)>>);

impl Progress for Bar {
    fn done(&self, what: &str, done: u64, of: u64) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|(name, _)| name != what) {
            if let Some((_, bar)) = slot.take() {
                bar.finish_and_clear();
            }
            let bar = ProgressBar::new(of);
            let template = "{msg:24} {bar:24} {pos}/{len} {per_sec:>10} {eta:>5} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(crate::out::shown(what));
            // What was done before is no measure of how fast it goes now.
            bar.set_position(done);
            bar.reset_eta();
            bar.enable_steady_tick(TICK);
            *slot = Some((what.to_owned(), bar));
        }
        if let Some((_, bar)) = slot.as_ref() {
            bar.set_length(of);
            bar.set_position(done);
            if done >= of {
                bar.finish_and_clear();
            }
        }
    }
}
