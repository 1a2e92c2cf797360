//! Starts that are refused, and a disk that is full while the server runs.

use super::yard::{Served, WORKFLOW, Yard, copy};
use crate::support::HANA;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;

#[test]
fn an_old_copy_is_refused_and_the_newest_is_taken() {
    let yard = Yard::new();
    let database = yard.store("evidence.db");
    let old = std::fs::read(&database).unwrap();
    yard.run_as(HANA, &["stop", "--reason", "before the copy is put back"]).exits(0);
    let newest = std::fs::read(&database).unwrap();
    std::fs::write(&database, &old).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["status"], &["log", "rebuild"]] {
        let ran = yard.run_as(HANA, command).exits(4);
        assert!(ran.err.contains("does not extend the checkpoint of size"), "{}", ran.err);
        assert!(ran.err.contains("Restore the newest copy"), "{}", ran.err);
    }
    let ran = yard.run(&["log", "verify"]).exits(1);
    assert!(ran.out.contains("checkpoint") && ran.out.contains("NOT in order"), "{}", ran.out);
    // Without any database the log would be begun again under its name and key.
    std::fs::remove_file(&database).unwrap();
    let ran = yard.run_as(HANA, &["submit"]).exits(4);
    assert!(ran.err.contains("the database does not know the log"), "{}", ran.err);
    std::fs::write(&database, &newest).unwrap();
    yard.run(&["log", "verify"]).exits(0);
    let served = yard.serve();
    let answer = served.client().decide(0).unwrap();
    assert_eq!((answer.status, answer.body["error"]["code"].as_str()), (403, Some("workflow_stopped")));

    // One owner: a second server is refused, and the first goes on.
    let second = yard.run(&["serve", "--listen", "127.0.0.1:0"]).exits(3);
    assert!(second.err.contains("owned by another process"), "{}", second.err);
    assert_eq!(served.client().decide(1).unwrap().status, 403);
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(yard.events_of(WORKFLOW, "node.recovered/1"), 0, "each end was orderly");
}

/// The whole folder put back, the remembered checkpoints with it: nothing on this machine says that there was more, and
/// the store goes on. Whoever holds a newer checkpoint finds it (and a witness cosigns nothing that does not extend its own).
#[test]
fn a_whole_old_backup_is_found_by_whoever_holds_a_newer_checkpoint() {
    let yard = Yard::new();
    let (kept, store) = (yard.beside("backup"), yard.store(""));
    copy(&store, &kept);
    yard.run_as(HANA, &["stop", "--reason", "after the backup"]).exits(0);
    let held = std::fs::read(yard.store("checkpoints").join(WORKFLOW)).unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy(&kept, &store);
    yard.run_as(HANA, &["stop", "--reason", "another history"]).exits(0);
    yard.run(&["log", "verify"]).exits(0);
    let out = yard.beside("export");
    let out = out.to_str().unwrap();
    yard.run(&["log", "export", out, "--workflow", WORKFLOW]).exits(0);
    yard.run(&["log", "verify", out]).exits(0);
    let earlier = yard.beside("export").join("earlier-checkpoints");
    std::fs::create_dir_all(&earlier).unwrap();
    std::fs::write(earlier.join("999999"), held).unwrap();
    let ran = yard.run(&["log", "verify", out]).exits(1);
    assert!(ran.out.contains("earlier-checkpoints/999999: the log does not extend"), "{}", ran.out);
}

/// A small file system; unmounted when dropped.
struct Disk(std::path::PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that holds the prepared factory and little more.
const DISK_BYTES: u64 = 24 << 20;

/// The most decisions that fit into what is left of it: far fewer than this.
const DECISIONS_MAX: usize = 20_000;

#[test]
fn a_full_disk_refuses_loses_nothing_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("disk");
    std::fs::create_dir(&mount).unwrap();
    let size = format!("size={DISK_BYTES}");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&mount).output();
    if !mounted.is_ok_and(|out| out.status.success()) {
        eprintln!("SKIPPED: a file system of its own can be mounted by root only");
        return;
    }
    let _disk = Disk(mount.clone());
    let yard = Yard::at(dir, mount.join("factory"));
    let served = yard.serve();
    let ballast = mount.join("ballast");
    fill(&ballast);
    let mut acknowledged = BTreeMap::new();
    let refused = until_refused(&served, &mut acknowledged, 1_000);
    assert_eq!((refused.status, refused.body["error"]["code"].as_str()), (503, Some("record_failed")), "{refused:?}");
    // Nothing of the output leaves without its record.
    assert!(refused.decision.is_none() && !refused.body.to_string().contains("pre-approve"), "{refused:?}");
    // It goes on refusing, and goes on reading.
    let again = served.client().decide(50_000).unwrap();
    assert_eq!(again.status, 503, "{again:?}");
    check(&served, &acknowledged);
    std::fs::remove_file(&ballast).unwrap();
    for n in 60_000..60_020 {
        let answer = served.client().decide(n).unwrap();
        assert!(matches!(answer.status, 200 | 403), "{answer:?}");
        acknowledged.insert(answer.decision.unwrap(), answer.verdict.unwrap());
    }
    check(&served, &acknowledged);
    assert_eq!(served.end("-TERM"), Some(0));
    let (code, report) = yard.verify();
    assert_eq!(code, 0, "{report:#}");
    let served = yard.serve();
    check(&served, &acknowledged);
    assert_eq!(served.end("-TERM"), Some(0));
}

/// Fills the disk to its last byte.
fn fill(ballast: &std::path::Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    for block in [1 << 20, 4_096, 1] {
        while file.write_all(&vec![0; block]).is_ok() {}
    }
}

fn until_refused(served: &Served, known: &mut BTreeMap<String, String>, from: usize) -> super::yard::Answer {
    for n in from..from + DECISIONS_MAX {
        let answer = served.client().decide(n).unwrap();
        if answer.status >= 500 {
            return answer;
        }
        known.insert(answer.decision.unwrap(), answer.verdict.unwrap());
    }
    panic!("a full disk cannot take so many");
}

fn check(served: &Served, known: &BTreeMap<String, String>) {
    for (decision, verdict) in known {
        let answer = served.client().decision(decision).unwrap();
        assert_eq!(answer.body["verdict"].as_str(), Some(verdict.as_str()), "{answer:?}");
    }
}
