//! Measuring. The examples do it; here they are started side by side, and their figures are set against each other.

use crate::repo::{Repo, cargo};
use clap::Args;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The upstream that answers at once.
const UPSTREAM: &str = "127.0.0.1:18181";

/// The bare proxy before it.
const PROXY: &str = "127.0.0.1:18182";

/// A small request, as a client of chat completions sends it.
const BODY: &str =
    r#"{"model":"workflow/step","messages":[{"role":"user","content":"{\"text\":\"My card was lost.\"}"}]}"#;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How long each measurement of the wire takes, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Connections side by side
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// The address of a served step to measure too; its provider should point at `http://127.0.0.1:18181/v1`
    #[arg(long, value_name = "URL")]
    guarded: Option<String>,
    /// The file with the request's body for `--guarded`
    #[arg(long, requires = "guarded", value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header for `--guarded`, as `authorization: Bearer TOKEN`; may stand several times
    #[arg(long = "header", requires = "guarded", value_name = "HEADER")]
    headers: Vec<String>,
}

/// Runs every measurement.
pub(crate) fn run(repo: &Repo, arguments: &BenchArgs) -> Result<(), String> {
    crate::run::cargo_run(
        repo,
        &["run", "--release", "--locked", "-p", "seatrial-guard", "--example", "decide_speed"],
    )?;
    crate::run::cargo_run(repo, &["run", "--release", "--locked", "-p", "seatrial-store", "--example", "throughput"])?;
    crate::run::cargo_run(repo, &["build", "--release", "--locked", "-p", "seatrial-gateway", "--examples"])?;
    wire(repo, arguments)
}

fn wire(repo: &Repo, arguments: &BenchArgs) -> Result<(), String> {
    let small = repo.root.join("target/bench-body.json");
    fs::write(&small, BODY).map_err(|e| format!("`{}` was not written: {e}", small.display()))?;
    let _upstream = Started::new(repo, "load", &["--serve", UPSTREAM])?;
    let _proxy = Started::new(repo, "passthrough", &[PROXY, UPSTREAM])?;
    let direct = load(repo, arguments, &format!("http://{UPSTREAM}/v1/chat/completions"), &small, &[])?;
    let hop = load(repo, arguments, &format!("http://{PROXY}/v1/chat/completions"), &small, &[])?;
    println!("a hop: {}", ratio(&hop, &direct));
    if let Some(url) = &arguments.guarded {
        let body = arguments.body.as_ref().unwrap_or(&small);
        let guarded = load(repo, arguments, url, body, &arguments.headers)?;
        println!("the guard against the model alone: {}", ratio(&guarded, &direct));
        println!("the guard against a hop: {}", ratio(&guarded, &hop));
        if guarded.not_ok > 0 {
            return Err(format!("{} guarded answers were not 200: the figures above mean nothing", guarded.not_ok));
        }
    }
    Ok(())
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

fn load(
    repo: &Repo,
    arguments: &BenchArgs,
    url: &str,
    body: &std::path::Path,
    headers: &[String],
) -> Result<Figures, String> {
    let done = Command::new(example(repo, "load"))
        .args([url, &arguments.connections.to_string(), &arguments.seconds.to_string()])
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

/// A program that runs until it is dropped.
struct Started(Child);

impl Started {
    /// Starts it, and waits for its first line: it listens from then on.
    fn new(repo: &Repo, name: &str, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(example(repo, name))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("`{name}` (built by {}) did not start: {e}", cargo()))?;
        let out = child.stdout.take();
        let started = Self(child);
        let mut line = String::new();
        let read = out.map(|out| BufReader::new(out).read_line(&mut line));
        match read {
            Some(Ok(bytes)) if bytes > 0 => Ok(started),
            _ => Err(format!("`{name} {}` ended at once: is the address taken?", arguments.join(" "))),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let line =
            "http://127.0.0.1:1/v1: 5123 req/s with 16 connections, p50 310 µs, p99 900 µs, 25615 answers, 2 not 200\n";
        assert_eq!(figures(line), Some(Figures { per_second: 5123.0, p50_us: 310.0, not_ok: 2 }));
        assert_eq!(figures("usage"), None);
    }
}
