//! Arguments of the questionnaire, for deliveries that are not run here.

use clap::{Args, Subcommand, ValueEnum};
use seatrial_assessment::questionnaire::Kind;
use seatrial_model::Day;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `seatrial questionnaire …`.
#[derive(Debug, Subcommand)]
pub(crate) enum QuestionnaireCommand {
    /// Begin a questionnaire: a file with every question, and room for each answer
    #[command(after_help = "\
Refuses where the file is there already. Each question stands above its answer, with what to ask for.

Example:
  seatrial questionnaire new northlight.yaml --name \"Northlight Automation\" --answered-by \"T. Brandt\"
  seatrial questionnaire new own-team.yaml --kind internal")]
    New(NewQuestionnaire),
    /// Say what is wrong with questionnaires, and which claims nothing supports
    #[command(after_help = "\
Exits 1 where a file does not load; with `--strict` also where a claim is not supported, an artifact is weak, or a \
question is open. Files named by answers are looked at, links are not opened.

Example:
  seatrial questionnaire check northlight.yaml own-team.yaml
  seatrial questionnaire check northlight.yaml --strict --sarif")]
    Check(CheckQuestionnaire),
    /// Set candidates side by side: how each statement stands, what supports it, and what to ask for next
    #[command(after_help = "\
`--workflow` adds a workflow that is run with Seatrial, computed from its log: shown, not claimed.

Example:
  seatrial questionnaire report northlight.yaml own-team.yaml orrery.yaml
  seatrial questionnaire report northlight.yaml own-team.yaml --html --out report.html
  seatrial questionnaire report northlight.yaml --workflow credit-preapproval --markdown")]
    Report(ReportQuestionnaire),
    /// Fill questionnaires in on a page, on this machine only
    #[command(after_help = "\
Prints a link; whoever has it may read and write the questionnaires of the folder. Answers are saved to the files, and \
comments elsewhere in them stay. Ends on Ctrl-C.

Example:
  seatrial questionnaire serve
  seatrial questionnaire serve candidates --listen 127.0.0.1:8090")]
    Serve(ServeQuestionnaire),
}

/// `seatrial questionnaire new`.
#[derive(Debug, Args)]
pub(crate) struct NewQuestionnaire {
    /// The file to make
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What kind of delivery it is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: CandidateKind,
    /// The candidate; the file's name where none is given
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Who answers
    #[arg(long, value_name = "PERSON", default_value = "nobody yet")]
    pub(crate) answered_by: String,
    /// The day it is answered; artifacts age against it. Today where none is given
    #[arg(long, value_name = "DAY")]
    pub(crate) date: Option<Day>,
}

/// What kind of delivery a candidate is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum CandidateKind {
    /// Somebody else builds it
    #[default]
    Vendor,
    /// We build it
    Internal,
    /// We buy a platform, and build on it
    Platform,
    /// It is delivered as a governed workflow
    Factory,
}

impl From<CandidateKind> for Kind {
    fn from(kind: CandidateKind) -> Self {
        match kind {
            CandidateKind::Vendor => Self::Vendor,
            CandidateKind::Internal => Self::Internal,
            CandidateKind::Platform => Self::Platform,
            CandidateKind::Factory => Self::Factory,
        }
    }
}

/// `seatrial questionnaire check`.
#[derive(Debug, Args)]
pub(crate) struct CheckQuestionnaire {
    /// Questionnaires
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Fail on warnings too
    #[arg(long)]
    pub(crate) strict: bool,
    /// SARIF 2.1.0, for code scanners
    #[arg(long)]
    pub(crate) sarif: bool,
}

/// `seatrial questionnaire report`.
#[derive(Debug, Args)]
pub(crate) struct ReportQuestionnaire {
    /// Questionnaires, one a column
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// One HTML page that stands alone and prints
    #[arg(long)]
    pub(crate) html: bool,
    /// Markdown
    #[arg(long, conflicts_with = "html")]
    pub(crate) markdown: bool,
    /// Write to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `seatrial questionnaire serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeQuestionnaire {
    /// The folder of the questionnaires
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Where to listen: an address of this machine alone
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}
