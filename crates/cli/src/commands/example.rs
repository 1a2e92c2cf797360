//! `seatrial example`.

use crate::args::{ExampleAddArgs, From, ImportArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::owner::Asked;
use crate::place;
use crate::session::Session;
use seatrial_factory::{
    Clock as _, Effect, ExampleInput, Expectation, ImportDone, ImportInput, SystemClock, import_examples, read_factory,
};
use seatrial_sprint::import::{Format, IMPORT_BYTES_MAX, Mapping};
use serde_json::json;
use std::path::Path;

/// How many of a kind are listed for people.
const LISTED_MAX: usize = 20;

/// Imports a file into a set.
pub(crate) fn import(args: &ImportArgs, asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::root(&asked.start)?;
    let (factory, _) = read_factory(&root)?;
    let folder = place::one_workflow(&asked.start, &root, &factory, named)?;
    let file = asked.start.join(&args.file);
    let request = ImportInput {
        bytes: read(&file)?,
        prefix: prefix(&file),
        format: format(args, &file)?,
        mapping: Mapping::parse(&args.map).map_err(|e| Failure::usage(format!("{e}; nothing was imported")))?,
        set: args.set.clone(),
        out: args.out.as_ref().map(|out| asked.start.join(out)),
        append: args.append,
    };
    let done = import_examples(&folder.path, Some(&factory), &request, SystemClock.now())?;
    out.json(&json!({
        "file": done.file,
        "imported": done.merged.new.len(),
        "same_id": done.merged.same_id,
        "same_example": done.merged.same_example,
        "contradicts": done.merged.contradicts,
        "left": done.left.0,
        "left_total": done.left.1,
        "digest": { "before": done.effect.digest.0, "now": done.effect.digest.1 },
        "stale": done.effect.stale,
    }))?;
    if !out.is_json() {
        told(&done, out);
    }
    // Contradictions are for a person to look at; what was left was listed.
    Ok(Exit::ready(done.merged.contradicts.is_empty()))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unread =
        |e: std::io::Error| Failure::file(format!("`{}` cannot be read ({e}); nothing was imported", file.display()));
    let size = std::fs::metadata(file).map_err(unread)?.len();
    if size > IMPORT_BYTES_MAX as u64 {
        return Err(Failure::file(format!(
            "`{}` has {size} bytes, and {IMPORT_BYTES_MAX} are imported at most; nothing was imported. Split it",
            file.display()
        )));
    }
    std::fs::read(file).map_err(unread)
}

/// What ids begin with: the file's name, in letters that ids like.
fn prefix(file: &Path) -> String {
    let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let kept: String = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(60).collect();
    if kept.is_empty() { "example".to_owned() } else { kept }
}

fn format(args: &ImportArgs, file: &Path) -> Result<Format, Failure> {
    let named = args.from.or_else(|| match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(From::Csv),
        "jsonl" | "ndjson" => Some(From::Jsonl),
        "yaml" | "yml" => Some(From::Promptfoo),
        _ => None,
    });
    match named {
        Some(From::Csv) => Ok(Format::Csv),
        Some(From::Jsonl) => Ok(Format::Jsonl),
        Some(From::Promptfoo) => Ok(Format::Promptfoo),
        Some(From::Inspect) => Ok(Format::Inspect),
        None => Err(Failure::usage(format!(
            "what `{}` is cannot be told by its ending; nothing was imported. Say it: `--from csv`, `jsonl`, `promptfoo` or `inspect`",
            shown(&file.display().to_string())
        ))),
    }
}

fn told(done: &ImportDone, out: &mut Out) {
    let file = shown(&done.file.display().to_string());
    let line = match done.merged.new.len() {
        0 => format!("nothing new: `{file}` is as it was"),
        n => format!("{n} example(s) written to `{file}`"),
    };
    let line = out.paint(Ink::Strong, &line);
    out.line(line);
    list("left out, the id is there already", &done.merged.same_id, |id| shown(id), out);
    let pair = |(new, old): &(String, String)| format!("{} = {}", shown(new), shown(old));
    list("left out, the same input and label are there already", &done.merged.same_example, pair, out);
    list("to be looked at: the same input with another label", &done.merged.contradicts, pair, out);
    let (left, total) = &done.left;
    list("not carried over", left, |l| format!("{}: {}", l.at, shown(&l.what)), out);
    if *total > left.len() {
        out.line(format!("  … {total} in all"));
    }
    effect(&done.effect, out);
}

fn list<T>(what: &str, items: &[T], say: impl Fn(&T) -> String, out: &mut Out) {
    if items.is_empty() {
        return;
    }
    out.line(format!("{what}: {}", items.len()));
    for item in items.iter().take(LISTED_MAX) {
        out.line(format!("  {}", say(item)));
    }
    if items.len() > LISTED_MAX {
        out.line(format!("  … and {} more: `--format json` lists them", items.len() - LISTED_MAX));
    }
}

/// What a changed set means.
fn effect(effect: &Effect, out: &mut Out) {
    match effect.digest {
        (Some(before), Some(now)) if before != now => {
            out.line(format!("the set's digest was {} and is {}", before.short(), now.short()));
        }
        (None, Some(now)) => out.line(format!("the set's digest is {}", now.short())),
        (_, None) => out.note("the spec does not read the set yet: `seatrial check` says why"),
        _ => {}
    }
    if !effect.stale.is_empty() {
        out.line(format!("what discharged these goes stale: {}", effect.stale.join(", ")));
    }
}

/// Adds a decision to a set.
pub(crate) async fn add(args: ExampleAddArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let folder = session.folder()?;
    let expected = match (&args.expected, args.from_review) {
        (Some(text), _) => Expectation::Given(
            serde_json::from_str(text)
                .map_err(|e| Failure::usage(format!("`--expected` is no JSON ({e}); nothing was added")))?,
        ),
        (None, true) => Expectation::FromReview,
        (None, false) => Expectation::None,
    };
    let input = ExampleInput {
        decision: args.decision,
        set: args.set,
        expected,
        must_not_pass: args.must_not_pass,
        tags: args.tags,
    };
    let added = session.factory.add_example(&caller, &folder.path, input).await?;
    out.json(&json!({
        "set": added.set,
        "file": added.file,
        "example": added.example,
        "withheld": added.withheld,
        "not_expected": added.not_expected,
        "denied": added.denied,
        "digest": { "before": added.effect.digest.0, "now": added.effect.digest.1 },
        "stale": added.effect.stale,
    }))?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    let file = shown(&added.file.display().to_string());
    let line = out.paint(Ink::Strong, &format!("`{}` was added to the set `{}`", added.example.id, shown(&added.set)));
    out.line(line);
    if !added.withheld.is_empty() {
        out.line(format!("withheld, and so left out of the input: {}", shown(&added.withheld.join(", "))));
    }
    if !added.not_expected.is_empty() {
        out.line(format!("no label, and so not expected: {}", shown(&added.not_expected.join(", "))));
    }
    if added.denied {
        out.line("the guard denies this input as it stands there: the input type asks for what is withheld");
    }
    out.note(format!("its text stands in `{file}` now: erasing the decision's payloads does not erase it there"));
    effect(&added.effect, out);
    Ok(Exit::Done)
}
