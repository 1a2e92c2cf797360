//! Whoever holds the key can sign anything: then the events have to contradict themselves.

use crate::fixture::{Log, START_MS, trust};
use seatrial_guard::Candidate;
use seatrial_model::event::*;
use seatrial_model::facts::{CertificateState, FindingResult, SliceFact, ThresholdFact};
use seatrial_model::*;
use seatrial_verify::{Verified, verify};
use serde_json::json;

fn allowed() -> Candidate {
    Candidate { confidence: Some(0.9), ..Candidate::value(&json!({ "team": "cards", "reason": "about a card" })) }
}

fn refunds() -> Candidate {
    Candidate { confidence: Some(0.9), ..Candidate::value(&json!({ "team": "cards", "reason": "we refund it" })) }
}

/// Expects exactly the problems that contain these words, one each.
fn found(report: &Verified, what: &[&str]) {
    assert!(!report.verified);
    assert_eq!(report.problems.len(), what.len(), "{}", report.human());
    for (problem, what) in report.problems.iter().zip(what) {
        assert!(problem.what.contains(what), "`{what}`:\n{}", report.human());
    }
}

/// A log with one refused and one allowed decision, each event falsified.
fn log(falsify: fn(&mut Event)) -> Log {
    let mut log = Log::falsified(falsify);
    log.decide("a", "text", Some(&refunds()));
    log.decide("b", "text", Some(&allowed()));
    log
}

fn made(event: &mut Event) -> Option<&mut DecisionMade> {
    match &mut event.body {
        Body::DecisionMade(made) => Some(made),
        _ => None,
    }
}

/// Falsifies the decision that was denied.
fn denied(event: &mut Event) -> Option<&mut DecisionMade> {
    made(event).filter(|m| m.case == "a")
}

#[test]
fn an_honest_one_is_in_order() {
    let report = verify(&log(|_| ()), &trust());
    assert!(report.verified, "{}", report.human());
}

#[test]
fn a_verdict_that_does_not_follow_from_its_facts() {
    let verdict = |e: &mut Event| denied(e).into_iter().for_each(|m| m.verdict = Verdict::Allow);
    let report = verify(&log(verdict), &trust());
    found(&report, &["its verdict `allow` does not follow from its facts under the spec in force, which give `deny`"]);
    assert!(report.problems[0].place.starts_with("entry 3 (tile/entries/000.p/"), "{}", report.human());
    assert_eq!((report.decisions, report.verdicts_recomputed), (2, 1));
    found(
        &verify(&log(|e| denied(e).into_iter().for_each(|m| m.action = Action::Allow)), &trust()),
        &["its action `allow`"],
    );
    found(
        &verify(&log(|e| denied(e).into_iter().for_each(|m| m.code = "allowed".into())), &trust()),
        &["its code `allowed`"],
    );
    found(
        &verify(&log(|e| denied(e).into_iter().for_each(|m| m.because.clear())), &trust()),
        &["its list of reasons ``"],
    );
    found(&verify(&log(|e| denied(e).into_iter().for_each(|m| m.audit = true)), &trust()), &["its audit `true`"]);
}

#[test]
fn facts_that_agree_with_a_false_verdict_contradict_the_payloads() {
    // The finding is turned, and the verdict follows from it: only the payload tells.
    let whitewash = |e: &mut Event| {
        if let Some(m) = denied(e) {
            for finding in &mut m.facts.findings {
                finding.result = FindingResult::Met;
            }
            m.verdict = Verdict::Allow;
            m.action = Action::Allow;
            m.code = "allowed".to_owned();
            m.because.clear();
            m.audit = m.facts.draw < 0.5;
        }
    };
    let mut log = log(whitewash);
    found(&verify(&log, &trust()), &["its findings on the output do not recompute from its payloads"]);
    // Once they are erased, the report says that the findings stand on the log's word.
    log.erase("a");
    let report = verify(&log, &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!((report.verdicts_recomputed, report.findings_recomputed, report.findings_not_held), (2, 1, 1));
}

#[test]
fn facts_that_leave_out_what_the_log_says() {
    let stop = |log: &mut Log| {
        let event = log.event(Body::WorkflowStopped(WorkflowStopped {
            element: ElementPath::root(),
            marked: false,
            factory: false,
        }));
        let id = event.id;
        log.append(event);
        id
    };
    let mut log = Log::new();
    let id = stop(&mut log);
    log.decide("a", "text", Some(&allowed()));
    found(&verify(&log, &trust()), &["its facts say that nothing was stopped, and `the workflow` was"]);
    let mut log = Log::new();
    stop(&mut log);
    let event = log.event(Body::WorkflowResumed(WorkflowResumed {
        element: ElementPath::root(),
        stop: id,
        marked: false,
        factory: false,
        break_glass: false,
    }));
    log.append(event);
    log.decide("a", "text", Some(&allowed()));
    assert!(verify(&log, &trust()).verified);

    let certified = |e: &mut Event| {
        let path = ElementPath::from("thresholds.route");
        let fact = ThresholdFact { path, state: CertificateState::Certified };
        made(e).into_iter().for_each(|m| m.facts.thresholds.push(fact.clone()));
    };
    let mut log = Log::falsified(certified);
    log.decide("a", "text", Some(&allowed()));
    found(&verify(&log, &trust()), &["`thresholds.route` is certified, and no certificate stands for it"]);

    let in_slice = |e: &mut Event| {
        let path = ElementPath::from("slices.young");
        let fact = SliceFact { path, state: CertificateState::Certified, failed: false };
        made(e).into_iter().for_each(|m| m.facts.slices.push(fact.clone()));
    };
    let mut log = Log::falsified(in_slice);
    log.decide("a", "text", Some(&allowed()));
    let report = verify(&log, &trust());
    found(
        &report,
        &[
            "`slices.young` is certified, and no certificate stands for it",
            "the slices that it says its input lies in do not recompute",
        ],
    );
}

#[test]
fn a_drills_stop_holds_for_marked_requests_alone() {
    let stop = |log: &mut Log| {
        let event = log.event(Body::WorkflowStopped(WorkflowStopped {
            element: ElementPath::root(),
            marked: true,
            factory: false,
        }));
        log.append(event);
    };
    let mut log = Log::new();
    stop(&mut log);
    log.decide("a", "text", Some(&allowed()));
    assert!(verify(&log, &trust()).verified, "a case goes on");
    let marked = |e: &mut Event| made(e).into_iter().for_each(|m| m.facts.rehearsal = true);
    let mut log = Log::falsified(marked);
    stop(&mut log);
    log.decide("a", "text", Some(&allowed()));
    let report = verify(&log, &trust());
    let said = |p: &seatrial_verify::Problem| p.what.contains("its facts say that nothing was stopped");
    assert!(report.problems.iter().any(said), "{}", report.human());
}

#[test]
fn a_release_a_spec_or_a_draw_that_is_not_the_one() {
    let other = |e: &mut Event| {
        if denied(e).is_some() {
            e.release = Some(Digest::of(b"another"));
        }
    };
    found(&verify(&log(other), &trust()), &["was not cut before it", "its sampling draw is"]);
    let spec = |e: &mut Event| {
        if denied(e).is_some() {
            e.spec = Some(Digest::of(b"another"));
        }
    };
    found(&verify(&log(spec), &trust()), &["is of another spec", "was not submitted before it"]);
    let draw = |e: &mut Event| made(e).into_iter().for_each(|m| m.facts.draw = 0.75);
    found(&verify(&log(draw), &trust()), &["its sampling draw is `0.75`", "its sampling draw is `0.75`"]);
    let stage = |e: &mut Event| denied(e).into_iter().for_each(|m| m.facts.stage = Stage::Pilot);
    found(&verify(&log(stage), &trust()), &["its facts say `pilot`, and its release is for `production`"]);
    let none = |e: &mut Event| {
        if denied(e).is_some() {
            e.release = None;
        }
    };
    found(&verify(&log(none), &trust()), &["its facts say `production`, and it names no release"]);
    let version = |e: &mut Event| denied(e).into_iter().for_each(|m| m.facts.decide = 9);
    found(&verify(&log(version), &trust()), &["version `9` of `decide`"]);
    let renamed = |e: &mut Event| {
        if let Body::SpecSubmitted(_) = e.body {
            e.spec = Some(Digest::of(b"another"));
        }
    };
    let report = verify(&log(renamed), &trust());
    assert!(report.problems[0].what.contains("its files make the spec"), "{}", report.human());
    assert_eq!(report.verdicts_recomputed, 0);
}

#[test]
fn a_pilot_that_had_ended() {
    let pilot = |e: &mut Event| match &mut e.body {
        Body::ReleaseCut(cut) => {
            cut.stage = Stage::Pilot;
            cut.until = Some(Time::from_millis(START_MS + 3_500));
        }
        Body::DecisionMade(made) => {
            made.facts.stage = Stage::Pilot;
            made.facts.draw = 1.0;
        }
        _ => {}
    };
    let report = verify(&with_release(pilot), &trust());
    let ended = |p: &&seatrial_verify::Problem| p.what.contains("that the pilot had not ended");
    let places: Vec<&str> = report.problems.iter().filter(ended).map(|p| p.place.as_str()).collect();
    assert_eq!(places, ["entry 4 (tile/entries/000.p/5)"], "{}", report.human());
}

/// As [`log`], with decisions that name the release as it was falsified.
fn with_release(falsify: fn(&mut Event)) -> Log {
    let mut log = Log::falsified(falsify);
    let cut: Event = serde_json::from_slice(&log.leaves[2]).unwrap();
    let Body::ReleaseCut(cut) = cut.body else { panic!("entry 2 cuts the release") };
    log.release = Some(Digest::of_canonical(&cut).unwrap());
    log.decide("a", "text", Some(&refunds()));
    log.decide("b", "text", Some(&allowed()));
    log
}

#[test]
fn what_was_released_is_what_the_redaction_left() {
    let mut log = log(|_| ());
    let output = json!({ "team": "cards", "reason": "write to ana@bank.example" });
    log.decide("c", "text", Some(&Candidate { confidence: Some(0.9), ..Candidate::value(&output) }));
    assert!(verify(&log, &trust()).verified);
    // The log's keeper committed to the output as it was, instead.
    let mut event: Event = serde_json::from_slice(&log.leaves[5]).unwrap();
    let gone = event.payloads.remove("released").unwrap();
    log.payloads.remove(&gone);
    log.keep(&mut event, "released", output.to_string().as_bytes());
    log.leaves[5] = event.leaf().unwrap();
    found(&verify(&log, &trust()), &["its payload `released` is not what the redaction leaves"]);
}

#[test]
fn findings_of_another_engine_are_counted_and_not_compared() {
    let engine = |e: &mut Event| {
        denied(e).into_iter().for_each(|m| {
            m.facts.checks = 0;
            m.facts.findings.iter_mut().for_each(|f| f.code = "old".to_owned());
        });
    };
    let report = verify(&log(engine), &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!((report.verdicts_recomputed, report.findings_recomputed, report.other_engine), (2, 1, 1));
}

#[test]
fn an_envelope_that_is_out_of_place() {
    let mut same = log(|_| ());
    same.leaves.push(same.leaves[4].clone());
    let report = verify(&same, &trust());
    assert!(report.problems[0].what.contains("is that of entry 4, too"), "{}", report.human());
    assert!(report.problems[1].what.contains("was made before"), "{}", report.human());

    let back = |e: &mut Event| {
        if denied(e).is_some() {
            e.time = Time::from_millis(START_MS - 3_600_000);
        }
    };
    found(&verify(&log(back), &trust()), &["is more than 5 minutes before that of an earlier entry"]);
    let elsewhere = |e: &mut Event| {
        if denied(e).is_some() {
            e.log = "other".parse().unwrap();
        }
    };
    found(&verify(&log(elsewhere), &trust()), &["it is of the log `other`"]);
    let simulated = |e: &mut Event| e.simulation |= denied(e).is_some();
    let report = verify(&log(simulated), &trust());
    found(&report, &["differ in whether this is a simulation"]);
    assert!(report.human().starts_with("SIMULATION"), "one simulated event is enough to say so");
    let envelope = |e: &mut Event| e.v += u32::from(denied(e).is_some());
    found(&verify(&log(envelope), &trust()), &["its envelope has the version `2`"]);

    let mut twice = log(|_| ());
    let mut opened: Event = serde_json::from_slice(&twice.leaves[0]).unwrap();
    opened.id = EventId::new(twice.uuid());
    opened.time = Time::from_millis(START_MS + 60_000);
    twice.append(opened);
    found(&verify(&twice, &trust()), &["it opens the log a second time"]);
    let mut headless = log(|_| ());
    headless.leaves.remove(0);
    found(&verify(&headless, &trust()), &["the log does not begin with `log.opened`"]);
    let key = |e: &mut Event| {
        if let Body::LogOpened(b) = &mut e.body {
            b.key = "another".to_owned();
            b.origin = "elsewhere".to_owned();
        }
    };
    found(&verify(&log(key), &trust()), &["it opens the log `elsewhere`", "it names the key `another`"]);
}

#[test]
fn bytes_that_are_not_canonical() {
    for (change, what) in [
        ((|leaf: &str| leaf.replacen("{\"actor\"", "{ \"actor\"", 1)) as fn(&str) -> String, "not the canonical form"),
        (|leaf| leaf.replacen("{\"actor\"", "{\"aaa\":1,\"actor\"", 1), "not the canonical form"),
        (|leaf| leaf.replacen("decision.made/1", "decision.made/9", 1), "it is not an event"),
        (|leaf| leaf[..leaf.len() - 1].to_owned(), "it is not an event"),
        (|_| String::new(), "it is not an event"),
    ] {
        let mut log = log(|_| ());
        let leaf = change(std::str::from_utf8(&log.leaves[3]).unwrap());
        log.leaves[3] = leaf.into_bytes();
        let report = verify(&log, &trust());
        assert!(report.problems[0].what.contains(what), "`{what}`:\n{}", report.human());
        assert!(report.problems[0].place.starts_with("entry 3 "), "{}", report.human());
    }
}

#[test]
fn blobs_and_payloads_that_do_not_belong() {
    let mut lost = log(|_| ());
    let digest = Digest::of(b"[]");
    lost.blobs.remove(&digest);
    let report = verify(&lost, &trust());
    found(&report, &["it is missing, and blobs are never erased", "the list of obligations"]);
    assert_eq!(report.problems[0].place, format!("blobs/{}", digest.hex()));

    let mut stray = log(|_| ());
    let mut event = stray.event(Body::WorkflowStopped(WorkflowStopped {
        element: ElementPath::root(),
        marked: false,
        factory: false,
    }));
    stray.keep(&mut event, "reason", b"nobody commits to this");
    found(&verify(&stray, &trust()), &["no event commits to it"]);

    let mut swapped = log(|_| ());
    let held = swapped.payloads.values().find(|h| h.kind == "output").unwrap().clone();
    for payload in swapped.payloads.values_mut().filter(|h| h.kind == "case") {
        payload.bytes.clone_from(&held.bytes);
    }
    let what = "its salt and bytes do not open the commitment";
    found(&verify(&swapped, &trust()), &[what, what]);
    let mut renamed = log(|_| ());
    renamed.payloads.values_mut().filter(|h| h.kind == "case").for_each(|h| h.kind = "reason".to_owned());
    found(&verify(&renamed, &trust()), &["it says that it is `reason`", "it says that it is `reason`"]);
}

#[test]
fn a_history_that_was_cut_or_written_anew() {
    let mut log = log(|_| ());
    log.busy(20);
    log.remember();
    let mut cut = Log::new();
    cut.busy(2);
    cut.earlier.clone_from(&log.earlier);
    let report = verify(&cut, &trust());
    found(&report, &["the log had `25` entries by then, and has `5` now: it was cut"]);
    let mut anew = Log::new();
    anew.busy(30);
    anew.earlier.clone_from(&log.earlier);
    found(&verify(&anew, &trust()), &["the log does not extend what it was at `25` entries"]);

    // Also what the log says of itself.
    let mut claims = Log::new();
    let signed = LogPoint { size: 2, root: Digest::of(b"another") };
    let event = claims.event(Body::NodeRecovered(NodeRecovered { signed, unsigned_entries: 0, streams: 0 }));
    claims.append(event);
    let signed = LogPoint { size: 9, root: Digest::of(b"another") };
    let event = claims.event(Body::NodeRecovered(NodeRecovered { signed, unsigned_entries: 0, streams: 0 }));
    claims.append(event);
    found(&verify(&claims, &trust()), &["which it had not yet", "the log does not extend what it was at `2` entries"]);
}
