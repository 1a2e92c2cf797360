//! Arguments around the log.

use clap::{Args, Subcommand};
use seatrial_ledger::VerifierKey;
use seatrial_model::{DecisionId, EventId, Span};
use std::fmt;
use std::path::PathBuf;

/// What a proof of inclusion is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// The entry that made a decision.
    Decision(DecisionId),
    /// An event.
    Event(EventId),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(id) => id.fmt(f),
            Self::Event(id) => id.fmt(f),
        }
    }
}

fn entry(text: &str) -> Result<Entry, seatrial_model::ids::ParseIdError> {
    match text.starts_with("dec_") {
        true => text.parse().map(Entry::Decision),
        false => text.parse().map(Entry::Event),
    }
}

/// `seatrial log …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Check every leaf, tile, checkpoint, payload and blob, and recompute verdicts and findings
    #[command(after_help = "\
Checks the store's logs (all of them, or `--workflow NAME`), their projections and the database's pages; or, given a \
folder, an export; or, given an address below which a node serves a log (`https://…/log/NAME`), that log: its signature, \
every entry and tile, its keys and cosignatures. Verdicts and findings recompute over an export only. Without `--key` the log's own word for its key is taken, and the report says so. Exits 1 where \
something is not in order. The same, without any store, is the small program `seatrial-verify`.

Example:
  seatrial log verify
  seatrial log verify ./export --key \"$(cat credit-preapproval.vkey)\"
  seatrial log verify https://factory.example/log/credit-preapproval --key \"$(cat credit-preapproval.vkey)\"")]
    Verify {
        /// The folder of an export, or the address of a log, instead of the store
        #[arg(value_name = "EXPORT|URL")]
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
    /// Rows for analysis: events and decisions as Parquet, partitioned by workflow and day
    #[command(after_help = "\
All logs, or the one that `--workflow` names. Rows hold what the log's leaves hold, and no payloads. DuckDB, Spark, Trino and \
ClickHouse read the folder as it is. Days are of UTC, both ends included.

Example:
  seatrial log parquet ./rows
  seatrial log parquet ./rows --from 2026-11-01 --to 2026-11-30 --workflow credit-preapproval")]
    Parquet(ParquetArgs),
    /// Watch a log from outside: remembers what it saw, and alarms where the log is not the same one any more
    #[command(after_help = "\
Fetches the newest checkpoint of a log (an address `https://…/log/NAME`, a folder of an export, or `.` for the store) and \
checks its signature, that it begins with what was seen before, that every new entry is there and is what was signed, and \
each change of the log's key. What was seen is kept in a file: keep it out of the operator's reach. Alarms: fork, rollback, \
bad signature, missing, wrong, key, witness, standing; where two signed checkpoints contradict each other, both are kept. \
Ends with 1 at the first alarm; with `--once` also with 0 after one look, and with 4 where nothing could be read. A token in \
SEATRIAL_TOKEN is sent with https, or to this machine.

Example:
  seatrial log watch https://factory.example/log/credit-preapproval --key \"$(cat credit-preapproval.vkey)\"
  seatrial log watch https://factory.example/log/factory --key \"$(cat factory.vkey)\" --once --format json
  seatrial log watch . --workflow credit-preapproval --key \"$(cat credit-preapproval.vkey)\" --every 5min --grows-within 1d")]
    Watch(WatchArgs),
    /// Prove that a decision or an event is in the log: a C2SP `tlog-proof`, to be checked offline
    #[command(after_help = "\
The file holds the inclusion proof and the newest signed checkpoint. With the log's key and the entry's bytes anybody \
checks it, without this program. It is checked here before it is written.

Example:
  seatrial log prove dec_019a0000-0000-7000-8000-000000000000
  seatrial log prove evt_019a0000-0000-7000-8000-000000000000 --out approval.tlog-proof")]
    Prove {
        /// A decision's or an event's id
        #[arg(value_name = "DECISION|EVENT", value_parser = entry)]
        entry: Entry,
        /// A new file to write it to, instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// The exact bytes that somebody signed for an approval, for `ssh-keygen -Y verify`
    #[command(after_help = "\
Writes the statement as it follows from the event. With `--out`, a new folder also gets the signature and an \
`allowed_signers` file with the person's keys as the log has them; then anybody checks, without this program:

  ssh-keygen -Y verify -n seatrial -f DIR/allowed_signers -I WHO -s DIR/statement.json.sig < DIR/statement.json

Whether these are the person's keys is for the person to say: compare them.

Example:
  seatrial log statement evt_019a0000-0000-7000-8000-000000000000
  seatrial log statement evt_019a0000-0000-7000-8000-000000000000 --out approval")]
    Statement {
        /// The approval's event
        event: EventId,
        /// A new folder for statement, signature and keys
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// The verifier key of each log: give it to whoever verifies
    #[command(after_help = "\
Example:
  seatrial log key
  seatrial log key --workflow credit-preapproval")]
    Key,
    /// How the witnesses stand; with `--now`, ask them to cosign
    #[command(after_help = "\
Witnesses are named under `witnesses` in factory.yaml. While serving they are asked by themselves, at half their time and \
after each release. `--now` asks all of them; what they answer is recorded, and kept with the newest checkpoint, so that an \
export carries it. Exits 1 where a witness did not cosign, or is late.

Example:
  seatrial log witness
  seatrial log witness --now --as una@harbour.example")]
    Witness {
        /// Ask them now
        #[arg(long)]
        now: bool,
    },
    /// Put the log's signing key under a person of the receiving side: another key signs from the next checkpoint on
    #[command(after_help = "\
The old key signs that the new one follows it; the entry says so, and the first checkpoint over it is signed by both. \
Whoever verifies with the old key follows to the new one. Afterwards the old key is gone from the store: give the new \
verifier key to everybody who verifies, and to the witnesses. A new key is drawn and kept in the store, unless a file holds \
64 hexadecimal digits.

Example:
  seatrial log rotate-key --holder hana@harbour.example --as hana@harbour.example
  seatrial log rotate-key --holder hana@harbour.example --key-file new.key --workflow factory --as hana@harbour.example")]
    RotateKey {
        /// Under whom the new key is
        #[arg(long, value_name = "PERSON")]
        holder: String,
        /// The new key, instead of one that is drawn
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Restore logs from their exports into a fresh factory
    #[command(after_help = "\
Verifies every export first, and restores nothing where anything is not in order. Entries, blobs, payloads, checkpoints, \
indexes and signatures are the same afterwards, byte for byte; each log then says that it was restored. The export of the \
factory's own log brings factory.yaml along.

A log's private key is in no export. With `--keys` (the `keys` folder of the old store) the log goes on under its own key; \
without, under a new one, for which the old key does not vouch, and every verifier says so. `--secrets` (the old store's \
`secrets.db`) brings tokens and the secret behind case ids along; without, tokens are issued anew, and cases that come \
again are not recognised.

Example:
  seatrial log restore ./export-credit ./export-factory --into ./again --keys ./backup/keys --secrets ./backup/secrets.db
  seatrial log restore ./export-credit ./export-factory --into ./again --key \"$(cat credit.vkey)\"")]
    Restore(RestoreArgs),
    /// Drop every projection and fold the events again; says what was different
    #[command(after_help = "\
Exits 1 where the rows stored were not what the events fold to.

Example:
  seatrial log rebuild")]
    Rebuild,
}

/// `seatrial log watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// Where the log is: an address, a folder of an export, or the folder of a factory
    #[arg(value_name = "URL|DIR")]
    pub(crate) place: PathBuf,
    /// The log's verifier key, from a source other than the log; not needed with a file of an earlier look
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<VerifierKey>,
    /// A witness's key: it must have cosigned within a day; may stand several times
    #[arg(long = "witness", value_name = "VKEY")]
    pub(crate) witnesses: Vec<VerifierKey>,
    /// Look once
    #[arg(long)]
    pub(crate) once: bool,
    /// How long between two looks
    #[arg(long, value_name = "SPAN", default_value = "1min")]
    pub(crate) every: Span,
    /// Alarm where the log has not grown for so long
    #[arg(long, value_name = "SPAN")]
    pub(crate) grows_within: Option<Span>,
    /// The file in which it remembers what it saw; named after the log where none is given
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

/// `seatrial log restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The folders of exports, one for each log
    #[arg(value_name = "EXPORT", required = true)]
    pub(crate) exports: Vec<PathBuf>,
    /// The folder of the fresh factory
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// A log's verifier key, from a source other than the export; may stand several times
    #[arg(long = "key", value_name = "VKEY")]
    pub(crate) keys: Vec<VerifierKey>,
    /// The folder with the logs' private keys, `<log>.key` each
    #[arg(long = "keys", value_name = "DIR")]
    pub(crate) private: Option<PathBuf>,
    /// The old store's secrets: tokens, and the secret behind case ids
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
}

/// `seatrial log parquet`.
#[derive(Args, Debug)]
pub(crate) struct ParquetArgs {
    /// A new folder
    pub(crate) dir: PathBuf,
    /// The first day
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<jiff::civil::Date>,
    /// The last day
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<jiff::civil::Date>,
}
