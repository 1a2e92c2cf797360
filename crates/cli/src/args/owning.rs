//! Arguments of taking over: the pack that was read, the end of the delivery side's rights, the transfer index.

use super::Moment;
use clap::{Args, Subcommand, ValueEnum};
use seatrial_model::Day;
use std::path::PathBuf;

/// `seatrial handover acknowledge`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  seatrial handover acknowledge handover/index.html --as hana@harbour.example")]
pub(crate) struct AcknowledgeArgs {
    /// The page that you have read
    #[arg(value_name = "PAGE", default_value = "handover/index.html")]
    pub(crate) page: PathBuf,
}

/// `seatrial handover end-rights`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  seatrial handover end-rights --from 2027-03-01 --reason 'the handover is done' --as hana@harbour.example
  seatrial handover end-rights --from 2027-03-01T12:00:00Z --reason 'agreed on with the vendor'")]
pub(crate) struct EndRightsArgs {
    /// From this day or time on; a day counts from its start, in the factory's time zone
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Moment,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `seatrial handover keep-rights`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  seatrial handover keep-rights --reason 'the second release is late' --as hana@harbour.example")]
pub(crate) struct KeepRightsArgs {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `seatrial handover index`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  seatrial handover index
  seatrial handover index --since 2027-01-01 --format json")]
pub(crate) struct IndexArgs {
    /// From this day on (UTC); from the log's first action where none is named
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<Day>,
}

/// `seatrial attest …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AttestCommand {
    /// Write each release, evaluation and approval as an in-toto Statement in a DSSE envelope
    #[command(after_help = "\
Each statement is signed with the log's key: a release as a SLSA Verification Summary with everything that its obligations \
rest on, an evaluation as a test result, an approval as a statement of Seatrial's own. Beside each lies the C2SP \
`tlog-proof` that its entry is in the log; `index.json` lists them, `KEY` is the log's key. Nothing is recorded.

Example:
  seatrial attest export ./attestations --as hana@harbour.example
  seatrial attest export ./releases --kind release --as hana@harbour.example")]
    Export {
        /// A new folder
        dir: PathBuf,
        /// Only these; all where none is named
        #[arg(long, value_name = "KIND")]
        kind: Vec<AttestationKind>,
    },
}

/// What a statement is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum AttestationKind {
    Release,
    Evaluation,
    Approval,
}

impl AttestationKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Evaluation => "evaluation",
            Self::Approval => "approval",
        }
    }
}
