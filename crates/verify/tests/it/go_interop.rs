use crate::fixture::{Log, signer};
use crate::in_order::full;
use seatrial_ledger::{Checkpoint, bundle};
use seatrial_verify::{ExportOptions, export, prove};
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

/// The bytes of an entry, out of the exported bundle that holds it.
fn bundled(dir: &Path, index: u64) -> Vec<u8> {
    let name = if index < 256 { "tile/entries/000" } else { "tile/entries/001.p/20" };
    let bytes = fs::read(dir.join(name)).unwrap();
    bundle::decode(&bytes).unwrap()[index as usize % 256].to_vec()
}

/// A proof of one entry, without the log: every changed byte of the proof that is signed or hashed, and of the entry.
#[test]
fn go_accepts_the_proof_of_one_entry() {
    let work = tempfile::tempdir().unwrap();
    let Some(program) = build(work.path()) else { return };
    let (log, dir) = (full(), work.path().join("export"));
    export(&log, &dir, ExportOptions::default()).unwrap();
    let (proof, leaf) = (work.path().join("one.tlog-proof"), work.path().join("entry"));
    let key = signer().verifier_key().to_string();
    let asked = || Command::new(&program).args([&proof, &leaf]).arg(&key).output().unwrap();
    for index in [0, 1, 255, 256, 275] {
        let text = prove(&log, index).unwrap().to_string();
        let entry = bundled(&dir, index);
        fs::write(&proof, &text).unwrap();
        fs::write(&leaf, &entry).unwrap();
        let out = asked();
        assert!(out.status.success(), "{index}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("verified that this is entry {index} of 276\n"));

        let mut changed = entry.clone();
        changed[index as usize % entry.len()] ^= 1;
        fs::write(&leaf, &changed).unwrap();
        assert!(!asked().status.success(), "{index}: another entry");
        fs::write(&leaf, &entry).unwrap();
        for at in (0..text.len()).step_by(29) {
            let mut bytes = text.clone().into_bytes();
            // The last digit before a `=` has bits that nobody reads.
            if bytes.get(at + 1) == Some(&b'=') || bytes[at] == b'=' {
                continue;
            }
            bytes[at] ^= 2;
            fs::write(&proof, &bytes).unwrap();
            assert!(!asked().status.success(), "{index}: Go takes a proof whose byte {at} was changed");
        }
    }
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
