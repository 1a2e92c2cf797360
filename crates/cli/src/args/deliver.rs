//! Arguments of specifying, learning, governing and handing over.

use super::{AcknowledgeArgs, EndRightsArgs, IndexArgs, KeepRightsArgs};
use clap::{Args, Subcommand, ValueEnum};
use seatrial_ledger::VerifierKey;
use seatrial_model::words::Stage;
use seatrial_model::{EventId, SprintId};
use std::path::PathBuf;

/// The stages that a command can be asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Gate {
    /// Bounded: an end, a ceiling, everything reviewed.
    Pilot,
    /// Released for production.
    Production,
    /// In production, and handed over: the delivery side has gone.
    Owned,
}

impl From<Gate> for Stage {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Pilot => Self::Pilot,
            Gate::Production => Self::Production,
            Gate::Owned => Self::Owned,
        }
    }
}

/// `seatrial check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A workflow of the factory, or a folder with a workflow.yaml; all workflows where none is named
    #[arg(value_name = "WORKFLOW")]
    pub(crate) what: Option<String>,
    /// Warnings count as findings, too: those that block STAGE
    #[arg(long)]
    pub(crate) strict: bool,
    /// The stage that `--strict` asks about
    #[arg(long, value_enum, default_value = "production", requires = "strict")]
    pub(crate) stage: Gate,
    /// SARIF 2.1.0 for code scanners, instead of `--format`
    #[arg(long)]
    pub(crate) sarif: bool,
}

/// `seatrial digest`.
#[derive(Debug, Args)]
pub(crate) struct DigestArgs {
    /// An element's path (`steps.assess.forbid`); the whole spec where none is named
    #[arg(value_name = "ELEMENT")]
    pub(crate) element: Option<String>,
}

/// `seatrial diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The spec to compare with: a folder, a git revision (`REV` or `REV:FOLDER`), `released`, `submitted`, `work-tree` or
    /// a digest; the newest submitted one where none is named
    #[arg(value_name = "OLD")]
    pub(crate) old: Option<String>,
    /// The spec that is compared, named in the same ways; the work tree where none is named
    #[arg(value_name = "NEW", requires = "old")]
    pub(crate) new: Option<String>,
    /// Compare with the spec of the release in force
    #[arg(long, conflicts_with = "old")]
    pub(crate) released: bool,
    /// Write Markdown, for a comment on a pull request
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Exit 1 where anything changed in meaning
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Exit 1 where something widens what AI may do
    #[arg(long, value_name = "WHAT")]
    pub(crate) fail_on: Option<FailOn>,
}

/// What `--fail-on` of `seatrial diff` fails on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum FailOn {
    /// Something widens what AI may do, or shows less of it.
    Widening,
    /// The same, or it cannot be told.
    Unclear,
}

/// `seatrial question …`.
#[derive(Debug, Subcommand)]
pub(crate) enum QuestionCommand {
    /// Answer a question of the spec; an answer cites the events that it rests on
    #[command(after_help = "\
Example:
  seatrial question answer missing-income --cites evt_019a0000-0000-7000-8000-000000000000 \"No: a person asks for it\" --as hana@harbour.example")]
    Answer(QuestionAnswer),
    /// Withdraw a question, with the reason
    #[command(after_help = "\
Example:
  seatrial question withdraw short-history \"The product is not offered to them\" --as ria@harbour.example")]
    Withdraw {
        /// The question's name
        question: String,
        /// Why
        text: String,
    },
}

/// `seatrial question answer`.
#[derive(Debug, Args)]
pub(crate) struct QuestionAnswer {
    /// The question's name
    pub(crate) question: String,
    /// An event that the answer rests on; may stand several times
    #[arg(long, value_name = "EVENT", required_unless_present = "withdraw")]
    pub(crate) cites: Vec<EventId>,
    /// Withdraw the question instead, with the reason
    #[arg(long, conflicts_with = "cites")]
    pub(crate) withdraw: bool,
    /// The answer
    pub(crate) text: String,
}

/// `seatrial eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Sets of examples; all where none is named
    #[arg(value_name = "SET")]
    pub(crate) sets: Vec<String>,
    /// How many examples are under way at once, 256 at most
    #[arg(long, value_name = "N", default_value_t = seatrial_factory::IN_FLIGHT)]
    pub(crate) in_flight: usize,
    /// Ask each example N times, 20 at most: where the answers differ it is inconclusive
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) repeat: u64,
    /// Begin anew, where an interrupted evaluation could be continued
    #[arg(long)]
    pub(crate) afresh: bool,
    /// List every example, not only those that did not pass
    #[arg(long)]
    pub(crate) each: bool,
    /// Write a JUnit report for a pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Evaluate nothing: say how far the AI agrees with people on STEP, by recorded reviews and audits
    #[arg(long, value_name = "STEP", conflicts_with_all = ["sets", "repeat", "afresh", "each", "junit"])]
    pub(crate) agreement: Option<String>,
}

/// `seatrial calibrate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CalibrateArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CalibrateCommand>,
    /// The threshold's name
    #[arg(required = true)]
    pub(crate) threshold: Option<String>,
    /// Put the number proposed into workflow.yaml
    #[arg(long)]
    pub(crate) write: bool,
    /// Certify the number of the spec on the sealed examples
    #[arg(long, conflicts_with = "write")]
    pub(crate) certify: bool,
    /// The salt of the split, at the first calibration only; hexadecimal, drawn where none is given
    #[arg(long, value_name = "HEX", conflicts_with = "certify")]
    pub(crate) salt: Option<String>,
}

/// `seatrial calibrate …`, without a store.
#[derive(Debug, Subcommand)]
pub(crate) enum CalibrateCommand {
    /// How many labelled examples a promise needs, before anybody labels one
    #[command(after_help = "\
Reads the promise, the attempts and the slices of a threshold from the spec, or takes them as options. The chance is \
computed for the error that you expect among what passes; half of the promise where you expect none.

Example:
  seatrial calibrate plan approve
  seatrial calibrate plan --max-wrong 0.05 --assurance 0.95 --expected-error 0.03 --pass-share 0.4 --power 0.9")]
    Plan(PlanArgs),
    /// What so many errors among so many examples say of the true share
    #[command(after_help = "\
Exact one-sided bounds (Clopper-Pearson). With `--max-wrong` also whether they would certify that promise: only for a \
number that was fixed before these labels were seen. Ends with 1 where they would not.

Example:
  seatrial calibrate bound --errors 3 --examples 200 --assurance 0.95
  seatrial calibrate bound --errors 1 --examples 93 --assurance 0.95 --max-wrong 0.05 --format json")]
    Bound(BoundArgs),
}

/// `seatrial calibrate plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// A threshold of the spec, whose promise is planned for
    pub(crate) threshold: Option<String>,
    /// The greatest share that may be wrong among what passes
    #[arg(long, value_name = "SHARE", required_unless_present = "threshold")]
    pub(crate) max_wrong: Option<f64>,
    /// How sure to be of that
    #[arg(long, value_name = "SHARE", required_unless_present = "threshold")]
    pub(crate) assurance: Option<f64>,
    /// The share that you expect to be wrong among what passes
    #[arg(long, value_name = "SHARE")]
    pub(crate) expected_error: Option<f64>,
    /// The share of cases that you expect to pass without a person
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub(crate) pass_share: f64,
    /// The chance to be certified that you aim at
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    pub(crate) power: f64,
    /// How many attempts are declared
    #[arg(long, value_name = "N")]
    pub(crate) attempts: Option<u64>,
    /// How many slices have a guarantee of their own
    #[arg(long, value_name = "N")]
    pub(crate) slices: Option<u64>,
}

/// `seatrial calibrate bound`.
#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    /// How many were wrong
    #[arg(long, value_name = "K")]
    pub(crate) errors: u64,
    /// Of how many
    #[arg(long, value_name = "N")]
    pub(crate) examples: u64,
    /// How sure to be
    #[arg(long, value_name = "SHARE")]
    pub(crate) assurance: f64,
    /// The promise to test
    #[arg(long, value_name = "SHARE")]
    pub(crate) max_wrong: Option<f64>,
}

/// `seatrial sprint …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SprintCommand {
    /// Open a sprint
    #[command(after_help = "\
Example:
  seatrial sprint open --goal \"Know where the model can be trusted\" --question missing-income --obligation threshold.approve --as lena@shipyard.example")]
    Open {
        /// What it is for, in a sentence
        #[arg(long)]
        goal: String,
        /// A question that it means to answer; may stand several times
        #[arg(long = "question", value_name = "NAME")]
        questions: Vec<String>,
        /// An obligation that it means to discharge; may stand several times
        #[arg(long = "obligation", value_name = "ID")]
        obligations: Vec<String>,
    },
    /// Close the open sprint, with the four answers of its report
    #[command(after_help = "\
Example:
  seatrial sprint close --as lena@shipyard.example")]
    Close {
        /// The sprint; the open one where none is named
        sprint: Option<SprintId>,
    },
    /// Show a sprint's report, or what the open one has come to
    #[command(after_help = "\
Example:
  seatrial sprint show")]
    Show {
        /// The sprint; the newest where none is named
        sprint: Option<SprintId>,
    },
    /// What is to do, computed: what stands between here and the next stage, then what operation found
    #[command(after_help = "\
Obligations come in the order of what they unblock. Then: revoked certificates, a lapsed release, assumptions that do \
not hold, audits left unanswered, clusters of overrides, frequent escalations, findings of the sprint before, and open \
questions that block nothing. Nobody writes the list, and an item leaves it when the log says that it is settled.

Example:
  seatrial sprint backlog
  seatrial sprint backlog --stage production --format json")]
    Backlog {
        /// For which stage; where none is named, the one that comes next
        #[arg(long, value_enum)]
        stage: Option<Gate>,
    },
    /// Write a note into the open sprint
    #[command(after_help = "\
Example:
  seatrial sprint note \"Underwriters read the reason first\" --element steps.assess --as lena@shipyard.example")]
    Note {
        /// What it says
        text: String,
        /// The element of the spec that it is about
        #[arg(long, value_name = "PATH")]
        element: Option<String>,
        /// An event that it rests on; may stand several times
        #[arg(long, value_name = "EVENT")]
        cites: Vec<EventId>,
    },
    /// Write a finding into the open sprint: it cites the events that it rests on
    #[command(after_help = "\
A finding stands in the sprint's report and in the backlog of the sprint after it.

Example:
  seatrial sprint finding \"Seasonal incomes are misread\" --cites evt_019a0000-0000-7000-8000-000000000000 --as lena@shipyard.example")]
    Finding {
        /// What was found
        text: String,
        /// The element of the spec that it is about
        #[arg(long, value_name = "PATH")]
        element: Option<String>,
        /// An event that it rests on; may stand several times
        #[arg(long, value_name = "EVENT", required = true)]
        cites: Vec<EventId>,
    },
    /// A sprint's report: the four questions answered from the log, and operating clarity over time
    #[command(after_help = "\
Of the open sprint it shows the figures so far. The HTML page needs nothing from elsewhere and is made to be printed.

Example:
  seatrial sprint report
  seatrial sprint report 2 --markdown
  seatrial sprint report --html > sprint.html")]
    Report {
        /// The sprint's number; the newest where none is named
        #[arg(value_name = "N")]
        number: Option<u64>,
        /// Markdown, instead of `--format`
        #[arg(long, conflicts_with = "html")]
        markdown: bool,
        /// One page of HTML that stands alone, instead of `--format`
        #[arg(long)]
        html: bool,
    },
    /// Operating clarity over time: discharged, in all, added and removed, by layer
    #[command(after_help = "\
Taken at each sprint's start and end, at each release of production, and now. It is never one percentage: a share also \
rises when obligations are dropped.

Example:
  seatrial sprint clarity
  seatrial sprint clarity --svg > clarity.svg")]
    Clarity {
        /// A picture, instead of `--format`
        #[arg(long)]
        svg: bool,
    },
}

/// `seatrial status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
    /// The newest submitted spec, instead of the work tree
    #[arg(long)]
    pub(crate) submitted: bool,
}

/// `seatrial explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The obligation's id (`eval.boundary`)
    pub(crate) obligation: String,
    /// For which stage; where none is named, the one that comes next
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Gate>,
    /// The newest submitted spec, instead of the work tree
    #[arg(long)]
    pub(crate) submitted: bool,
}

/// `seatrial release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The stage
    #[arg(value_enum)]
    pub(crate) stage: Gate,
    /// Compute, show what is missing, and cut nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `seatrial accept`.
#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    /// `workflow`, `changes`, `exceptions`, `behaviour` or `evolution`
    pub(crate) responsibility: String,
}

/// `seatrial handover …`.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub(crate) enum HandoverCommand {
    /// Take a pack that you have read: over exactly its page; for people who take over
    Acknowledge(AcknowledgeArgs),
    /// Say when the rights of the delivery side end; until then it counts down, and can be taken back
    ///
    /// From then on the delivery side may only read in this workflow, and its tokens are revoked: never before.
    EndRights(EndRightsArgs),
    /// Take the end of the delivery side's rights back
    KeepRights(KeepRightsArgs),
    /// The transfer index: which share of the operating actions the receiving side did, by kind and by week
    Index(IndexArgs),
    /// Write the handover pack: a folder and a single page, every statement with its event
    #[command(after_help = "\
Example:
  seatrial handover pack --out handover --as lena@shipyard.example
  seatrial handover pack --out handover --payloads --as lena@shipyard.example")]
    Pack {
        /// The folder to write; it must not hold anything yet
        #[arg(long, value_name = "DIR", default_value = "handover")]
        out: PathBuf,
        /// With the payloads still held: inputs, outputs, reasons. Personal data leaves the store with them
        #[arg(long)]
        payloads: bool,
    },
    /// Check a handover pack: seal, files, log, statements, and each citation of its page; needs no factory
    #[command(after_help = "\
`seatrial-verify` does the same, and is a program of its own. Without `--key`, the pack's own word for its key is taken, and
the report says so.

Example:
  seatrial handover verify handover
  seatrial handover verify handover --key \"$(cat credit-preapproval.vkey)\" --format json")]
    Verify {
        /// The pack's folder
        #[arg(value_name = "PACK")]
        pack: PathBuf,
        /// The log's verifier key, from a source other than the pack
        #[arg(long, value_name = "VKEY")]
        key: Option<VerifierKey>,
        /// A witness's key: it must have cosigned the newest checkpoint; may stand several times
        #[arg(long = "witness", value_name = "VKEY")]
        witnesses: Vec<VerifierKey>,
    },
}

/// `seatrial regulation`.
#[derive(Debug, Args)]
pub(crate) struct RegulationArgs {
    /// Only this law or standard (`eu-ai-act`)
    #[arg(long, value_name = "ID")]
    pub(crate) framework: Option<String>,
    /// With the states of the workflow's own obligations
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) states: bool,
    /// As Markdown, instead of `--format`
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// For whom an assessment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Audience {
    /// A CTO's five questions, red flags, signs of theatre
    Cto,
    /// A founder's four questions, assumptions, red flags, signs of theatre
    Founder,
    /// Everything, detectors first, with how each is found
    Auditor,
}

/// `seatrial assess`.
#[derive(Debug, Args)]
pub(crate) struct AssessArgs {
    /// For whom; all questions where nobody is named
    #[arg(long = "for", value_enum, value_name = "WHO")]
    pub(crate) audience: Option<Audience>,
    /// One page that stands alone and prints, instead of `--format`
    #[arg(long, conflicts_with_all = ["markdown", "sarif"])]
    pub(crate) html: bool,
    /// Markdown, instead of `--format`
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) markdown: bool,
    /// SARIF 2.1.0 of the detectors that fired, for code scanners
    #[arg(long)]
    pub(crate) sarif: bool,
    /// What a question or a detector is: what it reads, its thresholds and why, what it does not see. Needs no factory
    #[arg(long, value_name = "ID", conflicts_with_all = ["audience", "html", "markdown", "sarif"])]
    pub(crate) explain: Option<String>,
}
