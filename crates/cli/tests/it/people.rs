//! What people do with decisions, by commands, against a workflow that is served.

use crate::owner::Served;
use crate::support::{DEV, HANA, HUGO, RIA, Ran, Yard};
use seatrial_ledger::{TlogProof, VerifierKey};
use seatrial_model::Digest;
use serde_json::Value;
use std::path::Path;

const UNA: &str = "una@harbour.example";
const UGO: &str = "ugo@harbour.example";
const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn json(yard: &Yard, who: &str, args: &[&str]) -> Value {
    yard.run_as(who, &[args, &["--format", "json"]].concat()).exits(0).json()
}

fn id<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}`: {value}"))
}

/// The open reviews of somebody that are of a kind.
fn open(yard: &Yard, who: &str, kind: impl Fn(&Value) -> bool) -> Vec<Value> {
    let all = json(yard, who, &["review", "list", "--limit", "500"]);
    all.as_array().unwrap().iter().filter(|r| r["rehearsal"] == false && kind(r)).cloned().collect()
}

#[test]
fn people_work_on_a_served_workflow() {
    let yard = Yard { dir: tempfile::tempdir().unwrap() };
    yard.run(&["demo", "--exit", "--quiet", "--dir", yard.path().to_str().unwrap()]).exits(0);
    let served = Served::start(&yard);
    reviews(&yard);
    own(&yard);
    blind(&yard);
    overrides_and_outcomes(&yard);
    questions(&yard);
    proves(&yard);
    differs(&yard);
    yard.run(&["log", "verify"]).exits(0);
    assert_eq!(served.end("-TERM"), Some(0));
}

fn reviews(yard: &Yard) {
    let found = open(yard, UNA, |r| r["own"] == false && r["audit"] == false);
    assert!(found.iter().all(|r| r["to"] == "underwriters"), "una holds no other role");
    let (review, decision) = (id(&found[0], "review"), id(&found[0], "decision"));
    assert!(yard.run_as(UNA, &["review", "list"]).exits(0).out.contains("underwriters"));
    yard.run(&["review", "list"]).exits(2);
    json(yard, UNA, &["review", "claim", review]);
    let taken = yard.run_as(UGO, &["review", "claim", review]).exits(3);
    assert!(taken.err.contains(UNA), "{}", taken.err);
    yard.run_as(RIA, &["review", "claim", review]).exits(3);
    let shown = yard.run_as(UNA, &["review", "show", review]).exits(0).out;
    assert!(shown.contains("seatrial review answer") && shown.contains("\"decision\""), "{shown}");
    let seen = json(yard, UNA, &["review", "show", review]);
    let commitment = id(&seen["output"], "commitment");
    let answer = |who: &str, seen: &str| {
        yard.run_as(who, &["review", "answer", review, "accept", "--reason", "proven", "--seen", seen])
    };
    answer(UNA, NOTHING).exits(3);
    answer(UGO, commitment).exits(3);
    assert!(answer(UNA, commitment).exits(0).out.contains("answered `accept`"));
    answer(UNA, commitment).exits(3);
    let chain = json(yard, UNA, &["decision", "show", decision]);
    assert_eq!((&chain["status"], &chain["verdict"]), (&"settled".into(), &"escalate".into()));
    assert_eq!(chain["released"]["text"], chain["output"]["text"]);
}

/// What nobody may release as the AI's is decided by a person.
fn own(yard: &Yard) {
    let found = open(yard, UNA, |r| r["own"] == true);
    let review = id(&found[0], "review");
    let seen = json(yard, UNA, &["review", "show", review]);
    let answer = |rest: &[&str]| {
        let seen = id(&seen["output"], "commitment");
        yard.run_as(UNA, &[&["review", "answer", review, "--reason", "r", "--seen", seen], rest].concat())
    };
    answer(&["accept"]).exits(2);
    answer(&["own"]).exits(2);
    let output = r#"{"decision":"decline","confidence":1.0}"#;
    answer(&["own", "--output", output]).exits(0);
    let chain = json(yard, UNA, &["decision", "show", id(&found[0], "decision")]);
    assert_eq!(chain["released"]["text"], output);
}

/// An auditor answers before they see what the AI said.
fn blind(yard: &Yard) {
    let found = open(yard, HANA, |r| r["audit"] == true);
    let (review, decision) = (id(&found[0], "review"), id(&found[0], "decision"));
    let hidden = |ran: &Ran| ran.out.contains("hidden") && !ran.out.contains("\"pre-approve\"");
    for args in [["review", "show", review], ["decision", "show", decision]] {
        let ran = yard.run_as(HANA, &args).exits(0);
        assert!(hidden(&ran), "{}", ran.out);
        assert!(hidden(&yard.run_as(HUGO, &args).exits(0)));
    }
    assert!(hidden(&yard.run(&["decision", "show", decision]).exits(0)), "nor by giving no name");
    assert!(yard.run_as(UNA, &["decision", "show", decision]).exits(0).out.contains("\"pre-approve\""));
    let seen = json(yard, HANA, &["review", "show", review]);
    assert_eq!(seen["output"]["state"], "hidden");
    let commitment = id(&seen["output"], "commitment");
    let output = r#"{"decision":"pre-approve","confidence":1.0}"#;
    let answer = ["review", "answer", review, "own", "--reason", "r", "--output", output, "--seen", commitment];
    yard.run_as(HANA, &answer).exits(0);
    assert!(yard.run_as(HANA, &["decision", "show", decision]).exits(0).out.contains("\"pre-approve\""));
}

fn overrides_and_outcomes(yard: &Yard) {
    let allowed = json(yard, UNA, &["decision", "list", "--verdict", "allow", "--limit", "500"]);
    let real = allowed.as_array().unwrap().iter().find(|d| d["rehearsal"] == false).unwrap();
    let decision = id(real, "decision");
    let block = |who: &str, reason: &str| {
        yard.run_as(who, &["override", decision, "block", "--reason", reason, "--text", "two people mixed up"])
    };
    assert!(block(UNA, "a-whim").exits(2).err.contains("wrong-data"), "the spec's reasons are named");
    block(RIA, "wrong-data").exits(3);
    yard.run_as(UNA, &["override", decision, "modify", "--reason", "wrong-data"]).exits(2);
    assert!(block(UNA, "wrong-data").exits(0).out.contains("overridden"));
    let chain = json(yard, UNA, &["decision", "show", decision]);
    assert_eq!((&chain["verdict"], &chain["overridden"]["by"]), (&"allow".into(), &UNA.into()));
    assert!(chain["released"].is_null(), "{}", chain["released"]);
    yard.run_as(UNA, &["outcome", decision, "{"]).exits(2);
    let truth = r#"{"decision":"pre-approve","outcome":"good"}"#;
    let told = json(yard, UNA, &["outcome", decision, truth]);
    assert_eq!((told["recorded"].as_u64(), told["wrong"].as_u64()), (Some(1), Some(0)));
    assert_eq!(json(yard, UNA, &["decision", "show", decision])["outcome"]["wrong"], false);
}

fn questions(yard: &Yard) {
    let status = yard.run(&["status", "--stage", "production", "--format", "json"]).json();
    let event = status["obligations"].as_array().unwrap().iter().find_map(|o| o["events"][0].as_str()).unwrap();
    let answer = |who: &str, name: &str| {
        yard.run_as(who, &["question", "answer", name, "--cites", event, "As reliable as for others"])
    };
    answer(HANA, "short-history").exits(3);
    assert!(answer(RIA, "no-such").exits(2).err.contains("short-history"));
    yard.run_as(RIA, &["question", "answer", "short-history", "uncited"]).exits(2);
    assert!(answer(RIA, "short-history").exits(0).out.contains("answered: evt_"));
    let withdrawn = json(yard, RIA, &["question", "withdraw", "short-history", "Not offered to them"]);
    assert_eq!(withdrawn["withdrawn"], true);
}

/// A proof file is enough, with the key, for whoever has the entry.
fn proves(yard: &Yard) {
    let list = json(yard, UNA, &["decision", "list", "--verdict", "allow", "--limit", "1"]);
    let decision = id(&list[0], "decision");
    let made = yard.run(&["log", "prove", decision, "--out", "d.tlog-proof", "--format", "json"]).exits(0).json();
    let bytes = std::fs::read(yard.path().join("d.tlog-proof")).unwrap();
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), id(&made, "proof"));
    let key = yard.run(&["log", "key", "--workflow", "credit-preapproval"]).exits(0).out;
    let key: VerifierKey = key.trim().parse().unwrap();
    let leaf: Digest = id(&made, "leaf").parse().unwrap();
    let proof = TlogProof::parse(&bytes).unwrap();
    assert_eq!(Some(proof.verify(&leaf, &key).unwrap().size), made["size"].as_u64());
    assert_eq!(made["index"], list[0]["index"]);
    assert!(proof.verify(&Digest::of(b"another"), &key).is_err());
    // The event of the same entry has the same place; nothing is overwritten; what is not there is not proved.
    let chain = json(yard, UNA, &["decision", "show", decision]);
    let printed = yard.run(&["log", "prove", id(&chain, "event")]).exits(0).out;
    assert_eq!(TlogProof::parse(printed.as_bytes()).unwrap().index, proof.index);
    yard.run(&["log", "prove", decision, "--out", "d.tlog-proof"]).exits(2);
    for other in ["dec_019a0000-0000-7000-8000-000000000000", "evt_019a0000-0000-7000-8000-000000000000", "x"] {
        yard.run(&["log", "prove", other, "--out", "no.tlog-proof"]).exits(2);
    }
    assert!(!Path::new(&yard.path().join("no.tlog-proof")).exists());
}

fn differs(yard: &Yard) {
    assert!(yard.run(&["diff"]).exits(0).out.contains("nothing changed in meaning"));
    yard.edit("Age and marital status are no reason", "Neither age nor marital status is a reason");
    let prose = yard.run(&["diff"]).exits(0).out;
    assert!(prose.contains("~ neutral   steps.assess.forbid.protected-reason  prose"), "{prose}");
    let since = yard.run(&["diff", "--released", "--format", "json"]).exits(0).json();
    let paths: Vec<&str> = since["changed"].as_array().unwrap().iter().map(|c| id(c, "path")).collect();
    assert!(paths.contains(&"steps.assess.escalate.large"), "the demo's change comes on top: {paths:?}");
    let (old, new) = (
        id(&since["old"], "spec"),
        id(&yard.run(&["status", "--submitted", "--format", "json"]).json(), "spec").to_owned(),
    );
    let named = yard.run(&["diff", old, &new, "--format", "json"]).exits(0).json();
    assert_eq!((named["changed"].as_array().unwrap().len(), &named["old"]["spec"]), (1, &since["old"]["spec"]));
    yard.run(&["diff", NOTHING]).exits(2);
    yard.run(&["diff", "--released", old]).exits(2);
}

#[test]
fn a_first_submission_says_so() {
    let yard = Yard::new();
    let before = yard.run(&["diff", "--format", "json"]).exits(0).json();
    assert_eq!((&before["old"]["what"], &before["old"]["spec"]), (&"nothing".into(), &Value::Null));
    yard.run(&["diff", "--released"]).exits(1);
    let first = yard.run_as(DEV, &["submit"]).exits(0);
    assert!(first.out.contains("first submission, ") && !first.out.contains(" 1 elements"), "{}", first.out);
    yard.edit("Age and marital status are no reason", "Neither age nor marital status is a reason");
    let second = yard.run_as(DEV, &["submit"]).exits(0);
    assert!(second.out.contains("0 added, 0 removed, 1 changed"), "{}", second.out);
    yard.edit("title: \"", "titel: \"");
    assert!(yard.run(&["diff"]).exits(1).err.contains("seatrial check"));
}
