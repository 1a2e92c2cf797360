//! `docs/tutorial.md`, done as a newcomer does it: in an empty folder, line by line, in shells that stay open.
//!
//! - a block of `console`: as in scenarios. Of what stands there as said, a line `…` stands for any lines, and `…` at
//!   the end of a word for the rest of it and of its line. Identifiers, digests and tokens of the page become those of the run where they are first
//!   seen, and the commands after that are run with those: a reader copies them, too;
//! - `<!-- second terminal: TEXT -->` before a block: its command goes on in the background; it is waited for until it
//!   says TEXT;
//! - `<!-- exits any -->` before a block: a model decides how its commands end, with 0 or with 1;
//! - `<!-- page PERSON: ANSWER WHY -->`: the person opens the newest link of a `serve`, signs in, and answers the oldest
//!   review that somebody waits for, by the forms of the page;
//! - a block of `console earnest` is run in place of the first one by the test of a factory that is no simulation.
//!
//! Without SEATRIAL_MODEL_URL a stand-in answers for the model, always alike. `tests/tutorial/run` gives the address of a
//! real one.

mod model;
mod page;
mod said;
mod shell;

use crate::scenario::page::{Piece, pieces};
use said::Learned;
use shell::Shell;
use std::path::Path;
use std::time::{Duration, Instant};

/// The addresses that the page names, which may be taken on this machine.
const MODEL: &str = "127.0.0.1:8091";
const NODE: &str = "127.0.0.1:7070";

/// How long a command in the background may take until it says what is waited for.
const WAIT_MAX: Duration = Duration::from_secs(300);

struct Run {
    shell: Shell,
    learned: Learned,
    commands: u32,
    seconds: f64,
}

impl Run {
    fn new() -> Self {
        let mut learned = Learned::default();
        learned.stands_for(NODE, &format!("127.0.0.1:{}", free_port()));
        Self { shell: Shell::new(), learned, commands: 0, seconds: 0.0 }
    }

    fn command(&mut self, line: usize, command: &str, exits: Option<i32>, expected: &str) {
        let typed = self.learned.put(command);
        let began = Instant::now();
        let ran = self.shell.run(&typed);
        let took = began.elapsed().as_secs_f64();
        self.took(took, &typed);
        let fits = exits.map_or(ran.code == 0 || ran.code == 1, |code| ran.code == code);
        assert!(fits, "line {line}: `{typed}` exits {}\n{}{}", ran.code, ran.out, ran.err);
        let text = format!("{}{}", ran.out, ran.err);
        if let Err(why) = self.learned.compare(expected, &text) {
            panic!("line {line}: `{typed}`: {why}\n--- the page\n{expected}--- said\n{text}");
        }
    }

    fn took(&mut self, seconds: f64, typed: &str) {
        println!("{seconds:6.1} s  {typed}");
        self.commands += 1;
        self.seconds += seconds;
    }

    fn background(&mut self, line: usize, command: &str, until: &str, expected: &str) {
        let typed = self.learned.put(command);
        let began = Instant::now();
        let until = self.learned.put(until);
        let text = self.shell.start(&typed, &until, WAIT_MAX).unwrap_or_else(|e| panic!("line {line}: `{typed}`: {e}"));
        self.took(began.elapsed().as_secs_f64(), &typed);
        if let Err(why) = self.learned.compare(expected, &text) {
            panic!("line {line}: `{typed}`: {why}\n--- the page\n{expected}--- said\n{text}");
        }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What an instruction in a comment says, where the line is one of this kind.
fn told<'t>(text: &'t str, kind: &str) -> Option<&'t str> {
    let body = text.trim().strip_prefix("<!-- ")?.strip_suffix("-->")?.trim();
    body.strip_prefix(kind).map(str::trim)
}

/// Runs the page. In earnest, the block of two people stands for the first one of one.
fn done(text: &str, earnest: bool) -> Run {
    let mut run = Run::new();
    let real = std::env::var("SEATRIAL_MODEL_URL").ok();
    let stand_in = real.is_none().then(model::start);
    let address = match (&real, &stand_in) {
        (Some(url), _) => url.trim_start_matches("http://").trim_end_matches("/v1").to_owned(),
        (None, Some(port)) => format!("127.0.0.1:{port}"),
        (None, None) => unreachable!(),
    };
    run.learned.stands_for(MODEL, &address);
    let (mut until, mut any) = (None, false);
    let (pages, swapped) = swap(text, earnest);
    assert_eq!(swapped, earnest, "the page has no block of `console earnest`");
    for piece in pieces(&pages) {
        match piece {
            Piece::Prose { text, .. } => {
                if let Some(said) = told(&text, "second terminal:") {
                    until = Some(said.to_owned());
                } else if told(&text, "exits any").is_some() {
                    any = true;
                } else if let Some(asked) = told(&text, "page ") {
                    page::answer(run.shell.heard(), asked);
                    run.commands += 1;
                }
            }
            Piece::Hidden { line, command, .. } => run.command(line, &command, Some(0), "…\n"),
            Piece::Console { line, runs } => {
                for one in runs {
                    match until.take() {
                        Some(until) => run.background(line, &one.command, &until, &one.output),
                        None => run.command(line, &one.command, (!any).then_some(one.exits), &one.output),
                    }
                }
                any = false;
            }
        }
    }
    println!("{} commands, {:.1} s in all", run.commands, run.seconds);
    run
}

/// The page with its blocks of `console earnest` in place of the blocks of `console` before them, where it is in earnest.
fn swap(text: &str, earnest: bool) -> (String, bool) {
    const FIRST: &str = "```console alone\n";
    const SECOND: &str = "```console earnest\n";
    let (kept, left) = if earnest { (SECOND, FIRST) } else { (FIRST, SECOND) };
    let mut out = text.replace(kept, "```console\n");
    while let Some(start) = out.find(left) {
        let end = out[start + left.len()..].find("```\n").map(|i| start + left.len() + i + 4).unwrap();
        out.replace_range(start..end, "");
    }
    (out, earnest && text.contains(SECOND))
}

fn tutorial() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md")).unwrap()
}

#[test]
fn the_tutorial_holds() {
    let run = done(&tutorial(), false);
    assert!(run.commands > 20, "{} commands", run.commands);
}

/// The same with two people who are no simulation: the release says so.
#[test]
fn the_tutorial_holds_in_earnest() {
    let text = tutorial().replace("SEATRIAL_SIMULATION", "SEATRIAL_PILOT");
    done(&text, true);
}
