//! What is said to narrow lets nothing more through: the guard itself is asked.

use crate::compare::lines;
use crate::fixture::{WORKFLOW, files};
use seatrial_guard::{Candidate, Program, decide};
use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, ThresholdFact};
use seatrial_model::{Facts, Stage, Verdict};
use seatrial_spec::{Direction, Workflow, check, compare};
use serde_json::{Value, json};

/// A small generator: the same edits on every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn of<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.below(list.len())]
    }

    fn expression(&mut self, depth: usize) -> String {
        const ATOMS: [&str; 14] = [
            "input.amount > 1000",
            "input.amount > 5000",
            "input.amount >= 5000",
            "input.amount < 3000",
            "output.confidence < 0.5",
            "output.confidence < 0.8",
            "output.confidence >= 0.8",
            "output.decision == 'refer'",
            "output.decision != 'decline'",
            "size(output.reason) > 12",
            "size(output.reason) > 20",
            "(has(input.time) && input.time > 60)",
            "(has(input.income) && input.income != null && input.income < 500)",
            "output.reason.matches('(?i)sure')",
        ];
        if depth == 0 || self.below(2) == 0 {
            return self.of(&ATOMS).to_owned();
        }
        let sign = self.of(&["&&", "||"]);
        let (a, b) = (self.expression(depth - 1), self.expression(depth - 1));
        if self.below(6) == 0 { format!("!({a} {sign} {b})") } else { format!("({a} {sign} {b})") }
    }
}

/// The parts of a spec that the edits change.
#[derive(Clone)]
struct Shape {
    /// List, expression, `else`; none where the rule is not there.
    rules: Vec<Option<(&'static str, String, &'static str)>>,
    escalations: Vec<Option<String>>,
    detectors: Vec<&'static str>,
    detect_else: &'static str,
    within: bool,
    at: &'static str,
}

const LISTS: [&str; 3] = ["require", "forbid", "never"];

impl Shape {
    fn draw(d: &mut Draw) -> Self {
        Self {
            rules: (0..4).map(|_| Self::rule(d)).collect(),
            escalations: (0..2).map(|_| Self::escalation(d)).collect(),
            detectors: ["email", "phone", "iban"].into_iter().filter(|_| d.below(2) == 0).collect(),
            detect_else: d.of(&["warn", "modify", "escalate", "deny"]),
            within: d.below(2) == 0,
            at: d.of(&["none", "0.6", "0.8", "0.95"]),
        }
    }

    fn rule(d: &mut Draw) -> Option<(&'static str, String, &'static str)> {
        let list = d.of(&LISTS);
        let otherwise = if list == "never" { d.of(&["escalate", "deny"]) } else { d.of(&["warn", "escalate", "deny"]) };
        (d.below(3) > 0).then(|| (list, d.expression(2), otherwise))
    }

    fn escalation(d: &mut Draw) -> Option<String> {
        (d.below(3) > 0).then(|| {
            let more = d.expression(1);
            match d.below(5) {
                0 => format!("confidence < thresholds.approve || {more}"),
                1 => format!("confidence < thresholds.approve && {more}"),
                2 => "thresholds.approve > confidence".to_owned(),
                3 => "confidence >= thresholds.approve".to_owned(),
                _ => more,
            }
        })
    }

    /// The same shape with one or two parts drawn again, or changed a little.
    fn edited(&self, d: &mut Draw) -> Self {
        let mut out = self.clone();
        for _ in 0..=d.below(2) {
            match d.below(9) {
                0 => out.at = d.of(&["none", "0.6", "0.8", "0.95"]),
                1 => out.detect_else = d.of(&["warn", "modify", "escalate", "deny"]),
                2 => out.within = !out.within,
                3 => out.detectors = ["email", "phone", "iban"].into_iter().filter(|_| d.below(2) == 0).collect(),
                4 => {
                    let i = d.below(out.escalations.len());
                    out.escalations[i] = match &out.escalations[i] {
                        Some(e) if d.below(2) == 0 => Some(format!("{e} || {}", d.expression(0))),
                        Some(e) if d.below(2) == 0 => Some(format!("({e}) && {}", d.expression(0))),
                        _ => Self::escalation(d),
                    };
                }
                _ => {
                    let i = d.below(out.rules.len());
                    out.rules[i] = match &out.rules[i] {
                        Some((list, e, o)) if d.below(2) == 0 => Some((list, format!("{e} || {}", d.expression(0)), o)),
                        Some((list, e, o)) if d.below(2) == 0 => {
                            Some((list, format!("({e}) && {}", d.expression(0)), o))
                        }
                        Some((list, e, o)) if d.below(2) == 0 => {
                            Some((list, e.replacen("5000", "6000", 1).replacen("0.8", "0.7", 1), o))
                        }
                        Some((list, e, _)) if d.below(2) == 0 => Some((
                            list,
                            e.clone(),
                            if *list == "never" {
                                d.of(&["escalate", "deny"])
                            } else {
                                d.of(&["warn", "escalate", "deny"])
                            },
                        )),
                        _ => Self::rule(d),
                    };
                }
            }
        }
        out
    }

    fn text(&self) -> String {
        let mut step = String::new();
        for list in LISTS {
            let rules: Vec<String> = self
                .rules
                .iter()
                .enumerate()
                .filter_map(|(i, r)| {
                    let (_, e, otherwise) = r.as_ref().filter(|(l, ..)| *l == list)?;
                    let e = serde_json::to_string(e).unwrap();
                    Some(format!("      r{i}: {{ rule: {e}, else: {otherwise} }}\n"))
                })
                .collect();
            let mut all = rules.concat();
            if list == "forbid" && !self.detectors.is_empty() {
                let place = if self.within { "in: output.reason, " } else { "" };
                all.push_str(&format!(
                    "      personal: {{ detect: [{}], {place}else: {} }}\n",
                    self.detectors.join(", "),
                    self.detect_else
                ));
            }
            if !all.is_empty() {
                step.push_str(&format!("    {list}:\n{all}"));
            }
        }
        let escalate: String = self
            .escalations
            .iter()
            .enumerate()
            .filter_map(|(i, e)| {
                Some(format!("      e{i}: {{ when: {}, to: heads }}\n", serde_json::to_string(e.as_ref()?).unwrap()))
            })
            .collect();
        if !escalate.is_empty() {
            step.push_str(&format!("    escalate:\n{escalate}"));
        }
        let (head, rest) = WORKFLOW.split_once("    require:\n").unwrap();
        let (_, tail) = rest.split_once("    audit:").unwrap();
        let at = format!("at: {}", self.at);
        format!("{head}{step}    confidence: output.confidence\n    audit:{tail}").replacen("at: 0.93", &at, 1)
    }
}

fn cases() -> Vec<(Value, Value)> {
    let mut d = Draw(7);
    (0..80)
        .map(|_| {
            let amount = [500, 2000, 4999, 5000, 5001, 7000][d.below(6)];
            let mut input = json!({ "amount": amount, "price": 10, "text": "a car" });
            match d.below(3) {
                0 => input["time"] = json!([10, 61][d.below(2)]),
                1 => input["income"] = [json!(null), json!(100), json!(900)][d.below(3)].clone(),
                _ => {}
            }
            let reason = [
                "Surely sound",
                "Write to ana@bank.example",
                "Call +34 600 123 456 for more",
                "It is short",
                "A long reason that says a lot",
            ];
            let output = json!({
                "decision": d.of(&["pre-approve", "refer", "decline"]),
                "outcome": d.of(&["good", "bad"]),
                "reason": d.of(&reason),
                "confidence": f64::from(30 + 5 * u32::try_from(d.below(14)).unwrap()) / 100.0,
            });
            (input, output)
        })
        .collect()
}

fn verdicts(w: &Workflow, cases: &[(Value, Value)]) -> Vec<Verdict> {
    let program = Program::compile(w).unwrap();
    let step = program.step("assess").unwrap();
    let one = |(input, output): &(Value, Value)| {
        let judgement = step.judge(input, &Candidate::value(output));
        let facts: Facts = serde_json::from_value(json!({
            "v": FACTS_VERSION, "decide": 1, "checks": 1, "stage": Stage::Production, "rehearsal": false, "shadow": false,
            "stopped": false, "bounds": Bounds::Within, "acts": true,
            "input": step.check_input(input), "findings": judgement.findings, "after_modify": judgement.after_modify,
            "attempts": 1, "confidence": judgement.confidence, "whens": judgement.whens,
            "thresholds": judgement.thresholds_used.iter()
                .map(|path| ThresholdFact { path: path.clone(), state: CertificateState::Certified }).collect::<Vec<_>>(),
            "draw": 0.99, "inspected": judgement.inspected,
        }))
        .unwrap();
        decide(step.plan(), &facts).verdict
    };
    cases.iter().map(one).collect()
}

/// How many edits are tried: each checks and compiles two specs.
const ROUNDS: usize = 150;

/// The guard itself is asked: where an edit is said to narrow, nothing that was held back passes, and no verdict becomes
/// laxer; where it is said to be neutral, no verdict changes.
#[test]
fn what_narrows_lets_nothing_more_through() {
    let cases = cases();
    let mut d = Draw(2026);
    let (mut narrows, mut stricter, mut widens, mut laxer, mut unclear) = (0, 0, 0, 0, 0);
    for round in 0..ROUNDS {
        let a = Shape::draw(&mut d);
        let b = a.edited(&mut d);
        // The same test twice in one expression is an error of the checker's; another draw will do.
        let checked = [&a, &b].map(|s| check(&s.text(), &files(), None).workflow);
        let [Some(old), Some(new)] = checked else { continue };
        let found = compare(&old, &new);
        let (before, after) = (verdicts(&old, &cases), verdicts(&new, &cases));
        let is_stricter = before.iter().zip(&after).any(|(x, y)| y > x);
        let is_laxer = before.iter().zip(&after).any(|(x, y)| y < x);
        let context = || format!("round {round}\n{}\n{}\n{}", lines(&found), a.text(), b.text());
        match found.direction() {
            Direction::Neutral => assert_eq!(before, after, "{}", context()),
            Direction::Narrows => {
                narrows += 1;
                stricter += usize::from(is_stricter);
                let passes = |v: Verdict| v < Verdict::Escalate;
                let more = before.iter().zip(&after).any(|(x, y)| !passes(*x) && passes(*y));
                assert!(!more, "{}", context());
                // What is not redacted any more is not checked again after redaction, either: see `else`.
                assert!(!is_laxer || a.detect_else == "modify", "{}", context());
            }
            Direction::Unclear => unclear += 1,
            Direction::Widens => {
                widens += 1;
                laxer += usize::from(is_laxer);
            }
        }
    }
    println!("narrows {narrows}, of which seen {stricter}; widens {widens}, of which seen {laxer}; unclear {unclear}");
    let few = ROUNDS / 12;
    assert!(narrows > few && stricter > few / 2 && widens > few && laxer > few / 2);
    assert!(unclear < ROUNDS / 4, "{unclear} of {ROUNDS} edits could not be told");
}
