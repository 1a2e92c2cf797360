//! One of those that are measured, and the tables.

use super::Failure;
use super::process::Started;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How answers are asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    Plain,
    Streamed,
}

/// What one round came to.
#[derive(Clone, Copy, Default)]
struct Round {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    answers: f64,
    processor_s: f64,
}

/// One of those that are measured.
pub struct Measured {
    pub name: &'static str,
    pub process: Started,
    /// Which of the comparisons it belongs to.
    pub set: usize,
    /// The factory's folder, where it is a guard.
    pub root: Option<PathBuf>,
    /// The file of plain requests, and the one of streamed ones where it answers them.
    pub requests: Vec<PathBuf>,
    pub url: String,
    pub headers: Vec<String>,
    rounds: BTreeMap<(Mode, usize), Vec<Round>>,
}

impl Measured {
    pub fn new(name: &'static str, address: &str, process: Started, headers: Vec<String>) -> Self {
        let url = format!("http://{address}/v1/chat/completions");
        Self { name, process, set: 0, root: None, requests: Vec::new(), url, headers, rounds: BTreeMap::new() }
    }

    /// Where its evidence is kept.
    pub fn store(&self) -> Result<PathBuf, Failure> {
        Ok(self.root.as_ref().ok_or("it is no guard")?.join(".seatrial"))
    }

    /// A second that does not count.
    pub fn warm(&mut self, load: &Path, requests: &Path) -> Result<(), Failure> {
        self.run(load, 16, "1", requests).map(drop)
    }

    pub fn round(&mut self, load: &Path, at: (Mode, usize), seconds: &str) -> Result<(), Failure> {
        let Some(requests) = self.requests.get(at.0 as usize).cloned() else { return Ok(()) };
        let round = self.run(load, at.1, seconds, &requests)?;
        self.rounds.entry(at).or_default().push(round);
        Ok(())
    }

    fn run(&self, load: &Path, connections: usize, seconds: &str, requests: &Path) -> Result<Round, Failure> {
        let before = self.process.processor_s()?;
        let mut command = Command::new(load);
        command.args([&self.url, &connections.to_string(), seconds]).arg(requests).args(&self.headers);
        let done = command.output()?;
        let processor_s = self.process.processor_s()? - before;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let number = |before: &str| text.split(before).next()?.trim().rsplit([' ', '(']).next()?.parse::<f64>().ok();
        let after = |after: &str| text.split(after).nth(1)?.split(' ').next()?.parse::<f64>().ok();
        let figures = (|| {
            let faults = number(" not 200")? - number(" of them verdicts")?;
            let (per_second, answers) = (number(" req/s")?, number(" answers")?);
            Some((faults, Round { per_second, p50_us: after("p50 ")?, p99_us: after("p99 ")?, answers, processor_s }))
        })();
        match figures {
            Some((0.0, round)) => Ok(round),
            Some((faults, _)) => Err(format!("{faults} answers of `{}` were faults: {text}", self.name).into()),
            None => Err(format!("no figures: {text}{}", String::from_utf8_lossy(&done.stderr)).into()),
        }
    }

    /// Median, least and greatest over the rounds.
    fn over(&self, at: (Mode, usize), figure: impl Fn(&Round) -> f64) -> [f64; 3] {
        let mut all: Vec<f64> = self.rounds.get(&at).into_iter().flatten().map(figure).collect();
        all.sort_by(f64::total_cmp);
        [all.get(all.len() / 2), all.first(), all.last()].map(|found| found.copied().unwrap_or(f64::NAN))
    }

    /// Processor seconds for 1 000 requests, over all rounds.
    fn processor(&self, at: (Mode, usize)) -> f64 {
        let rounds = || self.rounds.get(&at).into_iter().flatten();
        let (seconds, answers): (f64, f64) =
            rounds().fold((0.0, 0.0), |(s, n), round| (s + round.processor_s, n + round.answers));
        seconds / answers * 1_000.0
    }
}

/// One table: the last of them is the guard, the one before it the proxy by hand, the first what is least.
pub fn report(what: &str, all: &[&Measured], at: (Mode, usize)) {
    let all: Vec<_> = all.iter().filter(|one| one.rounds.contains_key(&at)).collect();
    let [least, .., by_hand, guard] = all.as_slice() else {
        if let [by_hand, guard] = all.as_slice() {
            table(what, &[by_hand, guard], at);
            against(guard, by_hand, at);
        }
        return;
    };
    table(what, &all.iter().map(|one| **one).collect::<Vec<_>>(), at);
    against(guard, by_hand, at);
    against(guard, least, at);
}

fn table(what: &str, all: &[&Measured], at: (Mode, usize)) {
    println!("\n### {what}, {:?}, {} connection(s)\n", at.0, at.1);
    println!(
        "| | requests a second (least to most) | p50 µs | p99 µs | processor s for 1 000 |\n|---|---|---|---|---|"
    );
    for one in all {
        let [rate, least, most] = one.over(at, |r| r.per_second);
        let [[p50, ..], [p99, ..]] = [one.over(at, |r| r.p50_us), one.over(at, |r| r.p99_us)];
        let processor = one.processor(at);
        println!("| {} | {rate:.0} ({least:.0} to {most:.0}) | {p50:.0} | {p99:.0} | {processor:.3} |", one.name);
    }
    println!();
}

fn against(guard: &Measured, other: &Measured, at: (Mode, usize)) {
    let [rate, of] = [guard, other].map(|one| one.over(at, |r| r.per_second)[0]);
    let more = |figure: fn(&Round) -> f64| guard.over(at, figure)[0] - other.over(at, figure)[0];
    println!(
        "The guard to `{}`: {:.3} of its requests a second, {:.0} µs more at the median, {:.0} µs at p99.",
        other.name,
        rate / of,
        more(|r| r.p50_us),
        more(|r| r.p99_us)
    );
}
