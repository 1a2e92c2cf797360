//! Scenarios: stories in `scenarios/`, told in Markdown and executed. Every command is run, every figure in the prose is
//! computed from what the commands say, and prose with a figure of its own fails.
//!
//! `SEATRIAL_UPDATE=1` writes what the commands say now; without it, what they say has to be what stands there, but for
//! ids, digests, times and durations.

mod figures;
pub mod page;

use crate::support::{Ran, Yard, seatrial};
use figures::Figures;
use page::{Kept, Piece, pieces};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").canonicalize().unwrap()
}

/// Runs a line of shell in the yard, the binary on its path.
fn shell(yard: &Yard, named: &BTreeMap<String, String>, line: &str) -> Ran {
    let binary = seatrial(yard.path()).get_program().to_owned();
    let beside = Path::new(&binary).parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = std::process::Command::new("bash");
    command.arg("-c").arg(format!("set -o pipefail; {line}")).current_dir(yard.path());
    for name in ["SEATRIAL_AS", "SEATRIAL_TOKEN", "SEATRIAL_KEY_SEED", "SEATRIAL_LOG"] {
        command.env_remove(name);
    }
    command.envs(named).env("PATH", format!("{}:{path}", beside.display())).env("COLUMNS", "110").env("NO_COLOR", "1");
    Ran::of(command.stdin(std::process::Stdio::null()).output().unwrap())
}

/// What a page became by being run.
struct Told {
    text: String,
    /// What stands there and is not what was said: line, then both.
    differences: Vec<String>,
}

fn tell(text: &str) -> Told {
    let yard = Yard::new();
    let mut figures = Figures::default();
    let mut named = BTreeMap::new();
    let mut told = Told { text: String::new(), differences: Vec::new() };
    for piece in pieces(text) {
        match piece {
            Piece::Prose { line, text } => {
                let computed = figures.fill(&text).unwrap_or_else(|e| panic!("line {line}: {e}"));
                if let Some(digit) = page::own_figure(&computed) {
                    panic!("line {line}: the prose has the figure `{digit}`, which nothing computes");
                }
                if computed != text {
                    told.differences.push(format!("line {line}:\n- {text}+ {computed}"));
                }
                told.text.push_str(&computed);
            }
            Piece::Hidden { line, text, kept, command } => {
                let ran = shell(&yard, &named, &command);
                assert_eq!(ran.code, 0, "line {line}: `{command}`\n{}{}", ran.out, ran.err);
                match kept {
                    Kept::Nothing => {}
                    Kept::Figures(name) => {
                        figures.keep(&name, &ran.out).unwrap_or_else(|e| panic!("line {line}: {e}\n{}", ran.err));
                    }
                    Kept::Variable(name) => drop(named.insert(name, ran.out.trim().to_owned())),
                }
                told.text.push_str(&text);
            }
            Piece::Console { line, runs } => {
                told.text.push_str("```console\n");
                for run in runs {
                    let ran = shell(&yard, &named, &run.command);
                    let said = page::said(&ran.out, &ran.err, yard.path());
                    assert_eq!(ran.code, run.exits, "line {line}: `{}`\n{said}", run.command);
                    if page::steady(&said) == page::steady(&run.output) {
                        // Ids and times are those of the run that wrote the page.
                        told.text.push_str(&run.text(&run.output));
                    } else {
                        told.differences.push(format!("line {line}: `{}`\n- {}+ {said}", run.command, run.output));
                        told.text.push_str(&run.text(&said));
                    }
                }
                told.text.push_str("```\n");
            }
        }
    }
    told
}

/// Runs one page, and compares it or writes it anew.
fn holds(page: &Path) {
    let text = std::fs::read_to_string(page).unwrap();
    let told = tell(&text);
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(page, told.text).unwrap();
    } else {
        assert!(told.differences.is_empty(), "{}:\n{}", page.display(), told.differences.join("\n"));
    }
}

#[test]
fn stories_hold() {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    pages.retain(|p| p.extension().is_some_and(|e| e == "md") && !p.ends_with("README.md"));
    // One story alone, while it is written.
    if let Some(one) = std::env::var_os("SEATRIAL_STORY") {
        pages.retain(|p| p.file_stem() == Some(one.as_os_str()));
    }
    assert!(!pages.is_empty(), "there is no scenario");
    // Each has a factory of its own, so they are told side by side.
    std::thread::scope(|scope| {
        let told: Vec<_> = pages.iter().map(|page| scope.spawn(|| holds(page))).collect();
        for story in told {
            story.join().unwrap();
        }
    });
}
