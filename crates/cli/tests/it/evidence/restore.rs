//! A log restored from its export into a fresh factory is the same log, and goes on; a damaged export restores nothing.

use super::yard::{Served, WORKFLOW, Yard};
use super::{Draws, soak};
use crate::support::{HANA, HUGO, Ran, seatrial};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Both logs of the factory, exported, with their keys.
fn exported(yard: &Yard) -> (Vec<PathBuf>, Vec<String>) {
    let logs = [WORKFLOW, "factory"];
    let dirs: Vec<PathBuf> = logs.iter().map(|log| yard.beside(&format!("export-{log}"))).collect();
    for (log, dir) in logs.iter().zip(&dirs) {
        yard.run(&["log", "export", dir.to_str().unwrap(), "--payloads", "--workflow", log]).exits(0);
    }
    let keys = logs.iter().map(|log| yard.run(&["log", "key", "--workflow", log]).exits(0).out.trim().to_owned());
    (dirs, keys.collect())
}

fn restore(yard: &Yard, dirs: &[PathBuf], into: &Path, more: &[&str]) -> Ran {
    let dirs = dirs.iter().map(|dir| dir.to_str().unwrap());
    let args: Vec<&str> = ["log", "restore"]
        .into_iter()
        .chain(dirs)
        .chain(["--into", into.to_str().unwrap()])
        .chain(more.iter().copied())
        .collect();
    yard.run(&args)
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(seatrial(dir).args(args).output().unwrap())
}

/// How every obligation stands.
fn states(dir: &Path) -> Vec<(String, String, String)> {
    let status = ["status", "--submitted", "--stage", "production", "--workflow", WORKFLOW, "--format", "json"];
    let status = run(dir, &status).json();
    let text = |o: &Value, name: &str| o[name].as_str().unwrap_or_default().to_owned();
    let all = status["obligations"].as_array().unwrap().iter();
    all.map(|o| (text(o, "id"), text(o, "state"), text(o, "why"))).collect()
}

/// Entries, payloads and blobs as the database has them: byte for byte, at their places.
fn contents(store: &Path) -> Vec<Vec<String>> {
    let db = rusqlite::Connection::open(store.join("evidence.db")).unwrap();
    let all = |sql: &str| {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| r.get::<_, String>(0)).unwrap();
        rows.map(|row| row.unwrap()).collect::<Vec<String>>()
    };
    [
        "SELECT l.name || idx || hex(bytes) FROM events e JOIN logs l ON l.id = e.log
         WHERE instr(CAST(bytes AS TEXT), 'log.restored') = 0 ORDER BY 1",
        "SELECT l.name || hex(commitment) || idx || kind || coalesce(case_id, '-') || coalesce(expires, '-') ||
                coalesce(hex(salt), '-') || coalesce(hex(bytes), '-') || coalesce(erased_by, '-')
         FROM payloads p JOIN logs l ON l.id = p.log ORDER BY 1",
        "SELECT l.name || hex(digest) || hex(bytes) FROM blobs b JOIN logs l ON l.id = b.log ORDER BY 1",
        "SELECT l.name || tbl || hex(r.key) || hex(r.value) FROM rows r JOIN logs l ON l.id = r.log
         WHERE tbl != 'delivery' ORDER BY 1",
    ]
    .map(all)
    .to_vec()
}

#[test]
fn a_restored_factory_is_the_same_and_goes_on() {
    let yard = Yard::new();
    let (dirs, keys) = exported(&yard);
    let (private, secrets) = (yard.store("keys"), yard.store("secrets.db"));
    let again = yard.beside("again");
    let with = [
        "--keys",
        private.to_str().unwrap(),
        "--secrets",
        secrets.to_str().unwrap(),
        "--key",
        &keys[0],
        "--key",
        &keys[1],
    ];
    let said = restore(&yard, &dirs, &again, &with).exits(0);
    assert!(!said.out.contains("NEW key"), "{}", said.out);
    assert_eq!(contents(&again.join(".seatrial")), contents(&yard.store("")));
    assert_eq!(states(&again), states(&yard.run_in()));
    run(&again, &["log", "verify"]).exits(0);
    let key = run(&again, &["log", "key", "--workflow", WORKFLOW]).exits(0).out;
    assert_eq!(key.trim(), keys[0]);
    // A second one into the same folder is refused.
    assert!(restore(&yard, &dirs, &again, &with).exits(2).err.contains("there is a store"));

    // The token of the old one is good; new cases are decided, and the whole verifies under the old key.
    let served = yard.serve_at(&again);
    let answer = served.client().decide(9_001).unwrap();
    assert!(answer.decision.is_some(), "{answer:?}");
    // What was decided before is known: a case that is asked again is answered with its decision.
    let before = yard.serve();
    let known = before.client().decide(9_002).unwrap();
    assert!(known.decision.is_some());
    assert_eq!(before.end("-TERM"), Some(0));
    assert_eq!(served.end("-TERM"), Some(0));
    let out = yard.beside("export-again");
    run(&again, &["log", "export", out.to_str().unwrap(), "--workflow", WORKFLOW]).exits(0);
    let report = run(&again, &["log", "verify", out.to_str().unwrap(), "--key", &keys[0], "--format", "json"]).exits(0);
    assert!(report.json()["vouched"].is_null());
}

#[test]
fn without_the_key_a_restored_log_says_that_what_follows_is_self_asserted() {
    let yard = Yard::new();
    let (dirs, keys) = exported(&yard);
    let again = yard.beside("again");
    let said = restore(&yard, &dirs, &again, &["--key", &keys[0]]).exits(0);
    assert!(said.out.contains("under a NEW key, which the old one does not vouch for"), "{}", said.out);
    let out = yard.beside("export-again");
    run(&again, &["log", "export", out.to_str().unwrap(), "--workflow", WORKFLOW]).exits(0);
    let old = run(&again, &["log", "verify", out.to_str().unwrap(), "--key", &keys[0]]).exits(1);
    assert!(old.out.contains("what follows is self-asserted"), "{}", old.out);
    let new = run(&again, &["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    assert_ne!(new, keys[0]);
    run(&again, &["log", "verify", out.to_str().unwrap(), "--key", &new]).exits(0);
    // Without the payloads they are told as left out, and the restored store is in order all the same.
    let bare = yard.beside("bare");
    yard.run(&["log", "export", bare.to_str().unwrap(), "--workflow", WORKFLOW]).exits(0);
    let third = yard.beside("third");
    let said = restore(&yard, &[bare, dirs[1].clone()], &third, &[]).exits(0);
    assert!(said.out.contains("payloads were not in the export"), "{}", said.out);
    run(&third, &["log", "verify"]).exits(0);
}

#[test]
fn a_damaged_export_restores_nothing_and_leaves_nothing() {
    let yard = Yard::new();
    let (dirs, keys) = exported(&yard);
    let files = files(&dirs[0]);
    let mut draws = Draws(11);
    let again = yard.beside("again");
    for _ in 0..if soak() { 200 } else { 12 } {
        let file = &files[draws.below(files.len())];
        let whole = std::fs::read(file).unwrap();
        let mut bytes = whole.clone();
        let at = draws.below(bytes.len());
        bytes[at] ^= 1 << draws.below(8);
        std::fs::write(file, bytes).unwrap();
        let ran = restore(&yard, &dirs, &again, &["--key", &keys[0], "--key", &keys[1]]);
        assert!(ran.code == 1 || ran.code == 2, "{}: {} {}", file.display(), ran.out, ran.err);
        assert!(!again.exists(), "{}", file.display());
        std::fs::write(file, whole).unwrap();
    }
    // A file that is gone, and the export of somebody else's log.
    std::fs::rename(dirs[0].join("checkpoint"), dirs[0].join("other")).unwrap();
    assert_eq!(restore(&yard, &dirs, &again, &[]).code, 2);
    std::fs::rename(dirs[0].join("other"), dirs[0].join("checkpoint")).unwrap();
    restore(&yard, &dirs[..1], &again, &[]).exits(2);
    restore(&yard, &dirs, &again, &["--keys", dirs[0].to_str().unwrap()]).exits(2);
    assert!(!again.exists());
    restore(&yard, &dirs, &again, &[]).exits(0);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

#[test]
fn the_restore_drill_finds_everything_again_and_leaves_nothing() {
    let yard = Yard::new();
    let before = yard.events_of(WORKFLOW, "drill.done/1");
    let drilled = yard.run_as(HANA, &["drill", "restore", "--format", "json"]).exits(0).json();
    assert_eq!((drilled["control"].as_str(), drilled["in_time"].as_bool()), (Some("restore"), Some(true)));
    assert_eq!(yard.events_of(WORKFLOW, "drill.done/1"), before + 1);
    assert_eq!(yard.events_of(WORKFLOW, "log.restored/1"), 0, "the live log was only read");
    let beside: Vec<String> = std::fs::read_dir(yard.store("").parent().unwrap())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("drill"))
        .collect();
    assert_eq!(beside, Vec::<String>::new());
    // Over a store that is served, too: the owner does it.
    let served = yard.serve();
    yard.run_as(HUGO, &["drill", "restore"]).exits(0);
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(yard.verify().0, 0);
}

#[test]
fn a_log_changes_hands_and_every_verifier_follows() {
    let yard = Yard::new();
    let old = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    // Not by the delivery side, nor under one of theirs.
    let lena = ["log", "rotate-key", "--holder", HANA, "--workflow", WORKFLOW];
    yard.run_as("lena@shipyard.example", &lena).exits(3);
    let under = ["log", "rotate-key", "--holder", "dev@shipyard.example", "--workflow", WORKFLOW];
    yard.run_as(HANA, &under).exits(2);
    let rotated =
        yard.run_as(HANA, &["log", "rotate-key", "--holder", HANA, "--workflow", WORKFLOW, "--format", "json"]);
    let rotated = rotated.exits(0).json();
    let new = rotated["new"].as_str().unwrap().to_owned();
    assert_eq!(rotated["old"], old);
    let seed = std::fs::read_to_string(yard.store(&format!("keys/{WORKFLOW}.key"))).unwrap();
    assert!(!rotated.to_string().contains(seed.trim()), "the private key is never printed");
    assert!(!yard.store(&format!("keys/{WORKFLOW}.key.next")).exists());
    let drilled = ["drill", "key-rotation", "--workflow", WORKFLOW, "--format", "json"];
    assert_eq!(yard.run_as(HUGO, &drilled).exits(0).json()["control"], "key-rotation");
    let newest = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    assert!(newest != new && newest != old);
    assert_eq!(yard.verify().0, 0, "the store is in order");
    let out = yard.beside("exported");
    let out = out.to_str().unwrap();
    yard.run(&["log", "export", out, "--workflow", WORKFLOW]).exits(0);
    for key in [&old, &new, &newest] {
        let report = yard.run(&["log", "verify", out, "--key", key, "--format", "json"]).exits(0).json();
        assert_eq!((report["newest_key"].as_str(), report["rotations"].as_u64()), (Some(newest.as_str()), Some(2)));
    }
    // And it goes on serving.
    let served: Served = yard.serve();
    assert!(served.client().decide(9_003).unwrap().decision.is_some());
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(yard.verify().0, 0);
}
