//! Signatures of theatre, each as the statement that should hold.

pub(crate) mod approvals;
pub(crate) mod evidence;
pub(crate) mod operation;

use crate::definition::Answer;
use crate::{Reason, Standing, reason};
use seatrial_model::Logged;

/// One statement: `seen` are the events that speak against it, `of` all that could have. An answer cites those against
/// it, or where there are none, those for it.
fn statement(of: &[&Logged], seen: &[&Logged], text: String) -> Answer {
    told(of, seen, vec![reason(text, cited(of, seen).iter().copied())])
}

/// The same with reasons of its own.
fn told(of: &[&Logged], seen: &[&Logged], reasons: Vec<Reason>) -> Answer {
    let standing = match (of.is_empty(), seen.is_empty()) {
        (_, false) => Standing::Contradicted,
        (true, true) => Standing::NoEvidence,
        (false, true) => Standing::Evidenced,
    };
    Answer::new(standing, reasons)
}

fn cited<'s, 'e>(of: &'s [&'e Logged], seen: &'s [&'e Logged]) -> &'s [&'e Logged] {
    if seen.is_empty() { of } else { seen }
}
