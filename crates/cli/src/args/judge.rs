//! Arguments of human judgement: approving, reaffirming, waiving, filing, and who may.

use super::Gate;
use clap::{Args, Subcommand, ValueEnum};
use seatrial_governance::policy::Action;
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Day, Digest, EventId, Side};
use std::path::PathBuf;

/// `seatrial approve` and `seatrial reaffirm`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The obligation's id (`spec.intent`, `approval.risk`, `release.approval`)
    pub(crate) obligation: String,
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
    /// In which role; needed where you hold several that fit
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Without asking; what is approved is shown all the same
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only show what would be approved
    #[arg(long, visible_alias = "dry-run", conflicts_with = "yes")]
    pub(crate) show: bool,
    /// The key that was shown: with another one now, nothing is approved
    #[arg(long, value_name = "DIGEST")]
    pub(crate) key: Option<Digest>,
    /// Write the exact bytes that you sign to a new file (`-` for standard output), and approve nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["show", "signature"])]
    pub(crate) print_statement: Option<PathBuf>,
    /// Your own signature over that statement: `ssh-keygen -Y sign -n seatrial -f KEY FILE` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "sign_with")]
    pub(crate) signature: Option<PathBuf>,
    /// Sign with this SSH key of yours: runs `ssh-keygen` for you
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) sign_with: Option<PathBuf>,
    /// A signature itself, as `--sign-with` hands it on
    #[arg(long, hide = true)]
    pub(crate) signature_text: Option<String>,
    /// How long it was shown, in milliseconds
    #[arg(long, hide = true)]
    pub(crate) shown_ms: Option<u64>,
}

/// `seatrial withdraw`.
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// The event of the approval
    pub(crate) event: EventId,
}

/// `seatrial waive`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct WaiveArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WaiveCommand>,
    /// The obligation's id
    #[arg(required = true)]
    pub(crate) obligation: Option<String>,
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
    /// Why it cannot be discharged now
    #[arg(long, required = true)]
    pub(crate) reason: Option<String>,
    /// What is done instead
    #[arg(long, required = true)]
    pub(crate) measure: Option<String>,
    /// Its last day (`2026-12-20`)
    #[arg(long, value_name = "DATE", required = true)]
    pub(crate) until: Option<Day>,
    /// The waiver that it renews: the days are counted in all, and a higher role has to grant it
    #[arg(long, value_name = "WAIVER")]
    pub(crate) renews: Option<EventId>,
    /// The key that was shown: with another one now, nothing is asked for
    #[arg(long, value_name = "DIGEST")]
    pub(crate) key: Option<Digest>,
}

/// `seatrial waive …`.
#[derive(Debug, Subcommand)]
pub(crate) enum WaiveCommand {
    /// Grant a waiver that somebody else asked for
    #[command(after_help = "\
Shows what it waives, until when, who asked, why, and what is done instead, and asks. Where nobody can be asked, --yes says so
beforehand. Whoever asked, and whoever wrote the change, cannot grant it.

Example:
  seatrial waive grant evt_019a0000-0000-7000-8000-000000000000 --show
  seatrial waive grant evt_019a0000-0000-7000-8000-000000000000 --as ria@harbour.example --yes")]
    Grant {
        /// The event that asked for it
        waiver: EventId,
        /// In which role; the first that fits where none is named
        #[arg(long)]
        role: Option<String>,
        /// Without asking; what is granted is shown all the same
        #[arg(long)]
        yes: bool,
        /// Only show what would be granted
        #[arg(long, visible_alias = "dry-run", conflicts_with = "yes")]
        show: bool,
        /// It was shown already, and somebody said yes
        #[arg(long, hide = true, requires = "yes")]
        seen: bool,
    },
    /// End a waiver before its time
    #[command(after_help = "\
Example:
  seatrial waive end evt_019a0000-0000-7000-8000-000000000000 --reason \"the drill was done\" --as ria@harbour.example")]
    End {
        /// The event that asked for it
        waiver: EventId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// All waivers of a stage: asked for, in force, expired, ended, void
    #[command(after_help = "\
Example:
  seatrial waive list --stage production")]
    List {
        /// For which stage; where none is named, the one that comes next
        #[arg(long, value_enum)]
        stage: Option<Gate>,
    },
}

/// `seatrial file`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The obligation's id (`validation.independent`, or one of the factory's own)
    pub(crate) obligation: String,
    /// The document; at most 10 MiB
    pub(crate) file: PathBuf,
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
}

/// How sure it is who asks, as `seatrial can` supposes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Sure {
    /// Whoever holds the machine.
    Local,
    /// With a token.
    Token,
    /// Signed in through single sign-on.
    Sso,
    /// Signed with the person's own key.
    Signed,
}

impl From<Sure> for Assurance {
    fn from(sure: Sure) -> Self {
        match sure {
            Sure::Local => Self::Local,
            Sure::Token => Self::Token,
            Sure::Sso => Self::Sso,
            Sure::Signed => Self::Signed,
        }
    }
}

/// A side, as `seatrial can` supposes it of an agent or a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum OnSide {
    /// Builds it.
    Delivery,
    /// Takes it over.
    Receiving,
    /// Challenges it.
    Independent,
}

impl From<OnSide> for Side {
    fn from(side: OnSide) -> Self {
        match side {
            OnSide::Delivery => Self::Delivery,
            OnSide::Receiving => Self::Receiving,
            OnSide::Independent => Self::Independent,
        }
    }
}

/// The kind of token, as `seatrial can` supposes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum WithToken {
    /// Calls listed steps.
    Caller,
    /// Answers reviews.
    Reviewer,
    /// A person's own.
    Operator,
    /// A pipeline's.
    Ci,
}

impl From<WithToken> for TokenKind {
    fn from(kind: WithToken) -> Self {
        match kind {
            WithToken::Caller => Self::Caller,
            WithToken::Reviewer => Self::Reviewer,
            WithToken::Operator => Self::Operator,
            WithToken::Ci => Self::Ci,
        }
    }
}

fn action(text: &str) -> Result<Action, String> {
    Action::named(text).ok_or_else(|| "there is no such action; `seatrial can --list` shows all".to_owned())
}

/// `seatrial can`.
#[derive(Debug, Args)]
pub(crate) struct CanArgs {
    /// A person's id, `agent:NAME` or `service:NAME`
    #[arg(required_unless_present = "list")]
    pub(crate) who: Option<String>,
    /// What they would do (`approve`, `grant_waiver`, `roll_back`)
    #[arg(value_parser = action, required_unless_present = "list")]
    pub(crate) action: Option<Action>,
    /// An obligation, or a step of the workflow
    pub(crate) what: Option<String>,
    /// All actions
    #[arg(long)]
    pub(crate) list: bool,
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
    /// In which role; any that they hold where none is named
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// How sure it is that it is them
    #[arg(long, value_enum, default_value = "token")]
    pub(crate) assurance: Sure,
    /// With a token of this kind, listing every step
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) token: Option<WithToken>,
    /// The side of an agent or a service
    #[arg(long, value_enum, default_value = "delivery")]
    pub(crate) side: OnSide,
    /// It is their own: the approval to withdraw, the decision to read
    #[arg(long)]
    pub(crate) own: bool,
    /// They asked for the waiver
    #[arg(long)]
    pub(crate) requester: bool,
    /// They made the stop
    #[arg(long)]
    pub(crate) stopper: bool,
}

/// `seatrial policy …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// The whole Cedar text that decides about the workflow: what nothing lifts, what the spec grants, the factory's own
    #[command(after_help = "\
Example:
  seatrial policy show")]
    Show,
    /// Check the policies that factory.yaml names, as they lie in the work tree
    #[command(after_help = "\
Exits 1 where they do not parse or do not fit the schema: such policies permit nothing at all.

Example:
  seatrial policy check")]
    Check,
    /// The schema that policies are validated against
    #[command(after_help = "\
Example:
  seatrial policy schema")]
    Schema,
}

impl WaiveArgs {
    /// Whether a person has to be asked for their yes.
    pub(crate) const fn is_to_be_asked(&self) -> bool {
        matches!(self.command, Some(WaiveCommand::Grant { yes: false, show: false, .. }))
    }
}

impl ApproveArgs {
    /// Whether a person has to be asked for their yes.
    pub(crate) const fn is_to_be_asked(&self) -> bool {
        !self.yes && !self.show && self.print_statement.is_none()
    }
}
