//! The tests with chance in them, again and again: each round kills at other moments and draws other values.

use crate::repo::{Repo, cargo};
use clap::Args;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// Package, filter, rounds for `--scale 1`, and what one round does. The killed writer dies six times a round, so
/// that twenty-four kills come together.
const LONG: [(&str, &str, u32, &str); 9] = [
    ("seatrial-factory", "promise::", 1, "20 splits: certificates given, promises kept on held-back applications"),
    ("seatrial-cli", "evidence::kill", 1, "the server under load killed 200 times"),
    ("seatrial-store", "crash::", 4, "the writer killed 6 times, nothing acknowledged lost"),
    ("seatrial-store", "differential::", 20, "24 random histories on both stores"),
    ("seatrial-store", "full::", 4, "full disks"),
    ("seatrial-store", "faulty::", 4, "disks that fail, and 45 power cuts"),
    ("seatrial-verify", "damage::", 20, "random damage to an export is found"),
    ("seatrial-ledger", "oracle::", 20, "random trees and notes against other implementations"),
    ("seatrial-guard", "fuzz::", 4, "hostile inputs and outputs"),
];

/// Where the figures go.
const FIGURES: &str = "target/soak.md";

/// Arguments of `soak`.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// Times as many rounds
    #[arg(long, default_value_t = 1)]
    scale: u32,
    /// Only this package's
    #[arg(long, value_name = "PACKAGE")]
    only: Option<String>,
}

/// Runs all of it, writes the figures, and fails if a round failed.
pub(crate) fn run(repo: &Repo, arguments: &SoakArgs) -> Result<(), String> {
    let mut table =
        "| package | tests | rounds | passed | failed | seconds | a round |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    let mut failures = Vec::new();
    let wanted = |package: &str| arguments.only.as_deref().is_none_or(|only| only == package);
    for (package, filter, rounds, what) in LONG.into_iter().filter(|(package, ..)| wanted(package)) {
        let rounds = rounds * arguments.scale.max(1);
        let began = Instant::now();
        let (mut passed, mut failed) = (0, 0);
        for round in 1..=rounds {
            println!("{package} {filter} round {round} of {rounds}");
            match once(repo, package, filter) {
                Ok(tests) => passed += tests,
                Err(output) => {
                    failed += 1;
                    failures.push(format!("{package} {filter} round {round}:\n{output}"));
                }
            }
        }
        let seconds = began.elapsed().as_secs();
        table.push_str(&format!("| {package} | `{filter}` | {rounds} | {passed} | {failed} | {seconds} | {what} |\n"));
    }
    fs::write(repo.root.join(FIGURES), &table).map_err(|e| format!("`{FIGURES}` was not written: {e}"))?;
    println!("{table}\nwritten to {FIGURES}");
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n")) }
}

/// One round: how many tests passed. A round in which none ran has failed: its filter is stale.
fn once(repo: &Repo, package: &str, filter: &str) -> Result<u32, String> {
    let done = Command::new(cargo())
        .args(["test", "--locked", "-p", package, "--test", "it", filter])
        .env("SEATRIAL_SOAK", "1")
        .current_dir(&repo.root)
        .output()
        .map_err(|e| format!("cargo did not start: {e}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    match passed(&text) {
        Some(tests) if done.status.success() && tests > 0 => Ok(tests),
        _ => Err(format!("{text}\n{}", String::from_utf8_lossy(&done.stderr))),
    }
}

fn passed(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("test result: ok. "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read() {
        assert_eq!(passed("x\ntest result: ok. 3 passed; 0 failed; 0 ignored\n"), Some(3));
        assert_eq!(passed("test result: FAILED. 2 passed; 1 failed"), None);
    }
}
