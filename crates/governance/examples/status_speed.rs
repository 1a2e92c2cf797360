//! How long the state of every obligation takes: `cargo run --release -p seatrial-governance --example status_speed`.
//! The workflow is the example with rules and questions added until it has 500 elements. Of a log with 100 000 events nearly
//! all are decisions, and those are not read for this: that is the first case. Then the same with 100 000 delivery events:
//! all that is shown was shown again under hundreds of specs before; and, as the worst there is, all of it under today's.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an example over a fixture that checks"
)]

#[path = "../tests/it/example.rs"]
mod example;
#[path = "../tests/it/history.rs"]
mod history;

use example::{Example, inputs};
use history::{History, STAGES};
use seatrial_model::{Digest, Event, EventId, Logged};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ELEMENTS_MIN: usize = 500;
const EVENTS: usize = 100_000;
const ROUNDS: u32 = 20;

/// The example with as many more rules and questions as it takes.
fn large() -> Example {
    let mut example = Example::calibrated();
    let mut value = example.value();
    for n in 0..200 {
        let rule =
            json!({ "rule": format!("has(output.reason) && output.reason.contains('word{n}')"), "because": "a word" });
        value["steps"]["assess"]["forbid"][format!("word-{n}")] = rule;
        let question = json!({ "ask": format!("What of {n}?"), "about": ["steps.assess"], "owner": "credit", "blocks": "production" });
        value["questions"][format!("question-{n}")] = question;
    }
    example.text = serde_json::to_string_pretty(&value).unwrap();
    example
}

/// The same events again and again, each under an id and at a place of its own; all but the last time under other keys,
/// where they were shown for specs before this.
fn grow(history: &mut History, before: bool) {
    let first = std::mem::take(&mut history.events);
    for index in 0..EVENTS {
        let event: &Event = &first[index % first.len()].event;
        let id: EventId = format!("evt_01939000-0000-7000-8000-{index:012x}").parse().unwrap();
        let mut event = Event { id, ..event.clone() };
        if before && index + first.len() < EVENTS {
            for evidence in &mut event.evidence {
                evidence.key = Digest::of(format!("{} {}", evidence.key, index / first.len()).as_bytes());
            }
        }
        history.events.push(Logged { index: index as u64, event: Arc::new(event) });
    }
}

fn main() {
    let example = large();
    let workflow = example.checked().unwrap();
    let elements = workflow.elements.len();
    assert!(elements >= ELEMENTS_MIN, "{elements}");
    let mut history = History::complete(workflow, example.factory.clone(), inputs());
    let shown = history.events.clone();
    println!("as the factory reads it, of a log of any size:");
    time(&history, elements);
    println!("shown under hundreds of specs before:");
    grow(&mut history, true);
    time(&history, elements);
    // What everybody works on: another spec, of which the log does not speak yet.
    let mut edited: Value = example.value();
    edited["purpose"] = json!("Another purpose.");
    let edited = Example { text: serde_json::to_string(&edited).unwrap(), ..example };
    let released = std::mem::replace(&mut history.workflow, edited.checked().unwrap());
    println!("the same, after an edit:");
    time(&history, elements);
    println!("all of it shown under today's:");
    (history.workflow, history.events) = (released, shown);
    grow(&mut history, false);
    time(&history, elements);
}

fn time(history: &History, elements: usize) {
    let events = history.events.len();
    for stage in STAGES {
        let mut took: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                black_box(history.states(black_box(stage)));
                start.elapsed()
            })
            .collect();
        took.sort_unstable();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        println!("  {elements} elements, {events} events, {stage}: median {median:.1?}, worst {worst:.1?}");
    }
}
