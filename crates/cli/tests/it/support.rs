//! A yard: a copy of the example, and the binary run in it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const DEV: &str = "dev@shipyard.example";
pub const LENA: &str = "lena@shipyard.example";
pub const HANA: &str = "hana@harbour.example";
pub const HUGO: &str = "hugo@harbour.example";
pub const RIA: &str = "ria@harbour.example";

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
