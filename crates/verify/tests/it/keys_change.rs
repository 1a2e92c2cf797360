//! Keys that follow each other, restores, and witnesses' cosignatures in the log.

use crate::fixture::{Log, ORIGIN, START_MS, signer, trust};
use seatrial_ledger::{Checkpoint, Note, Rotation, Signer, VerifierKey};
use seatrial_model::event::{CheckpointCosigned, LogKeyRotated, LogRestored};
use seatrial_model::{Body, LogPoint, Side};
use seatrial_verify::{Trust, Verified, verify};

pub(crate) fn key(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

fn point(log: &Log) -> LogPoint {
    let (frontier, _) = log.frontier();
    LogPoint { size: frontier.size(), root: frontier.root() }
}

/// The log's key is followed by another; `by` signs the statement.
pub(crate) fn rotate(log: &mut Log, new: Signer, by: &Signer) {
    let (old_key, new_key) = (log.signer.verifier_key().to_string(), new.verifier_key().to_string());
    let point = point(log);
    let rotation = Rotation { old: &old_key, new: &new_key, holder: "hana@bank.example", point: &point };
    let mut statement = rotation.statement().unwrap();
    statement.sign(by);
    let line = statement.signatures()[0].to_string();
    let holder = "hana@bank.example".to_owned();
    let body = LogKeyRotated { old: old_key, new: new_key, holder, point, line, drill: false };
    let event = log.event(Body::LogKeyRotated(body));
    log.append(event);
    log.signer = new;
}

pub(crate) fn restore(log: &mut Log, new: Option<Signer>) {
    let checkpoint = String::from_utf8(log.sign()).unwrap();
    let key = new.as_ref().map(|new| new.verifier_key().to_string());
    let body = LogRestored { point: point(log), payloads: 0, checkpoint, key };
    let event = log.event(Body::LogRestored(body));
    log.append(event);
    log.signer = new.unwrap_or_else(|| log.signer.clone());
}

fn by(key: &VerifierKey) -> Trust {
    Trust { key: Some(key.clone()), ..trust() }
}

fn said(report: &Verified) -> String {
    report.problems.iter().map(|p| format!("{}: {}\n", p.place, p.what)).collect()
}

#[test]
fn from_any_of_its_keys_the_newest_is_reached() {
    let mut log = Log::new();
    log.busy(3);
    log.remember();
    let first = log.signer.clone();
    rotate(&mut log, key(21), &first);
    log.busy(2);
    let second = log.signer.clone();
    rotate(&mut log, key(22), &second);
    log.busy(1);
    for given in [signer(), key(21), key(22)] {
        let report = verify(&log, &by(given.verifier_key()));
        assert!(report.verified, "{}", report.human());
        assert_eq!(report.newest_key, key(22).verifier_key().to_string());
        assert_eq!((report.rotations, report.earlier_checkpoints), (2, 1));
    }
    let report = verify(&log, &Trust { key: None, ..trust() });
    assert!(report.verified && report.human().contains("self-asserted"), "{}", report.human());
    assert!(report.human().contains("by 2 rotation(s)"), "{}", report.human());
    let stranger = verify(&log, &by(key(99).verifier_key()));
    assert!(!stranger.verified && said(&stranger).contains("none of the `1` known keys signed"), "{}", said(&stranger));
}

#[test]
fn a_checkpoint_by_both_keys_is_accepted_by_either() {
    let mut log = Log::new();
    let first = log.signer.clone();
    rotate(&mut log, key(21), &first);
    let mut note = Note::parse(&log.sign()).unwrap();
    note.sign(&first);
    log.checkpoint = Some(note.to_string().into_bytes());
    for given in [first.verifier_key(), key(21).verifier_key()] {
        let report = verify(&log, &by(given));
        assert!(report.verified, "{}", report.human());
    }
}

#[test]
fn a_rotation_that_nobody_known_signed_is_found() {
    let mut log = Log::new();
    // Whoever holds the store writes themselves in, without the old key.
    rotate(&mut log, key(66), &key(66));
    let report = verify(&log, &trust());
    assert!(!report.verified && said(&report).contains("nothing else was checked"), "{}", said(&report));
    let report = verify(&log, &by(key(66).verifier_key()));
    assert!(said(&report).contains("the old key did not sign that the new one follows it"), "{}", said(&report));
    assert!(!verify(&log, &Trust { key: None, ..trust() }).verified);
}

#[test]
fn the_old_key_signs_nothing_after_it_was_followed() {
    let mut log = Log::new();
    let first = log.signer.clone();
    rotate(&mut log, key(21), &first);
    log.busy(2);
    // The holder of the old key goes on as if nothing had been.
    log.signer = first.clone();
    let report = verify(&log, &by(first.verifier_key()));
    assert!(said(&report).contains("and it did not sign the checkpoint"), "{}", said(&report));
}

#[test]
fn a_rotation_of_another_key_than_the_logs_is_found() {
    let mut log = Log::new();
    let first = log.signer.clone();
    rotate(&mut log, key(21), &first);
    // The old key names a second successor, after it had one.
    log.signer = first.clone();
    rotate(&mut log, key(66), &first);
    let report = verify(&log, &by(first.verifier_key()));
    assert!(!report.verified, "{}", report.human());
}

#[test]
fn a_restored_log_says_where_its_word_changes() {
    // With its key: nothing changes.
    let mut log = Log::new();
    log.busy(2);
    restore(&mut log, None);
    log.busy(1);
    assert!(verify(&log, &trust()).verified, "{}", verify(&log, &trust()).human());
    // Without it: the old key vouches for what was, and for nothing after.
    let mut log = Log::new();
    log.busy(2);
    let at = log.leaves.len() as u64;
    restore(&mut log, Some(key(31)));
    log.busy(1);
    let report = verify(&log, &trust());
    assert!(!report.verified);
    assert_eq!((report.problems.len(), report.vouched), (1, Some(at)), "{}", report.human());
    assert!(said(&report).contains("what follows is self-asserted"), "{}", said(&report));
    let report = verify(&log, &by(key(31).verifier_key()));
    assert!(report.verified, "{}", report.human());
    // A checkpoint that is not the log's own is none to go on from.
    let mut log = Log::new();
    let checkpoint = Checkpoint::new(ORIGIN, 1, point(&log).root).sign(&key(66)).unwrap().to_string();
    let body = LogRestored { point: point(&log), payloads: 0, checkpoint, key: None };
    let event = log.event(Body::LogRestored(body));
    log.append(event);
    let report = verify(&log, &trust());
    assert!(said(&report).contains("the checkpoint that it goes on from is not one of this log"), "{}", said(&report));
}

#[test]
fn a_cosignature_in_the_log_has_to_hold() {
    let witness = Signer::from_seed("witness.example/w1", &[5; 32]).unwrap();
    let cosigned = |log: &mut Log, time_s: u64, change: fn(&mut CheckpointCosigned)| {
        let point = point(log);
        let mut note = Note::new(Checkpoint::new(ORIGIN, point.size, point.root).to_string()).unwrap();
        note.cosign(&witness, START_MS as u64 / 1_000);
        let line = note.signatures()[0].to_string();
        let witness = witness.cosigner_key().to_string();
        let mut body = CheckpointCosigned { point, witness, side: Side::Independent, time_s, line };
        change(&mut body);
        let event = log.event(Body::CheckpointCosigned(body));
        log.append(event);
    };
    let good = START_MS as u64 / 1_000;
    let mut log = Log::new();
    cosigned(&mut log, good, |_| ());
    let report = verify(&log, &trust());
    assert!(report.verified && report.cosigned == 1, "{}", report.human());
    // The newest checkpoint is not the one that was cosigned: required, it is missed, and told how far it reaches.
    let known = Trust { witnesses: vec![witness.cosigner_key()], ..trust() };
    let report = verify(&log, &known);
    assert!(said(&report).contains("the log holds one over its first 3 entries"), "{}", said(&report));
    let mut log = Log::new();
    cosigned(&mut log, good + 1, |_| ());
    assert!(said(&verify(&log, &trust())).contains("signed another time"));
    let mut log = Log::new();
    cosigned(&mut log, good, |body| body.point.root = seatrial_model::Digest::of(b"another history"));
    let report = verify(&log, &trust());
    assert!(said(&report).contains("cosignature does not hold"), "{}", said(&report));
}
