//! The arguments: what can be asked of `seatrial`, and the help that teaches it.

mod about;
mod deliver;
mod drill;
mod example;
mod incident;
mod judge;
mod new;
mod owning;
mod people;
mod questionnaire;
mod record;
mod replay;
mod run;
mod simulate;
mod stages;
mod store;
mod witness;

use about::{ABOUT, LONG_ABOUT};
pub(crate) use deliver::*;
pub(crate) use drill::*;
pub(crate) use example::*;
pub(crate) use incident::*;
pub(crate) use judge::*;
pub(crate) use new::*;
pub(crate) use owning::*;
pub(crate) use people::*;
pub(crate) use questionnaire::*;
pub(crate) use record::*;
pub(crate) use replay::*;
pub(crate) use run::*;
pub(crate) use simulate::*;
pub(crate) use stages::*;
pub(crate) use store::*;
pub(crate) use witness::*;

use crate::demo::DemoArgs;
use crate::out::Format;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const AFTER: &str = "\
Who acts: `--as PERSON` (or SEATRIAL_AS) names a person of factory.yaml: whoever holds the machine is taken at their \
word, and the log says so (assurance `local`). A token in SEATRIAL_TOKEN authenticates instead.

Environment: SEATRIAL_AS, SEATRIAL_TOKEN, SEATRIAL_LOG (what is traced to standard error, default `warn`), \
SEATRIAL_KEY_SEED (64 hexadecimal digits: log signing keys are derived from it instead of kept in files), NO_COLOR.

Exit codes: 0 done and in order, 1 something is not in order, 2 could not run, 3 refused, 4 the record or the model failed.";

/// All arguments.
#[derive(Debug, Parser)]
#[command(name = "seatrial", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Run as if started in DIR
    // An id of its own: a command's argument of the same id would be taken for this one.
    #[arg(id = "start-folder", short = 'C', value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// Which workflow; not needed where the factory has only one
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) workflow: Option<String>,
    /// For people, or one JSON document for programs
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
    /// Colours: where a terminal shows them, always, or never (NO_COLOR is honoured)
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    pub(crate) color: Color,
    /// Who acts: a person of factory.yaml [env: SEATRIAL_AS]
    #[arg(long = "as", value_name = "PERSON", global = true)]
    pub(crate) as_person: Option<String>,
    /// No remarks and no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Color {
    /// Where standard output is a terminal, and NO_COLOR is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything that can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // -- specify
    /// Write a small, valid, commented workflow to begin with, and a factory where there is none
    #[command(after_help = "\
Needs no store, and writes over nothing. Where `factory.yaml` stands here or above, the workflow joins that factory: its \
people, its provider. Else a factory of the profile `small` is made. It has two people, because an author never \
approves their own change. Alone, play both with `--simulation`: everything that such a factory signs says so, for ever, \
and so it does where nobody is named. At a terminal it asks for what is left out.

Example:
  seatrial new my-desk --simulation
  seatrial new my-desk --person ada@your.example --colleague \"Kim Ito <kim@your.example>\" --provider https://models.example/v1 --model some-model-2026-09-01
  seatrial new second-desk --model smollm2-135m --yes")]
    New(NewArgs),
    /// Check the spec, and say everything that is wrong with it
    #[command(after_help = "\
Needs no store. Exits 0 where nothing keeps the spec from loading, 1 where something does, 2 where it cannot be read.

Example:
  seatrial check
  seatrial check workflows/credit-preapproval --format json
  seatrial check --strict --stage production")]
    Check(CheckArgs),
    /// The digest of the spec, or of one element, by meaning: layout and comments do not change it
    #[command(after_help = "\
Needs no store. An element has two digests: as written (prose included, what people judge) and as compiled (what the \
machine does, what measurements rest on).

Example:
  seatrial digest
  seatrial digest steps.assess.forbid")]
    Digest(DigestArgs),
    /// Put the spec of the work tree into the log; whoever submits is its author
    #[command(after_help = "\
Example:
  seatrial submit --as dev@shipyard.example")]
    Submit,
    /// What changed in meaning, whether it widens or narrows what AI may do, and what goes stale
    #[command(after_help = "\
Compares by digest, so layout and comments are no change. Each element that was added, removed or changed is said to \
widen or to narrow what AI may do, to be neutral, or to be unclear: `narrows` only where that is proved. A change marked \
`prose` compiles to the same: no measurement rests on it. What goes stale is told by the log where there is one, by the \
keys of the obligations otherwise. A revision is read with the `git` program; nothing is checked out. `REV` alone means \
the workflow's own folder in that revision.

Example:
  seatrial diff
  seatrial diff --released --format json
  seatrial diff main --fail-on widening
  seatrial diff v1.2:workflows/credit-preapproval work-tree --markdown
  seatrial diff sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    Diff(DiffArgs),
    /// Answer or withdraw a question of the spec
    #[command(subcommand)]
    Question(QuestionCommand),
    /// The same as `question answer`
    #[command(hide = true)]
    Answer(QuestionAnswer),

    // -- learn
    /// Run examples through the same guard as production, and record the result
    #[command(after_help = "\
Submits the work tree where it changed, trains an embedded model where that is due, and evaluates the sets named, or \
all that can be. Answers of a provider are recorded as they come: an interrupted evaluation goes on where it stopped, \
and asks for nothing again that was recorded. Exits 1 where a set misses the gate's bar (or, without one, has failures), \
or where something labelled `must_not_pass` was let through.

Example:
  seatrial eval --as dev@shipyard.example
  seatrial eval boundary hardship --as dev@shipyard.example
  seatrial eval golden --in-flight 64 --repeat 3 --junit eval.xml --as dev@shipyard.example
  seatrial eval --agreement assess")]
    Eval(EvalArgs),
    /// Examples of a set: import a file, or add a decision
    #[command(subcommand)]
    Example(ExampleCommand),
    /// Propose a confidence threshold, and certify the one in the spec
    #[command(after_help = "\
Without an option, proposes a number from training and tuning examples: it opens nothing. `--write` also puts the \
number into the `at` of workflow.yaml, every comment kept. `--certify` tests the spec's number on the sealed examples: \
as often as `attempts` declared before the first time, once where it says nothing. Examples that are spent are left out.

`plan` and `bound` need no store. A threshold of such a name is written `thresholds.plan`.

Example:
  seatrial calibrate plan approve
  seatrial calibrate approve --as dev@shipyard.example
  seatrial calibrate approve --write --as dev@shipyard.example
  seatrial calibrate approve --certify --as dev@shipyard.example")]
    Calibrate(CalibrateArgs),
    /// Decide recorded decisions again under a changed spec: what changes, by which rule, and what it costs in reviews
    #[command(after_help = "\
Reads the log and changes nothing; `--record` appends the result. Only what changed is run again, on the recorded input \
and output. Decisions whose prompt, model or output type changed are counted, not guessed: they need new outputs. So are \
those whose payloads were erased and needed. Thresholds with a new number are taken as certified.

Example:
  seatrial replay
  seatrial replay --since 30d --format json
  seatrial replay --against submitted --record --as dev@shipyard.example")]
    Replay(ReplayArgs),
    /// How the promises that a release stands on look today: certificates, assumptions, drift
    #[command(after_help = "\
Certificates with both of their tests: was it wrong from the start, did it become wrong. One whose truth is not in yet is \
unwatched, and says until when. Exits 1 where a certificate was revoked, an assumption does not hold, or something is \
beyond its limit.

Example:
  seatrial watch
  seatrial watch --format json")]
    Watch,
    /// Open, close or show a sprint: questions to answer, obligations to discharge
    #[command(subcommand)]
    Sprint(SprintCommand),

    // -- govern
    /// How the workflow stands: what is discharged, stale, open, and the next useful thing to do
    #[command(after_help = "\
The `git status` of delivery. Looks at the work tree, submitted or not. Exits 1 while something stands between here and \
the stage, so that a pipeline can fail on it.

Example:
  seatrial status
  seatrial status --stage production --format json")]
    Status(StatusArgs),
    /// Why an obligation stands as it does, down to events and paths
    #[command(after_help = "\
Example:
  seatrial explain eval.boundary
  seatrial explain approval.risk --stage production")]
    Explain(ExplainArgs),
    /// What to do next, ordered by what it unblocks, and who can do it
    #[command(after_help = "\
Both stages at once. What has to wait for something else says for what.

Example:
  seatrial next
  seatrial next --format json")]
    Next,
    /// Approve an obligation, over exactly what is shown
    #[command(after_help = "\
Shows the scope first, path by path, with what changed since you approved it last. Where a person sits at the terminal \
it asks for a yes, and records how long the text was shown. Signed with your own SSH key (one of your `keys` in \
factory.yaml), the approval proves that it was you to anybody who has the log.

Example:
  seatrial approve spec.intent --as hana@harbour.example
  seatrial approve approval.risk --stage production --role risk --yes --as ria@harbour.example
  seatrial approve approval.risk --sign-with ~/.ssh/id_ed25519 --as ria@harbour.example")]
    Approve(ApproveArgs),
    /// Say of something that was approved and has changed: read again, still holds
    #[command(after_help = "\
Only what people judge can be reaffirmed; what was measured is measured again. Shows exactly what changed since the \
approval that it names.

Example:
  seatrial reaffirm approval.credit --as hana@harbour.example")]
    Reaffirm(ApproveArgs),
    /// Withdraw an approval of one's own
    #[command(after_help = "\
Example:
  seatrial withdraw evt_019a0000-0000-7000-8000-000000000000 --as hana@harbour.example")]
    Withdraw(WithdrawArgs),
    /// Ask that an obligation may stay undischarged until a date; grant, end or list such waivers
    #[command(after_help = "\
A waiver has a reason, a measure that is taken instead, an end (30 days in all for a pilot, 90 for production), and is \
granted by another person than the one who asks. It never hides the obligation, and a bar that was missed is no matter \
for it.

Example:
  seatrial waive runtime.trace --stage pilot --reason \"no traffic yet\" --measure \"every case is read by a person\" --until 2026-12-10 --as hana@harbour.example
  seatrial waive grant evt_019a0000-0000-7000-8000-000000000000 --as ria@harbour.example --yes
  seatrial waive list")]
    Waive(WaiveArgs),
    /// File a document as evidence for an obligation that asks for one
    #[command(after_help = "\
The document is kept beside the log for ever, and goes with every export.

Example:
  seatrial file validation.independent report.pdf --as ria@harbour.example")]
    File(FileArgs),
    /// Whether somebody may do something, and which policy says so
    #[command(after_help = "\
Exits 0 where they may, 1 where they may not; then it says who could.

Example:
  seatrial can hana@harbour.example approve approval.credit --stage pilot
  seatrial can agent:copilot release
  seatrial can --list")]
    Can(CanArgs),
    /// The policies that decide who may do what
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Cut a release, if nothing is missing
    #[command(after_help = "\
Computes every obligation again inside the same transaction. Exits 1, with what is missing, where the gate refuses.

Example:
  seatrial release pilot --dry-run
  seatrial release production --as lena@shipyard.example")]
    Release(ReleaseArgs),
    /// Put an earlier release of the same stage in force again, in one step
    #[command(after_help = "\
The release before, where none is named. It was valid when it was cut; what it lost since is shown, and what the spec \
wants then (a warning, escalating everything, serving nothing) is in force at once.

Example:
  seatrial rollback --list
  seatrial rollback --reason \"the new rule refuses too much\" --as hana@harbour.example")]
    Rollback(RollbackArgs),
    /// Retire the workflow: nothing of it is served any more, its log stays
    #[command(after_help = "\
Example:
  seatrial retire --reason \"replaced by the new platform\" --evidence \"archive 12, box 7\" --as hana@harbour.example")]
    Retire(RetireArgs),
    /// Pilots: their terms, and what they showed
    #[command(subcommand)]
    Pilot(PilotCommand),
    /// Record how an outcome of the workflow was measured
    #[command(after_help = "\
Example:
  seatrial measure waiting 0.61 --from 2026-11-23 --until 2026-12-20 --cases 1240 --note \"queue report of the branch system\" --as hana@harbour.example")]
    Measure(MeasureArgs),

    // -- run
    /// Serve the data plane, the control API and the pages
    #[command(after_help = "\
Serves the released specs on one address, and owns the store while it runs: other commands go through it.

SIGTERM and Ctrl-C end it gracefully: `/readyz` says 503, open requests are finished, and what was acknowledged is kept; \
a second one ends it at once. SIGHUP reads `factory.yaml` and the providers' key files again. `/metrics` is open to this \
machine, and to an operator's token. OTEL_EXPORTER_OTLP_ENDPOINT switches traces and metrics over OTLP on.

Example:
  seatrial serve
  seatrial serve --listen 0.0.0.0:8080 --log-format json --drain-wait 10s")]
    Serve(ServeArgs),
    /// Provoke every `forbid` and `never` through the guard, and recompute decisions, before the first release
    #[command(after_help = "\
Example:
  seatrial rehearse --as dev@shipyard.example")]
    Rehearse,
    /// Stop a workflow, one of its steps or the whole factory: in force on every answer, requests in flight get no output
    #[command(after_help = "\
Example:
  seatrial stop --reason \"wrong prices in the feed\" --as una@harbour.example
  seatrial stop --step assess --reason \"drift\" --as una@harbour.example
  seatrial stop --all --reason \"the provider leaks\" --as una@harbour.example")]
    Stop(SwitchArgs),
    /// Resume what was stopped; not by the person who stopped it
    #[command(after_help = "\
Example:
  seatrial resume --reason \"feed corrected\" --as hana@harbour.example
  seatrial resume --all --reason \"the provider was changed\" --as hana@harbour.example")]
    Resume(SwitchArgs),
    /// Reviews: questions put to people by escalated decisions
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Decisions: each passage of a case through a step's guard
    #[command(subcommand)]
    Decision(DecisionCommand),
    /// Change what was done with a decision's output, with a reason; the verdict stays
    #[command(after_help = "\
Example:
  seatrial override dec_019a0000-0000-7000-8000-000000000000 block --reason wrong-data --text \"two customers mixed up\" --as una@harbour.example")]
    Override(OverrideArgs),
    /// Tell what turned out to be true about a decision
    #[command(after_help = "\
Example:
  seatrial outcome dec_019a0000-0000-7000-8000-000000000000 '{\"outcome\":\"good\"}' --as una@harbour.example")]
    Outcome(OutcomeArgs),
    /// Exercise a control on marked requests, measured and recorded; cases go on
    #[command(after_help = "\
Without a control: every control, how it stands, who exercised it last, and what is next.

Example:
  seatrial drill
  seatrial drill stop --guide --as una@harbour.example --resumed-by hana@harbour.example")]
    Drill(DrillArgs),
    /// Incidents: opened, owned, decided, resolved, reviewed; with a timeline from the log
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Put outputs that are known to be bad among the reviews, to see whether people catch them
    #[command(after_help = "\
Known to be bad is an example with an `output` and `must_not_pass: true`, or one that a threshold's `wrong_when` holds of \
by its `expected`. Each passes the guard as a marked request: nothing counts it, and its output leaves to nobody. Its \
review looks like any other until somebody answered it; whoever seeded it does not answer it.

Example:
  seatrial seed probes --count 10 --as hugo@harbour.example
  seatrial seed --file seeds.jsonl --step assess --as hugo@harbour.example")]
    Seed(SeedArgs),
    /// Compare the cases of the system of record, or the calls of a provider's bill, with the recorded ones
    #[command(after_help = "\
The log gets counts, no id. Exits 1 where a case or a call of theirs was never recorded here.

Of `calls`, the file has a line for each day and model (`date`, `model`, `count`; days in UTC, as providers bill), or a line \
for each call (`date`, `model`, without `count`). Counts are compared a day and a model at a time; a model is matched by \
its name, also where a provider adds a date to it. Recorded calls are the attempts of all decisions, marked ones too: \
providers bill them. Evaluations call models beside the guard, and stand among the unrecorded: bill them under a key of \
their own.

Example:
  seatrial reconcile cases.csv --column case_id --from 2026-11-23 --until 2026-11-30 --as hana@harbour.example
  seatrial reconcile bill.csv --of calls --from 2026-11-23 --until 2026-11-30 --as hana@harbour.example")]
    Reconcile(ReconcileArgs),
    /// Tokens of callers, reviewers, operators and pipelines
    #[command(subcommand)]
    Token(TokenCommand),

    // -- hand over
    /// The people of the factory: who holds what, what rests on them, and changes of them
    #[command(subcommand)]
    People(PeopleCommand),
    /// Accept a responsibility, for yourself, over exactly what is shown
    #[command(after_help = "\
Example:
  seatrial accept behaviour --as hana@harbour.example")]
    Accept(AcceptArgs),
    /// The handover pack
    #[command(subcommand)]
    Handover(HandoverCommand),
    /// Releases, evaluations and approvals as signed statements, for others' tools
    #[command(subcommand)]
    Attest(AttestCommand),
    /// Which obligation supports evidence for which article of a law or clause of a standard
    #[command(after_help = "\
Example:
  seatrial regulation
  seatrial regulation --framework eu-ai-act --states
  seatrial regulation --markdown")]
    Regulation(RegulationArgs),
    /// What the record shows, and where it smells of theatre: with citations, or `no evidence`
    #[command(after_help = "\
Example:
  seatrial assess
  seatrial assess --for founder --html > assessment.html
  seatrial assess --for auditor --format json
  seatrial assess --sarif > seatrial.sarif
  seatrial assess --explain theatre.reading-time")]
    Assess(AssessArgs),

    /// For a delivery that is not run here: the same questions, and the artifact behind each answer
    #[command(subcommand)]
    Questionnaire(QuestionnaireCommand),

    // -- the record
    /// The tamper-evident log: verify, export, prove, keys, rebuild
    #[command(subcommand)]
    Log(LogCommand),

    /// Where the logs are kept: a folder, or a database that a fleet of nodes shares
    #[command(subcommand)]
    Store(StoreCommand),

    /// A witness of logs: a small process of its own, with a key that the delivery side does not hold
    #[command(subcommand)]
    Witness(WitnessCommand),

    // -- the rest
    /// A whole delivery, simulated, to look around in
    #[command(after_help = "\
Example:
  seatrial demo
  seatrial demo --exit --dir ./my-demo")]
    Demo(DemoArgs),
    /// Traffic, people and time of a simulated factory, for trainings and scenarios
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// A completion script for your shell
    #[command(after_help = "\
Example:
  seatrial completion bash > ~/.local/share/bash-completion/completions/seatrial")]
    Completion(CompletionArgs),
}

/// `seatrial completion`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod named;
#[cfg(test)]
mod tests;
