use super::*;
use clap::CommandFactory as _;
use std::fmt::Write as _;

fn leaves(command: &clap::Command, path: &str, each: &mut dyn FnMut(&str, &clap::Command)) {
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            leaves(sub, &path, each);
        } else {
            each(&path, sub);
        }
    }
}

#[test]
fn arguments_are_consistent() {
    Cli::command().debug_assert();
}

/// A global option of the same id would take an argument's value: `log export DIR` is not `-C DIR`.
#[test]
fn no_argument_is_taken_for_a_global_one() {
    let root = Cli::command();
    let global: Vec<String> = root.get_arguments().map(|a| a.get_id().to_string()).collect();
    assert!(global.len() >= 6, "{global:?}");
    leaves(&root, "seatrial", &mut |path, command| {
        for arg in command.get_arguments() {
            assert!(!global.contains(&arg.get_id().to_string()), "`{path}`: `{}`", arg.get_id());
        }
    });
    let cli = Cli::try_parse_from(["seatrial", "log", "export", "there"]).unwrap();
    assert!(cli.global.dir.is_none());
}

/// Splits as a shell does, quotes and `$(…)` included, as far as the examples need it.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => break,
            (None, ' ') => words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty())),
            (_, c) => word.push(c),
        }
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    words
}

#[test]
fn every_command_has_examples_and_they_parse() {
    let key = named::KEY;
    let mut seen = 0;
    leaves(&Cli::command(), "seatrial", &mut |path, command| {
        if command.is_hide_set() {
            return;
        }
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, examples) = after.split_once("Example:").unwrap_or_else(|| panic!("`{path}` has no example"));
        for line in examples.lines().map(str::trim).filter(|l| !l.is_empty()) {
            assert!(line.starts_with(path), "`{path}`: {line}");
            let line = ["credit-preapproval", "credit", "factory"]
                .iter()
                .fold(line.to_owned(), |line, name| line.replace(&format!("\"$(cat {name}.vkey)\""), key));
            Cli::try_parse_from(words(&line)).unwrap_or_else(|e| panic!("{line}\n{e}"));
            seen += 1;
        }
    });
    assert!(seen > 40, "{seen}");
}

fn reference() -> String {
    let mut out = String::from(
        "# Commands\n\nThis page is the program's own help, kept by a test. Exit codes: see [exit-codes.md](exit-codes.md).\n",
    );
    let mut root = Cli::command().term_width(100);
    root.build();
    let _ = write!(out, "\n## seatrial\n\n```text\n{}```\n", root.clone().render_long_help());
    leaves(&root, "seatrial", &mut |path, command| {
        if !command.is_hide_set() {
            let mut command = command.clone().bin_name(path).term_width(100);
            // Options of every command stand once, above.
            for id in ["start-folder", "workflow", "format", "color", "as_person", "quiet", "help", "version"] {
                if command.get_arguments().any(|a| a.get_id() == id) {
                    command = command.mut_arg(id, |a| a.hide(true));
                }
            }
            let _ = write!(out, "\n## {path}\n\n```text\n{}```\n", command.render_long_help());
        }
    });
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_reference_is_the_help() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/commands.md");
    let now = reference();
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == now,
        "docs/reference/commands.md is not the help; SEATRIAL_UPDATE=1 cargo test -p seatrial-cli writes it"
    );
}
