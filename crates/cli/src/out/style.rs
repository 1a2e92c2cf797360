//! Colours, symbols, and text that others wrote.

use anstyle::{AnsiColor, Style};
use seatrial_governance::State;
use seatrial_model::Untrusted;

/// The most characters of somebody else's text on one line.
const SHOWN_CHARS: usize = 400;

/// What a piece of text means; never colour alone: a word or symbol stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ink {
    /// In order.
    Good,
    /// To be looked at.
    Warn,
    /// Not in order.
    Bad,
    /// Beside the point.
    Dim,
    /// A heading.
    Strong,
}

/// Text in a colour, where colours are wanted.
pub(crate) fn paint(color: bool, ink: Ink, text: &str) -> String {
    if !color {
        return text.to_owned();
    }
    let style = style(ink);
    format!("{style}{text}{style:#}")
}

const fn style(ink: Ink) -> Style {
    match ink {
        Ink::Good => AnsiColor::Green.on_default(),
        Ink::Warn => AnsiColor::Yellow.on_default(),
        Ink::Bad => AnsiColor::Red.on_default().bold(),
        Ink::Dim => Style::new().dimmed(),
        Ink::Strong => Style::new().bold(),
    }
}

/// The colour of an obligation's state.
pub(crate) const fn state_ink(state: State) -> Ink {
    match state {
        State::Discharged => Ink::Good,
        State::NotApplicable => Ink::Dim,
        State::Open | State::Stale | State::Inconclusive | State::Waived => Ink::Warn,
        State::Failed | State::Revoked => Ink::Bad,
    }
}

/// The symbol of an obligation's state.
pub(crate) const fn state_symbol(state: State) -> &'static str {
    match state {
        State::Discharged => "✔",
        State::NotApplicable => "–",
        State::Open => "○",
        State::Stale => "↻",
        State::Failed => "✘",
        State::Revoked => "⊘",
        State::Inconclusive => "?",
        State::Waived => "⧗",
    }
}

/// Somebody else's text on one line of a terminal: nothing in it hides or acts.
pub(crate) fn shown(text: &str) -> String {
    Untrusted::new(text).terminal(SHOWN_CHARS)
}

/// Our own text, with others' words in it: line breaks stay, nothing else that acts.
pub(crate) fn shown_lines(text: &str) -> String {
    text.lines().map(|line| Untrusted::new(line).terminal(SHOWN_CHARS * 10)).collect::<Vec<_>>().join("\n")
}
