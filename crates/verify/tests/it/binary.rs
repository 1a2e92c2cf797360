//! The binary: its exit codes are a contract.

use crate::fixture::{Log, signer};
use crate::in_order::full;
use seatrial_verify::{ExportOptions, export};
use std::fs;
use std::process::{Command, Output};

pub(crate) fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_seatrial-verify")).args(args).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn zero_one_and_two() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("export");
    export(&full(), &dir, ExportOptions { payloads: true }).unwrap();
    let dir = dir.to_str().unwrap();
    let vkey = signer().verifier_key().to_string();

    let (code, out, err) = run(&[dir, "--key", &vkey]);
    assert!(code == 0 && err.is_empty() && out.ends_with("\nVERIFIED\n"), "{code}: {out}{err}");
    assert!(!out.contains("self-asserted"), "{out}");

    let (_, out, _) = run(&[dir]);
    assert!(out.contains("self-asserted key"), "{out}");
    let (_, out, _) = run(&["--json", dir]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["key_origin"], "self-asserted");

    let other = seatrial_ledger::Signer::from_seed("other", &[1; 32]).unwrap().verifier_key().to_string();
    let (code, out, _) = run(&[dir, "--key", &other]);
    assert_eq!(code, 1);
    assert!(out.contains("PROBLEM   checkpoint: none of the `1` known keys"), "{out}");
    assert!(out.ends_with("NOT VERIFIED\n"), "{out}");

    for (args, why) in [
        (&[][..], "no folder was named"),
        (&[dir, dir][..], "is one folder too many"),
        (&[dir, "--key"][..], "needs a verifier key after it"),
        (&[dir, "--key", "x"][..], "`x` is not a verifier key"),
        (&[dir, "--wrong"][..], "`--wrong` is not an option"),
        (&["/nowhere/at/all"][..], "was not read"),
    ] {
        let (code, out, err) = run(args);
        assert!(code == 2 && out.is_empty() && err.contains(why), "{args:?}: {code} {out} {err}");
        assert!(err.starts_with("nothing was checked"), "{err}");
    }
    assert_eq!(run(&["--help"]).0, 0);
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("export");
    export(&Log::new(), &dir, ExportOptions::default()).unwrap();
    fs::write(dir.join("\u{1b}[2J\u{202e}.txt"), "x").unwrap();
    let (_, out, _) = run(&[dir.to_str().unwrap()]);
    assert!(out.contains("not checked") && !out.contains('\u{1b}') && !out.contains('\u{202e}'), "{out:?}");
}
