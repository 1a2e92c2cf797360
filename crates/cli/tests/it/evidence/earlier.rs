//! Stores that earlier programs wrote: they open, are migrated whole or not at all, verify, and go on.
//!
//! How they were made stands in `tests/files/stores/README.md`.

use super::disk::library;
use super::yard::{Served, WORKFLOW, applications};
use crate::support::{HANA, HUGO, Ran, seatrial};
use seatrial_model::Event;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each store: the commit whose program wrote it, and its format.
const STORES: [(&str, i64); 4] = [("1be239b", 1), ("6cd2f16", 1), ("6ca0c68", 1), ("8c6a2f8", 2)];

/// The format of today.
const FORMAT: i64 = 2;

/// A factory with the store of an earlier program.
struct Earlier {
    dir: tempfile::TempDir,
}

/// An event's log and index, with its bytes.
type Events = BTreeMap<(String, i64), Vec<u8>>;

impl Earlier {
    fn new(commit: &str) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/stores");
        let file = files.join(format!("{commit}.tar.gz"));
        let tar = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(dir.path()).output().unwrap();
        assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
        Self { dir }
    }

    fn command(&self) -> Command {
        seatrial(self.dir.path())
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command().env("SEATRIAL_AS", HANA).args(args).output().unwrap())
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join(".seatrial")
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store().join("evidence.db")).unwrap()
    }

    fn format(&self) -> i64 {
        self.database().query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap()
    }

    fn events(&self) -> Events {
        let database = self.database();
        let sql = "SELECT l.name, e.idx, e.bytes FROM events e JOIN logs l ON l.id = e.log";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// A digest over every table, in the order of its rows.
    fn tables(&self) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
        let database = self.database();
        let mut names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
        let names: Vec<String> = names.query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let all = |name: String| {
            let mut statement = database.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2, 3")).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map([], |r| (0..columns).map(|n| r.get(n)).collect()).unwrap();
            let rows = rows.collect::<Result<_, _>>().unwrap();
            (name, rows)
        };
        names.into_iter().filter(|name| name != "meta").map(all).collect()
    }

    /// The release of then serves cases now, and each is recorded.
    fn serves(&self) {
        let token = self.run(&["token", "issue", "caller", "web-shop", "--step", "*"]).exits(0).out;
        let served = Served::start(self.dir.path(), token.trim(), &applications(&crate::support::example()));
        for n in 0..3 {
            let answer = served.client().decide(n).unwrap();
            let decision = answer.decision.clone().unwrap_or_else(|| panic!("{answer:?}"));
            assert_eq!(
                served.client().decision(&decision).unwrap().body["verdict"].as_str(),
                answer.verdict.as_deref()
            );
        }
        assert_eq!(served.end("-TERM"), Some(0));
    }

    /// It verifies whole: every verdict recomputed, every row what its events fold to.
    fn verify(&self) -> u64 {
        let report = self.run(&["log", "verify", "--format", "json"]).exits(0).json();
        assert_eq!(report["verified"], true, "{report:#}");
        let log = report["logs"].as_array().unwrap().iter().find(|l| l["log"] == WORKFLOW).unwrap();
        let count = |name: &str| log[name].as_u64().unwrap();
        assert_eq!(count("verdicts_recomputed"), count("decisions"), "{log:#}");
        // The checks have moved on since: findings of an earlier engine are counted as such, not recomputed by another.
        assert_eq!(count("findings_recomputed") + count("other_engine"), count("decisions"), "{log:#}");
        count("decisions")
    }
}

#[test]
fn a_store_of_every_earlier_program_opens_verifies_and_goes_on() {
    for (commit, format) in STORES {
        let yard = Earlier::new(commit);
        assert_eq!(yard.format(), format, "{commit}");
        let before = yard.events();
        assert!(before.len() > 50, "{commit}: {}", before.len());
        if format < FORMAT {
            // A reader changes nothing, and says what to do.
            let tables = yard.tables();
            let refused = yard.run(&["log", "verify"]).exits(4);
            let advice =
                format!("the store has format {format}, this program reads format {FORMAT}; start its owner once");
            assert!(refused.err.contains(&advice), "{}", refused.err);
            assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
            assert!(yard.tables() == tables && yard.format() == format);
        }
        yard.run(&["stop", "--reason", "an exercise"]).exits(0);
        assert_eq!(yard.format(), FORMAT);
        let after = yard.events();
        assert!(after.len() > before.len());
        for (at, bytes) in &before {
            assert_eq!(after.get(at), Some(bytes), "{commit}: {at:?}");
        }
        assert!(yard.verify() > 10);
        let rebuilt = yard.run(&["log", "rebuild", "--format", "json"]).exits(0).json();
        assert!(rebuilt.as_array().unwrap().iter().all(|l| l["identical"] == true), "{commit}: {rebuilt}");
        // What was delivered is in force as it was, and can be worked with.
        let resumed = yard.command().env("SEATRIAL_AS", HUGO).args(["resume", "--reason", "over"]).output().unwrap();
        Ran::of(resumed).exits(0);
        let listed = yard.run(&["decision", "list", "--format", "json"]).exits(0).json();
        let decision = listed[0]["decision"].as_str().unwrap();
        yard.run(&["decision", "show", decision]).exits(0);
        yard.serves();
        yard.run(&["log", "export", "export"]).exits(0);
        yard.run(&["log", "verify", "export"]).exits(0);
    }
}

/// What was written once stays readable: each event parses, and says the same when it is written again.
#[test]
fn every_event_of_an_earlier_program_reads_as_it_was_meant() {
    let mut kinds = BTreeMap::new();
    for (commit, _) in STORES {
        for ((log, index), bytes) in Earlier::new(commit).events() {
            let event: Event = serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{commit} {log} {index}: {e}"));
            let again = seatrial_model::canonical(&event).unwrap();
            assert!(again == bytes, "{commit} {log} {index}: {}", String::from_utf8_lossy(&bytes));
            *kinds.entry(event.body.kind()).or_insert(0) += 1;
        }
    }
    assert!(kinds.len() > 30, "{kinds:?}");
}

/// The process is killed, or the power is cut, somewhere within the migration: either format is there, whole.
#[test]
fn a_migration_that_is_cut_short_leaves_either_format() {
    let Some(library) = library() else { return };
    let (commit, format) = STORES[0];
    let mut left = BTreeMap::new();
    for faults in ["write 5 0 1", "write 5 40 1", "write 5 120 1", "sync 5 0 1", "sync 5 1 1", "sync 5 2 1"] {
        let yard = Earlier::new(commit);
        let (tables, events) = (yard.tables(), yard.events());
        let orders = yard.dir.path().join("faults");
        std::fs::write(&orders, format!("{faults} cut evidence.db-wal")).unwrap();
        let cut = yard
            .command()
            .args(["log", "rebuild"])
            .env("SEATRIAL_AS", HANA)
            .env("LD_PRELOAD", library)
            .env("SEATRIAL_FAULTS", &orders)
            .output();
        assert_eq!(cut.unwrap().status.code(), Some(137), "{faults}");
        let found = yard.format();
        if found == format {
            assert!(yard.tables() == tables, "{faults}");
        }
        *left.entry(found).or_insert(0) += 1;
        yard.run(&["log", "rebuild"]).exits(0);
        assert_eq!(yard.format(), FORMAT, "{faults}");
        assert!(events.iter().all(|(at, bytes)| yard.events().get(at) == Some(bytes)), "{faults}");
        yard.verify();
    }
    assert!(left.contains_key(&format) && left.contains_key(&FORMAT), "cut on both sides of the commit: {left:?}");
}

/// A full disk under a migration: refused, nothing changed; with room it is done.
#[test]
fn a_migration_without_room_changes_nothing() {
    let Some(library) = library() else { return };
    let (commit, format) = STORES[1];
    let yard = Earlier::new(commit);
    let tables = yard.tables();
    let orders = yard.dir.path().join("faults");
    std::fs::write(&orders, "write 28 50 100000 keep evidence.db-wal").unwrap();
    let run = yard
        .command()
        .args(["log", "rebuild"])
        .env("SEATRIAL_AS", HANA)
        .env("LD_PRELOAD", library)
        .env("SEATRIAL_FAULTS", &orders)
        .output();
    let refused = Ran::of(run.unwrap());
    assert!(refused.code != 0 && refused.err.contains("no space is left"), "{refused:?}");
    assert!(yard.format() == format && yard.tables() == tables);
    yard.run(&["stop", "--reason", "an exercise"]).exits(0);
    yard.verify();
}

/// What a newer program wrote is left as it is, to the last byte.
#[test]
fn a_store_of_a_newer_program_is_not_touched() {
    let yard = Earlier::new(STORES[3].0);
    yard.database().execute_batch("PRAGMA user_version=99; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let bytes = || std::fs::read(yard.store().join("evidence.db")).unwrap();
    let before = bytes();
    for command in [&["log", "verify"][..], &["status"], &["stop", "--reason", "an exercise"]] {
        let refused = yard.run(command).exits(4);
        assert!(refused.err.contains("a newer program wrote it"), "{}", refused.err);
        assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
        assert!(bytes() == before);
    }
}
