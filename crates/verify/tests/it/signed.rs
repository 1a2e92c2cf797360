//! Approvals signed with people's own keys: what an operator who holds the log's key cannot make up.

use crate::fixture::{Log, ORIGIN, trust};
use seatrial_model::event::ApprovalGiven;
use seatrial_model::*;
use seatrial_verify::{Verified, verify};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

const ANA: &str = include_str!("keys/ana");
const OTHER: &str = include_str!("keys/other");

fn key(text: &str) -> PrivateKey {
    PrivateKey::from_openssh(text).unwrap()
}

/// A factory's file in which Ana has this key.
fn directory(holder: &PrivateKey) -> Vec<u8> {
    let public = holder.public_key().to_openssh().unwrap();
    let public: Vec<&str> = public.split(' ').take(2).collect();
    format!(
        "seatrial: 1\nfactory: bank\nkind: real\nprofile: standard\ntimezone: UTC\npeople:\n  - {{ id: ana@bank.example, \
         name: Ana, side: receiving, roles: [officers], keys: [\"{}\"] }}\nproviders: {{}}\nstore: {{ sqlite: .seatrial }}\n\
         workflows: []\n",
        public.join(" ")
    )
    .into_bytes()
}

/// An approval, before anybody signed it.
fn approval(log: &mut Log) -> Event {
    let key = Digest::of(b"what was shown");
    let body = ApprovalGiven::new(Stage::Production, "officers", key);
    let mut event = log.event(Body::ApprovalGiven(body));
    event.actor = Principal {
        id: "ana@bank.example".to_owned(),
        kind: PrincipalKind::Person,
        side: Side::Receiving,
        roles: ["officers".to_owned()].into(),
        assurance: Assurance::Signed,
    };
    event.evidence = vec![Evidence { obligation: "approval.officers".to_owned(), key, inputs: [].into() }];
    event
}

/// Signs an approval as `ssh-keygen -Y sign` would, for an origin, and puts it into the log.
fn sign(log: &mut Log, event: &mut Event, with: &PrivateKey, listed: &PrivateKey, namespace: &str, origin: &str) {
    let statement = ApprovalStatement::of(event, origin).unwrap().bytes().unwrap();
    let signature = with.sign(namespace, HashAlg::Sha512, &statement).unwrap().to_pem(LineEnding::LF).unwrap();
    let (signature, directory) = (log.blob(signature.into_bytes()), log.blob(directory(listed)));
    let Body::ApprovalGiven(given) = &mut event.body else { panic!("no approval") };
    (given.signature, given.directory) = (Some(signature), Some(directory));
}

fn signed(change: impl FnOnce(&mut Log, &mut Event)) -> Verified {
    let mut log = Log::new();
    let mut event = approval(&mut log);
    let ana = key(ANA);
    sign(&mut log, &mut event, &ana, &ana, SIGNATURE_NAMESPACE, ORIGIN);
    change(&mut log, &mut event);
    log.append(event);
    verify(&log, &trust())
}

#[track_caller]
fn found(report: &Verified, what: &str) {
    assert!(!report.verified && report.problems.iter().any(|p| p.what.contains(what)), "{}", report.human());
    assert_eq!(report.approvals_signed, 0);
}

#[test]
fn a_signed_approval_is_counted() {
    let report = signed(|_, _| ());
    assert!(report.verified, "{}", report.human());
    assert_eq!((report.approvals, report.approvals_signed), (1, 1));
    assert!(report.human().contains("approvals 1, 1 signed"), "{}", report.human());
}

#[test]
fn what_was_signed_cannot_be_made_to_say_more() {
    type Change = fn(&mut Event);
    let changes: [Change; 7] = [
        |e| e.actor.id = "bo@bank.example".to_owned(),
        |e| e.spec = Some(Digest::of(b"another spec")),
        |e| e.evidence[0].obligation = "release.approval".to_owned(),
        |e| given(e).role = "risk".to_owned(),
        |e| given(e).stage = Stage::Pilot,
        |e| given(e).reaffirms = Some(e_id()),
        |e| {
            e.evidence[0].key = Digest::of(b"what was not shown");
            given(e).shown = Digest::of(b"what was not shown");
        },
    ];
    for change in changes {
        let report = signed(|_, event| change(event));
        found(&report, "its signature does not count");
    }
    fn given(event: &mut Event) -> &mut ApprovalGiven {
        match &mut event.body {
            Body::ApprovalGiven(given) => given,
            _ => panic!("no approval"),
        }
    }
    fn e_id() -> EventId {
        "evt_019a0000-0000-7000-8000-000000000000".parse().unwrap()
    }
}

#[test]
fn signatures_of_others_for_other_things_or_other_logs_do_not_count() {
    let (ana, other) = (key(ANA), key(OTHER));
    let with = |with: &PrivateKey, namespace: &str, origin: &str| {
        let mut log = Log::new();
        let mut event = approval(&mut log);
        sign(&mut log, &mut event, with, &ana, namespace, origin);
        log.append(event);
        verify(&log, &trust())
    };
    found(&with(&other, SIGNATURE_NAMESPACE, ORIGIN), "none of the keys given");
    found(&with(&ana, "git", ORIGIN), "namespace `git`");
    found(&with(&ana, SIGNATURE_NAMESPACE, "factory.example/another"), "does not fit what was signed");
}

#[test]
fn a_signature_counts_once() {
    let mut log = Log::new();
    let mut event = approval(&mut log);
    let ana = key(ANA);
    sign(&mut log, &mut event, &ana, &ana, SIGNATURE_NAMESPACE, ORIGIN);
    log.append(event.clone());
    let again = log.event(event.body.clone());
    log.append(Event { actor: event.actor, evidence: event.evidence, ..again });
    let report = verify(&log, &trust());
    assert!(!report.verified && report.problems.iter().any(|p| p.what.contains("a second time")), "{}", report.human());
    assert_eq!((report.approvals, report.approvals_signed), (2, 1));
}

#[test]
fn who_is_told_as_signed_has_a_signature_and_it_is_held() {
    let mut log = Log::new();
    let event = approval(&mut log);
    log.append(event);
    found(&verify(&log, &trust()), "carries no signature");
    found(&signed(|log, _| log.blobs.clear()), "not held");
    found(
        &signed(|log, event| {
            let Body::ApprovalGiven(given) = &mut event.body else { panic!("no approval") };
            given.directory = Some(log.blob(b"people: [".to_vec()));
        }),
        "cannot be read",
    );
}
