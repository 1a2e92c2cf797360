//! Arguments of `seatrial simulate`.

use clap::{Args, Subcommand, ValueEnum};
use seatrial_model::Span;
use seatrial_model::event::SplitSide;

/// `seatrial simulate …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SimulateCommand {
    /// Send cases, made of a set's examples, through the released guard
    #[command(after_help = "\
The cases are examples of one side of the split, in the set's order, so that none is used on which a threshold was \
tuned or certified. `--change` makes another population of those that `--where` chooses.

Example:
  seatrial simulate traffic applications --count 200 --as hana@harbour.example
  seatrial simulate traffic applications --where expected.outcome='\"bad\"' --change input.finances.debt=0 --as hana@harbour.example")]
    Traffic(TrafficArgs),
    /// Simulated people answer the open reviews and audits by what their example says is right
    #[command(after_help = "\
Example:
  seatrial simulate answers --as hana@harbour.example")]
    Answers {
        /// At most this many
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        /// Only the marked cases of drills; their answer is to reject
        #[arg(long)]
        drills: bool,
        /// How long a simulated answer takes
        #[arg(long, default_value = "40s", value_name = "SPAN")]
        taking: Span,
    },
    /// Tell what became of the decisions that passed, as their example says
    #[command(after_help = "\
Stops at an alarm, as the truths after it would only be told of a revoked certificate.

Example:
  seatrial simulate truths --as hana@harbour.example")]
    Truths,
    /// Move the simulation's clock forward: an event in the factory's log
    #[command(after_help = "\
Example:
  seatrial simulate clock 180d --as hana@harbour.example")]
    Clock {
        /// By how much
        #[arg(value_name = "SPAN")]
        by: Span,
    },
}

/// `seatrial simulate traffic`.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// The example set
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// Examples of which side of the split
    #[arg(long, value_enum, default_value_t)]
    pub(crate) side: Side,
    /// Leave out the first so many
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) skip: usize,
    /// How many cases
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) count: usize,
    /// Which examples are changed: `PATH=JSON` of the example; all where none is given
    #[arg(long = "where", value_name = "PATH=JSON", value_parser = assignment)]
    pub(crate) chosen: Vec<Assignment>,
    /// What is changed in them: `input.PATH=JSON`
    #[arg(long, value_name = "PATH=JSON", value_parser = assignment)]
    pub(crate) change: Vec<Assignment>,
    /// Write the case ids into this CSV, as the system of record would know them
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<std::path::PathBuf>,
}

/// A side of the split that traffic may be made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Side {
    /// Never touched by training, tuning or certification.
    #[default]
    HeldBack,
    /// Those that a threshold is proposed from.
    Tune,
}

impl From<Side> for SplitSide {
    fn from(side: Side) -> Self {
        match side {
            Side::HeldBack => Self::HeldBack,
            Side::Tune => Self::Tune,
        }
    }
}

/// `PATH=JSON`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Assignment {
    /// Dotted.
    pub(crate) path: Vec<String>,
    /// The value.
    pub(crate) value: serde_json::Value,
}

fn assignment(text: &str) -> Result<Assignment, String> {
    let (path, value) = text.split_once('=').ok_or("write `PATH=JSON`, as in `input.finances.debt=0`")?;
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) || !matches!(path.first().map(String::as_str), Some("input" | "expected")) {
        return Err("the path begins with `input.` or `expected.`, as in `input.finances.debt`".to_owned());
    }
    let value = serde_json::from_str(value).map_err(|e| format!("after `=` stands JSON, and a text in quotes: {e}"))?;
    Ok(Assignment { path, value })
}
