//! What is still missing for a handover.

use crate::{PackInput, responsibilities};
use seatrial_model::{Body, Side, Stage};
use serde::Serialize;

/// Something missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The obligation.
    pub obligation: String,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
}

/// The control whose drill this version runs and records; the others are exercised by hand.
const STOP: (&str, &str) = ("stop", "seatrial drill stop --resumed-by PERSON");

/// Controls that the receiving side exercises before it owns the workflow, and the command that does it.
const DRILLS: [(&str, &str); 3] =
    [STOP, ("override", "seatrial override DECISION ACTION --reason REASON"), ("escalation", "seatrial review list")];

/// What is missing for a handover, production's obligations first. Empty means that everything Seatrial can tell from
/// this log is there.
#[must_use]
pub fn gaps(input: &PackInput<'_>) -> Vec<Gap> {
    let gap = |obligation: &str, why: String, next: &str| Gap {
        obligation: obligation.to_owned(),
        why,
        next: next.to_owned(),
    };
    let open = input.obligations.iter().filter(|o| !o.settled);
    let mut out: Vec<Gap> = open
        .map(|o| gap(&o.id, format!("{}: {}", o.state, o.why), o.next.as_deref().unwrap_or("seatrial status")))
        .collect();
    for (control, command) in DRILLS {
        let id = format!("drill.{control}");
        let listed = input.obligations.iter().any(|o| o.id == id);
        if !listed && !drilled(input, control) {
            let by_hand = if control == STOP.0 { "" } else { "; this version records no drill of it" };
            let why = format!("`{control}` was not drilled by the receiving side{by_hand}");
            out.push(gap("ownership.drills", why, command));
        }
    }
    for taking in responsibilities(input).iter().filter(|t| t.runbook.is_some()) {
        let path = format!("responsibilities.{}", taking.responsibility);
        let exercised = input.events.iter().any(|e| {
            matches!(e.event.body, Body::DrillDone(_))
                && e.event.subject.element.as_ref().is_some_and(|p| p.as_str() == path)
        });
        if !exercised {
            out.push(gap(
                "ownership.runbooks",
                format!("no drill names the runbook of `{}`", taking.responsibility),
                STOP.1,
            ));
        }
    }
    if !unaided(input) {
        let why = "no release after the first was submitted, approved and cut by the receiving side alone".to_owned();
        out.push(gap("ownership.unaided", why, "seatrial release pilot"));
    }
    for (id, why) in [
        ("ownership.access", "this log does not show that keys, tokens and store are under receiving principals"),
        ("ownership.index", "the transfer index is not computed from this log"),
    ] {
        out.push(gap(id, why.to_owned(), "seatrial assess"));
    }
    out
}

fn drilled(input: &PackInput<'_>, control: &str) -> bool {
    input.events.iter().any(|e| {
        matches!(&e.event.body, Body::DrillDone(d) if d.control == control) && e.event.actor.side == Side::Receiving
    })
}

/// Whether a change was taken from edit to release by the receiving side alone: its spec submitted and its release cut
/// by receiving principals, and nobody of delivery acting on that spec. The first release is never one.
fn unaided(input: &PackInput<'_>) -> bool {
    let releases = input.events.iter().filter_map(|e| match &e.event.body {
        Body::ReleaseCut(cut) if matches!(cut.stage, Stage::Pilot | Stage::Production) => Some((e, cut)),
        _ => None,
    });
    releases.skip(1).any(|(release, cut)| {
        let on_spec = input.events.iter().filter(|e| e.event.spec == Some(cut.spec));
        release.event.actor.side == Side::Receiving
            && on_spec.clone().any(|e| matches!(e.event.body, Body::SpecSubmitted(_)))
            && on_spec.into_iter().all(|e| e.event.actor.side != Side::Delivery)
    })
}
