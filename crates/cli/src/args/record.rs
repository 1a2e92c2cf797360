//! Arguments around the log.

use clap::Subcommand;
use seatrial_ledger::VerifierKey;
use std::path::PathBuf;

/// `seatrial log …`.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub(crate) enum LogCommand {
    /// Check every leaf, tile, checkpoint, payload and blob, and recompute verdicts and findings
    #[command(after_help = "\
Checks the store's logs (all of them, or `--workflow NAME`), their projections and the database's pages; or, given a \
folder, an export. Without `--key` the log's own word for its key is taken, and the report says so. Exits 1 where \
something is not in order. The same, without any store, is the small program `seatrial-verify`.

Example:
  seatrial log verify
  seatrial log verify ./export --key \"$(cat credit-preapproval.vkey)\"")]
    Verify {
        /// The folder of an export, instead of the store
        #[arg(value_name = "EXPORT")]
        export: Option<PathBuf>,
        /// The log's verifier key, from a source other than the log
        #[arg(long, value_name = "VKEY")]
        key: Option<VerifierKey>,
        /// A witness's key: it must have cosigned the newest checkpoint; may stand several times
        #[arg(long = "witness", value_name = "VKEY")]
        witnesses: Vec<VerifierKey>,
    },
    /// Write the log as static files that anybody can serve and verify
    #[command(after_help = "\
Example:
  seatrial log export ./export
  seatrial log export ./export --workflow factory")]
    Export {
        /// A new folder
        dir: PathBuf,
        /// The payloads still held, too: personal data leaves the store with them
        #[arg(long)]
        payloads: bool,
    },
    /// The verifier key of each log: give it to whoever verifies
    #[command(after_help = "\
Example:
  seatrial log key
  seatrial log key --workflow credit-preapproval")]
    Key,
    /// Drop every projection and fold the events again; says what was different
    #[command(after_help = "\
Exits 1 where the rows stored were not what the events fold to.

Example:
  seatrial log rebuild")]
    Rebuild,
}
