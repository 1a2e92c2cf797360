use super::*;
use crate::fixture::{Log, changed, principal};
use seatrial_model::{AttestorKey, Span, Stage};
use seatrial_spec::workflow::{FactoryDuty, FactoryObligation};

const STAGE: Stage = Stage::Production;

type Change<'a> = &'a dyn Fn(&mut AttestationAccepted);

/// An obligation that asks for a scan of something by the key of these bytes.
fn scanned(subject: AttestedSubject, keys: &[u8]) -> FactoryObligation {
    let asked = AttestationAsked {
        predicate: "urn:scan".to_owned(),
        keys: keys.iter().map(|k| AttestorKey::from_bytes([*k; 32])).collect(),
        subject,
        time: None,
    };
    FactoryObligation {
        id: "scanned".to_owned(),
        title: "Scanned".to_owned(),
        stages: vec![Stage::Production],
        layer: seatrial_model::words::Layer::Governance,
        scope: vec![],
        by: FactoryDuty::Attestation { role: "risk".to_owned(), asked },
        max_age: Some(Span::from_millis(10 * 86_400_000)),
        waivable: false,
    }
}

#[test]
fn what_others_attest() {
    let mut log = Log::new();
    log.factory.obligations = vec![scanned(AttestedSubject::Spec, &[1])];
    let body = |log: &Log, change: Change<'_>| {
        let mut accepted = AttestationAccepted {
            obligation: "scanned".to_owned(),
            envelope: Digest::of(b"envelope"),
            statement: Digest::of(b"statement"),
            key: AttestorKey::from_bytes([1; 32]),
            predicate: "urn:scan".to_owned(),
            subject: log.workflow.digest,
            subjects: 1,
            since: log.now,
        };
        change(&mut accepted);
        Body::AttestationAccepted(accepted)
    };
    // What the factory would never append counts for nothing where it stands in a log all the same.
    let wrong: [(Change<'_>, &str); 4] = [
        (&|a| a.key = AttestorKey::from_bytes([3; 32]), "none of those that are asked for"),
        (&|a| a.predicate.push('x'), "of the type `urn:scanx`"),
        (&|a| a.subject = Digest::of(b"other"), "it is about"),
        (&|a| a.obligation.push('x'), "accepted for `scannedx`"),
    ];
    for (change, says) in wrong {
        let body = body(&log, change);
        log.add(principal("ria"), &["scanned"], body);
        let (state, why) = log.is(STAGE, "scanned");
        assert!(state == State::Open && why.contains(says), "{state:?} {why}");
    }
    let long_ago = log.now.plus_millis(-4 * 86_400_000);
    let good = body(&log, &|a| a.since = long_ago);
    log.add(principal("ria"), &["scanned"], good);
    assert_eq!(log.is(STAGE, "scanned").0, State::Discharged);
    log.factory.obligations = vec![scanned(AttestedSubject::Spec, &[2, 1])];
    assert_eq!(log.is(STAGE, "scanned").0, State::Discharged, "a key more takes nothing away");
    log.days(5);
    assert_eq!(log.is(STAGE, "scanned").0, State::Discharged);
    log.days(2);
    let (state, why) = log.is(STAGE, "scanned");
    assert!(state == State::Stale && why.ends_with("older than 10d"), "11 days after it was signed: {why}");
    log.days(-7);
    let log = log.with(changed(|w| {
        w.steps[0].withhold.clear();
        w.digest = Digest::of(b"another spec");
    }));
    assert_eq!(log.is(STAGE, "scanned").0, State::Stale, "another spec");
}

#[test]
fn what_others_attest_of_a_digest_or_a_file() {
    let mut log = Log::new();
    let image = Digest::of(b"image");
    log.factory.obligations = vec![scanned(AttestedSubject::Digest(image), &[1])];
    let accepted = AttestationAccepted {
        obligation: "scanned".to_owned(),
        envelope: Digest::of(b"envelope"),
        statement: Digest::of(b"statement"),
        key: AttestorKey::from_bytes([1; 32]),
        predicate: "urn:scan".to_owned(),
        subject: image,
        subjects: 1,
        since: log.now,
    };
    log.add(principal("ria"), &["scanned"], Body::AttestationAccepted(accepted));
    assert_eq!(log.is(STAGE, "scanned").0, State::Discharged);
    let mut log = log.with(changed(|w| w.steps[0].withhold.clear()));
    assert_eq!(log.is(STAGE, "scanned").0, State::Discharged, "it does not depend on the spec");
    log.factory.obligations = vec![scanned(AttestedSubject::Digest(Digest::of(b"image 2")), &[1])];
    assert_eq!(log.is(STAGE, "scanned").0, State::Stale);
    log.factory.obligations = vec![scanned(AttestedSubject::File("none.md".to_owned()), &[1])];
    let (state, why) = log.is(STAGE, "scanned");
    assert_eq!(state, State::Stale, "{why}");
    let mut log = Log::new();
    log.factory.obligations = vec![scanned(AttestedSubject::File("none.md".to_owned()), &[1])];
    let (state, why) = log.is(STAGE, "scanned");
    assert!(state == State::Open && why.contains("no file `none.md`"), "{why}");
}
