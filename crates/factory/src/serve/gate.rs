//! Whether anything is served at all: a release, a way in, no stop, a minute with room.

use crate::api::{Passage, Refused};
use crate::handle::{Handle, Live, Served};
use crate::switch::Reach;
use seatrial_model::event::Entry;
use seatrial_model::facts::Bounds;
use seatrial_model::{ElementPath, Stage, Time};
use seatrial_spec::workflow::Step;
use std::sync::Arc;

/// What serves a passage: the release in force, or the candidate for a marked request.
pub(super) fn choose(live: &Live, passage: &Passage) -> Result<Arc<Served>, Refused> {
    let served = if passage.rehearsal { &live.candidate } else { &live.in_force };
    served.clone().ok_or_else(|| match (&live.broken, passage.rehearsal) {
        (None, true) => {
            let missing = "no spec was submitted; `seatrial submit` does it".to_owned();
            Refused::NotReleased { workflow: passage.workflow.clone(), missing: vec![missing] }
        }
        _ => unreleased(live, &passage.workflow),
    })
}

/// The refusal where no release is in force.
pub(crate) fn unreleased(live: &Live, workflow: &str) -> Refused {
    let missing = match &live.broken {
        Some(why) => why.clone(),
        None if live.retired.is_some() => {
            let since = live.retired.as_ref().map(|r| r.at.to_string()).unwrap_or_default();
            format!("it is retired since {since}, and nothing of it is served any more")
        }
        None => "no release is in force; `seatrial status` shows what is missing".to_owned(),
    };
    Refused::NotReleased { workflow: workflow.to_owned(), missing: vec![missing] }
}

/// Refuses a way in which the spec does not serve the step: some check of it could not run there.
pub(crate) fn serves(step: &Step, passage: &Passage) -> Result<(), Refused> {
    let way = passage.entry.kind();
    if step.serves.contains(&way) {
        return Ok(());
    }
    let word = |way: &Entry| match way {
        Entry::Run => "run",
        Entry::Proxy => "proxy",
        Entry::Decide => "decide",
    };
    let served: Vec<&str> = step.serves.iter().map(word).collect();
    Err(Refused::Forbidden(format!(
        "`{}` is not served as `{}`; its spec serves it as: {}",
        step.name,
        word(&way),
        if served.is_empty() { "nothing".to_owned() } else { served.join(", ") }
    )))
}

/// Refuses what is stopped, and more calls than a minute may have.
pub(crate) fn admit_step(handle: &Handle, step: &Step, passage: &Passage, now: Time) -> Result<(), Refused> {
    let path = step.path();
    if handle.stop_of(&path, passage.rehearsal).is_some() {
        return Err(stopped(handle, &path, &step.name, passage.rehearsal, now));
    }
    if let Some(limit) = step.limits.per_minute {
        // Marked requests have the same limit, and a count of their own: they take no case its turn.
        let reach = Reach::of(passage.rehearsal);
        handle.traffic.count(&step.name, reach, limit, now).map_err(|retry_after_s| Refused::TooMany {
            step: format!("{}/{}", passage.workflow, step.name),
            limit: format!("{limit} calls a minute"),
            retry_after_s,
        })?;
    }
    Ok(())
}

/// The refusal of a stopped step, saying how business goes on.
pub(crate) fn stopped(handle: &Handle, path: &ElementPath, step: &str, marked: bool, now: Time) -> Refused {
    let found = handle.stop_of(path, marked);
    let element = found.as_ref().map_or_else(|| path.to_string(), |(element, _, _)| element.to_string());
    let drill = found.as_ref().is_some_and(|(_, _, reach)| reach.is_marked());
    let live = handle.live.load();
    let served = live.in_force.as_ref().or(live.candidate.as_ref());
    let fallback = served.and_then(|s| s.workflow.step(step)).and_then(|s| s.fallback.clone());
    let instead = match fallback {
        Some(f) => match f.runbook {
            Some(runbook) => format!("Business goes on with the role `{}`, by `{runbook}`", f.to),
            None => format!("Business goes on with the role `{}`", f.to),
        },
        None => "The spec names no fallback for it".to_owned(),
    };
    Refused::Stopped {
        workflow: handle.log.to_string(),
        element: match (element.is_empty(), drill) {
            (true, false) => "the whole workflow".to_owned(),
            (true, true) => "every marked request".to_owned(),
            (false, false) => element,
            (false, true) => format!("{element}, for marked requests,"),
        },
        since: found.map_or(now, |(_, stop, _)| stop.at),
        instead,
    }
}

/// Whether the release in force runs in shadow: judged live, and nothing is changed.
pub(crate) fn in_shadow(served: &Served) -> bool {
    let pilot = served.release.as_ref().is_some_and(|r| r.stage == Stage::Pilot);
    pilot && served.workflow.gates.pilot.as_ref().is_some_and(|p| p.shadow)
}

/// Whether a pilot's bounds still hold.
pub(crate) fn bounds(served: &Served, now: Time, today: u64) -> Bounds {
    match &served.release {
        Some(r) if r.stage == Stage::Pilot && r.until.is_some_and(|until| now > until) => Bounds::Ended,
        Some(r) if r.stage == Stage::Pilot && r.per_day.is_some_and(|max| today >= max) => Bounds::Ceiling,
        _ => Bounds::Within,
    }
}
