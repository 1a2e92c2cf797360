//! Arguments of what becomes of a release: pilots, measurements, drills, rollback, retirement.

use clap::{Args, Subcommand, ValueEnum};
use seatrial_model::{Day, Digest, Time};
use std::path::PathBuf;
use std::str::FromStr;

/// A moment: a point in time, or a day of the factory's time zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// A point in time.
    At(Time),
    /// A day: its start where a window begins, its end where it ends.
    On(Day),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text.parse::<Day>(), text.parse::<Time>()) {
            (Ok(day), _) => Ok(Self::On(day)),
            (_, Ok(time)) => Ok(Self::At(time)),
            _ => Err("a day (`2026-11-23`) or a time (`2026-11-23T10:00:00Z`) is wanted".to_owned()),
        }
    }
}

/// A window of time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Window {
    /// From this day or time on
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Moment,
    /// Until this day or time; a day is included
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Moment,
}

/// `seatrial rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The release to go back to; the one before, where none is named
    #[arg(value_name = "RELEASE")]
    pub(crate) release: Option<Digest>,
    /// Why
    #[arg(long, required_unless_present = "list")]
    pub(crate) reason: Option<String>,
    /// Only list the releases, and whether they can be gone back to
    #[arg(long, conflicts_with_all = ["release", "reason"])]
    pub(crate) list: bool,
}

/// `seatrial retire`.
#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    /// Why
    #[arg(long)]
    pub(crate) reason: String,
    /// Where the evidence is kept from now on
    #[arg(long, value_name = "WHERE")]
    pub(crate) evidence: String,
}

/// `seatrial pilot …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PilotCommand {
    /// Every pilot, with its terms; earlier ones stay visible
    #[command(after_help = "\
Example:
  seatrial pilot list")]
    List,
    /// A pilot's four findings as they stand now, recording nothing
    #[command(after_help = "\
Example:
  seatrial pilot show
  seatrial pilot show 1 --markdown")]
    Show {
        /// Its number; the newest where none is named
        pilot: Option<u64>,
        /// As Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Record a pilot's four findings, for somebody to approve: `pilot.findings`
    #[command(after_help = "\
Is it worth going on; where AI helps and where it adds too much risk; which variability is acceptable; which controls \
operation needs. Computed from the log, with the events that each figure rests on.

Example:
  seatrial pilot report --as lena@shipyard.example")]
    Report {
        /// Its number; the newest where none is named
        pilot: Option<u64>,
    },
}

/// `seatrial measure`.
#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    /// The outcome's name
    pub(crate) outcome: String,
    /// The figure, in the unit of its target
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: f64,
    #[command(flatten)]
    pub(crate) window: Window,
    /// Of how many cases, where it is a share
    #[arg(long, value_name = "N")]
    pub(crate) cases: Option<u64>,
    /// How it was measured, and where the figure is from
    #[arg(long)]
    pub(crate) note: String,
}

/// What is reconciled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Reconciled {
    /// Cases of the system of record.
    #[default]
    Cases,
    /// Calls of a provider's bill.
    Calls,
}

/// `seatrial reconcile`.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// A CSV export of the system of record, or a provider's bill, with a heading
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What is compared
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub(crate) of: Reconciled,
    /// The column that holds the case ids, as the callers state them
    #[arg(long, default_value = "case_id", value_name = "NAME")]
    pub(crate) column: String,
    #[command(flatten)]
    pub(crate) window: Window,
}

/// `seatrial seed`.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// An example set of the spec
    #[arg(value_name = "SET", required_unless_present = "file", conflicts_with = "file")]
    pub(crate) set: Option<String>,
    /// Examples that are no part of the spec, one a line
    #[arg(long, value_name = "FILE", requires = "step")]
    pub(crate) file: Option<PathBuf>,
    /// The step that they are for
    #[arg(long, requires = "file")]
    pub(crate) step: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = seatrial_factory::SEEDS_MAX)]
    pub(crate) count: usize,
}
