//! What the guard costs on the wire, in one run: the workspace's example, released to production, with all of its
//! checks, the embedded model and durable evidence, beside a bare pass-through proxy on the same HTTP library, and the
//! upstream behind that proxy alone. Rounds are interleaved, so that whatever else the machine does hits all three;
//! the figures are medians over the rounds, with their range.
//!
//! `cargo build --release -p seatrial-gateway --examples && target/release/examples/bench [SECONDS [ROUNDS]]`
//!
//! The other programs (`released`, `passthrough`, `load`) are the examples beside this one.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many connections send requests, each the next one when it has the answer: one shows what a request takes, many
/// show how many go through.
const CONNECTIONS: [usize; 2] = [1, 32];

const UPSTREAM: &str = "127.0.0.1:18281";
const PROXY: &str = "127.0.0.1:18282";
const GUARD: &str = "127.0.0.1:18283";

/// A program that runs until this is dropped.
struct Started(Child);

impl Started {
    /// Starts it, and gives its first line: it serves from then on.
    fn new(program: &Path, arguments: &[&str]) -> Result<(Self, String), Failure> {
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
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes when this is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One of the three, and what was measured of it.
struct Measured {
    name: &'static str,
    url: String,
    headers: Vec<String>,
    /// For each number of connections: requests a second, median and 99th percentile in microseconds, of each round.
    rounds: Vec<Vec<[f64; 3]>>,
}

impl Measured {
    fn new(name: &'static str, address: &str, headers: Vec<String>) -> Self {
        let url = format!("http://{address}/v1/chat/completions");
        Self { name, url, headers, rounds: vec![Vec::new(); CONNECTIONS.len()] }
    }

    fn round(&mut self, load: &Path, place: usize, seconds: &str, requests: &str) -> Result<(), Failure> {
        let connections = CONNECTIONS.get(place).copied().unwrap_or(1).to_string();
        let done =
            Command::new(load).args([&self.url, &connections, seconds, requests]).args(&self.headers).output()?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let number = |after: &str, before: &str| -> Option<f64> {
            let rest = if after.is_empty() { Some(text.as_str()) } else { text.split(after).nth(1) };
            rest?.split(before).next()?.trim().rsplit(' ').next()?.parse().ok()
        };
        let figures = (|| {
            let faults = number("", " not 200")? - number("(", " of them verdicts")?;
            Some(([number("", " req/s")?, number("p50 ", " µs")?, number("p99 ", " µs")?], faults))
        })();
        match figures {
            Some((figures, 0.0)) => {
                if let Some(rounds) = self.rounds.get_mut(place) {
                    rounds.push(figures);
                }
                Ok(())
            }
            Some((_, faults)) => Err(format!("{faults} answers of `{}` were faults: {text}", self.name).into()),
            None => Err(format!("no figures: {text}{}", String::from_utf8_lossy(&done.stderr)).into()),
        }
    }

    /// Median, least and greatest over the rounds.
    fn over(&self, place: usize, figure: usize) -> [f64; 3] {
        let all = self.rounds.get(place).into_iter().flatten().filter_map(|round| round.get(figure).copied());
        let mut all: Vec<f64> = all.collect();
        all.sort_by(f64::total_cmp);
        [all.get(all.len() / 2), all.first(), all.last()].map(|found| found.copied().unwrap_or(f64::NAN))
    }
}

fn report(all: &[Measured], place: usize, connections: usize) {
    println!("\n{connections} connection(s)");
    println!("| | requests a second (least to most) | p50 µs | p99 µs |\n|---|---|---|---|");
    for one in all {
        let [rate, least, most] = one.over(place, 0);
        let [[p50, ..], [p99, ..]] = [one.over(place, 1), one.over(place, 2)];
        println!("| {} | {rate:.0} ({least:.0} to {most:.0}) | {p50:.0} | {p99:.0} |", one.name);
    }
    if let [_, proxy, guard] = all {
        let ratio = |figure| guard.over(place, figure)[0] / proxy.over(place, figure)[0];
        println!(
            "the guard to the bare proxy: {:.3} of its requests a second, {:.1} times its p50 ({:.0} µs more), {:.1} times its p99",
            ratio(0),
            ratio(1),
            guard.over(place, 1)[0] - proxy.over(place, 1)[0],
            ratio(2)
        );
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().unwrap_or_else(|| "3".to_owned());
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let beside = std::env::current_exe()?.parent().ok_or("no folder")?.to_owned();
    // Beside the programs: on the same disk as everything that is built, not in memory.
    let folder = Folder(beside.join(format!("bench-{}", std::process::id())));
    let root = folder.0.join("factory");
    let root = root.to_str().ok_or("the folder's name is no text")?;
    println!("delivering the example to production…");
    let (_guard, line) = Started::new(&beside.join("released"), &[GUARD, root])?;
    let (_upstream, _) = Started::new(&beside.join("load"), &["--serve", UPSTREAM])?;
    let (_proxy, _) = Started::new(&beside.join("passthrough"), &[PROXY, UPSTREAM])?;
    let about: serde_json::Value = serde_json::from_str(&line)?;
    let text = |name: &str| about.get(name).and_then(serde_json::Value::as_str).ok_or("the factory said nothing");
    let (token, requests) = (text("caller")?, text("requests")?);
    let mut all = [
        Measured::new("upstream alone", UPSTREAM, Vec::new()),
        Measured::new("bare pass-through proxy", PROXY, Vec::new()),
        Measured::new("the guard", GUARD, vec![format!("authorization: Bearer {token}")]),
    ];
    let load = beside.join("load");
    for one in &mut all {
        one.round(&load, 0, "1", requests)?;
        if let Some(warming) = one.rounds.first_mut() {
            warming.clear();
        }
    }
    for round in 1..=rounds {
        for place in 0..CONNECTIONS.len() {
            for one in &mut all {
                one.round(&load, place, &seconds, requests)?;
            }
        }
        println!("round {round} of {rounds} is done");
    }
    for (place, connections) in CONNECTIONS.iter().enumerate() {
        report(&all, place, *connections);
    }
    Ok(())
}
