//! How the demo tells its story: chapters, figures, a word on what each means.

use crate::out::{Ink, Out};
use indicatif::{ProgressBar, ProgressStyle};
use seatrial_factory::Progress;
use std::sync::Mutex;

/// How far everything is indented below its chapter.
const INDENT: usize = 4;

/// The narrowest text beside an indent.
const WIDTH_MIN: usize = 30;

/// The width of the column of labels.
const LABEL: usize = 24;

/// Tells the story on an output.
pub(super) struct Tell<'o> {
    out: &'o mut Out,
    chapter: u32,
}

impl<'o> Tell<'o> {
    pub(super) fn new(out: &'o mut Out) -> Self {
        Self { out, chapter: 0 }
    }

    /// A new chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        let title = self.out.paint(Ink::Strong, &format!("{:>2}  {title}", self.chapter));
        self.out.line("");
        self.out.line(title);
    }

    /// A sentence.
    pub(super) fn say(&mut self, text: &str) {
        for line in self.wrapped(text, INDENT) {
            self.out.line(format!("    {line}"));
        }
    }

    /// A row of a drawing, as it is.
    pub(super) fn row(&mut self, text: &str) {
        self.out.line(format!("    {text}"));
    }

    /// A sentence beside the point.
    pub(super) fn aside(&mut self, text: &str) {
        for line in self.wrapped(text, INDENT) {
            let line = self.out.paint(Ink::Dim, &line);
            self.out.line(format!("    {line}"));
        }
    }

    /// A figure with its label.
    pub(super) fn figure(&mut self, label: &str, value: &str) {
        let label = format!("{label:<LABEL$}");
        let label = self.out.paint(Ink::Dim, &label);
        let mut lines = self.wrapped(value, INDENT + LABEL + 1).into_iter();
        self.out.line(format!("    {label} {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.out.line(format!("{:1$}{line}", "", INDENT + LABEL + 1));
        }
    }

    /// Something that is in order.
    pub(super) fn good(&mut self, text: &str) {
        self.mark(Ink::Good, "✔", text);
    }

    /// Something that somebody should look at.
    pub(super) fn warn(&mut self, text: &str) {
        self.mark(Ink::Warn, "!", text);
    }

    /// Something that was refused, or is not in order.
    pub(super) fn bad(&mut self, text: &str) {
        self.mark(Ink::Bad, "✘", text);
    }

    fn mark(&mut self, ink: Ink, mark: &str, text: &str) {
        let mark = self.out.paint(ink, mark);
        let mut lines = self.wrapped(text, INDENT + 2).into_iter();
        self.out.line(format!("    {mark} {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.out.line(format!("{:1$}{line}", "", INDENT + 2));
        }
    }

    /// A text as lines that fit beside an indent.
    fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let width = usize::from(self.out.layout().width).saturating_sub(indent).max(WIDTH_MIN);
        let mut lines: Vec<String> = vec![String::new()];
        for word in text.split(' ') {
            let full =
                lines.last().is_some_and(|l| !l.is_empty() && l.chars().count() + 1 + word.chars().count() > width);
            if full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines
    }

    /// A bar for long work, where a person watches.
    pub(super) fn bar(&self) -> Bar {
        let bar =
            if self.out.draws_progress() && !self.out.is_json() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("    {msg:<24} {bar:30} {pos}/{len}") {
            bar.set_style(style);
        }
        Bar(Mutex::new(bar))
    }
}

/// A bar that the factory reports to.
pub(super) struct Bar(Mutex<ProgressBar>);

impl Progress for Bar {
    fn done(&self, what: &str, done: u64, of: u64) {
        if let Ok(bar) = self.0.lock() {
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message(what.to_owned());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Ok(bar) = self.0.lock() {
            bar.finish_and_clear();
        }
    }
}

/// A share in percent.
pub(super) fn percent(k: u64, n: u64) -> String {
    if n == 0 { "none".to_owned() } else { format!("{:.1} %", ratio(k, n) * 100.0) }
}

/// A share.
#[expect(clippy::cast_precision_loss, reason = "counts of a demo are far below 2^53")]
pub(super) fn ratio(k: u64, n: u64) -> f64 {
    if n == 0 { 0.0 } else { k as f64 / n as f64 }
}

/// `1 example`, `2 examples`.
pub(super) fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
