//! Usage: exit codes, colours, folders, who acts.

use crate::support::{DEV, HANA, Yard, seatrial};

#[test]
fn usage_errors_end_with_two() {
    let yard = Yard::new();
    for args in [&["stauts"][..], &[], &["status", "--stage", "retired"], &["approve"], &["-C", "no/such", "status"]] {
        let ran = yard.run(args).exits(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}");
    }
    assert!(yard.run(&["stauts"]).err.contains("status"), "a near miss is suggested");
    assert!(yard.run(&["--help"]).exits(0).out.contains("SEATRIAL_TOKEN"));
    assert!(yard.run(&["--version"]).exits(0).out.starts_with("seatrial "));
}

#[test]
fn readers_make_no_store_and_writers_say_who_they_are() {
    let yard = Yard::new();
    yard.run(&["status"]).exits(1);
    yard.run(&["explain", "spec.intent"]).exits(1);
    yard.run(&["log", "verify"]).exits(2);
    let ran = yard.run(&["submit"]).exits(2);
    assert!(ran.err.contains("--as PERSON") && ran.err.contains(DEV), "{}", ran.err);
    assert!(!yard.path().join(".seatrial").exists());
    let ran = yard.run(&["submit", "--as", "nobody@x.example"]).exits(2);
    assert!(ran.err.contains("`nobody@x.example`"), "{}", ran.err);
}

#[test]
fn a_folder_is_entered_as_git_enters_it() {
    let yard = Yard::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let inside = yard.path().join("workflows/credit-preapproval/examples");
    for dir in [yard.path(), &inside] {
        let output =
            seatrial(elsewhere.path()).arg("-C").arg(dir).args(["status", "--format", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(status["workflow"], "credit-preapproval");
    }
    let output = seatrial(elsewhere.path()).arg("status").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("factory.yaml"));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let yard = Yard::new();
    let esc = |ran: &str| ran.contains('\u{1b}');
    assert!(!esc(&yard.run(&["status"]).out), "a pipe gets none");
    assert!(esc(&yard.run(&["status", "--color", "always"]).out));
    assert!(!esc(&yard.run(&["status", "--color", "never"]).out));
    assert!(!esc(&yard.run_with(&[("NO_COLOR", "1")], &["status"]).out));
    assert!(!esc(&yard.run(&["status", "--format", "json", "--color", "always"]).out));
}

#[test]
fn what_is_typed_cannot_act_on_the_terminal() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    for args in [
        &["explain", "x\u{1b}[2Jy"][..],
        &["check", "x\u{1b}[2Jy"],
        &["digest", "x\u{1b}[2Jy"],
        &["status", "--workflow", "x\u{1b}[2Jy"],
        &["accept", "x\u{1b}[2Jy", "--as", HANA],
        &["stop", "--step", "x\u{1b}[2Jy", "--reason", "r", "--as", HANA],
    ] {
        let ran = yard.run(args).exits(2);
        assert!(!ran.err.contains('\u{1b}'), "{args:?}: {}", ran.err);
        let ran = yard.run(&[args, &["--format", "json"]].concat()).exits(2);
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(error["exit"], 2);
    }
}

#[test]
fn tokens_authenticate_and_name_their_person() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let token = yard.run_as(HANA, &["token", "issue", "operator", HANA, "-q"]).exits(0).out;
    let token = token.trim();
    assert!(token.starts_with("seatrial_"), "{token}");
    let listed = yard.run(&["token", "list", "--format", "json"]).exits(0);
    assert!(!listed.out.contains(token), "its text is never shown again");
    let name = listed.json()[0]["token"].as_str().unwrap().to_owned();
    let with = |args: &[&str]| yard.run_with(&[("SEATRIAL_TOKEN", token)], args);
    with(&["approve", "spec.intent", "--yes"]).exits(0);
    with(&["submit", "--as", DEV]).exits(2);
    yard.run_as(HANA, &["token", "revoke", &name]).exits(0);
    let ran = with(&["approve", "approval.credit", "--yes"]).exits(3);
    assert!(ran.err.contains("token"), "{}", ran.err);
    assert_eq!(yard.run(&["token", "list", "--format", "json"]).json()[0]["state"], "revoked");
}
