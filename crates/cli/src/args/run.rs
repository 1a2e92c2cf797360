//! Arguments of operation.

use crate::telemetry::logs::LogFormat;
use clap::{Args, Subcommand, ValueEnum};
use seatrial_model::event::TokenKind;
use seatrial_model::{Action, Answer, Commitment, DecisionId, ReviewId, Span, Verdict};
use std::net::SocketAddr;
use std::time::Duration;

/// `seatrial serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; only this machine reaches the default
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    pub(crate) listen: SocketAddr,
    /// How log lines look on standard error; SEATRIAL_LOG says how much is logged (`info`: a line for each request)
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) log_format: LogFormat,
    /// How long connections are still accepted once it is to end (`/readyz` says 503): what the health checks of a load
    /// balancer need to notice
    #[arg(long, value_name = "SPAN", default_value = "300ms", value_parser = drain_wait)]
    pub(crate) drain_wait: Duration,
}

/// The longest `--drain-wait`: beyond it, whoever ends the process has lost patience.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(600);

fn drain_wait(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|e| format!("{e}"))?;
    let wait = Duration::from_millis(span.as_millis());
    if wait > DRAIN_WAIT_MAX {
        return Err(format!("at most {} s", DRAIN_WAIT_MAX.as_secs()));
    }
    Ok(wait)
}

/// `seatrial stop` and `seatrial resume`.
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Only this step
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// The whole factory: every workflow, and those that are submitted later. A workflow's own stop stands apart
    #[arg(long, conflicts_with = "step")]
    pub(crate) all: bool,
    /// Why
    #[arg(long)]
    pub(crate) reason: String,
}

/// `seatrial review …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Open reviews, the oldest first
    #[command(after_help = "\
Example:
  seatrial review list
  seatrial review list --role underwriters")]
    List {
        /// Only those put to this role; may stand several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// A review with what the person has to judge
    #[command(after_help = "\
Example:
  seatrial review show rev_019a0000-0000-7000-8000-000000000000 --as una@harbour.example")]
    Show {
        /// The review
        review: ReviewId,
    },
    /// Claim a review, so that nobody else works on it
    #[command(after_help = "\
Example:
  seatrial review claim rev_019a0000-0000-7000-8000-000000000000 --as una@harbour.example")]
    Claim {
        /// The review
        review: ReviewId,
    },
    /// Answer a review
    #[command(after_help = "\
`--seen` is the commitment of the output that you judged, as `review show` names it: an answer to another output than \
the one that waits is refused.

Example:
  seatrial review answer rev_019a0000-0000-7000-8000-000000000000 accept --reason \"income proven\" --seen sha256:0000000000000000000000000000000000000000000000000000000000000000 --as una@harbour.example")]
    Answer {
        /// The review
        review: ReviewId,
        /// `accept`, `edit`, `reject` or `own`
        answer: Answer,
        /// Why
        #[arg(long)]
        reason: String,
        /// The edited or own output, as JSON
        #[arg(long, value_name = "JSON")]
        output: Option<String>,
        /// The commitment of the output that you saw
        #[arg(long, value_name = "COMMITMENT", value_parser = commitment)]
        seen: Commitment,
    },
}

/// Reads a commitment, written as a digest.
fn commitment(text: &str) -> Result<Commitment, seatrial_model::digest::ParseDigestError> {
    text.parse().map(Commitment)
}

/// `seatrial decision …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DecisionCommand {
    /// Decisions, the newest first
    #[command(after_help = "\
Example:
  seatrial decision list --verdict escalate
  seatrial decision list --pending --limit 10
  seatrial decision list --unfinished")]
    List {
        /// Only this verdict
        #[arg(long)]
        verdict: Option<Verdict>,
        /// Only this step
        #[arg(long)]
        step: Option<String>,
        /// Only those that wait for a person
        #[arg(long)]
        pending: bool,
        /// Streams that began to leave and have no decision: under way, or broken off by a crash
        #[arg(long, conflicts_with_all = ["verdict", "step", "pending", "before"])]
        unfinished: bool,
        /// Only earlier ones than this: the end of the last page
        #[arg(long, value_name = "DECISION")]
        before: Option<DecisionId>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One decision with its whole chain
    #[command(after_help = "\
Example:
  seatrial decision show dec_019a0000-0000-7000-8000-000000000000")]
    Show {
        /// The decision
        decision: DecisionId,
    },
}

/// `seatrial override`.
#[derive(Debug, Args)]
pub(crate) struct OverrideArgs {
    /// The decision
    pub(crate) decision: DecisionId,
    /// `allow`, `block`, or `modify` with `--output`
    pub(crate) action: Action,
    /// One of the spec's reasons
    #[arg(long)]
    pub(crate) reason: String,
    /// The reason in your own words
    #[arg(long, default_value = "")]
    pub(crate) text: String,
    /// The new output, as JSON, for `modify`
    #[arg(long, value_name = "JSON")]
    pub(crate) output: Option<String>,
}

/// `seatrial outcome`.
#[derive(Debug, Args)]
pub(crate) struct OutcomeArgs {
    /// The decision
    pub(crate) decision: DecisionId,
    /// What turned out, as an example's `expected`: JSON
    #[arg(value_name = "TRUTH")]
    pub(crate) truth: String,
}

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// A service calls the steps listed, and reads its own decisions.
    Caller,
    /// A person answers reviews, overrides, audits.
    Reviewer,
    /// A person does all that the person may do.
    Operator,
    /// A pipeline appends evaluations, and nothing else.
    Ci,
}

impl From<Kind> for TokenKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Caller => Self::Caller,
            Kind::Reviewer => Self::Reviewer,
            Kind::Operator => Self::Operator,
            Kind::Ci => Self::Ci,
        }
    }
}

/// `seatrial token …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token; its text is shown once
    #[command(after_help = "\
The text goes to standard output and nowhere else: only its hash is kept.

Example:
  seatrial token issue caller web-shop --step credit-preapproval/assess --as hana@harbour.example
  seatrial token issue operator ria@harbour.example --lives 30d --as hana@harbour.example")]
    Issue {
        /// What it is for
        #[arg(value_enum)]
        kind: Kind,
        /// A person's id, or a service's name for `caller` and `ci`
        principal: String,
        /// A step that a caller may call: `workflow/step`, `workflow/*` or `*`; may stand several times
        #[arg(long = "step", value_name = "STEP")]
        steps: Vec<String>,
        /// How long it lives
        #[arg(long, default_value = "90d", value_name = "SPAN")]
        lives: Span,
    },
    /// Tokens that were issued, never their text
    #[command(after_help = "\
Example:
  seatrial token list")]
    List,
    /// Revoke a token by its public name
    #[command(after_help = "\
Example:
  seatrial token revoke 0123456789ab --as hana@harbour.example")]
    Revoke {
        /// Its public name
        token: String,
    },
}
