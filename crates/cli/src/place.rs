//! Where things are: the factory's folder, its workflows, its store.

use crate::exit::Exit;
use crate::failure::Failure;
use seatrial_factory::{check_folder, read_factory};
use seatrial_spec::check::{FACTORY_FILE, WORKFLOW_FILE};
use seatrial_spec::workflow::{FactorySpec, StoreRef};
use seatrial_spec::{Severity, Workflow};
use std::path::{Path, PathBuf};

/// The folder to start from: `-C`, or the current one; absolute.
pub(crate) fn start(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|e| Failure::file(format!("the current folder cannot be told ({e}); nothing was done")))?;
    let start = dir.map_or_else(|| here.clone(), |dir| here.join(dir));
    start.canonicalize().map_err(|e| {
        Failure::file(format!(
            "`{}` cannot be entered ({e}); nothing was done. Does `-C` name it right?",
            start.display()
        ))
    })
}

/// The folder of `factory.yaml`: this one, or the nearest above it.
pub(crate) fn find_root(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|dir| dir.join(FACTORY_FILE).is_file()).map(Path::to_owned)
}

/// As [`find_root`], where there has to be one.
pub(crate) fn root(start: &Path) -> Result<PathBuf, Failure> {
    find_root(start).ok_or_else(|| {
        Failure::file(format!(
            "there is no `{FACTORY_FILE}` in `{}` or above it; nothing was done. `-C DIR` names another folder",
            start.display()
        ))
    })
}

/// The folder of a node's own files, where the store is a database of a fleet.
const NODE_FOLDER: &str = ".seatrial";

/// The folder of the factory's store; of this node's own files, where the store is a database.
pub(crate) fn store(root: &Path) -> Result<PathBuf, Failure> {
    let (spec, _) = read_factory(root)?;
    Ok(store_of(root, &spec))
}

/// As [`store`], with the factory's file at hand.
pub(crate) fn store_of(root: &Path, spec: &FactorySpec) -> PathBuf {
    match &spec.store {
        StoreRef::Sqlite(dir) => root.join(dir),
        StoreRef::Postgres(_) => root.join(NODE_FOLDER),
    }
}

/// The address of the fleet's database, where the factory's store is one.
pub(crate) fn database(spec: &FactorySpec) -> Result<Option<String>, Failure> {
    let StoreRef::Postgres(name) = &spec.store else { return Ok(None) };
    match std::env::var(name) {
        Ok(address) if !address.trim().is_empty() => Ok(Some(address)),
        _ => Err(Failure::usage(format!(
            "`factory.yaml` says that the address of its database is in `{name}`, and that is not set; nothing was opened"
        ))),
    }
}

/// A workflow's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WorkflowFolder {
    /// As `factory.yaml` names it, or its path.
    pub(crate) label: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// The folders of a factory's workflows.
pub(crate) fn workflows(root: &Path, spec: &FactorySpec) -> Vec<WorkflowFolder> {
    spec.workflows.iter().map(|w| WorkflowFolder { label: w.clone(), path: root.join(w) }).collect()
}

/// The workflow that is meant: the one named, the one whose folder we stand in, or the only one.
pub(crate) fn one_workflow(
    start: &Path,
    root: &Path,
    spec: &FactorySpec,
    named: Option<&str>,
) -> Result<WorkflowFolder, Failure> {
    let all = workflows(root, spec);
    if let Some(name) = named {
        let found = all.iter().find(|w| goes_by(w, name));
        return found.cloned().ok_or_else(|| Failure::usage(unknown(name, &all)));
    }
    let inside = all.iter().find(|w| w.path.canonicalize().is_ok_and(|path| start.starts_with(path)));
    match (inside, all.as_slice()) {
        (Some(found), _) | (None, [found]) => Ok(found.clone()),
        (None, []) => Err(Failure::usage("`factory.yaml` lists no workflows; add one under `workflows`")),
        (None, _) => Err(Failure::usage(format!("name a workflow with `--workflow NAME`: {}", names(&all)))),
    }
}

/// The checked workflow that is meant, without a store: of this folder, or of the factory's. `undone` says what was not
/// done where there is none.
pub(crate) fn checked(start: &Path, named: Option<&str>, undone: &str) -> Result<Workflow, Failure> {
    let factory = match find_root(start) {
        Some(root) => Some((read_factory(&root)?.0, root)),
        None => None,
    };
    let folder = match (&factory, named) {
        (_, None) if start.join(WORKFLOW_FILE).is_file() => start.to_owned(),
        (Some((spec, root)), _) => one_workflow(start, root, spec, named)?.path,
        (None, _) => {
            return Err(Failure::file(format!("there is no `{WORKFLOW_FILE}` in `{}`; {undone}", start.display())));
        }
    };
    let tree = check_folder(&folder, factory.as_ref().map(|(spec, _)| spec))?;
    let errors = tree.checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    tree.checked.workflow.ok_or_else(|| Failure {
        exit: Exit::NotReady,
        code: "findings",
        message: format!("the spec has {errors} error(s), which `seatrial check` shows; {undone}"),
    })
}

/// Whether a folder goes by this name: as listed, by its last part, or by the `workflow:` of its file.
pub(crate) fn goes_by(folder: &WorkflowFolder, name: &str) -> bool {
    folder.label == name || last(&folder.label) == name || declared_name(&folder.path).is_some_and(|n| n == name)
}

/// The `workflow:` of a folder's file, errors elsewhere in it notwithstanding.
pub(crate) fn declared_name(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(WORKFLOW_FILE)).ok()?;
    let (root, _) = seatrial_spec::yaml::parse(&text);
    Some(root?.get("workflow")?.as_scalar()?.text.clone())
}

fn last(label: &str) -> &str {
    label.trim_end_matches('/').rsplit('/').next().unwrap_or(label)
}

fn names(all: &[WorkflowFolder]) -> String {
    all.iter().map(|w| format!("`{}`", last(&w.label))).collect::<Vec<_>>().join(", ")
}

fn unknown(name: &str, all: &[WorkflowFolder]) -> String {
    let name = seatrial_model::Untrusted::new(name).terminal(80);
    format!("`factory.yaml` lists no workflow `{name}`; nothing was done. It lists {}", names(all))
}
