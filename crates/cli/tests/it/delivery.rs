//! A delivery by commands alone: from a draft to a pilot.

use crate::support::{DEV, HANA, HUGO, LENA, RIA, Yard, drills};
use serde_json::Value;

fn state(yard: &Yard, stage: &str, id: &str) -> String {
    let status = yard.run(&["status", "--stage", stage, "--format", "json"]).json();
    let found = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("no `{id}`"))["state"].as_str().unwrap().to_owned()
}

#[test]
fn from_a_draft_to_a_pilot() {
    let yard = Yard::new();
    let before = yard.text();
    yard.run_as(DEV, &["submit"]).exits(0);
    let again = yard.run_as(DEV, &["submit", "--format", "json"]).exits(0).json();
    assert_eq!(again["new"], false);

    // The number comes from the tuning examples, and only it changes.
    let proposed =
        yard.run_as(DEV, &["calibrate", "approve", "--salt", "5eed", "--write", "--format", "json"]).exits(0).json();
    let at = proposed["at"].as_f64().unwrap();
    assert_eq!(yard.text(), before.replace("at: none ", &format!("at: {at} ")));
    let certified = yard.run_as(DEV, &["calibrate", "approve", "--certify", "--format", "json"]).exits(0).json();
    assert_eq!((certified["certified"].as_bool(), certified["certificate"]["attempt"].as_u64()), (Some(true), Some(1)));

    let evaluated = yard.run_as(DEV, &["eval", "--format", "json"]).exits(0).json();
    let sets: Vec<&str> = evaluated.as_array().unwrap().iter().map(|e| e["set"].as_str().unwrap()).collect();
    assert!(sets.contains(&"boundary") && sets.contains(&"hardship"), "{sets:?}");
    yard.run_as(DEV, &["rehearse"]).exits(0);
    let drill = yard.run_as(HANA, &["drill", "stop", "--resumed-by", HUGO, "--format", "json"]).exits(0).json();
    assert!(drill["refused"].as_u64().unwrap() > 0, "{drill}");
    drills(&|who, args| yard.run_as(who, args).exits(0));

    approvals(&yard);
    release(&yard);
    stale_by_a_change(&yard);
    runs(&yard);
    incident(&yard);
    pilot_and_lapse(&yard);
    record(&yard);
    retire(&yard);
}

/// An incident from its opening to its findings, and the drills in a list.
fn incident(yard: &Yard) {
    let open = ["incident", "open", "--severity", "high", "two customers mixed up"];
    yard.run_as(RIA, &open).exits(3);
    let number =
        yard.run_as(HANA, &[&open[..], &["--format", "json"]].concat()).exits(0).json()["incident"].to_string();
    assert!(yard.run(&["status", "--stage", "pilot"]).out.contains("INCIDENT"));
    yard.run_as(HANA, &["incident", "note", &number, "seen at the counter"]).exits(0);
    yard.run_as(HANA, &["incident", "severity", &number, "medium", "taken back"]).exits(0);
    yard.run_as(HANA, &["incident", "resolve", &number, "too early"]).exits(3);
    let stop = yard.run_as(HANA, &["incident", "decide", &number, "stop", "nothing more", "--format", "json"]).exits(0);
    assert!(stop.json()["stop"].as_str().unwrap().starts_with("evt_"));
    assert!(yard.run(&["status", "--stage", "pilot"]).out.contains("STOPPED"));
    yard.run_as(HUGO, &["resume", "--reason", "corrected"]).exits(0);
    yard.run_as(HANA, &["incident", "hand-over", &number, HUGO, "end of shift"]).exits(0);
    yard.run_as(HUGO, &["incident", "resolve", &number, "both are taken back"]).exits(0);
    let review = ["incident", "review", &number, "no date in the feed", "--finding", "refuse old prices"];
    yard.run_as(HUGO, &review).exits(0);
    let shown = yard.run(&["incident", "show", &number]).exits(0).out;
    assert!(shown.contains("stopped: the whole workflow") && shown.contains("refuse old prices"), "{shown}");
    let markdown = yard.run(&["incident", "show", &number, "--markdown"]).exits(0).out;
    assert!(markdown.contains("## Timeline") && markdown.contains("| severity | medium |"), "{markdown}");
    assert!(yard.run(&["sprint", "backlog"]).exits(0).out.contains("refuse old prices"));
    let all = yard.run(&["incident", "list", "--format", "json"]).exits(0).json();
    assert_eq!(all[0]["state"], "reviewed");
    assert_eq!(yard.run(&["incident", "list", "--open", "--format", "json"]).exits(0).json(), serde_json::json!([]));
    let drills = yard.run(&["drill", "--format", "json"]).exits(0).json();
    assert!(drills.as_array().unwrap().iter().any(|d| d["control"] == "restore"), "{drills}");
    let guided = yard.run_as(HANA, &["drill", "override", "--guide"]).exits(0);
    assert!(guided.out.contains("You take it back"), "{}", guided.out);
    assert!(yard.run(&["drill"]).exits(0).out.contains("override"));
}

/// What a pilot is, and what becomes of its release when an approval is taken back: noticed by whoever owns the store.
fn pilot_and_lapse(yard: &Yard) {
    let next = yard.run(&["next", "--format", "json"]).exits(0).json();
    let first = next.as_array().unwrap().iter().find(|s| s["after"].as_array().unwrap().is_empty()).unwrap();
    assert!(first["command"].as_str().unwrap().starts_with("seatrial "), "{first}");
    yard.run(&["next"]).exits(0);
    let pilots = yard.run(&["pilot", "list", "--format", "json"]).exits(0).json();
    assert_eq!((pilots[0]["number"].as_u64(), pilots[0]["in_force"].as_bool()), (Some(1), Some(true)));
    yard.run(&["pilot", "list"]).exits(0);
    let shown = yard.run(&["pilot", "show", "--markdown"]).exits(0).out;
    assert!(shown.contains("# Pilot 1") && shown.contains("## Is it worth going on?"), "{shown}");
    yard.run(&["pilot", "show", "9"]).exits(2);
    let window = ["--from", "2026-01-01", "--until", "2099-12-31", "--note", "the branch's queue"];
    let measured = yard.run_as(HANA, &[&["measure", "waiting", "0.9", "--format", "json"], &window[..]].concat());
    assert_eq!(measured.exits(0).json()["met"], false);
    yard.run_as(RIA, &[&["measure", "waiting", "0.9"], &window[..]].concat()).exits(3);
    std::fs::write(yard.path().join("cases.csv"), "case_id\nnever-seen\n").unwrap();
    let window = &window[..4];
    let found = yard.run_as(HANA, &[&["reconcile", "cases.csv", "--format", "json"], window].concat()).exits(1).json();
    assert_eq!(
        (found["counts"]["unrecorded"].as_u64(), found["unrecorded"][0].as_str()),
        (Some(1), Some("never-seen"))
    );
    yard.run_as(HANA, &[&["reconcile", "cases.csv", "--column", "id"], window].concat()).exits(2);

    let given = yard.run(&["explain", "approval.credit", "--stage", "pilot", "--format", "json"]).exits(0).json();
    yard.run_as(HANA, &["withdraw", given["events"][0].as_str().unwrap()]).exits(0);
    let status = yard.run(&["status", "--stage", "pilot", "--format", "json"]).exits(1).json();
    let lapsed = &status["in_force"]["lapsed"];
    assert_eq!((lapsed["reaction"].as_str(), lapsed["lost"]["approval.credit"].is_string()), (Some("escalate"), true));
    let said = yard.run(&["status", "--stage", "pilot"]).exits(1).out;
    assert!(said.contains("everything escalates") && said.contains("approval.credit is"), "{said}");
    yard.run_as(HUGO, &["approve", "approval.credit", "--stage", "pilot", "--yes"]).exits(0);
    let status = yard.run(&["status", "--stage", "pilot", "--format", "json"]).json();
    assert!(status["in_force"]["lapsed"].is_null(), "it stands again: {}", status["in_force"]);
    // There is no earlier release to go back to.
    let listed = yard.run(&["rollback", "--list", "--format", "json"]).exits(0).json();
    assert_eq!((listed.as_array().unwrap().len(), listed[0]["in_force"].as_bool()), (1, Some(true)));
    yard.run(&["rollback", "--list"]).exits(0);
    yard.run_as(HANA, &["rollback", "--reason", "too strict"]).exits(2);
}

fn retire(yard: &Yard) {
    let args = ["retire", "--reason", "replaced", "--evidence", "archive 12"];
    yard.run_as(RIA, &args).exits(3);
    yard.run_as(HANA, &args).exits(0);
    yard.run_as(HANA, &args).exits(3);
    let status = yard.run(&["status", "--stage", "pilot"]).out;
    assert!(status.contains("RETIRED"), "{status}");
}

fn approvals(yard: &Yard) {
    // An author approves nothing of their own; nobody approves unasked.
    let refused = yard.run_as(DEV, &["approve", "spec.intent", "--yes"]).exits(3);
    assert!(refused.err.contains("error:"), "{}", refused.err);
    let shown = yard.run_as(HANA, &["approve", "spec.intent"]).exits(3);
    assert!(shown.out.contains("steps.assess.never") && shown.err.contains("--yes"), "{shown:?}");
    let what = yard.run_as(HANA, &["approve", "spec.intent", "--show", "--format", "json"]).exits(0).json();
    let text = what["text"].as_array().unwrap().iter().find(|t| t[0] == "steps.assess.never").unwrap();
    assert!(text[1].as_str().unwrap().contains("output.decision == 'decline'"), "the very words are shown: {text}");
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    yard.run_as(HANA, &["approve", "spec.intent", "--yes", "--key", other]).exits(3);
    assert_eq!(state(yard, "pilot", "spec.intent"), "open");
    let approve = |who: &str, what: &str| yard.run_as(who, &["approve", what, "--stage", "pilot", "--yes"]);
    approve(HANA, "spec.intent").exits(0);
    approve(RIA, "approval.credit").exits(3);
    approve(HANA, "approval.credit").exits(0);
    assert_eq!(state(yard, "pilot", "spec.intent"), "discharged");
}

fn release(yard: &Yard) {
    let missing = yard.run(&["release", "pilot", "--dry-run", "--format", "json"]).exits(1).json();
    assert_eq!(missing["outcome"], "missing");
    assert_eq!(missing["missing"].as_array().unwrap().len(), 1, "{missing}");
    yard.run_as(LENA, &["release", "pilot"]).exits(1);
    yard.run_as(LENA, &["approve", "release.approval", "--yes"]).exits(0);
    yard.run_as(RIA, &["release", "pilot"]).exits(3);
    let cut = yard.run_as(LENA, &["release", "pilot", "--format", "json"]).exits(0).json();
    assert_eq!(
        (cut["outcome"].as_str(), cut["statement"]["level"].as_str()),
        (Some("cut"), Some("SEATRIAL_SIMULATION"))
    );
    let status = yard.run(&["status", "--stage", "pilot", "--format", "json"]).exits(0).json();
    assert_eq!((status["ready"].as_bool(), status["ahead"].as_bool()), (Some(true), Some(false)));
    assert_eq!(status["in_force"]["release"], cut["release"]);
}

fn stale_by_a_change(yard: &Yard) {
    yard.edit("Age and marital status are no reason", "Neither age nor marital status is a reason");
    let ran = yard.run(&["status", "--stage", "pilot"]).exits(1);
    assert!(ran.out.contains("not submitted") && ran.out.contains("the work is ahead of the release"), "{}", ran.out);
    assert!(ran.out.contains("steps.assess.forbid.protected-reason"), "the path that changed is named: {}", ran.out);
    assert_eq!(state(yard, "pilot", "spec.intent"), "stale");
    assert_eq!(state(yard, "pilot", "eval.boundary"), "discharged", "a reason is prose: nothing is measured again");
    yard.edit("Neither age nor marital status is a reason", "Age and marital status are no reason");
    yard.run(&["status", "--stage", "pilot"]).exits(0);
}

fn runs(yard: &Yard) {
    let stopped = yard.run_as(HANA, &["stop", "--reason", "a drill on paper", "--format", "json"]).exits(0).json();
    assert!(stopped["event"].as_str().unwrap().starts_with("evt_"));
    assert!(yard.run(&["status", "--stage", "pilot"]).out.contains("STOPPED"));
    yard.run_as(HANA, &["resume", "--reason", "over"]).exits(3);
    yard.run_as(HUGO, &["resume", "--reason", "over"]).exits(0);
    let list = yard.run(&["decision", "list", "--limit", "1", "--format", "json"]).exits(0).json();
    let decision = list[0]["decision"].as_str().unwrap();
    let chain: Value = yard.run(&["decision", "show", decision, "--format", "json"]).exits(0).json();
    assert_eq!(chain["decision"], decision);
    yard.run(&["decision", "show", decision]).exits(0);
    yard.run_as(HANA, &["accept", "workflow"]).exits(0);
    yard.run(&["assess", "--for", "auditor"]).exits(0);
    yard.run_as(LENA, &["sprint", "open", "--goal", "learn", "--question", "missing-income"]).exits(0);
    assert_eq!(yard.run(&["sprint", "show", "--format", "json"]).exits(0).json()["open"], true);
    yard.run_as(LENA, &["sprint", "close"]).exits(0);
    assert_eq!(yard.run(&["sprint", "show", "--format", "json"]).exits(0).json()["open"], false);
    yard.run_as(LENA, &["handover", "pack", "--out", "pack"]).exits(0);
    assert!(std::fs::read_to_string(yard.path().join("pack/index.html")).unwrap().contains("credit-preapproval"));
    yard.run_as(LENA, &["handover", "pack", "--out", "pack"]).exits(2);
}

/// The log verifies as it lies in the store, as an export, and with the key from outside; a changed byte is found.
fn record(yard: &Yard) {
    let report = yard.run(&["log", "verify", "--format", "json"]).exits(0).json();
    assert_eq!((report["verified"].as_bool(), report["logs"].as_array().unwrap().len()), (Some(true), 2));
    let key = yard.run(&["log", "key", "--workflow", "credit-preapproval"]).exits(0).out;
    yard.run(&["log", "export", "exported"]).exits(0);
    let verified = yard.run(&["log", "verify", "exported", "--key", key.trim(), "--format", "json"]).exits(0).json();
    assert_eq!((verified["verified"].as_bool(), verified["key_origin"].as_str()), (Some(true), Some("given")));
    let rebuilt = yard.run_as(LENA, &["log", "rebuild", "--format", "json"]).exits(0).json();
    assert!(rebuilt.as_array().unwrap().iter().all(|l| l["identical"] == true), "{rebuilt}");
    let entries = yard.path().join("exported/tile/entries/000.p");
    let file = std::fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    yard.run(&["log", "verify", "exported", "--key", key.trim()]).exits(1);
}
