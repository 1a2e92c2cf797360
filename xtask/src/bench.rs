//! Measuring. The examples do it; here they are started side by side, and their figures are set against each other.

mod starts;

use crate::repo::Repo;
use crate::run::cargo_run;
use clap::Args;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The upstream that answers at once.
const UPSTREAM: &str = "127.0.0.1:18181";

/// The bare proxy before it.
const PROXY: &str = "127.0.0.1:18182";

/// The guard before it.
const GUARDED: &str = "127.0.0.1:18183";

/// Where the guard's factory is made anew; beside the build, for a store in memory would flatter it.
const FACTORY: &str = "target/bench-factory";

/// Where the factory with the recorded decisions is made, and kept: filling it takes longer than replaying it.
const REPLAYED: &str = "target/replay-factory";

/// Where the factories are made whose streams are stopped.
const STOPPED: &str = "target/stop-factory";

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How long each measurement of the wire takes, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Connections side by side
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Rounds of the comparison with the released example
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Only the wire: the model alone, a bare proxy before it, the guard before it
    #[arg(long, conflicts_with = "replay")]
    wire: bool,
    /// Only the replay of recorded decisions
    #[arg(long)]
    replay: bool,
    /// Only a stop under open streams: the time to the last byte
    #[arg(long, conflicts_with_all = ["wire", "replay"])]
    stop: bool,
    /// Only the store: appends beside the raw disk, proofs, opening
    #[arg(long, conflicts_with_all = ["wire", "replay", "stop"])]
    store: bool,
    /// Only starts of the server, at these numbers of entries
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["wire", "replay", "stop", "store"])]
    starts: Vec<u64>,
    /// Streams that are open when it is stopped
    #[arg(long, default_value_t = 200)]
    streams: u32,
    /// Recorded decisions that are replayed; a million of them need 10 GB beside the build
    #[arg(long, default_value_t = 100_000)]
    decisions: u64,
}

/// Runs every measurement.
pub(crate) fn run(repo: &Repo, arguments: &BenchArgs) -> Result<(), String> {
    let release = |rest: &[&str]| cargo_run(repo, &[&["run", "--release", "--locked", "-p"], rest].concat());
    if arguments.stop {
        return stop(repo, arguments);
    }
    if arguments.store {
        let seconds = arguments.seconds.to_string();
        let sizes = ["10000", "100000", "1000000"];
        return release(&[&["seatrial-store", "--example", "durability", "--", &seconds], &sizes[..]].concat());
    }
    if !arguments.starts.is_empty() {
        return starts::run(repo, &arguments.starts);
    }
    if !arguments.wire {
        let decisions = arguments.decisions.to_string();
        release(&["seatrial-factory", "--example", "replay_speed", "--", &decisions, REPLAYED])?;
    }
    if arguments.replay {
        return Ok(());
    }
    if !arguments.wire {
        release(&["seatrial-guard", "--example", "decide_speed"])?;
        release(&["seatrial-store", "--example", "throughput"])?;
    }
    cargo_run(repo, &["build", "--release", "--locked", "-p", "seatrial-gateway", "--examples"])?;
    wire(repo, arguments)?;
    // The whole example, released, beside the bare proxy: rounds in turn, medians, ratios.
    let (seconds, rounds) = (arguments.seconds.to_string(), arguments.rounds.to_string());
    release(&["seatrial-gateway", "--example", "bench", "--", &seconds, &rounds])
}

/// A stop while streams are open.
fn stop(repo: &Repo, arguments: &BenchArgs) -> Result<(), String> {
    let folder = repo.root.join(STOPPED);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("`{STOPPED}` cannot be made anew: {e}"))?;
    }
    let (streams, rounds) = (arguments.streams.to_string(), arguments.rounds.to_string());
    let what = ["run", "--release", "--locked", "-p", "seatrial-gateway", "--example", "stop_streams", "--"];
    cargo_run(repo, &[&what[..], &[STOPPED, &streams, &rounds]].concat())
}

/// The same request to the model alone, through a bare proxy, and through the guard, one after the other.
fn wire(repo: &Repo, arguments: &BenchArgs) -> Result<(), String> {
    let factory = repo.root.join(FACTORY);
    if factory.exists() {
        fs::remove_dir_all(&factory).map_err(|e| format!("`{FACTORY}` cannot be made anew: {e}"))?;
    }
    let folder = factory.to_string_lossy();
    let _upstream = Started::new(repo, "load", &["--serve", UPSTREAM])?;
    let _proxy = Started::new(repo, "passthrough", &[PROXY, UPSTREAM])?;
    let guard = Started::new(repo, "guarded", &[GUARDED, UPSTREAM, folder.as_ref()])?;
    let headers = quoted(&guard.said);
    let measure = |address: &str| load(repo, arguments, address, &factory.join("body.json"), &headers);
    let (direct, hop, guarded) = (measure(UPSTREAM)?, measure(PROXY)?, measure(GUARDED)?);
    println!("a bare proxy against the model alone: {}", ratio(&hop, &direct));
    println!("the guard, recording, against the model alone: {}", ratio(&guarded, &direct));
    println!("the guard, recording, against a bare proxy: {}", ratio(&guarded, &hop));
    match guarded.not_ok {
        0 => Ok(()),
        n => Err(format!("{n} guarded answers were not 200: the figures above mean nothing")),
    }
}

/// The texts in single quotes: the headers that the guard's example says to send.
fn quoted(line: &str) -> Vec<String> {
    line.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What the load generator measured.
#[derive(PartialEq, Debug)]
struct Figures {
    per_second: f64,
    p50_us: f64,
    not_ok: u64,
}

fn ratio(one: &Figures, other: &Figures) -> String {
    let (rate, added) = (one.per_second / other.per_second, one.p50_us - other.p50_us);
    format!("{rate:.3} of its requests a second, {added:.0} µs more at the median")
}

fn load(repo: &Repo, arguments: &BenchArgs, address: &str, body: &Path, headers: &[String]) -> Result<Figures, String> {
    let url = format!("http://{address}/v1/chat/completions");
    let done = Command::new(example(repo, "load"))
        .args([&url, &arguments.connections.to_string(), &arguments.seconds.to_string()])
        .arg(body)
        .args(headers)
        .output()
        .map_err(|e| format!("the load generator did not start: {e}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    print!("{text}");
    figures(&text).ok_or_else(|| format!("no figures: {text}{}", String::from_utf8_lossy(&done.stderr)))
}

/// Reads `URL: N req/s with C connections, p50 N µs, p99 N µs, N answers, N not 200`.
fn figures(text: &str) -> Option<Figures> {
    let before = |mark: &str| text.split(mark).next()?.rsplit(' ').next();
    Some(Figures {
        per_second: before(" req/s")?.parse().ok()?,
        p50_us: text.split("p50 ").nth(1)?.split(' ').next()?.parse().ok()?,
        not_ok: before(" not 200")?.parse().ok()?,
    })
}

fn example(repo: &Repo, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo.root.join("target"), PathBuf::from);
    target.join("release/examples").join(name)
}

/// A program that runs until it is dropped, and the line with which it said that it listens.
struct Started {
    child: Child,
    said: String,
}

impl Started {
    /// Starts it, and waits for its first line: it listens from then on.
    fn new(repo: &Repo, name: &str, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(example(repo, name))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("`{name}` did not start: {e}"))?;
        let out = child.stdout.take();
        let mut started = Self { child, said: String::new() };
        let read = out.map(|out| BufReader::new(out).read_line(&mut started.said));
        match read {
            Some(Ok(bytes)) if bytes > 0 => Ok(started),
            _ => Err(format!("`{name} {}` ended at once: is the address taken?", arguments.join(" "))),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let line = "load http://x 8 5 f/body.json 'authorization: Bearer t' 'x-seatrial-release: rehearsal'\n";
        assert_eq!(quoted(line), ["authorization: Bearer t", "x-seatrial-release: rehearsal"]);
    }

    #[test]
    fn figures_are_read() {
        let line =
            "http://127.0.0.1:1/v1: 5123 req/s with 16 connections, p50 310 µs, p99 900 µs, 25615 answers, 2 not 200\n";
        assert_eq!(figures(line), Some(Figures { per_second: 5123.0, p50_us: 310.0, not_ok: 2 }));
        assert_eq!(figures("usage"), None);
    }
}
