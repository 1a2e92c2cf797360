//! What others attest: asked for in `factory.yaml`, signed with another's key, taken in, checked again, stale in its time.

use crate::support::{DEV, HANA, RIA, Ran, Yard};
use seatrial_ledger::Signer;
use seatrial_ledger::attestation::STATEMENT;
use seatrial_ledger::dsse::{Envelope, IN_TOTO};
use seatrial_model::{AttestorKey, Digest, Time};
use serde_json::{Value, json};

const SCAN: &str = "https://scanner.example/scan/v1";

fn scanner(seed: u8) -> Signer {
    Signer::from_seed("scanner.example/ci", &[seed; 32]).unwrap()
}

fn pem(seed: u8) -> String {
    let spki = AttestorKey::from_bytes(*scanner(seed).verifier_key().public_key());
    format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
}

/// The factory asks for a scan of the spec, and for one of `workflow.yaml` that says when it was.
fn obligations(keys: &[u8], title: &str) -> String {
    let keys: Vec<String> = keys.iter().map(|seed| format!("\"{}\"", scanner(*seed).verifier_key())).collect();
    let keys = keys.join(", ");
    format!(
        "obligations:\n  scanned:\n    title: \"{title}\"\n    attestation: {{ predicate: \"{SCAN}\", keys: [{keys}] }}\n    \
         filed_by: risk\n  read-lately:\n    title: \"The file was read lately\"\n    attestation: {{ predicate: \"{SCAN}\", \
         keys: [{keys}], subject: {{ file: workflow.yaml }}, time: run.finishedOn }}\n    filed_by: risk\n    age: 90d\n"
    )
}

fn yard() -> Yard {
    let yard = Yard::new();
    declare(&yard, &obligations(&[3], "The scanner passed this spec"));
    yard.run_as(DEV, &["submit"]).exits(0);
    yard
}

fn declare(yard: &Yard, obligations: &str) {
    let file = yard.path().join("factory.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.split("obligations:").next().unwrap();
    std::fs::write(file, format!("{text}{obligations}")).unwrap();
}

fn statement(about: &str, finished: &str) -> Value {
    json!({
        "_type": STATEMENT,
        "subject": [{ "name": "it", "digest": { "sha256": about.trim_start_matches("sha256:") } }],
        "predicateType": SCAN,
        "predicate": { "run": { "finishedOn": finished } },
    })
}

fn days_ago(days: i64) -> String {
    let now: Time = jiff::Timestamp::now().into();
    now.plus_millis(-days * 86_400_000).to_string()
}

/// The digest of the spec, as the command prints it.
fn spec(yard: &Yard) -> String {
    yard.run(&["digest"]).exits(0).out.split_whitespace().find(|w| w.starts_with("sha256:")).unwrap().to_owned()
}

fn write(yard: &Yard, name: &str, statement: &Value, seed: u8) {
    let envelope = Envelope::sign(IN_TOTO, statement.to_string().as_bytes(), &scanner(seed));
    std::fs::write(yard.path().join(name), serde_json::to_vec(&envelope).unwrap()).unwrap();
}

fn add(yard: &Yard, file: &str, obligation: &str) -> Ran {
    yard.run_as(RIA, &["attest", "add", file, "--obligation", obligation, "--format", "json"])
}

fn obligation(yard: &Yard, id: &str) -> Value {
    let status = yard.run(&["status", "--submitted", "--stage", "production", "--format", "json"]).json();
    status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == id).cloned().unwrap()
}

fn is(yard: &Yard, id: &str, state: &str, why: &str) {
    let now = obligation(yard, id);
    assert!(now["state"] == state && now["why"].as_str().unwrap().contains(why), "{state}, `{why}`: {now}");
}

#[test]
fn a_statement_of_somebody_else_discharges_what_the_factory_asks_for() {
    let yard = yard();
    is(&yard, "scanned", "open", "nothing of the type `https://scanner.example/scan/v1` was accepted");
    let open = obligation(&yard, "scanned");
    assert!(open.to_string().contains("seatrial attest add FILE --obligation scanned"), "{open}");

    write(&yard, "scan.json", &statement(&spec(&yard), &days_ago(1)), 3);
    let accepted = add(&yard, "scan.json", "scanned").exits(0).json();
    let key = AttestorKey::from_bytes(*scanner(3).verifier_key().public_key());
    assert_eq!(accepted["key"], key.id().to_string());
    assert_eq!(accepted["subject"], spec(&yard));
    is(&yard, "scanned", "discharged", "attested by the key");

    // Another spec is another subject; the old one again is what was attested.
    let before = yard.text();
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    yard.run_as(DEV, &["submit"]).exits(0);
    is(&yard, "scanned", "stale", "changed since: `steps.assess.escalate.large");
    let refused = add(&yard, "scan.json", "scanned").exits(2);
    assert!(refused.err.contains("it has to be about `sha256:"), "{}", refused.err);
    std::fs::write(yard.workflow(), before).unwrap();
    yard.run_as(DEV, &["submit"]).exits(0);
    is(&yard, "scanned", "discharged", "attested by the key");

    // A key that is added takes nothing away; one that is removed takes its word with it.
    declare(&yard, &obligations(&[3, 4], "The scanner passed this spec"));
    is(&yard, "scanned", "discharged", "attested by the key");
    declare(&yard, &obligations(&[4], "The scanner passed this spec"));
    is(&yard, "scanned", "open", "is none of those that are asked for");

    recorded(&yard);
}

/// The log verifies, its export carries the envelope, and a changed byte of it is found.
fn recorded(yard: &Yard) {
    yard.run(&["log", "verify"]).exits(0);
    yard.run(&["log", "export", "exported"]).exits(0);
    let report = yard.run(&["log", "verify", "exported", "--format", "json"]).exits(0).json();
    assert_eq!(report["attestations"], 1, "{report}");
    let envelope = std::fs::read(yard.path().join("scan.json")).unwrap();
    let blob = yard.path().join("exported/blobs").join(Digest::of(&envelope).hex());
    let mut bad = std::fs::read(&blob).unwrap();
    assert_eq!(bad, envelope);
    let at = bad.len() - 20;
    bad[at] ^= 1;
    std::fs::write(&blob, bad).unwrap();
    let report = yard.run(&["log", "verify", "exported", "--format", "json"]).exits(1).json();
    assert!(report["problems"].to_string().contains("the attestation does not count"), "{report}");
}

#[test]
fn what_is_not_what_was_asked_for_is_refused_and_nothing_is_recorded() {
    let yard = yard();
    let good = statement(&spec(&yard), &days_ago(1));
    let refused = |says: &str, file: &str, obligation: &str, code: i32| {
        let ran = add(&yard, file, obligation).exits(code);
        assert!(ran.err.contains(says) && ran.err.contains("nothing was"), "`{says}`: {}", ran.err);
    };
    write(&yard, "good.json", &good, 3);
    let text = std::fs::read_to_string(yard.path().join("good.json")).unwrap();
    let at = text.find("\"payload\":\"").unwrap() + 40;
    let mut changed = text.into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(yard.path().join("changed.json"), changed).unwrap();
    refused("no signature in it is good by the key", "changed.json", "scanned", 2);
    write(&yard, "other.json", &good, 4);
    refused("no signature in it is good by the key", "other.json", "scanned", 2);
    let mut wrong = good.clone();
    wrong["predicateType"] = json!("https://scanner.example/scan/v2");
    write(&yard, "type.json", &wrong, 3);
    refused("`https://scanner.example/scan/v1` is asked for", "type.json", "scanned", 2);
    write(&yard, "about.json", &statement(&Digest::of(b"x").to_string(), &days_ago(1)), 3);
    refused("it has to be about `sha256:", "about.json", "scanned", 2);
    std::fs::write(yard.path().join("text.json"), "{}").unwrap();
    refused("it is no DSSE envelope", "text.json", "scanned", 2);
    refused("cannot be read", "none.json", "scanned", 2);
    refused(
        "no obligation `spec.intent` asks for an attestation; these do: read-lately, scanned",
        "good.json",
        "spec.intent",
        2,
    );

    // Only whom the factory names adds it, and where two ask, one is named.
    let ran = yard.run_as(HANA, &["attest", "add", "good.json", "--obligation", "scanned"]).exits(3);
    assert!(ran.err.contains("nothing was done"), "{}", ran.err);
    let ran = yard.run_as(RIA, &["attest", "add", "good.json"]).exits(2);
    assert!(ran.err.contains("name the obligation") && ran.err.contains("read-lately, scanned"), "{}", ran.err);
    is(&yard, "scanned", "open", "nothing of the type");
    let log = yard.run(&["log", "verify", "--format", "json"]).exits(0).out;
    assert!(!log.contains("attestations"), "nothing was recorded: {log}");
}

#[test]
fn what_was_attested_long_ago_is_not_young_because_it_is_added_today() {
    let yard = yard();
    let file = Digest::of(&std::fs::read(yard.workflow()).unwrap()).to_string();
    for (name, finished, says) in [
        ("old.json", days_ago(91), "it holds for 90d: have a new one signed"),
        ("ahead.json", days_ago(-1), "which is yet to come"),
        ("never.json", "yesterday".to_owned(), "states no time at `run.finishedOn`"),
    ] {
        write(&yard, name, &statement(&file, &finished), 3);
        let ran = add(&yard, name, "read-lately").exits(2);
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    write(&yard, "lately.json", &statement(&file, &days_ago(89)), 3);
    add(&yard, "lately.json", "read-lately").exits(0);
    is(&yard, "read-lately", "discharged", "counted from");
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    yard.run_as(DEV, &["submit"]).exits(0);
    is(&yard, "read-lately", "stale", "changed since");
}

#[test]
fn statements_are_verified_without_a_factory() {
    let yard = Yard::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| Ran::of(crate::support::seatrial(elsewhere.path()).args(args).output().unwrap());
    std::fs::write(elsewhere.path().join("image"), "image").unwrap();
    write(&yard, "scan.json", &statement(&Digest::of(b"image").to_string(), &days_ago(1)), 3);
    std::fs::rename(yard.path().join("scan.json"), elsewhere.path().join("scan.json")).unwrap();
    std::fs::write(elsewhere.path().join("key.pem"), pem(3)).unwrap();
    let good = ["attest", "verify", "scan.json", "--key", "key.pem", "--subject", "image"];
    let said = run(&good).exits(0).out;
    assert!(said.contains("scan.json: verified") && said.contains("it, as asked") && said.contains(SCAN), "{said}");
    std::fs::write(elsewhere.path().join("image"), "another").unwrap();
    assert!(run(&good).exits(1).out.contains("NOT verified: it is not about"));
    let json = run(&["attest", "verify", "scan.json", "--key", &pem(4), "--format", "json"]).exits(1).json();
    assert_eq!(json["verified"], false);
    let none = run(&["attest", "verify", "scan.json", "--key", "nothing"]).exits(2);
    assert!(
        none.err.contains("is not an Ed25519 public key") && none.err.contains("nothing was checked"),
        "{}",
        none.err
    );
    run(&["attest", "verify", "scan.json"]).exits(2);
}

#[test]
fn what_we_export_verifies_with_the_key_of_the_log() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    yard.run_as(HANA, &["approve", "approval.credit", "--stage", "pilot", "--yes"]).exits(0);
    yard.run_as(HANA, &["attest", "export", "out"]).exits(0);
    let key = yard.path().join("out/KEY").display().to_string();
    let file = std::fs::read_dir(yard.path().join("out")).unwrap().map(|e| e.unwrap().path());
    let file = file.into_iter().find(|p| p.display().to_string().ends_with("-approval.json")).unwrap();
    let said = yard.run(&["attest", "verify", file.to_str().unwrap(), "--key", &key]).exits(0).out;
    assert!(
        said.contains(": verified") && said.contains("urn:seatrial:approval:v1") && said.contains(&spec(&yard)),
        "{said}"
    );
}
