//! Starting the tools that chores are made of.

use crate::repo::{Repo, cargo};
use std::process::Command;

/// Runs cargo in the workspace; what it prints is seen.
pub(crate) fn cargo_run(repo: &Repo, arguments: &[&str]) -> Result<(), String> {
    println!("$ cargo {}", arguments.join(" "));
    let status = Command::new(cargo()).args(arguments).current_dir(&repo.root).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`cargo {}` failed", arguments.join(" "))),
        Err(error) => Err(format!("`cargo {}` did not start: {error}", arguments.join(" "))),
    }
}

/// The quick round: everything is run, then the first failure is the answer.
pub(crate) fn test(repo: &Repo) -> Result<(), String> {
    let nextest = Command::new(cargo()).args(["nextest", "--version"]).output().is_ok_and(|out| out.status.success());
    let tests: &[&str] =
        if nextest { &["nextest", "run", "--workspace", "--locked"] } else { &["test", "--workspace", "--locked"] };
    let lint = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    let rounds = [
        cargo_run(repo, &["fmt", "--all", "--check"]),
        crate::tidy::run(repo, false),
        cargo_run(repo, &lint),
        cargo_run(repo, tests),
    ];
    rounds.into_iter().collect()
}
