//! `seatrial check`: what is wrong with a spec. Needs no store.

use crate::args::CheckArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::Asked;
use crate::place::{self, WorkflowFolder};
use seatrial_factory::{DiskFiles, check_folder};
use seatrial_model::Stage;
use seatrial_spec::check::{FACTORY_FILE, WORKFLOW_FILE};
use seatrial_spec::diagnostic::{to_human, to_json, to_sarif};
use seatrial_spec::workflow::FactorySpec;
use seatrial_spec::{Diagnostic, Severity, Sources, check_factory_with};
use std::path::Path;

/// Everything that was found in one file and those that it names.
struct Found {
    label: String,
    diagnostics: Vec<Diagnostic>,
    sources: Sources,
}

/// Checks the factory's file and the workflows that are meant.
pub(crate) fn check(args: &CheckArgs, asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::find_root(&asked.start);
    let mut all = Vec::new();
    let mut factory = None;
    if let Some(root) = &root {
        let (found, spec) = factory_file(root)?;
        all.push(found);
        factory = spec;
    }
    for folder in folders(args.what.as_deref().or(named), &asked.start, root.as_deref(), factory.as_ref())? {
        let tree = check_folder(&folder.path, factory.as_ref())?;
        all.push(Found { label: folder.label, diagnostics: tree.checked.diagnostics, sources: tree.checked.sources });
    }
    render(args, &all, out)?;
    let stage: Stage = args.stage.into();
    let bad = |d: &Diagnostic| d.severity == Severity::Error || args.strict && d.blocks_stage(stage);
    Ok(Exit::ready(!all.iter().flat_map(|found| &found.diagnostics).any(bad)))
}

fn factory_file(root: &Path) -> Result<(Found, Option<FactorySpec>), Failure> {
    let path = root.join(FACTORY_FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Failure::file(format!("`{}` cannot be read ({e}); nothing was checked", path.display())))?;
    let (spec, diagnostics, sources) = check_factory_with(&text, &DiskFiles::new(root));
    Ok((Found { label: FACTORY_FILE.to_owned(), diagnostics, sources }, spec))
}

/// The folders to check: a name of the factory's, a folder, the one we stand in, or all.
fn folders(
    what: Option<&str>,
    start: &Path,
    root: Option<&Path>,
    factory: Option<&FactorySpec>,
) -> Result<Vec<WorkflowFolder>, Failure> {
    let listed = match (root, factory) {
        (Some(root), Some(factory)) => place::workflows(root, factory),
        _ => Vec::new(),
    };
    let is_workflow = |dir: &Path| dir.join(WORKFLOW_FILE).is_file();
    if let Some(what) = what {
        if let Some(found) = listed.iter().find(|w| place::goes_by(w, what)) {
            return Ok(vec![found.clone()]);
        }
        let path = start.join(what);
        let path = if path.is_file() { path.parent().map_or(path.clone(), Path::to_owned) } else { path };
        if is_workflow(&path) {
            return Ok(vec![WorkflowFolder { label: what.to_owned(), path }]);
        }
        return Err(Failure::usage(format!(
            "`{}` is neither a workflow of the factory nor a folder with a `{WORKFLOW_FILE}`; nothing was checked",
            crate::out::shown(what)
        )));
    }
    if is_workflow(start) {
        return Ok(vec![WorkflowFolder { label: ".".to_owned(), path: start.to_owned() }]);
    }
    if root.is_none() {
        return Err(Failure::file(format!(
            "there is neither a `{WORKFLOW_FILE}` in `{}` nor a `{FACTORY_FILE}` there or above; nothing was checked",
            start.display()
        )));
    }
    Ok(listed)
}

fn render(args: &CheckArgs, all: &[Found], out: &mut Out) -> Result<(), Failure> {
    if args.sarif || out.is_json() {
        let diagnostics: Vec<Diagnostic> = all.iter().flat_map(located).collect();
        let value = if args.sarif { to_sarif(&diagnostics, env!("CARGO_PKG_VERSION")) } else { to_json(&diagnostics) };
        let text = serde_json::to_string_pretty(&value).map_err(|e| Failure::failed(e.to_string()))?;
        out.text(&format!("{text}\n"));
        return Ok(());
    }
    let color = out.layout().color;
    let silent = |found: &&Found| !(found.label == FACTORY_FILE && found.diagnostics.is_empty());
    for found in all.iter().filter(silent) {
        if all.len() > 1 {
            let heading = out.paint(crate::out::Ink::Strong, &crate::out::shown(&found.label));
            out.line(heading);
        }
        out.text(&to_human(&found.diagnostics, &found.sources, color));
    }
    Ok(())
}

/// The diagnostics of a workflow with its folder before each file's name, so that programs find it.
fn located(found: &Found) -> Vec<Diagnostic> {
    let prefix = found.label.trim_end_matches('/');
    let place = |file: &str| {
        if matches!(prefix, "." | FACTORY_FILE) { file.to_owned() } else { format!("{prefix}/{file}") }
    };
    found
        .diagnostics
        .iter()
        .cloned()
        .map(|mut d| {
            d.place.file = place(&d.place.file);
            for other in &mut d.others {
                other.file = place(&other.file);
            }
            d
        })
        .collect()
}
