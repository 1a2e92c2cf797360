//! What judges said is a payload, and the findings that rest on it recompute from it.

use crate::fixture::{Log, trust};
use seatrial_guard::{Aside, Candidate, Judged, Part, PartKind};
use seatrial_model::event::*;
use seatrial_model::facts::FindingResult;
use seatrial_model::*;
use seatrial_verify::verify;
use serde_json::json;
use std::collections::BTreeMap;

fn aside(ok: bool, confidence: f64) -> Aside {
    let said = Judged::Said(json!({ "ok": ok, "confidence": confidence }));
    Aside { judged: BTreeMap::from([("check".to_owned(), said)]), ..Aside::default() }
}

fn output(reason: &str, aside: Aside) -> Candidate {
    Candidate { aside, ..Candidate::value(&json!({ "team": "cards", "reason": reason })) }
}

fn call(tool: &str, arguments: &str) -> Candidate {
    let part = |last: &str, kind, text: &str| Part {
        name: format!("choices.0.tool_calls.0.{last}"),
        kind,
        text: text.to_owned(),
    };
    let parts = vec![part("name", PartKind::ToolName, tool), part("arguments", PartKind::ToolArguments, arguments)];
    Candidate { parts, ..Candidate::default() }
}

/// One decision of each kind: judged well and badly, not judged, judged again after a redaction, calls of tools.
fn log(falsify: fn(&mut Event)) -> Log {
    let mut log = Log::asking(falsify);
    let mut twice = output("write to ana@bank.example", aside(true, 0.9));
    twice.aside.modified = Some(Box::new(aside(true, 0.8)));
    let cases = [
        output("about a card", aside(true, 0.9)),
        output("about a card", aside(false, 0.9)),
        output("about a card", aside(true, 0.2)),
        output("about a card", Aside::default()),
        output("write to ana@bank.example", aside(true, 0.9)),
        twice,
        call("look_up", r#"{"who":"Ana"}"#),
        call("look_up", r#"{"who":"ana@bank.example"}"#),
        call("delete", "{}"),
    ];
    for (i, candidate) in cases.iter().enumerate() {
        log.decide(&format!("case-{i}"), "text", Some(candidate));
    }
    log
}

fn verdicts(log: &Log) -> Vec<Verdict> {
    let made = log.leaves.iter().filter_map(|leaf| match serde_json::from_slice::<Event>(leaf).unwrap().body {
        Body::DecisionMade(made) => Some(made.verdict),
        _ => None,
    });
    made.collect()
}

#[test]
fn everything_recomputes() {
    let log = log(|_| ());
    use Verdict::*;
    assert_eq!(verdicts(&log), [Allow, Escalate, Escalate, Escalate, Escalate, Modify, Allow, Deny, Deny]);
    let report = verify(&log, &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!((report.findings_recomputed, report.findings_not_held, report.other_engine), (9, 0, 0));
}

#[test]
fn a_judge_that_said_otherwise_is_found() {
    // The verdict and its facts agree, and what the judge said does not bear them out.
    let log = log(|event| {
        if let Body::DecisionMade(made) = &mut event.body
            && made.case == "case-1"
        {
            for finding in &mut made.facts.findings {
                if finding.path.name() == "fair" {
                    finding.result = FindingResult::Met;
                }
            }
            (made.verdict, made.action, made.code) = (Verdict::Allow, Action::Allow, "allowed".to_owned());
            made.because.clear();
            made.review = None;
            // Both draws are tried by the other tests; this one is about what the judge said.
            made.audit = made.facts.draw < 0.5;
        }
    });
    let report = verify(&log, &trust());
    assert!(!report.verified);
    let said: Vec<&str> = report.problems.iter().map(|p| p.what.as_str()).collect();
    assert!(said.iter().any(|s| s.contains("findings on the output") || s.contains("does not follow")), "{said:?}");
}

#[test]
fn what_a_judge_said_can_be_erased() {
    let mut log = log(|_| ());
    let of_case = |leaf: &Vec<u8>| match serde_json::from_slice::<Event>(leaf).unwrap() {
        Event { body: Body::DecisionMade(made), payloads, .. } if made.case == "case-0" => {
            payloads.get("aside").copied()
        }
        _ => None,
    };
    let commitment = log.leaves.iter().find_map(of_case).unwrap();
    log.payloads.remove(&commitment);
    let report = verify(&log, &trust());
    assert_eq!((report.findings_recomputed, report.findings_not_held), (8, 1), "{}", report.human());
}

#[test]
fn what_is_no_aside_is_a_problem() {
    let mut log = log(|_| ());
    // Bytes that are committed to, and cannot be what judges said.
    let candidate = output("about a card", aside(true, 0.9));
    log.decide("odd", "text", Some(&candidate));
    let last = log.leaves.pop().unwrap();
    let mut event: Event = serde_json::from_slice(&last).unwrap();
    log.keep(&mut event, "aside", b"{\"judged\":7}");
    log.append(event);
    let report = verify(&log, &trust());
    assert!(report.problems.iter().any(|p| p.what.contains("`aside`")), "{}", report.human());
}
