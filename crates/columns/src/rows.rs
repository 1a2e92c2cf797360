//! Events as rows.

use crate::sink::ColumnsError;
use crate::table::{Cell, Row};
use seatrial_ledger::leaf_hash;
use seatrial_model::event::{DecisionMade, Usage};
use seatrial_model::{Body, Event};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// What of an entry is taken as it stands there.
#[derive(Deserialize)]
struct Raw<'a> {
    kind: String,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// The row of an event: `entry` is its leaf, byte for byte.
///
/// # Errors
/// Where the entry is no event.
pub fn event_row(index: u64, entry: &[u8], event: &Event) -> Result<Row, ColumnsError> {
    let raw: Raw<'_> =
        serde_json::from_slice(entry).map_err(|e| ColumnsError::Entry { index, reason: e.to_string() })?;
    Ok(vec![
        int(index),
        text(&event.id),
        Cell::Int(event.time.as_millis()),
        Cell::Text(raw.kind),
        text(&event.actor.id),
        word(&event.actor.kind),
        word(&event.actor.side),
        maybe(event.subject.element.as_ref()),
        maybe(event.subject.decision.as_ref()),
        maybe(event.spec.as_ref()),
        maybe(event.release.as_ref()),
        Cell::Flag(event.simulation),
        Cell::Text(raw.body.map_or_else(|| "{}".to_owned(), |b| b.get().to_owned())),
        Cell::Text(leaf_hash(entry).hex()),
    ])
}

/// The row of a decision; none for another event.
#[must_use]
pub fn decision_row(index: u64, event: &Event) -> Option<Row> {
    let Body::DecisionMade(made) = &event.body else { return None };
    let facts = &made.facts;
    let mut row = vec![
        int(index),
        text(&made.decision),
        Cell::Int(event.time.as_millis()),
        text(&made.step),
        text(&made.case),
        word(&made.entry),
        word(&facts.stage),
        Cell::Flag(facts.rehearsal),
        Cell::Flag(facts.shadow),
        Cell::Flag(facts.stopped),
        word(&made.verdict),
        word(&made.action),
        text(&made.code),
        word(&made.because),
        if facts.confidence.present { Cell::Real(facts.confidence.value) } else { Cell::None },
        text(&facts.confidence.source),
        maybe(made.certificate.as_ref()),
        maybe(made.review.as_ref().map(|r| &r.review)),
        Cell::Flag(made.audit),
        maybe(made.model.as_ref()),
        maybe(made.fallback.as_ref()),
        maybe(made.behalf.as_ref()),
    ];
    row.extend(used(made));
    row.extend([maybe(event.spec.as_ref()), maybe(event.release.as_ref()), Cell::Flag(event.simulation)]);
    Some(row)
}

/// What was asked of models, and what it cost.
fn used(made: &DecisionMade) -> [Cell; 9] {
    let tokens = |usage: Option<Usage>, of: fn(Usage) -> u64| usage.map_or(Cell::None, |u| int(of(u)));
    [
        int(u64::from(made.facts.attempts)),
        int(made.requests),
        int(made.samples),
        tokens(made.usage, |u| u.input),
        tokens(made.usage, |u| u.output),
        tokens(made.unreported, |u| u.input),
        tokens(made.unreported, |u| u.output),
        made.cost.as_ref().map_or(Cell::None, |c| int(c.micros)),
        maybe(made.cost.as_ref().map(|c| &c.currency)),
    ]
}

/// A count. What no count reaches stays at the greatest.
fn int(value: u64) -> Cell {
    Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn text<T: ToString + ?Sized>(value: &T) -> Cell {
    Cell::Text(value.to_string())
}

fn maybe<T: ToString>(value: Option<&T>) -> Cell {
    value.map_or(Cell::None, text)
}

/// A word as the log writes it; a list of them as JSON.
fn word<T: Serialize>(value: &T) -> Cell {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Cell::Text(word),
        Ok(Value::Null) | Err(_) => Cell::None,
        Ok(other) => Cell::Text(other.to_string()),
    }
}
