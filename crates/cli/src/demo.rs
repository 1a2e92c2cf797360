//! A whole delivery, simulated.

use crate::exit::Exit;
use crate::failure::Failure;
use clap::Args;
use std::path::PathBuf;

/// `seatrial demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// End when the delivery is done, instead of serving it
    #[arg(long)]
    pub(crate) exit: bool,
    /// What the simulated people and applications are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A new folder for it; a temporary one where none is named
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Runs the demo.
pub(crate) async fn run(_args: DemoArgs) -> Result<Exit, Failure> {
    Err(Failure::usage("this build has no demo; nothing was done"))
}
