//! How many decisions a second one core judges and decides: `cargo run --release -p seatrial-guard --example
//! decide_speed`. The step is the language's own example: schema, seven rules with four detectors, two escalations.

#![expect(clippy::unwrap_used, reason = "an example over a fixture that compiles")]

#[path = "../tests/it/fixture.rs"]
mod fixture;

use seatrial_guard::{Candidate, Decision, Program, StepProgram, decide};
use serde_json::Value;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 20_000;

fn main() {
    let input = fixture::input();
    let candidate = Candidate::value(&fixture::output());
    let program = Program::compile(&fixture::workflow()).unwrap();
    let step = program.step("route").unwrap();
    let judgement = step.judge(&input, &candidate);
    let facts = fixture::facts(&judgement, step.check_input(&input));
    time("decide alone", || decide(step.plan(), black_box(&facts)));
    time("check_input, judge, decide", || passage(step, &input, &candidate));
    let mut personal = fixture::output();
    let reason = personal.get_mut("reason").unwrap();
    *reason = "Write to ana@bank.example about the card 4111 1111 1111 1111".into();
    time("the same with a redaction", || passage(step, &input, &Candidate::value(&personal)));
    let bare = Program::compile(&fixture::with(|s| s.forbid.clear())).unwrap();
    time("the same without forbid", || passage(bare.step("route").unwrap(), &input, &candidate));
}

fn passage(step: &StepProgram, input: &Value, candidate: &Candidate) -> Decision {
    let findings = step.check_input(black_box(input));
    let judgement = step.judge(input, black_box(candidate));
    decide(step.plan(), &fixture::facts(&judgement, findings))
}

/// The whole decision is used: of one that is looked at in part the compiler would leave out the rest.
fn time(name: &str, run: impl Fn() -> Decision) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(run());
    }
    let each = start.elapsed().as_secs_f64() / f64::from(ROUNDS);
    println!("{name}: {:.2} µs each, {:.0} a second", each * 1e6, 1.0 / each);
}
