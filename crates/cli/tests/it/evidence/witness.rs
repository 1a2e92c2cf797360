//! A witness: cosigns what extends what it cosigned, remembers over `kill -9`, and refuses a rewritten history.

use super::yard::{WORKFLOW, Yard};
use crate::support::{HANA, Ran, seatrial};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

struct Witness {
    child: Child,
    address: String,
}

impl Witness {
    fn init(dir: &Path) -> String {
        let args = ["witness", "init", "--dir", dir.to_str().unwrap(), "--name", "witness.harbour.example/w1"];
        Ran::of(seatrial(dir.parent().unwrap()).args(args).output().unwrap()).exits(0).out.trim().to_owned()
    }

    fn run(dir: &Path, logs: &[String]) -> Self {
        let mut command = seatrial(dir);
        command.args(["witness", "run", "--listen", "127.0.0.1:0", "--dir", "."]);
        for log in logs {
            command.args(["--log", log]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        crate::support::ended(&mut self.child).code()
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: w\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A witness that refuses a body may have closed by then.
        let _ = stream.write_all(body.as_bytes());
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
    }
}

fn keys(yard: &Yard) -> Vec<String> {
    yard.run(&["log", "key"]).exits(0).out.lines().map(str::to_owned).collect()
}

fn configure(yard: &Yard, address: &str, key: &str) {
    let file = yard.store("").parent().unwrap().join("factory.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.split("\nwitnesses:").next().unwrap().to_owned();
    let witness = format!("{{ name: harbour, url: \"http://{address}\", key: \"{key}\", side: independent }}");
    std::fs::write(&file, format!("{text}\nwitnesses:\n  - {witness}\n")).unwrap();
}

fn state(yard: &Yard) -> String {
    let status = ["status", "--submitted", "--stage", "production", "--workflow", WORKFLOW, "--format", "json"];
    let status = yard.run(&status).json();
    let found = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == "evidence.witnessed").unwrap();
    found["state"].as_str().unwrap().to_owned()
}

fn setup(yard: &Yard) -> (PathBuf, String, Witness) {
    let dir = yard.beside("witness");
    let key = Witness::init(&dir);
    let witness = Witness::run(&dir, &keys(yard));
    configure(yard, &witness.address, &key);
    (dir, key, witness)
}

#[test]
fn a_witness_makes_a_log_witnessed() {
    let yard = Yard::new();
    assert_eq!(state(&yard), "not_applicable", "a simulation without a witness");
    let (dir, key, witness) = setup(&yard);
    let file = std::fs::metadata(dir.join("witness.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
    let seed = std::fs::read_to_string(dir.join("witness.key")).unwrap();
    let seed = seed.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(state(&yard), "open");
    yard.run(&["log", "witness"]).exits(1);
    yard.run_as(HANA, &["log", "witness", "--now"]).exits(0);
    assert_eq!(state(&yard), "discharged");
    let out = yard.beside("exported");
    let out = out.to_str().unwrap();
    yard.run(&["log", "export", out, "--workflow", WORKFLOW]).exits(0);
    let verified = yard.run(&["log", "verify", out, "--witness", &key]).exits(0);
    assert!(verified.out.contains("witness   witness.harbour.example/w1"), "{}", verified.out);
    let again = Ran::of(seatrial(&dir).args(["witness", "init", "--dir", ".", "--name", "other"]).output().unwrap());
    assert!(!again.exits(2).err.contains(&seed));
    // One that is required and did not cosign is missed.
    let other = Witness::init(&yard.beside("other"));
    yard.run(&["log", "verify", out, "--witness", &other]).exits(1);
    assert_eq!(witness.end("-TERM"), Some(0));
    // A witness that cannot be reached is told, and stops nothing.
    let served = yard.serve();
    assert!(served.client().decide(9_010).unwrap().decision.is_some());
    let told = yard.run_as(HANA, &["log", "witness", "--now"]).exits(1);
    assert!(told.out.contains("did not cosign: it could not be reached"), "{}", told.out);
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(state(&yard), "discharged", "the last one is not a day old");
    assert_eq!(yard.verify().0, 0);
}

#[test]
fn a_rewritten_history_is_refused_also_after_a_kill() {
    let honest = Yard::new();
    let (dir, key, witness) = setup(&honest);
    // The same store, copied before the witness saw it: what is appended there is another history.
    let rewritten = Yard::new();
    configure(&rewritten, &witness.address, &key);
    honest.run_as(HANA, &["log", "witness", "--now", "--workflow", WORKFLOW]).exits(0);
    assert!(witness.end("-KILL").is_none());
    let witness = Witness::run(&dir, &keys(&honest));
    configure(&honest, &witness.address, &key);
    configure(&rewritten, &witness.address, &key);
    // An old copy is shorter than what was cosigned.
    let cut = rewritten.run_as(HANA, &["log", "witness", "--now", "--workflow", WORKFLOW]).exits(1);
    assert!(
        cut.out.contains("the log was cut, or is an old copy") || cut.out.contains("another history"),
        "{}",
        cut.out
    );
    // It is made longer, and signed afresh by the log's own key: hashed and signed rightly, and not the same history.
    let served = rewritten.serve();
    (9_100..9_120).for_each(|n| drop(served.client().decide(n).unwrap()));
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(rewritten.verify().0, 0, "of itself nobody could tell");
    let refused = rewritten.run_as(HANA, &["log", "witness", "--now", "--workflow", WORKFLOW]).exits(1);
    assert!(refused.out.contains("it objects that the log does not extend what it cosigned before"), "{}", refused.out);
    // The honest one goes on.
    let served = honest.serve();
    assert!(served.client().decide(9_200).unwrap().decision.is_some());
    assert_eq!(served.end("-TERM"), Some(0));
    honest.run_as(HANA, &["log", "witness", "--now", "--workflow", WORKFLOW]).exits(0);
    assert_eq!(witness.end("-TERM"), Some(0));
}

#[test]
fn whatever_is_asked_gets_its_status() {
    let yard = Yard::new();
    let (dir, _, witness) = setup(&yard);
    assert_eq!(witness.ask("GET", "/add-checkpoint", "").0, 405);
    assert_eq!(witness.ask("POST", "/elsewhere", "").0, 404);
    assert_eq!(witness.ask("POST", "/add-checkpoint", "hello").0, 400);
    assert_eq!(witness.ask("POST", "/add-checkpoint", &"x".repeat(70_000)).0, 413);
    let unknown =
        "old 0\n\nnobody/knows\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u{2014} nobody/knows AAAAAAAA\n";
    assert_eq!(witness.ask("POST", "/add-checkpoint", unknown).0, 404);
    let known = unknown.replace("nobody/knows", keys(&yard)[0].split('+').next().unwrap());
    assert_eq!(witness.ask("POST", "/add-checkpoint", &known).0, 403);
    // Two processes with one key would keep two histories.
    let key = keys(&yard).remove(0);
    let second = Ran::of(
        seatrial(&dir)
            .args(["witness", "run", "--dir", ".", "--listen", "127.0.0.1:0", "--log", &key])
            .output()
            .unwrap(),
    );
    assert!(second.exits(2).err.contains("another process witnesses"));
    assert_eq!(witness.end("-INT"), Some(0));
    // A witness whose memory is damaged does not begin again from nothing.
    let memory = dir.join("checkpoints");
    let origin = key.split('+').next().unwrap();
    std::fs::write(memory.join(seatrial_model::Digest::of(origin.as_bytes()).hex()), "?").unwrap();
    let damaged = Ran::of(
        seatrial(&dir)
            .args(["witness", "run", "--dir", ".", "--listen", "127.0.0.1:0", "--log", &key])
            .output()
            .unwrap(),
    );
    assert!(damaged.exits(2).err.contains("a witness that forgot"));
}
