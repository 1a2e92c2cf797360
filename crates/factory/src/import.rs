//! Examples put into a set's file of the work tree. Nothing here touches the store: a set is part of the spec, and comes
//! into the log with it.

use crate::api::Refused;
use crate::worktree::{DiskFiles, check_folder};
use seatrial_governance::key::{Keys, LoggedInputs};
use seatrial_governance::{Input, Inputs, obligations};
use seatrial_model::{Digest, Time};
use seatrial_spec::FileSource as _;
use seatrial_spec::check::{EXAMPLES_BYTES_MAX, WORKFLOW_FILE};
use seatrial_spec::workflow::FactorySpec;
use seatrial_spec::{Workflow, yaml};
use seatrial_sprint::import::{Format, ImportOptions, Left, Mapping, Merged, Shape, import, merge, write_examples};
use seatrial_sprint::{Example, parse_examples};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The most errors of a file that are told at once.
const ERRORS_TOLD: usize = 10;

/// A file that is imported.
#[derive(Clone, Debug)]
pub struct ImportInput {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What ids begin with, where it has none.
    pub prefix: String,
    /// Its format.
    pub format: Format,
    /// Which field comes from where.
    pub mapping: Mapping,
    /// The set of the spec: its step's types say what a text is, and its file is written.
    pub set: Option<String>,
    /// Another file to write.
    pub out: Option<PathBuf>,
    /// Add to a file that exists.
    pub append: bool,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct ImportDone {
    /// Where.
    pub file: PathBuf,
    /// What is new, and what was there already.
    pub merged: Merged,
    /// What was not carried over, and how many things in all.
    pub left: (Vec<Left>, usize),
    /// What the set's change means.
    pub effect: Effect,
}

/// What a change of a set's file means for the spec.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// The set's digest before and now; none where the spec does not read.
    pub digest: (Option<Digest>, Option<Digest>),
    /// Obligations whose key is another now: what discharged them goes stale.
    pub stale: Vec<String>,
}

/// A set of the work tree's spec, read from its text: the spec may have errors, its set's file may not be there yet.
struct SetFile {
    file: PathBuf,
    input: Option<Value>,
    output: Option<Value>,
}

/// Imports examples into a set's file.
///
/// # Errors
/// [`Refused`]: nothing was written.
pub fn import_examples(
    folder: &Path,
    factory: Option<&FactorySpec>,
    request: &ImportInput,
    now: Time,
) -> Result<ImportDone, Refused> {
    let set = request.set.as_deref().map(|set| set_file(folder, set)).transpose()?;
    let shape = Shape {
        input: set.as_ref().and_then(|s| s.input.as_ref()),
        output: set.as_ref().and_then(|s| s.output.as_ref()),
    };
    let options = ImportOptions {
        format: request.format,
        mapping: request.mapping.clone(),
        shape,
        prefix: request.prefix.clone(),
    };
    let imported = import(&request.bytes, &options).map_err(|errors| {
        let told: Vec<String> = errors.iter().take(ERRORS_TOLD).map(ToString::to_string).collect();
        Refused::Invalid(format!("the file cannot be imported: {} error(s):\n{}", errors.len(), told.join("\n")))
    })?;
    let file = request.out.clone().or_else(|| set.as_ref().map(|s| s.file.clone())).ok_or_else(|| {
        Refused::Invalid("nothing says where to: `--set NAME` of the spec, or `--out FILE`".to_owned())
    })?;
    let left = (imported.left, imported.left_total);
    let watched = request.set.as_deref().unwrap_or_default();
    let (merged, effect) = add(folder, factory, &file, watched, imported.examples, request.append, now)?;
    Ok(ImportDone { file, merged, left, effect })
}

/// Appends one example to a set's file.
pub(crate) fn append_example(
    folder: &Path,
    factory: Option<&FactorySpec>,
    set: &str,
    example: Example,
    now: Time,
) -> Result<(PathBuf, Merged, Effect), Refused> {
    let file = set_file(folder, set)?.file;
    let (merged, effect) = add(folder, factory, &file, set, vec![example], true, now)?;
    Ok((file, merged, effect))
}

fn add(
    folder: &Path,
    factory: Option<&FactorySpec>,
    file: &Path,
    set: &str,
    examples: Vec<Example>,
    append: bool,
    now: Time,
) -> Result<(Merged, Effect), Refused> {
    let before = check_folder(folder, factory)?.checked.workflow;
    let text = match std::fs::read(file) {
        Ok(bytes) if bytes.len() > EXAMPLES_BYTES_MAX => {
            return Err(Refused::Invalid(format!("`{}` is larger than a set can be", file.display())));
        }
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Refused::Invalid(format!("`{}` cannot be read ({e})", file.display()))),
    };
    if !append && !text.iter().all(u8::is_ascii_whitespace) {
        return Err(Refused::Invalid(format!("`{}` has examples already: `--append` adds to them", file.display())));
    }
    let existing = parse_examples(&text).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        Refused::Invalid(format!("`{}` has {} error(s): {first}", file.display(), errors.len()))
    })?;
    let merged = merge(&existing, examples).map_err(crate::factory::internal)?;
    if !merged.new.is_empty() {
        write(file, text, &merged.new)?;
    }
    let after = check_folder(folder, factory)?.checked.workflow;
    let effect = effect(before.as_ref(), after.as_ref(), factory, set, now);
    Ok((merged, effect))
}

/// Writes the file anew beside the old one, and puts it in its place: whoever reads sees the one or the other.
fn write(file: &Path, mut text: Vec<u8>, new: &[Example]) -> Result<(), Refused> {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    let lines = write_examples(new).map_err(crate::factory::internal)?;
    // What was put together from a decision is an example like any other.
    parse_examples(&lines).map_err(|errors| {
        let first = errors.first().map(|e| e.message.clone()).unwrap_or_default();
        Refused::Invalid(format!("the example cannot be written: {first}"))
    })?;
    text.extend(lines);
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = match file.parent() {
        Some(parent) => std::fs::create_dir_all(parent),
        None => Ok(()),
    };
    let written = written.and_then(|()| std::fs::write(&beside, text)).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|e| Refused::Invalid(format!("`{}` cannot be written ({e})", file.display())))
}

/// The digests of the set, and the obligations whose key another set made another.
fn effect(
    before: Option<&Workflow>,
    after: Option<&Workflow>,
    factory: Option<&FactorySpec>,
    set: &str,
    now: Time,
) -> Effect {
    let digest = |w: Option<&Workflow>| w.and_then(|w| w.examples.get(set)).map(|s| s.digest);
    let stale = match (before, after, factory) {
        (Some(before), Some(after), Some(factory)) => {
            let (old, new) = (keys(before, factory, now), keys(after, factory, now));
            let changed = |(id, key): &(&String, &Vec<Digest>)| old.get(*id).is_some_and(|o| o != *key);
            new.iter().filter(changed).map(|(id, _)| id.clone()).collect()
        }
        _ => Vec::new(),
    };
    Effect { digest: (digest(before), digest(after)), stale }
}

/// The keys of all obligations, models left out: they are the same on both sides.
fn keys(workflow: &Workflow, factory: &FactorySpec, now: Time) -> BTreeMap<String, Vec<Digest>> {
    let inputs = Inputs::default();
    let keys = Keys::new(workflow, factory, &inputs, now);
    let logged = LoggedInputs::default();
    let mut all: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
    for obligation in obligations(workflow, factory) {
        if !obligation.inputs.contains(&Input::State) {
            let key = keys.key(&obligation, &keys.inputs(&obligation, &logged));
            all.entry(obligation.id).or_default().push(key);
        }
    }
    all
}

/// The file of a set and the types of its step, as `workflow.yaml` says it.
fn set_file(folder: &Path, set: &str) -> Result<SetFile, Refused> {
    let files = DiskFiles::new(folder);
    let path = folder.join(WORKFLOW_FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Refused::NotFound(format!("`{}` cannot be read ({e})", path.display())))?;
    let root = yaml::parse(&text)
        .0
        .ok_or_else(|| Refused::Invalid(format!("`{}` is no YAML: `seatrial check` says where", path.display())))?;
    let at = |path: &[&str]| path.iter().try_fold(&root, |node, name| node.get(name));
    let text_at = |path: &[&str]| Some(at(path)?.as_scalar()?.text.clone());
    let shown = || seatrial_model::Untrusted::new(set).terminal(80);
    let file = text_at(&["examples", set, "file"]).ok_or_else(|| {
        let known: Vec<&str> = root.get("examples").and_then(|e| e.as_map()).into_iter().flatten().map(|e| e.key.as_str()).collect();
        Refused::NotFound(format!(
            "the spec has no example set `{}` with a `file`; it has: {}. Add `{}: {{ file: examples/{}.jsonl, step: STEP, drawn: curated }}` under `examples`",
            shown(), known.join(", "), shown(), shown()
        ))
    })?;
    // As the checker: nothing outside the folder.
    if !Path::new(&file).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(Refused::Invalid(format!("the file of the set `{}` lies outside the spec's folder", shown())));
    }
    let step = text_at(&["examples", set, "step"]).unwrap_or_default();
    let schema = |kind: &str| -> Option<Value> {
        let name = text_at(&["steps", &step, kind])?;
        serde_json::from_slice(&files.read(&text_at(&["types", &name])?).ok()?).ok()
    };
    Ok(SetFile { file: folder.join(file), input: schema("input"), output: schema("output") })
}
