//! Arguments of `seatrial new`.

use clap::Args;

/// `seatrial new`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NewArgs {
    /// The workflow's name: 1 to 64 lower-case letters, digits and `-`
    pub(crate) name: String,
    /// Who builds it: you, as `you@your.example` or `"Your Name <you@your.example>"`
    #[arg(long, value_name = "EMAIL")]
    pub(crate) person: Option<String>,
    /// Who answers for it, and approves what you wrote: somebody else
    #[arg(long, value_name = "EMAIL")]
    pub(crate) colleague: Option<String>,
    /// The address of an OpenAI-compatible provider, up to and with its `/v1`
    #[arg(long, value_name = "URL")]
    pub(crate) provider: Option<String>,
    /// The model's name there; a version that does not move is better than an alias
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The environment variable that holds the provider's key [default: MODEL_KEY; none where the provider is this machine]
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) key: Option<String>,
    /// The name of the new factory [default: the folder's]
    #[arg(long, value_name = "FACTORY")]
    pub(crate) factory: Option<String>,
    /// One person plays everybody: everything that this factory signs says so, for ever
    #[arg(long)]
    pub(crate) simulation: bool,
    /// Ask nothing, and take the defaults
    #[arg(long)]
    pub(crate) yes: bool,
}
