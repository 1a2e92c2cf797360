//! Arguments of `seatrial example`.

use clap::{Args, Subcommand, ValueEnum};
use seatrial_model::DecisionId;
use std::path::PathBuf;

/// `seatrial example …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExampleCommand {
    /// Import examples into a set's file: a table, lines of JSON, promptfoo's tests or Inspect's samples
    #[command(after_help = "\
Needs no store: the file is part of the spec's folder. Texts become what the step's types say (numbers, truths, lists). \
What has no place in an example is listed, with a word on where it belongs; examples that the set has already are left \
out, by id and by input.

Columns and members are taken by their names: a field of an example (`id`, `input.text`, `expected.team`, `tags`), or a \
field of the step's input or output. `--map` says it for others. promptfoo: `vars` are the input, `equals` and \
`output.F === v` are expected; other assertions belong in the step's rules. Inspect: `input`, `target`, `id`, `metadata`.

Example:
  seatrial example import complaints.csv --set golden --map input.text=body --map expected.team=queue
  seatrial example import promptfooconfig.yaml --from promptfoo --set golden --append
  seatrial example import samples.jsonl --from inspect --out examples/samples.jsonl --map input.text=input")]
    Import(ImportArgs),
    /// Add a recorded decision to a set's file, with what is right: given, or as a person answered it
    #[command(after_help = "\
Fields that the step withholds are left out. The file lies in the work tree, not in the store: erasing the decision's \
payloads does not erase the example. A random sample takes no decision that somebody picked.

Example:
  seatrial example add dec_019a0000-0000-7000-8000-000000000000 --from-review --set boundary --as dev@shipyard.example
  seatrial example add dec_019a0000-0000-7000-8000-000000000000 --expected '{\"decision\":\"decline\"}' --tag override --as dev@shipyard.example")]
    Add(ExampleAddArgs),
}

/// Formats that are imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum From {
    /// A table with a line of names.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// promptfoo's `tests`, YAML or JSON.
    Promptfoo,
    /// Inspect's samples, JSON.
    Inspect,
}

/// `seatrial example import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The set of the spec: its types say what a text is, and its file is written
    #[arg(long, value_name = "NAME", required_unless_present = "out")]
    pub(crate) set: Option<String>,
    /// Its format; by the file's ending (csv, jsonl, yaml) where none is named
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<From>,
    /// A field of the example and where it comes from; may stand several times
    #[arg(long, value_name = "FIELD=SOURCE")]
    pub(crate) map: Vec<String>,
    /// Write to this file instead of the set's own
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Add to a file that has examples already
    #[arg(long)]
    pub(crate) append: bool,
}

/// `seatrial example add`.
#[derive(Debug, Args)]
pub(crate) struct ExampleAddArgs {
    /// The decision
    #[arg(value_name = "DECISION")]
    pub(crate) decision: DecisionId,
    /// What is right, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) expected: Option<String>,
    /// What is right is what the person answered who reviewed, audited or overrode it
    #[arg(long, conflicts_with = "expected")]
    pub(crate) from_review: bool,
    /// No output for it may pass without a person
    #[arg(long)]
    pub(crate) must_not_pass: bool,
    /// The set; the only one of the step that is no random sample, where none is named
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// A mark; may stand several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}
