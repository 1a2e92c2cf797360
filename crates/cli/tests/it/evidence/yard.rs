//! A factory that is released for production and has decided cases: made once, and copied for each test.

use crate::support::{self, DEV, HANA, HUGO, LENA, RIA, Ran, seatrial};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub const WORKFLOW: &str = "credit-preapproval";
const REX: &str = "rex@harbour.example";

/// Decisions of the prepared store: enough for a full tile of entries.
const DECIDED: usize = 150;

/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

struct Prepared {
    yard: support::Yard,
    token: String,
}

/// A copy of the prepared factory, and the token of an application that may call it.
pub struct Yard {
    dir: tempfile::TempDir,
    root: PathBuf,
    pub token: String,
    applications: Arc<Vec<Value>>,
}

impl Yard {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        Self::at(dir, root)
    }

    /// In a folder that is there already.
    pub fn at(dir: tempfile::TempDir, root: PathBuf) -> Self {
        static PREPARED: OnceLock<Prepared> = OnceLock::new();
        let prepared = PREPARED.get_or_init(prepare);
        copy(prepared.yard.path(), &root);
        Self { dir, applications: applications(&root), root, token: prepared.token.clone() }
    }

    /// A folder of this test beside the factory's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn store(&self, file: &str) -> PathBuf {
        self.root.join(".seatrial").join(file)
    }

    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store("evidence.db")).unwrap()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(&self.root, args, None)
    }

    pub fn run_as(&self, who: &str, args: &[&str]) -> Ran {
        ran(&self.root, args, Some(who))
    }

    /// The report of `log verify` on the store, with its exit code.
    pub fn verify(&self) -> (i32, Value) {
        let ran = self.run(&["log", "verify", "--format", "json"]);
        let report = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {} {}", ran.out, ran.err));
        (ran.code, report)
    }

    /// Another factory of the same application, as one that was restored.
    pub fn serve_at(&self, root: &Path) -> Served {
        Served::start(root, &self.token, &self.applications)
    }

    /// The factory's folder.
    pub fn run_in(&self) -> PathBuf {
        self.root.clone()
    }

    pub fn serve_with(&self, variables: &[(&str, &str)]) -> Served {
        Served::start_with(&self.root, &self.token, &self.applications, variables)
    }

    pub fn serve(&self) -> Served {
        Served::start(&self.root, &self.token, &self.applications)
    }

    /// How many events of a kind the log of this name has.
    pub fn events_of(&self, log: &str, kind: &str) -> usize {
        let sql = "SELECT count(*) FROM events e JOIN logs l ON l.id = e.log
                   WHERE l.name = ?1 AND instr(CAST(e.bytes AS TEXT), '\"kind\":\"' || ?2 || '\"') > 0";
        let count: i64 = self.database().query_row(sql, [log, kind], |r| r.get(0)).unwrap();
        usize::try_from(count).unwrap()
    }
}

fn ran(root: &Path, args: &[&str], who: Option<&str>) -> Ran {
    let mut command = seatrial(root);
    if let Some(who) = who {
        command.env("SEATRIAL_AS", who);
    }
    Ran::of(command.args(args).output().unwrap())
}

pub fn applications(root: &Path) -> Arc<Vec<Value>> {
    let file = root.join("workflows/credit-preapproval/examples/applications.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["input"].take());
    Arc::new(rows.collect())
}

/// From a draft to production, by commands alone.
fn prepare() -> Prepared {
    let yard = support::Yard::new();
    let act = |who: &str, args: &[&str]| yard.run_as(who, args).exits(0);
    act(DEV, &["submit"]);
    act(DEV, &["calibrate", "approve", "--salt", "5eed", "--write"]);
    act(DEV, &["calibrate", "approve", "--certify"]);
    act(DEV, &["eval"]);
    act(DEV, &["rehearse"]);
    act(HANA, &["drill", "stop", "--resumed-by", HUGO]);
    support::drills(&act);
    for (who, what) in [(HANA, "spec.intent"), (HANA, "approval.credit"), (LENA, "release.approval")] {
        act(who, &["approve", what, "--stage", "pilot", "--yes"]);
    }
    act(LENA, &["release", "pilot"]);
    let explained = yard.run(&["explain", "eval.boundary", "--stage", "production", "--format", "json"]).json();
    let event = explained["events"][0].as_str().unwrap().to_owned();
    act(HANA, &["question", "answer", "missing-income", "--cites", &event, "No: an underwriter decides"]);
    support::piloted(yard.path(), &act);
    let approvals = [
        (HANA, "spec.intent", Some("credit")),
        (RIA, "spec.intent", Some("risk")),
        (HANA, "risk.register", Some("credit")),
        (RIA, "risk.register", Some("risk")),
        (HUGO, "approval.credit", None),
        (RIA, "approval.risk", None),
    ];
    let approve = |who: &str, what: &str, role: Option<&str>| {
        let mut args = vec!["approve", what, "--stage", "production", "--yes"];
        args.extend(role.into_iter().flat_map(|role| ["--role", role]));
        act(who, &args);
    };
    approvals.into_iter().for_each(|(who, what, role)| approve(who, what, role));
    for responsibility in ["workflow", "changes", "behaviour", "evolution"] {
        act(HANA, &["accept", responsibility]);
        act(HUGO, &["accept", responsibility]);
    }
    for who in ["una@harbour.example", "ugo@harbour.example", HANA] {
        act(who, &["accept", "exceptions"]);
    }
    approve(HUGO, "release.approval", Some("credit"));
    approve(REX, "release.approval", Some("risk"));
    act(HANA, &["release", "production"]);
    let issued = act(HANA, &["token", "issue", "caller", "web-shop", "--step", "*"]);
    let token = issued.out.trim().to_owned();
    let served = Served::start(yard.path(), &token, &applications(yard.path()));
    (0..DECIDED).for_each(|n| drop(served.client().decide(n).unwrap()));
    assert_eq!(served.end("-TERM"), Some(0));
    Prepared { yard, token }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// `seatrial serve`, running.
pub struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    client: Client,
}

impl Served {
    pub fn start(root: &Path, token: &str, applications: &Arc<Vec<Value>>) -> Self {
        Self::start_with(root, token, applications, &[])
    }

    /// With these variables of the environment.
    fn start_with(root: &Path, token: &str, applications: &Arc<Vec<Value>>, variables: &[(&str, &str)]) -> Self {
        let mut child = seatrial(root)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        assert!(line.contains("is served on http://"), "{line}");
        let client = Client { address, token: token.to_owned(), applications: Arc::clone(applications) };
        Self { child, out, client }
    }

    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Ends it by a signal; gives its exit code, where it had one.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = support::ended(&mut self.child);
        drop(self.out);
        status.code()
    }
}

/// An application that has its cases decided.
#[derive(Clone)]
pub struct Client {
    address: String,
    token: String,
    applications: Arc<Vec<Value>>,
}

/// An answer that arrived whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub decision: Option<String>,
    pub verdict: Option<String>,
    pub body: Value,
}

impl Client {
    /// Where it is served: host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Puts case `n` through the guard; none where no whole answer came.
    pub fn decide(&self, n: usize) -> Option<Answer> {
        let input = &self.applications[n % self.applications.len()];
        let body = json!({ "input": input, "case": format!("case-{n}") }).to_string();
        self.ask("POST", &format!("/v1/workflows/{WORKFLOW}/steps/assess/run"), &body)
    }

    /// A decision as it is served.
    pub fn decision(&self, id: &str) -> Option<Answer> {
        self.ask("GET", &format!("/v1/decisions/{id}"), "")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        parse(&bytes)
    }
}

/// An answer is one only when all of it is there: what a killed server began to say acknowledges nothing.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let split = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..split]).ok()?;
    let body = &bytes[split + 4..];
    let header = |name: &str| {
        let found = head.lines().filter_map(|l| l.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length")?.parse().ok()?;
    if body.len() != length {
        return None;
    }
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        decision: header("x-seatrial-decision"),
        verdict: header("x-seatrial-verdict"),
        body: serde_json::from_slice(body).ok()?,
    })
}
