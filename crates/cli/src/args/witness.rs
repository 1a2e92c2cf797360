//! Arguments of the witness.

use clap::{Args, Subcommand};
use seatrial_ledger::VerifierKey;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `seatrial witness …`.
#[derive(Debug, Subcommand)]
pub(crate) enum WitnessCommand {
    /// Make a witness: its folder, and its key
    #[command(after_help = "\
The key stays in the folder, readable by its owner only, and is never printed. Prints the verifier key, which goes into \
the `witnesses` of factory.yaml and to everybody who verifies.

Example:
  seatrial witness init --dir ./witness --name witness.harbour.example/w1")]
    Init {
        /// A new folder
        #[arg(long)]
        dir: PathBuf,
        /// The witness's name, for ever: no spaces and no `+`; C2SP advises a name that nobody else has, as of a domain
        #[arg(long)]
        name: String,
    },
    /// Print the witness's verifier key
    #[command(after_help = "\
Example:
  seatrial witness key --dir ./witness")]
    Key {
        /// The witness's folder
        #[arg(long)]
        dir: PathBuf,
    },
    /// Answer requests to cosign, until told to end
    #[command(after_help = "\
Cosigns a checkpoint of a log that it knows where it extends the newest one that it cosigned, and keeps it on the disk \
before it answers (C2SP `tlog-witness`). Needs no factory. Ends gracefully on SIGTERM and Ctrl-C. Put TLS before it.

A log whose key was rotated is named with both keys, by two `--log`: whoever runs the witness says so, nobody else. The \
keys are printed by `seatrial log key`.

Example:
  seatrial witness run --dir ./witness --listen 127.0.0.1:7080 --log \"$(cat credit.vkey)\"")]
    Run(WitnessRunArgs),
}

/// `seatrial witness run`.
#[derive(Debug, Args)]
pub(crate) struct WitnessRunArgs {
    /// The witness's folder
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Where to listen; only this machine reaches the default
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7080")]
    pub(crate) listen: SocketAddr,
    /// The verifier key of a log to witness, its origin first; may stand several times
    #[arg(long = "log", value_name = "VKEY", required = true)]
    pub(crate) logs: Vec<VerifierKey>,
}
