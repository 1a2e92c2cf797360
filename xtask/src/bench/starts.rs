//! How long the server takes to start, as a log grows.

use crate::repo::Repo;
use crate::run::cargo_run;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Where the factories are made, one after the other.
const FACTORY: &str = "target/starts-factory";

/// Of the entries, at most so many are decisions with their payloads; the others are small.
const DECISIONS_MAX: u64 = 50_000;

/// Starts of each kind; the median is told.
const STARTS: usize = 7;

pub(super) fn run(repo: &Repo, sizes: &[u64]) -> Result<(), String> {
    cargo_run(repo, &["build", "--release", "--locked", "-p", "seatrial-cli"])?;
    let folder = repo.root.join(FACTORY);
    for size in sizes {
        // A little less than its entries: each 200th decision was overridden.
        let decisions = (size / 2).min(DECISIONS_MAX).to_string();
        let what = ["run", "--release", "--locked", "-p", "seatrial-factory", "--example", "replay_speed", "--"];
        cargo_run(repo, &[&what[..], &[&decisions, FACTORY, &size.to_string()]].concat())?;
        let seatrial = repo.root.join("target/release/seatrial");
        let orderly = starts(&seatrial, &folder, "-TERM")?;
        let killed = starts(&seatrial, &folder, "-KILL")?;
        println!("{size} entries: serving after {orderly:.0} ms; after `kill -9` {killed:.0} ms");
        std::fs::remove_dir_all(&folder).map_err(|e| format!("`{FACTORY}` was not removed: {e}"))?;
    }
    Ok(())
}

/// Milliseconds until the server says that it serves, then it is ended by this signal; the median.
fn starts(seatrial: &Path, folder: &Path, signal: &str) -> Result<f64, String> {
    let mut took = Vec::new();
    // The first only leaves behind what the others find.
    for n in 0..=STARTS {
        let began = Instant::now();
        let mut child = Command::new(seatrial)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("the server did not start: {e}"))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let ms = began.elapsed().as_secs_f64() * 1e3;
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
        child.wait().map_err(|e| e.to_string())?;
        if !line.contains("is served on") {
            return Err(format!("the server did not serve: {line}"));
        }
        if n > 0 {
            took.push(ms);
        }
    }
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().ok_or_else(|| "nothing was measured".to_owned())
}
