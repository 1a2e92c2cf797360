//! An export verifies without us: by the same program, by the small one, by Go's own packages.

use super::yard::{WORKFLOW, Yard};
use super::{Draws, soak};
use seatrial_ledger::VerifierKey;
use seatrial_verify::{Folder, Trust, verify};
use std::path::{Path, PathBuf};
use std::process::Command;

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// The small verifier, built beside the binary under test.
fn small_verifier() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "seatrial-verify", "--bin", "seatrial-verify"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_seatrial")).with_file_name("seatrial-verify")
}

/// The program on Go's `sumdb/tlog` and `sumdb/note`; none where there is no Go, which is a failure in CI.
fn go_verifier(into: &Path) -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        assert!(std::env::var("CI").is_err(), "`go` is missing: install golang-go and golang-golang-x-mod-dev");
        eprintln!("SKIPPED: `go` is missing; install golang-go and golang-golang-x-mod-dev to run this test");
        return None;
    }
    let program = into.join("go-interop");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg("main.go")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/go-interop"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", into.join("cache"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

#[test]
fn an_export_verifies_without_us_and_a_changed_byte_is_found() {
    let yard = Yard::new();
    let out = yard.beside("exported");
    let out_name = out.to_str().unwrap();
    yard.run(&["log", "export", out_name, "--payloads", "--workflow", WORKFLOW]).exits(0);
    let key = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    let report = yard.run(&["log", "verify", out_name, "--key", &key, "--format", "json"]).exits(0).json();
    assert_eq!((report["verified"].as_bool(), report["key_origin"].as_str()), (Some(true), Some("given")));
    assert_eq!(report["decisions"], report["findings_recomputed"]);
    let entries = report["size"].as_u64().unwrap();

    let small = small_verifier();
    let checked = Command::new(&small).arg(&out).args(["--key", &key]).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    let go_dir = tempfile::tempdir().unwrap();
    let go = go_verifier(go_dir.path());
    let by_go = || go.as_ref().map(|go| Command::new(go).arg(&out).arg(&key).output().unwrap());
    if let Some(checked) = by_go() {
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(said.starts_with(&format!("verified {entries} entries")), "{said}");
    }

    // Of each file one byte; of payloads, of which there are many, some.
    let trust = Trust { key: Some(key.parse::<VerifierKey>().unwrap()), ..Trust::default() };
    let mut draws = Draws(3);
    let mut tried = 0;
    for file in files(&out) {
        let place = file.strip_prefix(&out).unwrap().to_str().unwrap();
        if place.starts_with("payloads/") && !soak() && draws.below(40) != 0 {
            continue;
        }
        let before = std::fs::read(&file).unwrap();
        let mut after = before.clone();
        let at = draws.below(after.len());
        after[at] ^= 1 << draws.below(8);
        std::fs::write(&file, &after).unwrap();
        let report = verify(&Folder::open(&out).unwrap(), &trust);
        assert!(!report.verified, "{place}, byte {at}");
        assert!(report.problems.iter().any(|p| p.place.contains(place)), "{place}, byte {at}: {:?}", report.problems);
        if place == "checkpoint" || place.starts_with("tile/") {
            let ours = Command::new(&small).arg(&out).args(["--key", &key]).output().unwrap();
            assert_eq!(ours.status.code(), Some(1), "{place}, byte {at}");
            yard.run(&["log", "verify", out_name, "--key", &key]).exits(1);
            if let Some(theirs) = by_go() {
                assert!(!theirs.status.success(), "Go takes it: {place}, byte {at}");
            }
        }
        std::fs::write(&file, &before).unwrap();
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
    assert!(verify(&Folder::open(&out).unwrap(), &trust).verified);
    // Another log's key opens nothing.
    let other = yard.run(&["log", "key", "--workflow", "factory"]).exits(0).out.trim().to_owned();
    yard.run(&["log", "verify", out_name, "--key", &other]).exits(1);
}
