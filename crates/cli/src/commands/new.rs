//! `seatrial new`: a small, valid, commented workflow to begin with, and a factory where there is none. Needs no store.

mod fill;
mod people;
mod register;

use crate::args::NewArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::owner::Asked;
use crate::{place, terminal};
use fill::Setting;
use people::{Named, Pair};
use seatrial_factory::read_factory;
use seatrial_model::ids::is_name;
use seatrial_spec::check::{FACTORY_FILE, WORKFLOW_FILE};
use seatrial_spec::files::MemoryFiles;
use seatrial_spec::workflow::{FactorySpec, Provider};
use seatrial_spec::{Severity, check, check_factory};
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where `tests/model/serve` of Seatrial's own repository answers: a real, small model without a key.
const PROVIDER_DEFAULT: &str = "http://127.0.0.1:8091/v1";
/// The model that is served there.
const MODEL_DEFAULT: &str = "smollm2-135m";
/// Where a key is, where one is needed.
const KEY_DEFAULT: &str = "MODEL_KEY";
/// How long a pilot may run where nobody said otherwise.
const PILOT_DAYS: i64 = 30;

#[derive(Serialize)]
struct Written<'a> {
    workflow: &'a str,
    factory: &'a Path,
    simulation: bool,
    written: &'a [String],
    next: &'a str,
}

/// A file to write: its path below the factory's folder, and its text.
type File = (String, String);

/// Writes a workflow, and a factory around it where there is none above.
pub(crate) fn new(args: &NewArgs, asked: &Asked, asks: bool, out: &mut Out) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    if !is_name(name) || name == "factory" {
        return Err(Failure::usage(format!(
            "`{}` cannot be a workflow's name; nothing was written. Use 1 to 64 lower-case letters, digits and `-`, starting with a letter (and not `factory`)",
            shown(name)
        )));
    }
    let found = place::find_root(&asked.start);
    let root = found.clone().unwrap_or_else(|| asked.start.clone());
    free(&root, name)?;
    let (setting, factory, mut files) = match &found {
        Some(root) => joined(args, root)?,
        None => founded(args, asked, asks && !args.yes)?,
    };
    let inside = setting.workflow();
    proved(&inside, &factory)?;
    files.extend(inside.into_iter().map(|(path, text)| (format!("workflows/{name}/{path}"), text)));
    let simulation = setting.pair.simulation;
    write(&root, &files, found.is_some())?;
    told(args, &root, &setting, simulation, &files, out)
}

/// Nothing is written over.
fn free(root: &Path, name: &str) -> Result<(), Failure> {
    let folder = root.join("workflows").join(name);
    if folder.symlink_metadata().is_ok() {
        return Err(Failure::file(format!(
            "`{}` is there already; nothing was written. Choose another name, or look at it with `seatrial check {name}`",
            folder.display()
        )));
    }
    Ok(())
}

/// A workflow of a factory that is there: its people, its provider.
fn joined(args: &NewArgs, root: &Path) -> Result<(Setting, FactorySpec, Vec<File>), Failure> {
    let given = [
        ("--person", args.person.is_some()),
        ("--colleague", args.colleague.is_some()),
        ("--provider", args.provider.is_some()),
        ("--key", args.key.is_some()),
        ("--factory", args.factory.is_some()),
        ("--simulation", args.simulation),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!(
            "`{option}` is for a new factory, and `{}` is one; nothing was written. Change that file, or start in a folder outside it",
            root.join(FACTORY_FILE).display()
        )));
    }
    let (spec, text) = read_factory(root)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let pair = people::of_factory(&spec)?;
    let provider = spec.providers.iter().find(|(_, p)| matches!(p, Provider::Http(_))).map(|(name, _)| name);
    let provider = provider.ok_or_else(|| {
        Failure::file(format!(
            "`{FACTORY_FILE}` names no OpenAI-compatible provider; nothing was written. Add one under `providers`: `model: {{ kind: openai, base_url: \"https://HOST/v1\", key: {{ env: {KEY_DEFAULT} }} }}`"
        ))
    })?;
    let folder = format!("workflows/{}", args.name);
    let listed = register::with_workflow(&text, &folder).ok_or_else(|| {
        Failure::file(format!(
            "`{FACTORY_FILE}` could not be changed in place; nothing was written. Add `{folder}` to its `workflows` yourself, and run this again"
        ))
    })?;
    // Where the list names the folder already, the file stays as it is.
    let files = if listed == text { Vec::new() } else { vec![(FACTORY_FILE.to_owned(), listed)] };
    let model = args.model.clone().unwrap_or_else(|| MODEL_DEFAULT.to_owned());
    let setting = Setting { name: args.name.clone(), provider: provider.clone(), model, until: last_day()?, pair };
    Ok((setting, spec, files))
}

/// A factory of its own.
fn founded(args: &NewArgs, asked: &Asked, asks: bool) -> Result<(Setting, FactorySpec, Vec<File>), Failure> {
    let mut args = args.clone();
    let acting = asked.who.person.clone();
    args.person = args.person.or(acting);
    if asks {
        ask(&mut args);
    }
    let pair = people::pair(args.person.as_deref(), args.colleague.as_deref(), args.simulation)?;
    let url = args.provider.unwrap_or_else(|| PROVIDER_DEFAULT.to_owned());
    let key = args.key.or_else(|| (!is_here(&url)).then(|| KEY_DEFAULT.to_owned()));
    let name = args.factory.unwrap_or_else(|| named_after(&asked.start));
    let text = fill::factory(&name, &args.name, &pair, &url, key.as_deref());
    let (spec, findings, _) = check_factory(&text);
    let spec = spec.ok_or_else(|| {
        let what = findings.iter().find(|d| d.severity == Severity::Error).map(|d| d.message.clone());
        Failure::usage(format!(
            "`{FACTORY_FILE}` would not be valid: {}; nothing was written",
            shown(&what.unwrap_or_default())
        ))
    })?;
    let model = args.model.unwrap_or_else(|| MODEL_DEFAULT.to_owned());
    let setting = Setting { name: args.name, provider: "model".to_owned(), model, until: last_day()?, pair };
    let mut files = vec![(FACTORY_FILE.to_owned(), text)];
    if !asked.start.join(".gitignore").exists() {
        files.push((
            ".gitignore".to_owned(),
            "# The record is kept beside the repository, not in it.\n.seatrial/\n".to_owned(),
        ));
    }
    Ok((setting, spec, files))
}

/// What a person at the terminal did not say on the command line.
fn ask(args: &mut NewArgs) {
    let put = |slot: &mut Option<String>, question: &str, default: &str| {
        if slot.is_none() {
            *slot = terminal::ask(question, default).filter(|answer| !answer.is_empty());
        }
    };
    put(&mut args.person, "Who builds it? Your address (empty: invented people, a simulation)", "");
    if args.person.is_some() && !args.simulation {
        put(
            &mut args.colleague,
            "Who answers for it, and approves what you write? (empty: you play both, a simulation)",
            "",
        );
        args.simulation = args.colleague.is_none();
    }
    put(&mut args.provider, "An OpenAI-compatible address", PROVIDER_DEFAULT);
    put(&mut args.model, "The model's name there", MODEL_DEFAULT);
}

/// What is written passes the checker, or is not written.
fn proved(inside: &[(&'static str, String)], factory: &FactorySpec) -> Result<(), Failure> {
    let files = MemoryFiles::new(inside.iter().map(|(path, text)| (*path, text.clone())));
    let text = inside.iter().find(|(path, _)| *path == WORKFLOW_FILE).map_or("", |(_, text)| text.as_str());
    let checked = check(text, &files, Some(factory));
    match checked.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        None => Ok(()),
        Some(error) => Err(Failure::usage(format!(
            "`{WORKFLOW_FILE}` would not be valid: {}; nothing was written",
            shown(&error.message)
        ))),
    }
}

fn write(root: &Path, files: &[File], changes: bool) -> Result<(), Failure> {
    for (path, text) in files {
        let path = root.join(path);
        let failed = |e: std::io::Error| Failure::file(format!("`{}` could not be written ({e})", path.display()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        if changes && path.ends_with(FACTORY_FILE) {
            replace(&path, text).map_err(failed)?;
            continue;
        }
        let mut file = std::fs::File::create_new(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

/// Either the old text stands there, or the new one: never half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let part: PathBuf = path.with_extension("yaml.part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, path)
}

fn told(
    args: &NewArgs,
    root: &Path,
    setting: &Setting,
    simulation: bool,
    files: &[File],
    out: &mut Out,
) -> Result<Exit, Failure> {
    let written: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    let next = "seatrial check";
    out.json(&Written { workflow: &args.name, factory: root, simulation, written: &written, next })?;
    for path in &written {
        out.line(format!("  {path}"));
    }
    let Pair { builder, owner, .. } = &setting.pair;
    out.line(format!("{} is built by {}, and owned by {}", args.name, said(builder), said(owner)));
    if simulation {
        let line =
            out.paint(Ink::Warn, "This factory is a simulation, and everything that it signs says so, for ever.");
        out.line(line);
        out.line("A real one has two people: `--person` and `--colleague`, in another folder, without `--simulation`.");
    }
    out.line(format!("next: {next}"));
    Ok(Exit::Done)
}

fn said(who: &Named) -> String {
    shown(&who.id)
}

/// Whether an address is this machine's own.
fn is_here(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|here| host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

/// A name made of a folder's.
fn named_after(folder: &Path) -> String {
    let last = folder.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    let name = name.trim_matches('-').to_owned();
    if is_name(&name) { name } else { "factory".to_owned() }
}

/// The pilot's last day.
fn last_day() -> Result<String, Failure> {
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let day = today.checked_add(jiff::Span::new().days(PILOT_DAYS));
    day.map(|day| day.to_string())
        .map_err(|e| Failure::failed(format!("today cannot be told ({e}); nothing was written")))
}

#[cfg(test)]
mod tests;
