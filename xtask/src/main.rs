//! Chores: `cargo xtask tidy | docs | test | bench | soak`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to whoever runs it")]

mod bench;
mod docs;
mod repo;
mod run;
mod soak;
mod source;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Chores of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Chores of the workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check what the compiler does not: edges, lengths, forgotten files, licences, and that the papers are true
    Tidy {
        /// Write today's lower numbers into `xtask/tidy-exceptions.txt`
        #[arg(long)]
        shrink: bool,
    },
    /// Write the generated parts of `docs/reference/` anew from the code
    Docs,
    /// The quick round while working: formatting, clippy, tests of the workspace, tidy. `./test` is the whole one
    Test,
    /// Measure: deciding, durable events, what a hop and what the guard cost
    Bench(bench::BenchArgs),
    /// Run the tests with chance in them again and again, each time with new seeds, and write the figures
    Soak(soak::SoakArgs),
}

fn main() -> ExitCode {
    let done = repo::Repo::open().and_then(|repo| match Arguments::parse().chore {
        Chore::Tidy { shrink } => tidy::run(&repo, shrink),
        Chore::Docs => docs::write(&repo),
        Chore::Test => run::test(&repo),
        Chore::Bench(arguments) => bench::run(&repo, &arguments),
        Chore::Soak(arguments) => soak::run(&repo, &arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
