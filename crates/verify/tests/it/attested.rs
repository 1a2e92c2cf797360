//! What others attest: checked again from the envelope in the log, and by itself.

use crate::binary::run;
use crate::fixture::{Log, trust};
use seatrial_ledger::Signer;
use seatrial_ledger::attestation::STATEMENT;
use seatrial_ledger::dsse::{Envelope, IN_TOTO};
use seatrial_model::event::AttestationAccepted;
use seatrial_model::*;
use seatrial_verify::{Verified, verify};
use serde_json::json;

const TYPE: &str = "https://scanner.example/scan/v1";

fn scanner(seed: u8) -> Signer {
    Signer::from_seed("scanner.example", &[seed; 32]).unwrap()
}

fn statement(about: &[u8]) -> Vec<u8> {
    let subject = json!([{ "name": "image", "digest": { "sha256": Digest::of(about).hex() } }]);
    json!({ "_type": STATEMENT, "subject": subject, "predicateType": TYPE, "predicate": {} }).to_string().into_bytes()
}

fn envelope(about: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&Envelope::sign(IN_TOTO, &statement(about), &scanner(3))).unwrap()
}

fn logged(envelope: Vec<u8>, change: impl FnOnce(&mut AttestationAccepted)) -> Verified {
    let mut log = Log::new();
    let mut accepted = AttestationAccepted {
        obligation: "scanned".to_owned(),
        envelope: log.blob(envelope),
        statement: Digest::of(&statement(b"image")),
        key: AttestorKey::from_bytes(*scanner(3).verifier_key().public_key()),
        predicate: TYPE.to_owned(),
        subject: Digest::of(b"image"),
        subjects: 1,
        since: "2026-11-24T11:00:00Z".parse().unwrap(),
    };
    change(&mut accepted);
    let mut event = log.event(Body::AttestationAccepted(accepted));
    event.evidence = vec![Evidence { obligation: "scanned".to_owned(), key: Digest::of(b"key"), inputs: [].into() }];
    log.append(event);
    verify(&log, &trust())
}

#[test]
fn the_signature_is_checked_again_from_the_log() {
    let report = logged(envelope(b"image"), |_| ());
    assert!(report.verified && report.attestations == 1, "{}", report.human());
    assert!(report.human().contains("attestations 1, each signature checked again"), "{}", report.human());
}

#[test]
fn what_was_signed_cannot_be_made_to_say_something_else() {
    let found = |report: Verified, what: &str| {
        let said = |p: &seatrial_verify::Problem| p.what.contains("does not count") && p.what.contains(what);
        assert!(!report.verified && report.problems.iter().any(said), "`{what}`: {}", report.human());
        assert_eq!(report.attestations, 0);
    };
    let other = AttestorKey::from_bytes(*scanner(4).verifier_key().public_key());
    found(logged(envelope(b"image"), |a| a.key = other), "no signature in it is good");
    found(logged(envelope(b"other"), |_| ()), "another digest of the statement");
    found(logged(envelope(b"image"), |a| a.predicate.push('x')), "a predicate of another type");
    found(logged(envelope(b"image"), |a| a.subject = Digest::of(b"other")), "about something else");
    found(logged(envelope(b"image"), |a| a.subjects = 2), "about something else");
    found(logged(envelope(b"image"), |a| a.obligation.push('x')), "no evidence for");
    found(logged(envelope(b"image"), |a| a.envelope = Digest::of(b"?")), "not held");
    let text = String::from_utf8(envelope(b"image")).unwrap();
    let at = text.find("\"sig\":\"").unwrap() + 10;
    let mut changed = text.into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    found(logged(changed, |_| ()), "no signature in it is good");
}

#[test]
fn the_binary_checks_statements_by_themselves() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    for (name, bytes) in [("a.json", envelope(b"image")), ("b.json", envelope(b"other")), ("image", b"image".to_vec())]
    {
        std::fs::write(at(name), bytes).unwrap();
    }
    let spki = AttestorKey::from_bytes(*scanner(3).verifier_key().public_key()).to_string();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
    std::fs::write(at("key.pem"), pem).unwrap();
    let (key, other) = (scanner(3).verifier_key().to_string(), scanner(4).verifier_key().to_string());
    let (a, b, image) = (at("a.json"), at("b.json"), at("image"));

    for key in [&key, &at("key.pem"), &spki] {
        let (code, out, err) = run(&["attest", &a, &b, "--key", key]);
        assert!(code == 0 && out.matches(": verified").count() == 2, "{code}: {out}{err}");
    }
    let (code, out, _) = run(&["attest", &a, "--key", &other, "--key", &key, "--subject", &image]);
    assert!(code == 0 && out.contains("image, as asked"), "{code}: {out}");
    let (code, out, _) = run(&["attest", &a, &b, "--key", &key, "--subject", &image]);
    assert!(code == 1 && out.contains("b.json: NOT verified: it is not about `sha256:"), "{code}: {out}");
    let (code, out, _) = run(&["attest", &a, "--key", &other, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report["verified"].as_bool()), (1, Some(false)), "{out}");
    for (args, why) in [
        (&["attest"][..], "no file was named"),
        (&["attest", &a][..], "no key was named"),
        (&["attest", &a, "--key"][..], "needs something after it"),
        (&["attest", &a, "--key", "x"][..], "is not an Ed25519 public key"),
        (&["attest", "/nowhere", "--key", &key][..], "cannot be read"),
        (&["attest", &a, "--key", &key, "--subject", "/nowhere"][..], "cannot be read"),
    ] {
        let (code, out, err) = run(args);
        assert!(code == 2 && out.is_empty() && err.starts_with("nothing was checked") && err.contains(why), "{err}");
    }
}
