//! A yard: a copy of the example, and the binary run in it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const DEV: &str = "dev@shipyard.example";
pub const LENA: &str = "lena@shipyard.example";
pub const HANA: &str = "hana@harbour.example";
pub const HUGO: &str = "hugo@harbour.example";
pub const RIA: &str = "ria@harbour.example";
pub const UNA: &str = "una@harbour.example";

/// The example in the repository.
pub fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/credit-preapproval").canonicalize().unwrap()
}

/// The binary, with nothing of this process's environment that it would heed.
pub fn seatrial(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command.current_dir(dir).stdin(Stdio::null());
    for name in ["SEATRIAL_AS", "SEATRIAL_TOKEN", "SEATRIAL_KEY_SEED", "SEATRIAL_LOG", "NO_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// With this exit code, or the test ends here.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// A copy of the example in a folder of its own.
pub struct Yard {
    pub dir: tempfile::TempDir,
}

impl Yard {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&example(), dir.path());
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn workflow(&self) -> PathBuf {
        self.path().join("workflows/credit-preapproval/workflow.yaml")
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(self.workflow()).unwrap()
    }

    /// Replaces a text of the spec, which stands there once.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let text = self.text();
        assert_eq!(text.matches(from).count(), 1, "`{from}`");
        std::fs::write(self.workflow(), text.replace(from, to)).unwrap();
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(seatrial(self.path()).args(args).output().unwrap())
    }

    pub fn run_as(&self, who: &str, args: &[&str]) -> Ran {
        Ran::of(seatrial(self.path()).args(args).env("SEATRIAL_AS", who).output().unwrap())
    }

    pub fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Ran {
        Ran::of(seatrial(self.path()).args(args).envs(env.iter().copied()).output().unwrap())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // A store that somebody made while looking around is not part of the example.
        if entry.file_name() == ".seatrial" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs the binary as somebody; gives what came of it where it exits 0.
pub type Act<'a> = dyn Fn(&str, &[&str]) -> Ran + 'a;

/// Every control but the stop is exercised, by commands alone.
pub fn drills(act: &Act<'_>) {
    act(UNA, &["drill", "override"]);
    act(UNA, &["drill", "incident", "--resumed-by", HANA]);
    for control in ["escalation", "degraded"] {
        let opened = act(HANA, &["drill", control, "--format", "json"]).json();
        let mut close = vec!["drill".to_owned(), control.to_owned()];
        for review in opened["reviews"].as_array().unwrap() {
            let who = if review["to"] == "credit" { HUGO } else { UNA };
            let review = review["review"].as_str().unwrap();
            act(who, &["review", "claim", review]);
            let shown = act(who, &["review", "show", review, "--format", "json"]).json();
            let judged = if shown["output"]["commitment"].is_string() { "output" } else { "input" };
            let seen = shown[judged]["commitment"].as_str().unwrap();
            let own = r#"{"decision":"decline","confidence":1.0}"#;
            let answer = ["review", "answer", review, "own", "--output", own, "--reason", "by hand", "--seen", seen];
            act(who, &answer);
            close.extend(["--done".to_owned(), review.to_owned()]);
        }
        let close: Vec<&str> = close.iter().map(String::as_str).collect();
        act(HANA, &close);
    }
}

/// A pilot that meets its criterion, and what production wants of it, by commands alone.
pub fn piloted(folder: &Path, act: &Act<'_>) {
    act(HANA, &["simulate", "traffic", "applications", "--side", "tune", "--count", "110"]);
    act(HANA, &["simulate", "answers", "--taking", "1s"]);
    act(LENA, &["pilot", "report"]);
    act(HANA, &["approve", "pilot.findings", "--stage", "production", "--yes"]);
    let (from, until) = ("2020-01-01", "2099-12-31");
    act(HANA, &["measure", "waiting", "0.6", "--from", from, "--until", until, "--note", "the branch's queue"]);
    let listed = act(HANA, &["decision", "list", "--limit", "20", "--format", "json"]).json();
    let real = listed.as_array().unwrap().iter().find(|d| d["rehearsal"] == false).unwrap();
    let chain = act(HANA, &["decision", "show", real["decision"].as_str().unwrap(), "--format", "json"]).json();
    std::fs::write(folder.join("cases.csv"), format!("case_id\n{}\n", chain["case"]["text"].as_str().unwrap()))
        .unwrap();
    act(HANA, &["reconcile", "cases.csv", "--from", from, "--until", until]);
    std::fs::write(folder.join("challenge.txt"), "Challenged: simulated.\n").unwrap();
    act(RIA, &["file", "validation.independent", "challenge.txt", "--stage", "production"]);
    act("rex@harbour.example", &["approve", "validation.independent", "--stage", "production", "--yes"]);
    let until =
        jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_add(jiff::Span::new().days(80));
    let asked = ["waive", "oversight.efficacy", "--stage", "production", "--reason", "too few cases yet"];
    let asked =
        [&asked[..], &["--measure", "risk reads twenty a week", "--until", &until.to_string(), "--format", "json"]];
    let waiver = act(HANA, &asked.concat()).json();
    let waiver = waiver["event"].as_str().or(waiver["waiver"].as_str()).unwrap().to_owned();
    act(RIA, &["waive", "grant", &waiver, "--yes"]);
}

/// Waits for a process to end, but not for ever: one that hangs is killed, and the test fails.
pub fn ended(child: &mut std::process::Child) -> std::process::ExitStatus {
    const ENDS_WITHIN: std::time::Duration = std::time::Duration::from_secs(180);
    let began = std::time::Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > ENDS_WITHIN {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the process {} did not end within {ENDS_WITHIN:?}", child.id());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
