//! One owner process: commands of others go through it.

use crate::support::{DEV, HANA, Yard, seatrial};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

pub struct Served {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Served {
    pub fn start(yard: &Yard) -> Self {
        let mut child = seatrial(yard.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.contains("is served on http://127.0.0.1:"), "{line}");
        Self { child, out }
    }

    pub fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = crate::support::ended(&mut self.child);
        drop(self.out);
        status.code()
    }
}

#[test]
fn commands_go_through_the_process_that_serves() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let served = Served::start(&yard);
    // Writing, reading, refusing, failing: the same words and codes as without an owner.
    yard.run_as(HANA, &["approve", "spec.intent", "--yes"]).exits(0);
    let status = yard.run(&["status", "--format", "json"]).exits(1).json();
    let intent = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == "spec.intent").unwrap();
    assert_eq!(intent["state"], "discharged");
    assert!(yard.run_as(DEV, &["approve", "approval.credit", "--yes"]).exits(3).err.starts_with("error:"));
    yard.run(&["explain", "no.such"]).exits(2);
    yard.run(&["approve", "approval.credit", "--yes"]).exits(2);
    // A folder of the asking process, not of the owner.
    let inside = yard.path().join("workflows");
    let output = seatrial(&inside).args(["handover", "pack", "--out", "pack", "--as", HANA]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(inside.join("pack/index.html").is_file());
    // Two owners there are not.
    let second = yard.run(&["serve", "--listen", "127.0.0.1:0"]).exits(3);
    assert!(second.err.contains("owned by another process"), "{}", second.err);
    yard.run(&["log", "verify"]).exits(0);
    assert_eq!(served.end("-TERM"), Some(0));
    assert!(!yard.path().join(".seatrial/owner.sock").exists());
    yard.run(&["status"]).exits(1);
}

#[test]
fn an_owner_that_was_killed_leaves_nothing_in_the_way() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let served = Served::start(&yard);
    yard.run_as(HANA, &["approve", "spec.intent", "--yes"]).exits(0);
    served.end("-KILL");
    assert!(yard.path().join(".seatrial/owner.sock").exists());
    let status = yard.run(&["status", "--format", "json"]).exits(1).json();
    let intent = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == "spec.intent").unwrap();
    assert_eq!(intent["state"], "discharged", "what was acknowledged is there");
    yard.run(&["log", "verify"]).exits(0);
}

#[test]
fn many_at_once_all_come_through() {
    const AT_ONCE: usize = 8;
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let children: Vec<Child> = (0..AT_ONCE)
        .map(|i| {
            let name = format!("shop-{}", char::from(b'a' + u8::try_from(i).unwrap()));
            seatrial(yard.path())
                .args(["token", "issue", "caller", &name, "--step", "*", "--as", HANA])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.starts_with(b"seatrial_"));
    }
    let listed = yard.run(&["token", "list", "--format", "json"]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), AT_ONCE);
    yard.run(&["log", "verify"]).exits(0);
}

#[test]
fn nobody_else_may_ask() {
    use std::os::unix::fs::PermissionsExt as _;
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let served = Served::start(&yard);
    let mode = |path: &str| std::fs::metadata(yard.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".seatrial"), mode(".seatrial/owner.sock")), (0o700, 0o600));
    // Nonsense ends the connection, not the owner.
    use std::io::{Read as _, Write as _};
    let mut stream = std::os::unix::net::UnixStream::connect(yard.path().join(".seatrial/owner.sock")).unwrap();
    stream.write_all(b"{\"version\":1}\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "");
    yard.run(&["status"]).exits(1);
    assert_eq!(served.end("-INT"), Some(0));
}
