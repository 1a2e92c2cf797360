//! What a command says: to people as text, to programs as JSON, straight to the terminal or through the owner's
//! socket.

mod style;
mod table;

pub(crate) use style::{Ink, shown, shown_lines, state_ink, state_symbol};
pub(crate) use table::Rows;

use crate::exit::Exit;
use crate::failure::Failure;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The narrowest text that is laid out, whatever the terminal says.
pub(crate) const WIDTH_MIN: u16 = 40;

/// The width where there is no terminal to ask.
pub(crate) const WIDTH_DEFAULT: u16 = 100;

/// For whom the output is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One JSON document for programs.
    Json,
}

/// Where a piece of output goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How output is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// With colours.
    pub(crate) color: bool,
    /// Columns.
    pub(crate) width: u16,
    /// Whether a person sits before standard error, who likes to see progress.
    pub(crate) progress: bool,
}

/// Takes pieces of output.
pub(crate) type Sink = Box<dyn FnMut(Stream, &str) + Send>;

/// The output of one command.
pub(crate) struct Out {
    sink: Sink,
    layout: Layout,
    format: Format,
    quiet: bool,
}

impl Out {
    /// Output into a sink.
    pub(crate) fn new(sink: Sink, layout: Layout, format: Format, quiet: bool) -> Self {
        Self { sink, layout, format, quiet }
    }

    /// Whether programs read it.
    pub(crate) const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// Whether progress may be drawn on this process's own standard error.
    pub(crate) const fn draws_progress(&self) -> bool {
        self.layout.progress && !self.quiet
    }

    /// How it is laid out.
    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    /// A piece of text, as it is.
    pub(crate) fn text(&mut self, text: &str) {
        (self.sink)(Stream::Out, text);
    }

    /// A piece of output that was laid out elsewhere.
    pub(crate) fn pass(&mut self, stream: Stream, text: &str) {
        (self.sink)(stream, text);
    }

    /// A line for people.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        if !self.is_json() {
            let line = format!("{}\n", line.as_ref());
            (self.sink)(Stream::Out, &line);
        }
    }

    /// A remark on standard error, left out where it is to be quiet.
    pub(crate) fn note(&mut self, line: impl AsRef<str>) {
        if !self.quiet && !self.is_json() {
            let line = format!("{}\n", line.as_ref());
            (self.sink)(Stream::Err, &line);
        }
    }

    /// The document for programs; nothing where people read.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        if self.is_json() {
            let text = serde_json::to_string_pretty(value)
                .map_err(|e| Failure::failed(format!("the answer cannot be written as JSON: {e}")))?;
            (self.sink)(Stream::Out, &format!("{text}\n"));
        }
        Ok(())
    }

    /// Coloured text, where colours are wanted.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        style::paint(self.layout.color, ink, text)
    }

    /// Says why a command failed.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Exit {
        let text = if self.is_json() {
            let Failure { exit, code, message } = failure;
            let value = json!({ "error": { "code": code, "message": message }, "exit": exit.code() });
            format!("{value}\n")
        } else {
            format!("{} {}\n", self.paint(Ink::Bad, "error:"), shown_lines(&failure.message))
        };
        (self.sink)(Stream::Err, &text);
        failure.exit
    }
}

#[cfg(test)]
mod tests;
