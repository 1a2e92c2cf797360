//! Human judgement by commands: what changed is shown, an outdated key is refused with what changed, reaffirmations,
//! waivers, documents, the factory's own policies.

mod signed;

use crate::support::{DEV, HANA, HUGO, LENA, RIA, Yard};
use seatrial_model::Time;
use serde_json::Value;

const REX: &str = "rex@harbour.example";
const UNA: &str = "una@harbour.example";

/// A yard whose factory.yaml was changed before anything was opened.
fn yard(edits: &[(&str, &str)], more: &str) -> Yard {
    let yard = Yard::new();
    let file = yard.path().join("factory.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "`{from}`");
        text = text.replace(from, to);
    }
    std::fs::write(&file, format!("{text}\n{more}")).unwrap();
    yard
}

fn obligation(yard: &Yard, stage: &str, id: &str) -> Value {
    let status = yard.run(&["status", "--submitted", "--stage", stage, "--format", "json"]).json();
    let found = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("no `{id}` in {status}"))
}

fn state(yard: &Yard, id: &str) -> String {
    obligation(yard, "pilot", id)["state"].as_str().unwrap().to_owned()
}

fn in_days(days: i64) -> String {
    let now: Time = jiff::Timestamp::now().into();
    now.plus_millis(days * 86_400_000).day().to_string()
}

fn look(yard: &Yard, who: &str, id: &str) -> Value {
    yard.run_as(who, &["approve", id, "--stage", "pilot", "--show", "--format", "json"]).exits(0).json()
}

#[test]
fn what_changed_since_the_last_look_is_shown_and_an_outdated_key_is_refused_with_it() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let first = look(&yard, HANA, "approval.credit");
    assert!(first["since"].is_null(), "{first}");
    let release = look(&yard, LENA, "release.approval");
    yard.run_as(HANA, &["approve", "approval.credit", "--stage", "pilot", "--yes"]).exits(0);

    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    yard.run_as(DEV, &["submit"]).exits(0);
    let shown = look(&yard, HANA, "approval.credit");
    assert_ne!(shown["key"], first["key"]);
    let since = &shown["since"];
    assert_eq!((since["own"].as_bool(), since["unchanged"].as_bool()), (Some(true), Some(false)), "{since}");
    let changes = since["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "exactly what changed: {since}");
    assert_eq!(changes[0]["name"], "steps.assess.escalate.large");
    assert!(changes[0]["was"].as_str().unwrap().contains("2000"), "{since}");
    assert!(changes[0]["now"].as_str().unwrap().contains("2500"), "{since}");
    // Somebody else, who never looked, sees it since that approval, too.
    assert_eq!(look(&yard, HUGO, "approval.credit")["since"]["own"], false);
    let human = yard.run_as(HANA, &["approve", "approval.credit", "--stage", "pilot", "--dry-run"]).exits(0).out;
    assert!(
        human.contains("changed since you approved it on")
            && human.contains("    - ")
            && human.contains("amount > 2000"),
        "{human}"
    );

    let key = first["key"].as_str().unwrap();
    let outdated = ["approve", "approval.credit", "--stage", "pilot", "--yes", "--key", key];
    let refused = yard.run_as(HANA, &outdated).exits(3);
    assert!(refused.err.contains("steps.assess.escalate.large"), "{}", refused.err);
    // Of a release's approval, the obligations that stand otherwise are named.
    let key = release["key"].as_str().unwrap();
    let refused =
        yard.run_as(LENA, &["approve", "release.approval", "--stage", "pilot", "--yes", "--key", key]).exits(3);
    assert!(refused.err.contains("`approval.credit`"), "{}", refused.err);
    assert_eq!(state(&yard, "approval.credit"), "stale");

    reaffirmed(&yard);
}

fn reaffirmed(yard: &Yard) {
    let reaffirm = |who: &str, id: &str| yard.run_as(who, &["reaffirm", id, "--stage", "pilot", "--yes"]);
    reaffirm(DEV, "approval.credit").exits(3);
    reaffirm(RIA, "approval.credit").exits(3);
    let shown = yard.run_as(HANA, &["reaffirm", "approval.credit", "--stage", "pilot"]).exits(3);
    assert!(shown.out.contains("steps.assess.escalate.large"), "{}", shown.out);
    let done = yard.run_as(HANA, &["reaffirm", "approval.credit", "--stage", "pilot", "--yes", "--format", "json"]);
    assert!(done.exits(0).json()["approval"].as_str().unwrap().starts_with("evt_"));
    let now = obligation(yard, "pilot", "approval.credit");
    assert_eq!(now["state"], "discharged", "{now}");
    let explained = yard.run(&["explain", "approval.credit", "--submitted", "--stage", "pilot"]).exits(0).out;
    assert!(explained.contains("reaffirm"), "{explained}");
    let nothing = reaffirm(HANA, "approval.credit").exits(2);
    assert!(nothing.err.contains("not stale"), "{}", nothing.err);
    let measured = reaffirm(HANA, "eval.boundary").exits(2);
    assert!(measured.err.contains("measured again"), "{}", measured.err);
}

#[test]
fn a_waiver_has_a_second_person_an_end_and_never_hides() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let ask = |who: &str, id: &str, days: i64, more: &[&str]| {
        let until = in_days(days);
        let mut args = vec!["waive", id, "--stage", "pilot", "--reason", "no traffic yet", "--measure", "all are read"];
        args.extend(["--until", &until, "--format", "json"]);
        args.extend(more);
        yard.run_as(who, &args)
    };
    let refused = |ran: crate::support::Ran, code: i32, says: &str| {
        let ran = ran.exits(code);
        assert!(ran.err.contains(says) || ran.out.contains(says), "`{says}`: {ran:?}");
    };
    refused(ask(HANA, "spec.valid", 10, &[]), 2, "nothing to waive");
    refused(ask(HANA, "runtime.enforces", 10, &[]), 2, "never waived");
    refused(ask(HANA, "runtime.trace", 40, &[]), 3, "30");
    refused(ask(RIA, "runtime.trace", 10, &[]), 3, "never operates or owns");
    refused(ask(HANA, "runtime.trace", -2, &[]), 3, "before its request");
    let waiver = ask(HANA, "runtime.trace", 20, &[]).exits(0).json()["waiver"].as_str().unwrap().to_owned();
    assert_eq!(state(&yard, "runtime.trace"), "open", "nobody granted it yet");

    let grant = |who: &str, waiver: &str| yard.run_as(who, &["waive", "grant", waiver, "--yes"]);
    refused(grant(HANA, &waiver), 3, "whoever asked");
    refused(grant(DEV, &waiver), 3, "");
    refused(grant(UNA, "evt_019a0000-0000-7000-8000-000000000000"), 2, "waive list");
    // Nobody grants what was not shown: it is shown first, and without a yes nothing is recorded.
    for (args, code) in [(["waive", "grant", &waiver, "--show"].as_slice(), 0), (&["waive", "grant", &waiver], 3)] {
        let shown = yard.run_as(RIA, args).exits(code);
        for part in ["runtime.trace for pilot: asked", HANA, "until", "no traffic yet", "all are read"] {
            assert!(shown.out.contains(part), "`{part}`: {}", shown.out);
        }
        assert_eq!(shown.err.contains("--yes"), code == 3, "{}", shown.err);
        assert_eq!(state(&yard, "runtime.trace"), "open");
    }
    // To look, nobody has to say who they are.
    let looked = yard.run(&["waive", "grant", &waiver, "--show", "--format", "json"]).exits(0).json();
    assert_eq!((looked["standing"].as_str(), looked["requested_by"].as_str()), (Some("asked"), Some(HANA)), "{looked}");
    let granted = grant(RIA, &waiver).exits(0).out;
    let (before, after) = granted.split_once("granted by").unwrap();
    assert!(before.contains("all are read") && after.contains(RIA), "{granted}");
    refused(grant(REX, &waiver), 3, "granted");
    let now = obligation(&yard, "pilot", "runtime.trace");
    assert_eq!(now["state"], "waived", "{now}");
    assert!(now["why"].as_str().unwrap().contains("beneath it is open"), "what it is beneath is never hidden: {now}");

    // A renewal counts the days in all, and a higher role grants it.
    refused(ask(HUGO, "runtime.trace", 45, &["--renews", &waiver]), 3, "30");
    let renewal = ask(HUGO, "runtime.trace", 25, &["--renews", &waiver]).exits(0).json()["waiver"].clone();
    let renewal = renewal.as_str().unwrap();
    refused(grant(RIA, renewal), 3, "higher role");
    grant(REX, renewal).exits(0);
    let list = yard.run(&["waive", "list", "--stage", "pilot", "--format", "json"]).exits(0).json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(
        list[0]["reason"]["text"]["text"].as_str().or(list[0]["reason"]["text"].as_str()),
        Some("no traffic yet")
    );
    let human = yard.run(&["waive", "list", "--stage", "pilot"]).exits(0).out;
    assert!(human.contains("in force") && human.contains("all are read"), "{human}");

    for (who, waiver) in [(HANA, waiver.as_str()), (REX, renewal)] {
        yard.run_as(who, &["waive", "end", waiver, "--reason", "there is traffic"]).exits(0);
    }
    assert_eq!(state(&yard, "runtime.trace"), "open");
    refused(yard.run_as(HANA, &["waive", "end", &waiver, "--reason", "again"]), 3, "over already");
    let report = yard.run(&["log", "verify", "--format", "json"]).exits(0).json();
    assert_eq!(report["verified"], true);
}

#[test]
fn a_document_is_filed_by_who_holds_the_role() {
    let own = "obligations: { works-council: { title: \"The works council agrees\", stages: [pilot, production], \
               scope: [purpose], document: true, filed_by: credit, waivable: true } }";
    let yard = yard(&[], own);
    yard.run_as(DEV, &["submit"]).exits(0);
    assert_eq!(state(&yard, "works-council"), "open");
    std::fs::write(yard.path().join("agreement.txt"), "agreed").unwrap();
    let file =
        |who: &str, id: &str, file: &str| yard.run_as(who, &["file", id, file, "--stage", "pilot", "--format", "json"]);
    file(UNA, "works-council", "agreement.txt").exits(3);
    file(HANA, "works-council", "none.txt").exits(2);
    file(HANA, "spec.intent", "agreement.txt").exits(2);
    std::fs::write(yard.path().join("big.bin"), vec![b'x'; 10 * 1024 * 1024 + 1]).unwrap();
    let big = file(HANA, "works-council", "big.bin").exits(2);
    assert!(big.err.contains("10485760"), "{}", big.err);
    let filed = file(HANA, "works-council", "agreement.txt").exits(0).json();
    assert_eq!((filed["name"].as_str(), filed["bytes"].as_u64()), (Some("agreement.txt"), Some(6)));
    assert_eq!(state(&yard, "works-council"), "discharged");
    // It goes with the export, and a changed byte of it is found.
    yard.run(&["log", "export", "exported"]).exits(0);
    let blob = filed["document"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
    let path = yard.path().join("exported/blobs").join(blob);
    assert_eq!(std::fs::read(&path).unwrap(), b"agreed");
    std::fs::write(&path, b"refused").unwrap();
    yard.run(&["log", "verify", "exported"]).exits(1);
}

#[test]
fn the_factorys_own_policies_forbid_open_what_they_name_and_fail_closed() {
    let yard = yard(&[], "policies: [policies/own.cedar]");
    let own = yard.path().join("policies/own.cedar");
    std::fs::create_dir(own.parent().unwrap()).unwrap();
    let good = "@why(\"Hugo is on leave until January\")\n\
                forbid (principal == Person::\"hugo@harbour.example\", action, resource);\n\
                @who(\"heads of consumer credit, in an emergency\")\n\
                permit (principal in Role::\"credit\", action == Action::\"break_glass\", resource);\n";
    std::fs::write(&own, good).unwrap();
    yard.run(&["policy", "check"]).exits(0);
    yard.run_as(DEV, &["submit"]).exits(0);
    let no = yard.run(&["can", HUGO, "approve", "approval.credit", "--stage", "pilot"]).exits(1).out;
    assert!(no.contains("on leave") && no.contains("of the factory") && no.contains(HANA), "{no}");
    yard.run_as(HUGO, &["approve", "approval.credit", "--stage", "pilot", "--yes"]).exits(3);
    let yes = yard.run(&["can", HANA, "approve", "approval.credit", "--stage", "pilot", "--format", "json"]);
    assert_eq!(yes.exits(0).json()["permits"][0]["origin"], "spec");
    // Whoever stopped resumes only because a policy names that; the log says so.
    yard.run_as(HANA, &["stop", "--reason", "wrong prices"]).exits(0);
    yard.run_as(HANA, &["resume", "--reason", "nobody else is there"]).exits(0);
    yard.run_as(LENA, &["stop", "--reason", "wrong prices"]).exits(0);
    yard.run_as(LENA, &["resume", "--reason", "mine"]).exits(3);
    yard.run(&["log", "export", "exported"]).exits(0);
    let entries = std::fs::read(entries_file(&yard)).unwrap();
    assert!(String::from_utf8_lossy(&entries).contains("\"break_glass\":true"));

    // Broken, they permit nothing to anybody, and everything says why.
    std::fs::write(&own, "permit (principal, action == Action::\"fly\", resource);").unwrap();
    let broken = yard.run(&["policy", "check"]).exits(1).out;
    assert!(broken.contains("policies/own.cedar"), "{broken}");
    let refused = yard.run_as(HANA, &["approve", "approval.credit", "--stage", "pilot", "--yes"]).exits(3);
    assert!(refused.err.contains("nothing is permitted until that is put right"), "{}", refused.err);
    std::fs::remove_file(&own).unwrap();
    let refused = yard.run_as(DEV, &["submit"]);
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    let refused = if refused.code == 0 { yard.run_as(DEV, &["submit"]) } else { refused }.exits(3);
    assert!(refused.err.contains("cannot be read"), "{}", refused.err);
    std::fs::write(&own, good).unwrap();
    yard.run_as(DEV, &["submit"]).exits(0);
}

fn entries_file(yard: &Yard) -> std::path::PathBuf {
    let folder = yard.path().join("exported/tile/entries/000.p");
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn can_says_who_and_why() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let can = |args: &[&str]| yard.run(&[&["can"], args].concat());
    let list = can(&["--list", "--format", "json"]).exits(0).json();
    assert!(list.as_array().unwrap().len() > 25);
    can(&[HANA, "approve", "approval.credit", "--stage", "pilot"]).exits(0);
    let author = can(&[DEV, "approve", "release.approval", "--stage", "pilot"]).exits(1).out;
    assert!(author.contains("an author never approves") && author.contains(LENA), "{author}");
    let local = can(&[RIA, "approve", "approval.risk", "--stage", "production", "--assurance", "local"]);
    // The example is a simulation: there it suffices.
    local.exits(0);
    let agent = can(&["agent:copilot", "release", "--stage", "pilot"]).exits(1).out;
    assert!(agent.contains("agents and services never do"), "{agent}");
    can(&["agent:copilot", "evaluate"]).exits(0);
    can(&["service:shop", "call", "assess", "--token", "caller"]).exits(0);
    can(&["service:shop", "evaluate", "--token", "ci"]).exits(0);
    can(&["service:shop", "replay", "--token", "ci"]).exits(1);
    let wrong_role = can(&[UNA, "approve", "approval.credit", "--stage", "pilot"]).exits(1).out;
    assert!(wrong_role.contains("people who hold `credit`, for pilot"), "{wrong_role}");
    assert!(wrong_role.contains(&format!("who could: {HANA}, {HUGO}")), "{wrong_role}");
    can(&["nobody@harbour.example", "approve"]).exits(2);
    can(&[HANA, "fly"]).exits(2);
    let text = yard.run(&["policy", "show"]).exits(0).out;
    assert!(text.contains("an author never approves") && text.contains("people who hold `credit`, for pilot"));
    assert!(yard.run(&["policy", "schema"]).exits(0).out.contains("entity Person"));
}
