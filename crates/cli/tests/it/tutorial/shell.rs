//! Shells that stay open: the folder and what was exported outlive a line; what runs in the background ends with us.

use crate::support::{Ran, seatrial};
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Shell {
    /// The empty folder.
    home: tempfile::TempDir,
    state: tempfile::TempDir,
    running: Vec<Child>,
    heard: String,
}

impl Shell {
    pub fn new() -> Self {
        let (home, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(state.path().join("env"), "").unwrap();
        std::fs::write(state.path().join("pwd"), home.path().display().to_string()).unwrap();
        Self { home, state, running: Vec::new(), heard: String::new() }
    }

    /// Everything that commands in the background said until they were waited for.
    pub fn heard(&self) -> &str {
        &self.heard
    }

    fn bash(&self, line: &str) -> Command {
        let binary = PathBuf::from(seatrial(Path::new("/")).get_program());
        let beside = binary.parent().unwrap();
        let state = self.state.path().display();
        let script = format!(
            "set -o pipefail; source {state}/env; cd \"$(cat {state}/pwd)\" || exit 99\n\
             trap 'export -p > {state}/env; pwd > {state}/pwd' EXIT\n{line}\n"
        );
        let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).env_clear().env("PATH", path).env("HOME", self.home.path());
        command.env("COLUMNS", "110").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs a line to its end.
    pub fn run(&self, line: &str) -> Ran {
        Ran::of(self.bash(line).output().unwrap())
    }

    /// Starts a line, and waits until it has said this.
    pub fn start(&mut self, line: &str, until: &str, wait_max: Duration) -> Result<String, String> {
        let said = self.state.path().join(format!("said-{}", self.running.len()));
        let file = std::fs::File::create(&said).unwrap();
        let mut command = self.bash(line);
        command.stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        self.running.push(command.spawn().unwrap());
        let began = Instant::now();
        loop {
            let mut text = String::new();
            std::fs::File::open(&said).unwrap().read_to_string(&mut text).unwrap();
            if text.contains(until) {
                self.heard.push_str(&text);
                return Ok(text);
            }
            if self.running.last_mut().unwrap().try_wait().unwrap().is_some() || began.elapsed() > wait_max {
                return Err(format!("it never said `{until}`:\n{text}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in &mut self.running {
            // The whole group: bash and what it runs.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
            let _ = child.wait();
        }
    }
}
