use crate::fixture::{Log, START_MS, signer, trust};
use seatrial_ledger::{Checkpoint, Signer, TlogProof, leaf_hash};
use seatrial_model::event::{NodeRecovered, QuestionSettled};
use seatrial_model::{Body, Digest, ElementPath, LogPoint, Time};
use seatrial_verify::{ExportError, ExportOptions, Folder, KeyOrigin, Payloads, Trust, export, prove, verify};
use std::fs;

/// A log of some hundred entries with everything in it.
pub(crate) fn full() -> Log {
    let mut log = Log::new();
    log.remember();
    log.busy(120);
    let (frontier, _) = log.frontier();
    let signed = LogPoint { size: frontier.size(), root: frontier.root() };
    log.remember();
    let event = log.event(Body::NodeRecovered(NodeRecovered { signed, unsigned_entries: 0, streams: 0 }));
    log.append(event);
    log.busy(150);
    log.erase("case-4");
    log.remember();
    let settled = QuestionSettled {
        question: ElementPath::from("questions.why"),
        element: Digest::of(b""),
        withdrawn: false,
        cites: vec![],
    };
    let mut event = log.event(Body::QuestionSettled(settled));
    log.keep(&mut event, "text", "because".as_bytes());
    log.append(event);
    log
}

#[test]
fn an_export_in_order_is_verified() {
    let log = full();
    let dir = tempfile::tempdir().unwrap();
    let done = export(&log, dir.path(), ExportOptions { payloads: true }).unwrap();
    assert_eq!(done.size, 276);
    let report = verify(&Folder::open(dir.path()).unwrap(), &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!(report.size, 276);
    assert_eq!(report.root, Some(log.frontier().0.root()));
    assert_eq!((report.key_origin, report.earlier_checkpoints), (KeyOrigin::Given, 3));
    assert_eq!((report.decisions, report.verdicts_recomputed), (270, 270));
    // Two decisions of `case-4` have lost their payloads; the findings of all others recompute.
    assert_eq!((report.findings_recomputed, report.findings_not_held, report.other_engine), (268, 2, 0));
    assert_eq!(report.payloads, Payloads { held: log.payloads.len() as u64, erased: 6, absent: 0 });
    assert_eq!(report.blobs, log.blobs.len() as u64);
    assert!(report.on_trust["caller"] > 200, "{:?}", report.on_trust);
    assert_eq!(report.not_checked, Vec::<String>::new());
    let human = report.human();
    assert!(human.contains("verdicts recomputed from their facts: 270"), "{human}");
    assert!(human.ends_with("VERIFIED\n") && !human.contains("SIMULATION"), "{human}");
    let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    assert_eq!((&json["verified"], &json["key_origin"]), (&true.into(), &"given".into()));
    // A store's source and the folder say the same.
    assert_eq!(verify(&log, &trust()), report);
}

#[test]
fn every_verdict_is_among_the_decisions() {
    let log = full();
    let text: String = log.leaves.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    for verdict in ["allow", "modify", "escalate", "deny"] {
        assert!(text.contains(&format!("\"verdict\":\"{verdict}\"")), "{verdict}");
    }
}

#[test]
fn without_a_key_the_log_speaks_for_itself_and_the_report_says_so() {
    let log = full();
    let report = verify(&log, &Trust::default());
    assert!(report.verified, "{}", report.human());
    assert_eq!(report.key_origin, KeyOrigin::SelfAsserted);
    assert!(report.human().contains("self-asserted key"));
    let other = Signer::from_seed(signer().name(), &[8; 32]).unwrap();
    let report = verify(&log, &Trust { key: Some(other.verifier_key().clone()), ..Trust::default() });
    assert!(!report.verified);
    assert_eq!(report.problems[0].place, "checkpoint");
}

#[test]
fn an_export_without_payloads_is_verified_and_says_what_is_not_here() {
    let log = full();
    let dir = tempfile::tempdir().unwrap();
    export(&log, &dir.path().join("new"), ExportOptions::default()).unwrap();
    let report = verify(&Folder::open(dir.path().join("new")).unwrap(), &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!((report.verdicts_recomputed, report.findings_recomputed, report.findings_not_held), (270, 0, 270));
    assert_eq!(report.payloads, Payloads { held: 0, erased: 6, absent: log.payloads.len() as u64 });
}

#[test]
fn an_export_never_writes_into_a_folder_that_holds_something() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "text").unwrap();
    let error = export(&Log::new(), dir.path(), ExportOptions::default()).unwrap_err();
    assert!(matches!(error, ExportError::NotEmpty(_)), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn files_of_no_known_kind_are_named() {
    let log = Log::new();
    let dir = tempfile::tempdir().unwrap();
    export(&log, dir.path(), ExportOptions::default()).unwrap();
    for name in ["README", "blobs/README", "tile/0/000.p/1", "tile/9/000"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }
    let report = verify(&Folder::open(dir.path()).unwrap(), &trust());
    assert!(report.verified, "{}", report.human());
    assert_eq!(report.not_checked, ["README", "blobs/README", "tile/0/000.p/1", "tile/9/000"]);
}

#[test]
fn an_event_of_the_future_is_a_problem() {
    let trust = Trust { now: Some(Time::from_millis(START_MS - 3_600_000)), ..trust() };
    let report = verify(&Log::new(), &trust);
    assert!(report.problems[0].what.contains("has not come yet"), "{}", report.human());
}

#[test]
fn an_empty_log_or_none_is_not_verified_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let report = verify(&Folder::open(dir.path()).unwrap(), &trust());
    assert!(!report.verified);
    assert_eq!(report.problems[0].place, "checkpoint");
    let empty = Checkpoint::new(signer().name(), 0, seatrial_ledger::empty_root()).sign(&signer()).unwrap();
    fs::write(dir.path().join("checkpoint"), empty.to_string()).unwrap();
    let report = verify(&Folder::open(dir.path()).unwrap(), &trust());
    assert!(!report.verified, "a log has at least the entry that opens it");
}

#[test]
fn a_simulation_is_verified_and_says_what_it_is() {
    let mut log = Log::simulated();
    log.busy(3);
    let report = verify(&log, &Trust { key: Some(log.signer.verifier_key().clone()), ..trust() });
    assert!(report.verified && report.simulation, "{}", report.human());
    assert!(report.human().starts_with("SIMULATION: "), "{}", report.human());
    // Its clock can be moved forward, beyond the auditor's.
    let key = Some(log.signer.verifier_key().clone());
    let report = verify(&log, &Trust { key, now: Some(Time::from_millis(0)), ..Trust::default() });
    assert!(report.verified, "{}", report.human());
}

#[test]
fn witnesses_that_the_auditor_knows_must_have_cosigned() {
    let witness = |seed: u8| Signer::from_seed("witness.example", &[seed; 32]).unwrap();
    let mut log = Log::new();
    log.witness = Some(witness(1));
    let known = Trust { witnesses: vec![witness(1).cosigner_key()], ..trust() };
    let report = verify(&log, &known);
    assert!(report.verified, "{}", report.human());
    assert!(report.human().contains("witness   witness.example, 2026-01-01T00:00:00.000Z\n"), "{}", report.human());
    assert!(verify(&log, &trust()).verified, "unknown cosignatures are ignored");
    let other = Trust { witnesses: vec![witness(2).cosigner_key()], ..trust() };
    let report = verify(&log, &other);
    assert!(report.problems[0].what.contains("`witness.example` has not cosigned it"), "{}", report.human());
}

#[test]
fn one_entry_is_proved_offline() {
    let log = full();
    for index in [0, 1, 255, 256, 275] {
        let file = prove(&log, index).unwrap().to_string();
        let proof = TlogProof::parse(file.as_bytes()).unwrap();
        let leaf = leaf_hash(&log.leaves[index as usize]);
        assert_eq!(proof.verify(&leaf, signer().verifier_key()).unwrap().size, 276);
    }
    let error = prove(&log, 276).unwrap_err().to_string();
    assert!(error.starts_with("`entry 276` was not read: no proof was made"), "{error}");
}
