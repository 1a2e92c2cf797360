//! The checker: from text to a checked workflow, or to everything that is wrong with it.

mod assurance;
mod factory;
mod files;
mod gates;
pub mod reader;
mod rules;
mod scopes;
mod steps;
mod tools;
mod whole;

use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::files::FileSource;
use crate::workflow::{FactorySpec, SpecFile, Workflow};
use crate::yaml;
use reader::Reader;
use scopes::Names;
use seatrial_model::{Digest, ElementPath};
use std::collections::BTreeMap;

pub use assurance::GRID_MAX;
pub use factory::{
    ATTESTORS_MAX, AWAY_MAX, DIRECTORY_BYTES_MAX, DIRECTORY_COLUMNS, GROUPS_MAX, KEYS_MAX, OBLIGATIONS_MAX, PEOPLE_MAX,
    POLICIES_MAX, PREDICATE_BYTES_MAX, ROTA_COLUMNS, WITNESSES_MAX,
};
pub use files::{EXAMPLES_BYTES_MAX, FILE_BYTES_MAX};
pub use reader::TOOL_NAME_MAX;
pub use steps::CASES_PER_DAY_MAX;
pub use tools::TOOLS_MAX;

/// The name of a workflow's main file.
pub const WORKFLOW_FILE: &str = "workflow.yaml";
/// The name of a factory's file.
pub const FACTORY_FILE: &str = "factory.yaml";
/// The version of the language.
pub const LANGUAGE_VERSION: u64 = 1;

/// What the checker found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The workflow, where nothing keeps it from loading.
    pub workflow: Option<Workflow>,
    /// Everything that was found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that diagnostics point into.
    pub sources: Sources,
}

/// Checks a spec: `main` is the text of `workflow.yaml`, `files` reads what it names. With a factory, providers and
/// roles are checked against it too.
#[must_use]
pub fn check(main: &str, files: &dyn FileSource, factory: Option<&FactorySpec>) -> Checked {
    let mut r = Reader::new(WORKFLOW_FILE, main);
    let root = read_yaml(&mut r, main);
    let workflow = root.and_then(|root| {
        let mut loaded = files::Files::new(files);
        loaded.files.insert(
            WORKFLOW_FILE.to_owned(),
            SpecFile { bytes: main.as_bytes().into(), blob: Digest::of(main.as_bytes()) },
        );
        workflow(&mut r, &root, loaded, factory)
    });
    let workflow = if r.report.has_errors() { None } else { workflow };
    let (diagnostics, sources) = r.report.sorted(WORKFLOW_FILE);
    Checked { workflow, diagnostics, sources }
}

/// Checks a `factory.yaml` alone: the factory where nothing keeps it from loading, everything found, and the text. People
/// of its directory and its rota are left out.
#[must_use]
pub fn check_factory(text: &str) -> (Option<FactorySpec>, Vec<Diagnostic>, Sources) {
    factory_file(text, None)
}

/// Checks a `factory.yaml` with the files beside it that it names: the directory and the rota.
#[must_use]
pub fn check_factory_with(text: &str, files: &dyn FileSource) -> (Option<FactorySpec>, Vec<Diagnostic>, Sources) {
    factory_file(text, Some(files))
}

fn factory_file(text: &str, files: Option<&dyn FileSource>) -> (Option<FactorySpec>, Vec<Diagnostic>, Sources) {
    let mut r = Reader::new(FACTORY_FILE, text);
    let spec = read_yaml(&mut r, text).and_then(|root| factory::factory(&mut r, &root, files));
    let spec = if r.report.has_errors() { None } else { spec };
    let (diagnostics, sources) = r.report.sorted(FACTORY_FILE);
    (spec, diagnostics, sources)
}

fn read_yaml(r: &mut Reader, text: &str) -> Option<yaml::Node> {
    r.yaml(text, "seatrial: 1")
}

/// `seatrial: 1`.
fn version(r: &mut Reader, fields: &mut reader::Fields<'_>) {
    let Some(node) = fields.need(r, "seatrial") else { return };
    let is_known = node.as_scalar().is_some_and(|s| s.core == yaml::Core::Int(1));
    if !is_known {
        let message = format!("{} is not a version of the language that is understood", node.described());
        r.find(Code::BadVersion, node.range.clone(), message).help("write `seatrial: 1`").done();
    }
}

fn name(r: &mut Reader, node: Option<&yaml::Node>) -> String {
    let Some(node) = node else { return String::new() };
    let text = r.text(node).unwrap_or_default();
    // `factory` is the name of the factory's own log.
    if !text.is_empty() && (!seatrial_model::ids::is_name(&text) || text == "factory" && r.file == WORKFLOW_FILE) {
        let message = format!("`{}` cannot be a name here", yaml::clip(&text));
        let help = "use 1 to 64 lower-case letters, digits and `-`, starting with a letter";
        r.find(Code::BadName, node.range.clone(), message).help(help).done();
    }
    text
}

fn workflow(
    r: &mut Reader,
    root: &yaml::Node,
    mut files: files::Files<'_>,
    factory: Option<&FactorySpec>,
) -> Option<Workflow> {
    let mut f = r.fields(root)?;
    version(r, &mut f);
    let name_node = f.need(r, "workflow");
    let name = name(r, name_node);
    let prose = |r: &mut Reader, f: &mut reader::Fields<'_>, key: &'static str| {
        r.at = ElementPath::new(key);
        f.get(key).and_then(|n| r.text(n)).unwrap_or_default()
    };
    let title = prose(r, &mut f, "title");
    let purpose = prose(r, &mut f, "purpose");
    let population = prose(r, &mut f, "population");
    let roles = assurance::roles(r, f.get("roles"));
    let types = files::types(r, f.get("types"), &mut files);
    let step_node = f.need(r, "steps");
    let mut names = Names::collect(root, roles.keys(), std::mem::take(&mut files.types), factory);
    names.plain_texts = types.iter().filter(|(_, t)| t.is_plain_text()).map(|(name, _)| name.clone()).collect();
    let examples = files::examples(r, f.get("examples"), &mut files, &mut names);
    let thresholds = assurance::thresholds(r, f.get("thresholds"), &names);
    let mut learnt = whole::Learnt::default();
    let steps = steps::steps(r, step_node, &mut files, &names, &mut learnt);
    let outcomes = assurance::outcomes(r, f.get("outcomes"));
    let slices = assurance::slices(r, f.get("slices"), &names);
    let risks = assurance::risks(r, f.get("risks"), &names);
    let questions = assurance::questions(r, f.get("questions"), &names);
    let assumptions = assurance::assumptions(r, f.get("assumptions"), &names);
    let responsibilities = assurance::responsibilities(r, f.get("responsibilities"), &mut files, &names);
    let gates = gates::gates(r, f.get("gates"), &names);
    r.at = ElementPath::root();
    f.done(r);
    let mut workflow = Workflow {
        name,
        title,
        purpose,
        population,
        outcomes,
        types,
        roles,
        steps,
        thresholds,
        slices,
        examples,
        risks,
        questions,
        assumptions,
        responsibilities,
        gates,
        files: std::mem::take(&mut files.files),
        elements: Vec::new(),
        digest: Digest::of(b""),
    };
    identify(r, &mut workflow);
    whole::findings(r, root, &workflow, &names, factory, &learnt);
    Some(workflow)
}

/// Fills in the elements and the digest.
fn identify(r: &mut Reader, workflow: &mut Workflow) {
    match crate::identity::elements(workflow) {
        Ok(elements) => {
            if let Some(root) = elements.first() {
                workflow.digest = root.written;
            }
            workflow.elements = elements;
        }
        Err(error) => {
            r.at = ElementPath::root();
            r.find(Code::OutOfRange, 0..0, error.to_string()).done();
        }
    }
}

/// Entries of a mapping as a map by name.
fn by_name<T>(entries: impl IntoIterator<Item = (String, Option<T>)>) -> BTreeMap<String, T> {
    entries.into_iter().filter_map(|(name, value)| value.map(|v| (name, v))).collect()
}
