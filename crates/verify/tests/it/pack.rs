//! A handover pack: whatever becomes of any of its files is found, by the small binary alone in an empty folder.

use crate::fixture::{Log, files, signer, trust};
use seatrial_ledger::dsse::{Envelope, IN_TOTO};
use seatrial_ledger::{Note, Signer, leaf_hash};
use seatrial_model::{Event, canonical};
use seatrial_verify::pack::{FACTORY_LOG, MANIFEST, Manifest, SEAL, is_pack, verify_pack};
use seatrial_verify::{ExportOptions, Folder, export, prove};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A small log, and the entry of another one that the page cites too.
fn log() -> Log {
    let mut log = Log::new();
    log.remember();
    log.busy(6);
    log.remember();
    log
}

fn event(log: &Log, index: usize) -> Event {
    serde_json::from_slice(&log.leaves[index]).unwrap()
}

fn page(log: &Log) -> String {
    let id = |index: usize| event(log, index).id;
    format!(
        "<a href=\"#entry-1\">log 1</a> <a href=\"#entry-3\">log 3</a> <a href=\"#factory-0\">factory 0</a>\n\
         <tr id=\"entry-1\" data-event=\"{}\"> <tr id=\"entry-3\" data-event=\"{}\"> <tr id=\"factory-0\" data-event=\"{}\">",
        id(1),
        id(3),
        id(0)
    )
}

fn write(dir: &Path, place: &str, bytes: impl AsRef<[u8]>) {
    let path = dir.join(place);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn seal(dir: &Path, by: &Signer) {
    let manifest = Manifest::of(&Folder::open(dir).unwrap()).unwrap();
    let mut note = Note::new(manifest.seal(signer().name())).unwrap();
    note.sign(by);
    write(dir, MANIFEST, manifest.to_string());
    write(dir, SEAL, note.to_string());
}

fn packed(dir: &Path, page: impl Fn(&Log) -> String) {
    let log = log();
    export(&log, &dir.join("log"), ExportOptions::default()).unwrap();
    let key = signer().verifier_key().to_string();
    write(dir, "index.html", page(&log));
    write(dir, "KEY", format!("{key}\n"));
    write(dir, "runbooks/stop.md", "Stop it.\n");
    write(dir, "attestations/release.json", canonical(&Envelope::sign(IN_TOTO, b"{}", &signer())).unwrap());
    write(dir, &format!("{FACTORY_LOG}/KEY"), format!("{key}\n"));
    let leaf = log.leaves[0].clone();
    let proof = prove(&log, 0).unwrap();
    proof.verify(&leaf_hash(&leaf), signer().verifier_key()).unwrap();
    write(dir, &format!("{FACTORY_LOG}/0.json"), leaf);
    write(dir, &format!("{FACTORY_LOG}/0.tlog-proof"), proof.to_string());
    seal(dir, &signer());
}

/// The small binary alone: copied with the pack into a folder of its own, without any environment.
fn alone(dir: &Path, key: &str) -> (i32, String) {
    let output = Command::new(dir.join("../seatrial-verify"))
        .args(["pack", "--key", key])
        .current_dir(dir.join(".."))
        .env_clear()
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn with_the_binary_alone_any_changed_removed_or_added_file_is_found() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("pack");
    packed(&dir, page);
    fs::copy(env!("CARGO_BIN_EXE_seatrial-verify"), work.path().join("seatrial-verify")).unwrap();
    let key = signer().verifier_key().to_string();
    let (code, out) = alone(&dir, &key);
    assert!(code == 0 && out.ends_with("the pack  VERIFIED\n") && out.contains("citations 3"), "{out}");

    let all = files(&dir);
    assert!(all.len() > 15, "{}", all.len());
    for (number, file) in all.iter().enumerate() {
        let before = fs::read(file).unwrap();
        let mut changed = before.clone();
        let at = number * 7 % changed.len();
        changed[at] ^= 1;
        fs::write(file, changed).unwrap();
        assert!(!verify_pack(&dir, &trust()).unwrap().verified, "{}: byte {at}", file.display());
        fs::remove_file(file).unwrap();
        let removed = is_pack(&dir) && verify_pack(&dir, &trust()).unwrap().verified;
        assert!(!removed, "{}: removed", file.display());
        let (code, out) = alone(&dir, &key);
        assert!(code == 1 && out.ends_with("NOT VERIFIED\n"), "{}: removed: {code} {out}", file.display());
        fs::write(file, before).unwrap();
    }
    fs::write(dir.join("runbooks/another.md"), "Don't.\n").unwrap();
    let (code, out) = alone(&dir, &key);
    assert!(code == 1 && out.contains("PROBLEM   runbooks/another.md: it is not in the manifest"), "{out}");
    fs::remove_file(dir.join("runbooks/another.md")).unwrap();
    assert_eq!(alone(&dir, &key).0, 0);
}

#[test]
fn every_byte_of_the_manifest_and_its_seal_counts() {
    let work = tempfile::tempdir().unwrap();
    packed(work.path(), page);
    for name in [MANIFEST, SEAL, "KEY"] {
        let file = work.path().join(name);
        let before = fs::read(&file).unwrap();
        for at in (0..before.len()).step_by(if name == MANIFEST { 37 } else { 3 }) {
            let mut changed = before.clone();
            changed[at] ^= 1;
            fs::write(&file, changed).unwrap();
            assert!(!verify_pack(work.path(), &trust()).unwrap().verified, "{name}: byte {at}");
        }
        fs::write(&file, before).unwrap();
    }
    assert!(verify_pack(work.path(), &trust()).unwrap().verified);
}

/// Expects a problem, although whoever made the pack sealed it.
fn problem(change: impl Fn(&Path), page: impl Fn(&Log) -> String, by: &Signer, expected: &str) {
    let work = tempfile::tempdir().unwrap();
    packed(work.path(), page);
    change(work.path());
    seal(work.path(), by);
    let report = verify_pack(work.path(), &trust()).unwrap();
    assert!(!report.verified && report.human().contains(expected), "{expected}:\n{}", report.human());
}

#[test]
fn a_page_that_says_what_the_log_does_not_is_found() {
    let us = signer();
    let nothing = |_: &Path| {};
    let another = |log: &Log| page(log).replace(&event(log, 3).id.to_string(), &event(log, 4).id.to_string());
    problem(nothing, another, &us, "it says that the entry 3 of the log is");
    problem(
        nothing,
        |log| page(log) + "<a href=\"#entry-4\">",
        &us,
        "cites the entry 4 of the log, and does not list it",
    );
    problem(nothing, |log| page(log).replace("entry-3", "entry-99"), &us, "the log has no such entry");
    problem(
        nothing,
        |log| page(log).replace("factory-0", "factory-1"),
        &us,
        "the entry 1 of the factory's log was not found",
    );
    problem(|dir| fs::remove_file(dir.join("index.html")).unwrap(), page, &us, "the page is missing");
}

#[test]
fn a_pack_sealed_by_somebody_else_is_no_pack() {
    let other = Signer::from_seed(signer().name(), &[9; 32]).unwrap();
    problem(|_| {}, page, &other, "PROBLEM   MANIFEST.sig");
    let by_other = canonical(&Envelope::sign(IN_TOTO, b"{}", &other)).unwrap();
    problem(
        |dir| write(dir, "attestations/release.json", &by_other),
        page,
        &signer(),
        "no signature in it is by the log's key",
    );
    problem(|dir| write(dir, "KEY", other.verifier_key().to_string()), page, &signer(), "it is not the key");
    problem(|dir| fs::remove_dir_all(dir.join("log")).unwrap(), page, &signer(), "PROBLEM   log");
}

/// Links lead anywhere: none is followed.
#[cfg(unix)]
#[test]
fn a_link_is_no_file() {
    let work = tempfile::tempdir().unwrap();
    packed(work.path(), page);
    let file = work.path().join("runbooks/stop.md");
    let outside = tempfile::tempdir().unwrap();
    fs::copy(&file, outside.path().join("stop.md")).unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(outside.path().join("stop.md"), &file).unwrap();
    let report = verify_pack(work.path(), &trust()).unwrap();
    assert!(report.human().contains("runbooks/stop.md: it is not a plain file"), "{}", report.human());
}
