use super::*;
use crate::dsse::EnvelopeSignature;
use crate::note::Signer;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE};
use serde_json::json;

fn signer(seed: u8) -> Signer {
    Signer::from_seed("scanner.example/ci", &[seed; 32]).unwrap()
}

fn key(seed: u8) -> AttestorKey {
    AttestorKey::from_bytes(*signer(seed).verifier_key().public_key())
}

fn statement() -> Value {
    json!({
        "_type": STATEMENT,
        "subject": [
            { "digest": { "gitCommit": "00" } },
            { "name": "spec", "digest": { "sha256": Digest::of(b"spec").hex() } },
        ],
        "predicateType": "https://scanner.example/scan/v1",
        "predicate": { "run": { "finishedOn": "2026-11-24T11:00:00Z", "n": 1 } },
    })
}

fn signed(statement: &Value) -> Envelope {
    Envelope::sign(IN_TOTO, statement.to_string().as_bytes(), &signer(3))
}

fn opened(envelope: &Envelope, keys: &[AttestorKey]) -> Result<Attested, AttestationError> {
    open(&serde_json::to_vec(envelope).unwrap(), keys)
}

#[test]
fn a_statement_that_somebody_trusted_signed() {
    let attested = opened(&signed(&statement()), &[key(4), key(3)]).unwrap();
    assert_eq!(attested.key, key(3));
    assert_eq!(attested.payload, Digest::of(statement().to_string().as_bytes()));
    let said = attested.statement;
    assert_eq!(said.predicate_type, "https://scanner.example/scan/v1");
    assert!(said.is_about(&Digest::of(b"spec")) && !said.is_about(&Digest::of(b"other")));
    assert_eq!(said.time_at("run.finishedOn"), Some("2026-11-24T11:00:00Z".parse().unwrap()));
    for none in ["run", "run.n", "run.finishedOn.x", "", "ran.finishedOn"] {
        assert_eq!(said.time_at(none), None, "{none}");
    }
}

#[test]
fn several_signatures_and_both_alphabets() {
    let mut envelope = signed(&statement());
    let unknown = EnvelopeSignature { keyid: "x".to_owned(), sig: BASE64.encode([0; 64]) };
    envelope.signatures.insert(0, EnvelopeSignature { keyid: String::new(), sig: "?".to_owned() });
    envelope.signatures.insert(0, unknown);
    assert!(opened(&envelope, &[key(3)]).is_ok());
    let bytes = BASE64.decode(&envelope.payload).unwrap();
    envelope.payload = URL_SAFE.encode(bytes);
    for signature in &mut envelope.signatures {
        signature.sig = signature.sig.replace('+', "-").replace('/', "_");
    }
    assert!(opened(&envelope, &[key(3)]).is_ok());
    envelope.signatures = vec![envelope.signatures.remove(0); SIGNATURES_MAX + 1];
    let said = opened(&envelope, &[key(3)]).unwrap_err().to_string();
    assert!(said.contains("65 signatures"), "{said}");
}

#[test]
fn every_changed_byte_of_what_is_signed_is_found() {
    let good = signed(&statement());
    let payload = BASE64.decode(&good.payload).unwrap();
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let envelope = Envelope { payload: BASE64.encode(changed), ..good.clone() };
        assert_eq!(opened(&envelope, &[key(3)]), Err(AttestationError::NotSigned(vec![key(3).id()])), "byte {at}");
    }
    let mut forged = good.clone();
    let mut signature = BASE64.decode(&forged.signatures[0].sig).unwrap();
    for at in 0..signature.len() {
        signature[at] ^= 1;
        forged.signatures[0].sig = BASE64.encode(&signature);
        assert!(opened(&forged, &[key(3)]).is_err(), "byte {at} of the signature");
        signature[at] ^= 1;
    }
}

#[test]
fn what_shows_nothing() {
    let good = signed(&statement());
    let said = |envelope: &Envelope, keys: &[AttestorKey]| opened(envelope, keys).unwrap_err().to_string();
    assert!(said(&good, &[]).starts_with("no key was given"));
    assert!(said(&good, &[key(4)]).starts_with("no signature in it is good by the key "));
    assert!(said(&good, &[key(4), key(5)]).contains("any of the keys"));
    let other = Envelope::sign("text/plain", statement().to_string().as_bytes(), &signer(3));
    assert!(said(&other, &[key(3)]).contains("`text/plain`"));
    let mut old = statement();
    old["_type"] = json!("https://in-toto.io/Statement/v0.1");
    assert!(said(&signed(&old), &[key(3)]).contains("Statement/v0.1"));
    for broken in [json!({}), json!([]), json!({ "_type": STATEMENT, "subject": [] })] {
        assert!(said(&signed(&broken), &[key(3)]).starts_with("what was signed is no in-toto Statement"));
    }
    // The neutral element: a signature of zeros would fit every message.
    let weak = AttestorKey::from_bytes([
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    assert_eq!(opened(&good, &[weak]), Err(AttestationError::WeakKey(weak.id())));
    for text in ["", "{}", "[]", "{\"payloadType\":\"application/vnd.in-toto+json\"}"] {
        assert!(matches!(open(text.as_bytes(), &[key(3)]), Err(AttestationError::Envelope(_))), "{text}");
    }
    assert_eq!(
        open(&vec![b' '; ENVELOPE_BYTES_MAX + 1], &[key(3)]),
        Err(AttestationError::Size(ENVELOPE_BYTES_MAX + 1))
    );
}
