//! A log that is served, and the outsider who watches it; the auditor's guide, step by step.

use super::yard::{WORKFLOW, Yard};
use crate::support::{HANA, Ran, seatrial};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RIA: &str = "ria@harbour.example";

/// Longer than any step of the guide, Go's compiler included.
const STEP_MAX: Duration = Duration::from_secs(300);

struct Outsider {
    dir: PathBuf,
    key: String,
    token: String,
    address: String,
}

impl Outsider {
    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(seatrial(&self.dir).env("SEATRIAL_TOKEN", &self.token).args(args).output().unwrap())
    }

    fn watch(&self, more: &[&str]) -> Ran {
        let args = ["log", "watch", &self.address, "--key", &self.key, "--once", "--format", "json"];
        self.run(&[&args, more].concat())
    }
}

#[test]
fn an_outsider_watches_a_log_over_http() {
    let yard = Yard::new();
    let key = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    let token = yard.run_as(HANA, &["token", "issue", "operator", RIA]).exits(0).out.trim().to_owned();
    let dir = yard.beside("outsider");
    std::fs::create_dir(&dir).unwrap();
    let before = yard.beside("before");
    super::yard::copy(&yard.run_in(), &before);
    let served = yard.serve();
    let client = served.client();
    let address = format!("http://{}/log/{WORKFLOW}", client.address());
    let outsider = Outsider { dir, key, token, address };
    let first = outsider.watch(&[]).exits(0).json();
    assert_eq!((first["in_order"].as_bool(), first["seen"].is_null()), (Some(true), true));
    let size = first["point"]["size"].as_u64().unwrap();
    assert_eq!(first["entries"].as_u64(), Some(size));
    // It grows: what is new is told, entry by entry.
    let decided: Vec<String> = (9_300..9_303).map(|n| client.decide(n).unwrap().decision.unwrap()).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    let second = loop {
        let second = outsider.watch(&["--grows-within", "1d"]).exits(0).json();
        let new = second["new"].as_array().unwrap();
        if new.iter().any(|entry| entry["kind"] == "decision.made/1") {
            break second;
        }
        assert!(Instant::now() < deadline, "the decisions were not signed in time");
    };
    assert!(second["seen"]["size"].as_u64().unwrap() >= size && decided.len() == 3);
    // Everything that is served, from the first entry; with the key of the log's own word, which is said.
    let verified = outsider.run(&["log", "verify", &outsider.address, "--key", &outsider.key]).exits(0);
    assert!(verified.out.contains("each as it was signed"), "{}", verified.out);
    let asserted = outsider.run(&["log", "verify", &outsider.address]).exits(0);
    assert!(asserted.out.contains("self-asserted key"), "{}", asserted.out);
    // Nobody in particular is turned away, and so is a stranger's key.
    let stranger =
        seatrial(&outsider.dir).env_remove("SEATRIAL_TOKEN").args(["log", "verify", &outsider.address]).output();
    let stranger = Ran::of(stranger.unwrap()).exits(4);
    assert!(stranger.err.contains("it answers 401"), "{}", stranger.err);
    let other = yard.run(&["log", "key", "--workflow", "factory"]).exits(0).out.trim().to_owned();
    let wrong = outsider.run(&["log", "verify", &outsider.address, "--key", &other]).exits(1);
    assert!(wrong.out.contains("ALARM bad signature"), "{}", wrong.out);
    assert_eq!(served.end("-TERM"), Some(0));
    // Nothing answers: that says nothing of the log.
    outsider.watch(&[]).exits(4);
    // The operator puts an older copy of everything in its place and goes on from there.
    let again = yard.serve_at(&before);
    (9_400..9_410).for_each(|n| drop(again.client().decide(n).unwrap()));
    let elsewhere = Outsider { address: format!("http://{}/log/{WORKFLOW}", again.client().address()), ..outsider };
    let deadline = Instant::now() + Duration::from_secs(60);
    let alarm = loop {
        let looked = elsewhere.watch(&[]);
        assert_eq!(looked.code, 1, "{} {}", looked.out, looked.err);
        let alarm = looked.json()["alarms"][0]["alarm"].as_str().unwrap().to_owned();
        // Shorter at first, longer soon: both are alarms.
        if alarm == "fork" || Instant::now() > deadline {
            break alarm;
        }
        assert_eq!(alarm, "rollback");
    };
    assert_eq!(alarm, "fork");
    assert_eq!(again.end("-TERM"), Some(0));
    let kept: Vec<String> = std::fs::read_dir(&elsewhere.dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".contradiction") || name.ends_with(".seen.json"))
        .collect();
    assert_eq!(kept.len(), 2, "both checkpoints are kept: {kept:?}");
}

/// The store and an export are watched as an address is.
#[test]
fn a_store_and_an_export_are_watched_too() {
    let yard = Yard::new();
    let key = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().to_owned();
    let watch = |place: &str, more: &[&str]| {
        let args = ["log", "watch", place, "--once", "--state", "seen.json", "--workflow", WORKFLOW];
        yard.run(&[&args, more].concat())
    };
    assert!(watch(".", &[]).exits(2).err.contains("--key"));
    let first = watch(".", &["--key", &key]).exits(0);
    assert!(first.out.contains("first look"), "{}", first.out);
    let out = yard.beside("exported");
    yard.run(&["log", "export", out.to_str().unwrap(), "--workflow", WORKFLOW]).exits(0);
    let second = watch(out.to_str().unwrap(), &[]).exits(0);
    assert!(second.out.contains("0 new"), "{}", second.out);
    std::fs::remove_file(out.join("tile/0/000")).unwrap();
    std::fs::remove_file(yard.run_in().join("seen.json")).unwrap();
    let gone = watch(out.to_str().unwrap(), &["--key", &key]).exits(1);
    assert!(gone.out.contains("ALARM missing: `tile/0/000`"), "{}", gone.out);
    assert!(watch(".", &["--key", &key, "--witness", &key]).exits(1).out.contains("ALARM witness"));
    std::fs::write(yard.run_in().join("seen.json"), "{}").unwrap();
    assert!(watch(".", &[]).exits(2).err.contains("what was remembered cannot be used"));
}

fn guide() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/auditor.md");
    std::fs::read_to_string(file).unwrap()
}

/// The small verifier, built beside the binary under test.
fn programs() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "seatrial-verify", "--bin", "seatrial-verify"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_seatrial")).parent().unwrap().to_owned()
}

fn step(dir: &Path, path: &str, block: &str) -> (bool, String) {
    let out = std::fs::File::create(dir.join("step.out")).unwrap();
    let mut child = Command::new("bash")
        .args(["-euo", "pipefail", "-c", block])
        .current_dir(dir)
        .env("PATH", path)
        .env("GOCACHE", dir.join("go-cache"))
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + STEP_MAX;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    (status.success(), std::fs::read_to_string(dir.join("step.out")).unwrap())
}

/// Every command of the auditor's guide runs, on an export that was made just before; and each check objects to a change.
#[test]
fn the_auditors_guide_is_followed() {
    let yard = Yard::new();
    let desk = yard.beside("desk");
    std::fs::create_dir(&desk).unwrap();
    let key = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out;
    std::fs::write(desk.join("log.vkey"), key).unwrap();
    yard.run(&["log", "export", desk.join("export").to_str().unwrap(), "--payloads", "--workflow", WORKFLOW]).exits(0);
    // What was taken home a month ago is the checkpoint of today here.
    std::fs::copy(desk.join("export/checkpoint"), desk.join("checkpoint.kept")).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    std::os::unix::fs::symlink(repository, desk.join("seatrial")).unwrap();
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap());
    let has_go = Command::new("go").arg("version").output().is_ok();
    assert!(has_go || std::env::var("CI").is_err(), "`go` is missing: install golang-go and golang-golang-x-mod-dev");
    let text = guide();
    let blocks: Vec<&str> = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let blocks: Vec<&str> = blocks.into_iter().filter(|block| has_go || !block.contains("go build")).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in &blocks {
        let (good, said) = step(&desk, &path, block);
        assert!(good, "{block}\n{said}");
    }
    // Each thing that the guide checks, changed: at least one of its steps objects.
    let places = ["checkpoint", "tile/entries/000", "tile/0/000"];
    let blob = std::fs::read_dir(desk.join("export/blobs")).unwrap().next().unwrap().unwrap().file_name();
    let blob = format!("blobs/{}", blob.to_str().unwrap());
    for place in places.into_iter().chain([blob.as_str()]) {
        let file = desk.join("export").join(place);
        let before = std::fs::read(&file).unwrap();
        let mut after = before.clone();
        after[10] ^= 1;
        std::fs::write(&file, after).unwrap();
        let checks = blocks.iter().filter(|block| block.contains("# check") && !block.contains("go build"));
        let objecting = checks.filter(|block| !step(&desk, &path, block).0).count();
        // The verifier, and at least one step with standard tools.
        assert!(objecting >= 2, "`{place}` was changed, and {objecting} steps object");
        std::fs::write(&file, before).unwrap();
    }
}
