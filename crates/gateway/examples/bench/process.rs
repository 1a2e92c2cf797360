//! The programs that are measured: started, looked at from outside, and ended.

use super::Failure;
use rusqlite::{Connection, OpenFlags};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Clock ticks a second in `/proc` (`USER_HZ`, the same on every Linux that we know).
const TICKS: f64 = 100.0;

/// A program that runs until this is dropped.
pub struct Started(Child);

impl Started {
    /// Starts it, and gives its first line: it serves from then on.
    pub fn new(program: &Path, arguments: &[&str]) -> Result<(Self, String), Failure> {
        let mut command = Command::new(program);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let started = Self(child);
        let mut line = String::new();
        if BufReader::new(out).read_line(&mut line)? == 0 {
            return Err(format!("`{}` ended at once: is an address taken?", program.display()).into());
        }
        Ok((started, line))
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id()))?)
    }

    /// Processor time so far, in seconds.
    pub fn processor_s(&self) -> Result<f64, Failure> {
        let stat = self.proc("stat")?;
        // The name is in parentheses and may hold anything; user and system time are the 14th and 15th fields.
        let after = stat.rsplit(')').next().ok_or("no stat")?;
        let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS)
    }

    /// Memory in use, in KiB.
    pub fn memory_kib(&self) -> Result<u64, Failure> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().next().ok_or("no VmRSS")?.parse()?)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes when this is dropped.
pub struct Folder(pub PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a guard keeps of one decision.
pub struct Kept {
    /// The event whose length is nearest to the mean.
    pub event: Vec<u8>,
    /// Mean lengths of its payloads, by kind.
    pub payloads: Vec<(String, i64)>,
}

impl Kept {
    /// Of the decisions in a store.
    pub fn read(store: &Path) -> Result<Self, Failure> {
        let conn = Connection::open_with_flags(store.join("evidence.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let made = "FROM events WHERE CAST(bytes AS TEXT) LIKE '%decision.made/%'";
        let mean: f64 = conn.query_row(&format!("SELECT AVG(LENGTH(bytes)) {made}"), [], |r| r.get(0))?;
        let nearest = format!("SELECT bytes {made} ORDER BY ABS(LENGTH(bytes) - ?1) LIMIT 1");
        let event = conn.query_row(&nearest, [mean], |r| r.get(0))?;
        let kinds = "SELECT kind, CAST(AVG(LENGTH(bytes)) AS INTEGER) FROM payloads GROUP BY kind";
        let mut statement = conn.prepare(kinds)?;
        let payloads = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Self { event, payloads })
    }

    /// The mean length of the payloads of a kind.
    pub fn of(&self, kind: &str) -> i64 {
        self.payloads.iter().find(|(name, _)| name == kind).map_or(0, |(_, bytes)| *bytes)
    }
}

/// The texts in single quotes: the headers that the guard's example says to send.
pub fn quoted(line: &str) -> Vec<String> {
    line.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}
