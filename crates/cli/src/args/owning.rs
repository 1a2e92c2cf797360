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
    /// Take in a signed statement of somebody else as evidence for an obligation that asks for one
    #[command(after_help = "\
The file is an in-toto Statement v1 in a DSSE envelope. It counts where one of the keys signed it that the obligation names in \
`factory.yaml`, its predicate is of the type asked for, and it is about what is asked for: this spec, a file of it, or a \
digest. Anything else is refused, and nothing is recorded. The envelope is kept beside the log for ever, and goes with every \
export.

Example:
  seatrial attest add scan.json --as ria@harbour.example
  seatrial attest add scan.json --obligation scanned --workflow credit-preapproval --as ria@harbour.example")]
    Add {
        /// The envelope; at most 10 MiB
        file: PathBuf,
        /// The obligation; the only one that asks for an attestation, where none is named
        #[arg(long, value_name = "OBLIGATION")]
        obligation: Option<String>,
    },
    /// Check signed statements against a key: ours or anybody's
    #[command(after_help = "\
Each file is an in-toto Statement v1 in a DSSE envelope. A statement is in order where one of the keys signed it, and where it \
is about the file named with `--subject`, by SHA-256. Whether what it says is true is for whoever signed it. Needs no factory; \
the same is `seatrial-verify attest`. Exits 1 where something is not in order.

A key is a text or a file: PEM (`-----BEGIN PUBLIC KEY-----`), a line of OpenSSH (`ssh-ed25519 AAAA…`) or a verifier key \
(`<name>+<id>+<base64>`, as the file `KEY` of an export has it); Ed25519 all of them.

Example:
  seatrial attest verify ./attestations/*-release.json --key \"$(cat credit-preapproval.vkey)\"
  seatrial attest verify scan.json --key scanner.pem --subject workflow.yaml")]
    Verify {
        /// The envelopes
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// A key whose signature counts, from a source other than the file; may stand several times
        #[arg(long = "key", value_name = "KEY", required = true, allow_hyphen_values = true)]
        keys: Vec<String>,
        /// A file that each statement has to be about
        #[arg(long, value_name = "FILE")]
        subject: Option<PathBuf>,
    },
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
