//! Arguments of incidents.

use clap::{Args, Subcommand};
use seatrial_model::{DecisionId, IncidentCourse, IncidentSeverity};

/// `seatrial incident …`.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Open one: what was seen, how bad it is, who owns it
    #[command(after_help = "\
Severities: `low` nobody was harmed, and nothing left that should not have; `medium` something left that should not have, \
and can be taken back; `high` people were harmed, or it cannot be taken back; `critical` it goes on, or its reach is not known.

Example:
  seatrial incident open --severity high \"two customers mixed up\" --as una@harbour.example
  seatrial incident open --severity medium --owner hana@harbour.example --element steps.assess \"odd refusals since noon\" --as una@harbour.example")]
    Open(IncidentOpenArgs),
    /// Write down what happened
    #[command(after_help = "\
Example:
  seatrial incident note 1 \"the feed sent yesterday's prices\" --as una@harbour.example")]
    Note(IncidentTextArgs),
    /// Another severity, and why
    #[command(after_help = "\
Example:
  seatrial incident severity 1 critical \"a third customer\" --as una@harbour.example")]
    Severity {
        /// Its number
        incident: u64,
        /// `low`, `medium`, `high`, `critical`
        severity: IncidentSeverity,
        /// Why
        text: String,
    },
    /// Another owner, and why
    #[command(after_help = "\
Example:
  seatrial incident hand-over 1 hana@harbour.example \"end of shift\" --as una@harbour.example")]
    HandOver {
        /// Its number
        incident: u64,
        /// Who owns it from now on
        owner: String,
        /// Why
        text: String,
    },
    /// Decide to stop or to go on, and why; `stop` stops, at once
    #[command(after_help = "\
For its owner, and for whoever is responsible for exceptions and incidents. `stop` goes through the same switch as \
`seatrial stop`, and another person resumes: `seatrial resume`.

Example:
  seatrial incident decide 1 stop \"nothing more may leave\" --as una@harbour.example
  seatrial incident decide 1 go-on \"one case, taken back\" --as una@harbour.example")]
    Decide {
        /// Its number
        incident: u64,
        /// `stop` or `go-on`
        course: IncidentCourse,
        /// Why
        text: String,
        /// Stop this step alone
        #[arg(long, value_name = "STEP")]
        step: Option<String>,
    },
    /// It is over: what it harmed is contained
    #[command(after_help = "\
Example:
  seatrial incident resolve 1 \"both decisions are taken back, the feed is corrected\" --as una@harbour.example")]
    Resolve(IncidentTextArgs),
    /// Review it afterwards: what caused it, and findings for the next sprint; it is closed then
    #[command(after_help = "\
Each finding is noted for the next sprint, and stands in `seatrial sprint backlog`.

Example:
  seatrial incident review 1 \"the feed has no date\" --finding \"refuse prices that are a day old\" --as una@harbour.example")]
    Review {
        /// Its number
        incident: u64,
        /// What caused it, and what follows
        text: String,
        /// A finding for the next sprint; may stand several times
        #[arg(long, value_name = "TEXT")]
        finding: Vec<String>,
    },
    /// Incidents, the newest first
    #[command(after_help = "\
Example:
  seatrial incident list
  seatrial incident list --open")]
    List {
        /// Only those that are not closed, without drills
        #[arg(long)]
        open: bool,
    },
    /// One, with its timeline from the log
    #[command(after_help = "\
Example:
  seatrial incident show 1
  seatrial incident show 1 --markdown")]
    Show {
        /// Its number
        incident: u64,
        /// As Markdown
        #[arg(long)]
        markdown: bool,
    },
}

/// `seatrial incident open`.
#[derive(Debug, Args)]
pub(crate) struct IncidentOpenArgs {
    /// What was seen
    pub(crate) text: String,
    /// `low`, `medium`, `high`, `critical`
    #[arg(long)]
    pub(crate) severity: IncidentSeverity,
    /// Who owns it; you, where nobody is named
    #[arg(long, value_name = "PERSON")]
    pub(crate) owner: Option<String>,
    /// A decision that it is about; may stand several times
    #[arg(long, value_name = "DECISION")]
    pub(crate) decision: Vec<DecisionId>,
    /// An element of the spec that it is about; may stand several times
    #[arg(long, value_name = "ELEMENT")]
    pub(crate) element: Vec<String>,
}

/// An incident and a text.
#[derive(Debug, Args)]
pub(crate) struct IncidentTextArgs {
    /// Its number
    pub(crate) incident: u64,
    /// What happened
    pub(crate) text: String,
}
