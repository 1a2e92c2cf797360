//! A scenario's page, taken apart.
//!
//! - a block of `console`: after `$ `, a line of shell (`# exits N` at its end where it does not exit with 0), then what
//!   it says;
//! - `<!-- do: COMMAND -->`: run, and not shown; it must exit with 0;
//! - `<!-- keep NAME: COMMAND -->`: the same, and its JSON is kept for figures;
//! - `<!-- name NAME: COMMAND -->`: the same, and later commands have what it says as `$NAME`;
//! - prose, in which figures are filled in (see `figures.rs`).

use std::path::Path;

/// A command shown, and what it said.
pub struct Run {
    pub command: String,
    pub exits: i32,
    pub output: String,
    shown: String,
}

impl Run {
    /// The page's text of it, with this output.
    pub fn text(&self, output: &str) -> String {
        format!("{}{output}", self.shown)
    }
}

/// What becomes of what a hidden command says.
pub enum Kept {
    Nothing,
    Figures(String),
    Variable(String),
}

/// A piece of a page.
pub enum Piece {
    Prose { line: usize, text: String },
    Hidden { line: usize, text: String, kept: Kept, command: String },
    Console { line: usize, runs: Vec<Run> },
}

/// Takes a page apart.
pub fn pieces(page: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut lines = page.split_inclusive('\n').enumerate().peekable();
    while let Some((n, line)) = lines.next() {
        let number = n + 1;
        if line.trim_end() == "```console" {
            let body: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| l.trim_end() != "```").collect();
            out.push(Piece::Console { line: number, runs: runs(&body) });
        } else if ["<!-- do: ", "<!-- keep ", "<!-- name "].iter().any(|start| line.starts_with(start)) {
            let mut text = line.to_owned();
            while !text.contains("-->") {
                text.push_str(lines.next().unwrap().1);
            }
            let body = text.trim_end().strip_prefix("<!-- ").and_then(|t| t.strip_suffix("-->"));
            let (head, command) = body.unwrap().trim().split_once(": ").unwrap();
            let kept = match head.split_once(' ') {
                Some(("keep", name)) => Kept::Figures(name.to_owned()),
                Some((_, name)) => Kept::Variable(name.to_owned()),
                None => Kept::Nothing,
            };
            out.push(Piece::Hidden { line: number, kept, command: command.to_owned(), text });
        } else {
            out.push(Piece::Prose { line: number, text: line.to_owned() });
        }
    }
    out
}

fn runs(body: &[&str]) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    let mut lines = body.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("$ ") else {
            out.last_mut().unwrap().output.push_str(line);
            continue;
        };
        let (mut shown, mut command) = ((*line).to_owned(), first.to_owned());
        while command.trim_end().ends_with('\\') {
            let next = lines.next().unwrap();
            shown.push_str(next);
            command = format!("{}{}", command.trim_end().trim_end_matches('\\'), next.trim_start());
        }
        let command = command.trim_end();
        let (command, exits) = match command.rsplit_once("# exits ") {
            Some((command, code)) => (command.trim_end().to_owned(), code.trim().parse().unwrap()),
            None => (command.to_owned(), 0),
        };
        out.push(Run { command, exits, output: String::new(), shown });
    }
    out
}

/// What a command said: standard output, then standard error, without the yard's own folder.
pub fn said(out: &str, err: &str, yard: &Path) -> String {
    let mut text = format!("{out}{err}").replace(&yard.display().to_string(), "~/harbour");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.lines().map(|l| format!("{}\n", l.trim_end())).collect()
}

/// The same without what differs from run to run: ids, digests, times, durations.
pub fn steady(text: &str) -> String {
    text.lines().map(steady_line).filter(|l| !l.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

fn steady_line(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_id = core.split_once('_').is_some_and(|(kind, id)| {
            kind.len() <= 4 && id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        });
        let hex =
            core.len() >= 8 && core.chars().all(|c| c.is_ascii_hexdigit()) && core.chars().any(|c| c.is_ascii_digit());
        let digest = core.contains("sha256") || hex;
        let shape = |s: &str| s.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        let shaped = shape(core);
        let time = shaped.starts_with("0000-00-00") || shaped == "00:00" || shaped == "00:00:00";
        if is_id || digest {
            "…".to_owned()
        } else if time {
            shape(word)
        } else {
            word.to_owned()
        }
    });
    let mut out: Vec<String> = words.collect();
    // A duration: a number before its unit.
    for i in 1..out.len() {
        if matches!(out[i].trim_matches(|c: char| !c.is_alphanumeric()), "ms" | "s" | "µs" | "d") {
            out[i - 1] = "…".to_owned();
        }
    }
    // An entry's index: how many events there are depends on what was drawn.
    for i in 1..out.len() {
        if out[i - 1].trim_start_matches('(') == "entry" {
            out[i] = "…".to_owned();
        }
    }
    out.join(" ")
}

/// A figure that stands in the prose itself: not computed, not code, not part of a link.
pub fn own_figure(prose: &str) -> Option<String> {
    let mut rest = String::new();
    let mut text = prose;
    while let Some(start) = text.find("<!--=") {
        rest.push_str(&text[..start]);
        let after = &text[start..];
        let end = after.find("<!--/-->").map_or(after.len(), |i| i + "<!--/-->".len());
        text = &after[end..];
    }
    rest.push_str(text);
    let plain: String = rest.split('`').step_by(2).collect();
    let word = plain.split_whitespace().find(|w| w.chars().any(|c| c.is_ascii_digit()))?;
    (!word.contains("](")).then(|| word.to_owned())
}
