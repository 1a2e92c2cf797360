//! Arguments of drills.

use clap::{Args, Subcommand};
use seatrial_model::{ReviewId, Span};

/// `seatrial drill`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DrillArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DrillCommand>,
}

/// `seatrial drill …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Stop marked requests, measure until it is in force, and resume by another person
    #[command(after_help = "\
The stop is the real one: the same switch, the same event, the same way to cut what is in flight. It reaches marked \
requests alone, so cases go on. With `--wait`, the people of the fallback finish the marked cases that were refused.

Example:
  seatrial drill stop --as una@harbour.example --resumed-by hana@harbour.example
  seatrial drill stop --guide --wait 10min --as una@harbour.example --resumed-by hana@harbour.example")]
    Stop {
        #[command(flatten)]
        both: BothArgs,
        /// Wait so long for the fallback's people to finish what was refused
        #[arg(long, value_name = "SPAN")]
        wait: Option<Span>,
    },
    /// Take a marked decision back, as somebody who may override
    #[command(after_help = "\
Example:
  seatrial drill override --as una@harbour.example")]
    Override(GuideArgs),
    /// A marked case that escalates, for a person to claim and answer
    #[command(after_help = "\
Without `--done` a marked case is sent, and its review is named: whoever holds the role answers it through the queue, as \
any other. With `--done` the drill is recorded over that answer, with the time that it took.

Example:
  seatrial drill escalation --as hana@harbour.example
  seatrial drill escalation --wait 10min --as hana@harbour.example
  seatrial drill escalation --done rev_019a0000-0000-7000-8000-000000000000 --as hana@harbour.example")]
    Escalation(HandsArgs),
    /// Marked cases whose model is away, for the step's fallback to finish by hand
    #[command(after_help = "\
Example:
  seatrial drill degraded --as hana@harbour.example
  seatrial drill degraded --done rev_019a0000-0000-7000-8000-000000000000 --as hana@harbour.example")]
    Degraded(HandsArgs),
    /// A marked decision that should not have left: open an incident, stop, take it back, resume, review
    #[command(after_help = "\
Its stop reaches marked requests alone, and its incident says that it is a drill.

Example:
  seatrial drill incident --as una@harbour.example --resumed-by hana@harbour.example")]
    Incident(BothArgs),
    /// Restore the log from its export into a temporary factory, and compare everything
    #[command(after_help = "\
Exports the workflow's log and the factory's, verifies both, restores them beside the store, and compares entries, root, \
indexes, rows, payloads, blobs and obligation states. The live store is only read. Removes everything again.

Example:
  seatrial drill restore --as hana@harbour.example")]
    Restore,
    /// Have the log signed by another key: the old one names it, and a checkpoint is signed by both
    #[command(after_help = "\
It is the real rotation, of this log: the new key stays in force.

Example:
  seatrial drill key-rotation --as hana@harbour.example
  seatrial drill key-rotation --holder ines@harbour.example --as hana@harbour.example")]
    KeyRotation {
        /// Under whom the new key is; whoever drills, where nobody is named
        #[arg(long, value_name = "PERSON")]
        holder: Option<String>,
    },
}

/// A drill of two people.
#[derive(Debug, Args)]
pub(crate) struct BothArgs {
    /// Who resumes: not the one who stopped
    #[arg(long, value_name = "PERSON")]
    pub(crate) resumed_by: String,
    #[command(flatten)]
    pub(crate) guide: GuideArgs,
}

/// How a drill is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct GuideArgs {
    /// Show beforehand what is done, and what the runbook says
    #[arg(long)]
    pub(crate) guide: bool,
}

/// A drill that people finish.
#[derive(Debug, Args)]
pub(crate) struct HandsArgs {
    /// Record the drill over this answered review; may stand several times
    #[arg(long, value_name = "REVIEW", conflicts_with = "wait")]
    pub(crate) done: Vec<ReviewId>,
    /// Wait so long for the answers, and record the drill
    #[arg(long, value_name = "SPAN")]
    pub(crate) wait: Option<Span>,
    #[command(flatten)]
    pub(crate) guide: GuideArgs,
}
