//! Approvals that a person signs with their own SSH key: made and checked with OpenSSH's own `ssh-keygen`.

use super::{obligation, yard};
use crate::support::{DEV, HANA, RIA, Ran, Yard};
use std::path::Path;
use std::process::{Command, Stdio};

/// A key of one's own, without a passphrase; gives the public one without its comment.
fn key(dir: &Path, name: &str) -> String {
    let args = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name];
    let made = Command::new("ssh-keygen").args(args).current_dir(dir).status();
    let made = made.unwrap_or_else(|e| panic!("OpenSSH's `ssh-keygen` is needed (package openssh-client): {e}"));
    assert!(made.success());
    let public = std::fs::read_to_string(dir.join(format!("{name}.pub"))).unwrap();
    public.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// `ssh-keygen -Y sign`, as a person runs it.
fn sign(dir: &Path, key: &str, file: &str) {
    let args = ["-q", "-Y", "sign", "-n", "seatrial", "-f", key, file];
    assert!(Command::new("ssh-keygen").args(args).current_dir(dir).status().unwrap().success());
}

/// `ssh-keygen -Y verify` over what `seatrial log statement --out` wrote.
fn openssh_accepts(dir: &Path, who: &str) -> bool {
    let statement = std::fs::File::open(dir.join("statement.json")).unwrap();
    let args = ["-Y", "verify", "-n", "seatrial", "-f", "allowed_signers", "-I", who, "-s", "statement.json.sig"];
    let mut command = Command::new("ssh-keygen");
    command.args(args).current_dir(dir).stdin(statement).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

/// A real factory in which Hana has a key.
fn real() -> Yard {
    let keys = tempfile::tempdir().unwrap();
    let hana = key(keys.path(), "hana");
    key(keys.path(), "stranger");
    let entry = "roles: [credit, underwriters], deputy: hugo@harbour.example }";
    let with = format!("roles: [credit, underwriters], deputy: hugo@harbour.example, keys: [\"{hana}\"] }}");
    let yard = yard(&[("kind: simulation", "kind: real"), (entry, &with)], "");
    for name in ["hana", "stranger"] {
        std::fs::copy(keys.path().join(name), yard.path().join(name)).unwrap();
    }
    yard.run_as(DEV, &["submit"]).exits(0);
    yard
}

const CREDIT: [&str; 4] = ["approve", "approval.credit", "--stage", "production"];

fn approve(yard: &Yard, who: &str, more: &[&str]) -> Ran {
    yard.run_as(who, &[&CREDIT[..], more].concat())
}

fn event(ran: Ran) -> String {
    ran.exits(0).json()["approval"].as_str().unwrap().to_owned()
}

#[test]
fn a_signature_makes_an_approval_the_persons_own() {
    let yard = real();
    // Whoever holds the machine is not sure enough for production; a signature is.
    let local = approve(&yard, HANA, &["--yes"]).exits(3);
    assert!(local.err.contains("a signature"), "{}", local.err);
    approve(&yard, HANA, &["--print-statement", "statement"]).exits(0);
    let statement = std::fs::read_to_string(yard.path().join("statement")).unwrap();
    let fields: serde_json::Value = serde_json::from_str(&statement).unwrap();
    assert_eq!(
        (fields["who"].as_str(), fields["origin"].as_str()),
        (Some(HANA), Some("harbour-bank/credit-preapproval"))
    );
    sign(yard.path(), "stranger", "statement");
    let other = approve(&yard, HANA, &["--signature", "statement.sig"]).exits(3);
    assert!(other.err.contains("none of the keys given"), "{}", other.err);
    std::fs::remove_file(yard.path().join("statement.sig")).unwrap();
    sign(yard.path(), "hana", "statement");
    let nobody = approve(&yard, RIA, &["--signature", "statement.sig", "--role", "credit"]).exits(3);
    assert!(nobody.err.contains("no `keys`"), "{}", nobody.err);
    let approval = event(approve(&yard, HANA, &["--signature", "statement.sig", "--format", "json"]));
    let stands = obligation(&yard, "production", "approval.credit");
    assert_eq!(stands["state"], "discharged", "{stands}");
    // The same bytes follow from the event.
    let again = yard.run(&["log", "statement", &approval]).exits(0).out;
    assert_eq!(again, statement);

    // Withdrawn, it is not given again by whoever still has the signature.
    yard.run_as(HANA, &["withdraw", &approval]).exits(3);
    let token = yard.run_as(HANA, &["token", "issue", "operator", HANA, "--format", "json"]);
    let token = token.exits(0).json()["token"].as_str().unwrap().to_owned();
    let with_token = |args: &[&str]| yard.run_with(&[("SEATRIAL_TOKEN", &token)], args);
    with_token(&["withdraw", &approval]).exits(0);
    let replayed = approve(&yard, HANA, &["--signature", "statement.sig"]).exits(3);
    assert!(replayed.err.contains("does not fit what was signed"), "{}", replayed.err);
    let second = event(approve(&yard, HANA, &["--sign-with", "hana", "--yes", "--format", "json"]));
    assert_ne!(second, approval);
    let refused = approve(&yard, HANA, &["--sign-with", "stranger", "--yes"]).exits(3);
    assert!(refused.err.contains("none of the keys given"), "{}", refused.err);
    offline(&yard, &second);
}

/// Without this program, and without its node: OpenSSH accepts what the log holds, and a changed byte is found.
fn offline(yard: &Yard, approval: &str) {
    yard.run(&["log", "statement", approval, "--out", "approval"]).exits(0);
    let dir = yard.path().join("approval");
    assert!(openssh_accepts(&dir, HANA));
    assert!(!openssh_accepts(&dir, RIA), "it is nobody else's");
    for name in ["statement.json", "statement.json.sig"] {
        let path = dir.join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] = if bad[middle] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, &bad).unwrap();
        assert!(!openssh_accepts(&dir, HANA), "{name}");
        std::fs::write(&path, good).unwrap();
    }
    assert!(openssh_accepts(&dir, HANA));

    yard.run(&["log", "export", "exported"]).exits(0);
    let report = yard.run(&["log", "verify", "exported", "--format", "json"]).exits(0).json();
    assert_eq!((report["approvals"].as_u64(), report["approvals_signed"].as_u64()), (Some(2), Some(2)), "{report}");
    assert!(yard.run(&["log", "verify"]).exits(0).out.contains("2 signed with the person's own key"));
    let armour = std::fs::read(dir.join("statement.json.sig")).unwrap();
    let blobs = std::fs::read_dir(yard.path().join("exported/blobs")).unwrap().map(|e| e.unwrap().path());
    let signature = blobs.into_iter().find(|path| std::fs::read(path).unwrap() == armour).unwrap();
    let mut bad = armour.clone();
    let middle = bad.len() / 2;
    bad[middle] = if bad[middle] == b'A' { b'B' } else { b'A' };
    std::fs::write(&signature, bad).unwrap();
    let report = yard.run(&["log", "verify", "exported", "--format", "json"]).exits(1).json();
    assert_eq!(report["approvals_signed"], 1, "{report}");
    assert!(report["problems"].to_string().contains("signature"), "{report}");
}
