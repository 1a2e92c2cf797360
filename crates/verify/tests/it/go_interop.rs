use crate::fixture::{Log, signer};
use crate::in_order::full;
use seatrial_ledger::Checkpoint;
use seatrial_verify::{ExportOptions, export};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Builds the Go program; none where there is no Go, which is a failure in CI.
fn build(into: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/go-interop");
    let program = into.join("go-interop");
    if Command::new("go").arg("version").output().is_err() {
        assert!(std::env::var("CI").is_err(), "`go` is missing: install golang-go and golang-golang-x-mod-dev");
        eprintln!("SKIPPED: `go` is missing; install golang-go and golang-golang-x-mod-dev to run this test");
        return None;
    }
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg("main.go")
        .current_dir(source)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", into.join("cache"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

fn run(program: &Path, dir: &Path) -> Output {
    Command::new(program).arg(dir).arg(signer().verifier_key().to_string()).output().unwrap()
}

#[test]
fn go_reads_what_we_write() {
    let work = tempfile::tempdir().unwrap();
    let Some(program) = build(work.path()) else { return };
    let dir = work.path().join("export");
    export(&full(), &dir, ExportOptions { payloads: true }).unwrap();
    let out = run(&program, &dir);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(said, "verified 276 entries, consistent with 3 earlier checkpoints and with 139 entries\n");

    // It also objects: to an entry, to a tile, and to a log that was written anew under the same key.
    let bundle = dir.join("tile/entries/000");
    let bytes = fs::read(&bundle).unwrap();
    let mut changed = bytes.clone();
    changed[100] ^= 1;
    fs::write(&bundle, changed).unwrap();
    assert!(String::from_utf8_lossy(&run(&program, &dir).stderr).contains("entry 0"));
    fs::write(&bundle, bytes).unwrap();
    assert!(run(&program, &dir).status.success());
    let mut other = Log::new();
    other.busy(3);
    let (frontier, _) = other.frontier();
    let forked = Checkpoint::new(signer().name(), frontier.size(), Digest::of(b"another history"));
    fs::write(dir.join("earlier-checkpoints/000009"), forked.sign(&signer()).unwrap().to_string()).unwrap();
    assert!(String::from_utf8_lossy(&run(&program, &dir).stderr).contains("earlier-checkpoints/000009"));
}

use seatrial_model::Digest;

#[test]
fn go_reads_small_trees_too() {
    let work = tempfile::tempdir().unwrap();
    let Some(program) = build(work.path()) else { return };
    for decisions in [0, 1, 4, 253, 254] {
        let mut log = Log::new();
        log.busy(decisions);
        let dir = work.path().join(format!("export-{decisions}"));
        export(&log, &dir, ExportOptions::default()).unwrap();
        let out = run(&program, &dir);
        assert!(out.status.success(), "{decisions}: {}", String::from_utf8_lossy(&out.stderr));
    }
}
