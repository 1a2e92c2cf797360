//! What is known of the terminal and the environment: the only place that asks them.

use crate::args::{Color, Global};
use crate::failure::Failure;
use crate::out::{Format, Layout, Out, Sink, Stream, WIDTH_DEFAULT, WIDTH_MIN};
use crate::owner::Asked;
use crate::place;
use crate::session::Who;
use std::io::{IsTerminal as _, Write as _};

/// Straight to this process's own streams. A reader that has gone away ends the output, not the command.
pub(crate) fn sink() -> Sink {
    Box::new(|stream, text| {
        let _ = match stream {
            Stream::Out => std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()),
            Stream::Err => std::io::stderr().write_all(text.as_bytes()),
        };
    })
}

/// The output of a command.
pub(crate) fn out(global: &Global) -> Out {
    Out::new(sink(), layout(global.color), global.format, global.quiet)
}

/// Output before anything is known of what is wanted.
pub(crate) fn plain_out() -> Out {
    Out::new(sink(), layout(Color::Auto), Format::Human, false)
}

fn layout(color: Color) -> Layout {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
    };
    Layout { color, width: width(), progress: std::io::stderr().is_terminal() }
}

fn width() -> u16 {
    let named = std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok());
    let asked = || comfy_table::Table::new().width().filter(|_| std::io::stdout().is_terminal());
    named.or_else(asked).unwrap_or(WIDTH_DEFAULT).max(WIDTH_MIN)
}

/// The command as it was given.
pub(crate) fn asked(global: &Global, argv: Vec<String>) -> Result<Asked, Failure> {
    let start = place::start(global.dir.as_deref())?;
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let who =
        Who { person: global.as_person.clone().or_else(|| variable("SEATRIAL_AS")), token: variable("SEATRIAL_TOKEN") };
    Ok(Asked { argv, start, who, layout: layout(global.color) })
}

/// Whether a person sits there who can be asked.
pub(crate) fn asks(global: &Global) -> bool {
    global.format == Format::Human && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks for a yes. Anything else is a no.
pub(crate) fn confirm(question: &str) -> bool {
    let mut out = std::io::stdout();
    if write!(out, "{question} [y/N] ").and_then(|()| out.flush()).is_err() {
        return false;
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

/// Asks for a line, with what an empty one means; nothing where nobody answers.
pub(crate) fn ask(question: &str, default: &str) -> Option<String> {
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let mut out = std::io::stdout();
    write!(out, "{question}{shown}: ").and_then(|()| out.flush()).ok()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
    let line = line.trim();
    Some(if line.is_empty() { default.to_owned() } else { line.to_owned() })
}
