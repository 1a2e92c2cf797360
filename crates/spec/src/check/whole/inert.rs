//! Controls that the language has and this version does not act on. Each is said, so that nothing is configured, green
//! and inert; those that would hold something back block production.

use super::Places;
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{Step, StreamMode, Workflow};
use seatrial_model::{ElementPath, Stage};

/// Says of each such control what happens instead.
pub(super) fn inert(r: &mut Reader, places: &Places<'_>, w: &Workflow) {
    for step in &w.steps {
        for (name, instead) in of_step(step) {
            say(r, places, &step.path(), name, instead);
        }
    }
}

fn say(r: &mut Reader, places: &Places<'_>, parent: &ElementPath, name: &str, instead: &str) {
    let path = name.split('.').fold(parent.clone(), |path, part| path.child(part));
    r.at = path.clone();
    let message = format!("`{path}` is not enforced by this version: {instead}");
    r.find(Code::NotEnforced, places.of(&path), message).warns(Some(Stage::Production)).done();
}

fn of_step(step: &Step) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if step.limits.tokens_per_day.is_some() {
        found.push(("limits.tokens_per_day", "tokens are counted, and no call is refused for them"));
    }
    if step.limits.money_per_day.is_some() {
        found.push(("limits.money_per_day", "no call is refused for what it costs"));
    }
    if step.review.hold.as_millis() > 0 {
        found.push(("review.hold", "an escalated call answers at once, and is polled"));
    }
    if step.review.people > 1 {
        found.push(("review.people", "the first answer settles the decision"));
    }
    if step.requires.is_some() {
        found.push(("requires", "nothing asks for admission before the step acts"));
    }
    if step.stream != StreamMode::Buffer {
        found.push(("stream", "streams are buffered: nothing leaves before the verdict"));
    }
    found
}
