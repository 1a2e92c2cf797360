//! People: those that `factory.yaml` lists, those of its directory, and who is away.

mod directory;
mod rota;

pub use directory::{DIRECTORY_BYTES_MAX, DIRECTORY_COLUMNS};
pub use rota::{AWAY_MAX, ROTA_COLUMNS};

use super::house::keys;
use super::leaves;
use crate::check::reader::{Fields, Reader};
use crate::diagnostic::{Code, did_you_mean};
use crate::files::FileSource;
use crate::workflow::{Away, Person};
use crate::yaml::{Node, clip};
use seatrial_model::{ElementPath, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The most people of a factory: all of them are looked through for each answer about a role.
pub const PEOPLE_MAX: usize = 10_000;

/// The sides, by their words.
const SIDES: [(&str, Side); 3] =
    [("delivery", Side::Delivery), ("receiving", Side::Receiving), ("independent", Side::Independent)];

/// What is known of the people.
pub(super) struct People {
    pub(super) people: Vec<Person>,
    pub(super) directory: Option<String>,
    pub(super) rota: Option<String>,
    pub(super) away: Vec<Away>,
}

/// A name of somebody, and where it stands: checked once everybody is known.
struct Named {
    id: String,
    file: String,
    range: Range<usize>,
}

/// The people as they come in, from whichever file.
#[derive(Default)]
struct Gathered {
    people: Vec<Person>,
    /// Ids in lower case: one subject of a directory is one principal, however it is written.
    ids: BTreeSet<String>,
    deputies: Vec<Named>,
    /// Keys, and whose they are.
    keys: BTreeMap<String, String>,
}

pub(super) fn people(r: &mut Reader, f: &mut Fields<'_>, files: Option<&dyn FileSource>) -> People {
    let mut all = Gathered::default();
    listed(r, f.get("people"), &mut all);
    let directory = f.get("directory").and_then(|n| Some((csv_path(r, n)?, n)));
    if let (Some((path, node)), Some(files)) = (&directory, files)
        && let Some(text) = read(r, node, path, files)
    {
        directory::read(r, path, &text, &mut all);
    }
    if all.people.len() > PEOPLE_MAX {
        r.at = ElementPath::new("people");
        let message = format!("there are {} people; a factory has at most {PEOPLE_MAX}", all.people.len());
        r.find(Code::Limit, 0..0, message).done();
        all.people.truncate(PEOPLE_MAX);
    }
    let deputies = std::mem::take(&mut all.deputies);
    // Without the directory nobody can say who is not in it.
    let partial = directory.is_some() && files.is_none();
    for deputy in deputies.iter().filter(|_| !partial) {
        known(r, &all.people, deputy);
    }
    let rota = f.get("rota").and_then(|n| Some((csv_path(r, n)?, n)));
    let mut away = Vec::new();
    if let (Some((path, node)), Some(files)) = (&rota, files)
        && let Some(text) = read(r, node, path, files)
    {
        away = rota::read(r, path, &text, &all.people);
    }
    r.at = ElementPath::root();
    People { people: all.people, directory: directory.map(|d| d.0), rota: rota.map(|d| d.0), away }
}

/// `people` of the file itself.
fn listed(r: &mut Reader, node: Option<&Node>, all: &mut Gathered) {
    for item in r.items(node) {
        r.at = ElementPath::new("people");
        let Some(mut f) = r.fields(item) else { continue };
        let id_node = f.need(r, "id");
        let id = id_node.and_then(|n| r.text(n));
        let name = f.need(r, "name").and_then(|n| r.text(n));
        let side = f.need(r, "side").and_then(|n| r.word(n, &SIDES));
        let roles_node = f.need(r, "roles");
        let roles = r.texts(roles_node);
        let reviews_per_day = f.get("capacity").and_then(|n| r.fields(n)).and_then(|mut c| {
            let reviews = c.need(r, "reviews_per_day").and_then(|n| r.integer(n, 0..=REVIEWS_MAX));
            c.done(r);
            reviews
        });
        let from = f.get("from").and_then(|n| r.day(n));
        let until_node = f.get("until");
        let until = until_node.and_then(|n| r.day(n));
        let deputy_node = f.get("deputy");
        let deputy = deputy_node.and_then(|n| r.text(n));
        let keys = keys(r, f.get("keys"), &mut all.keys, id.as_deref().unwrap_or(""));
        f.done(r);
        if let (Some(from), Some(until), Some(node)) = (from, until, until_node)
            && until < from
        {
            let message = format!("the last day {until} lies before the first, {from}");
            r.find(Code::OutOfRange, node.range.clone(), message).done();
        }
        if let (Some(id), Some(node)) = (&id, id_node)
            && !all.ids.insert(id.to_ascii_lowercase())
        {
            twice(r, id, super::super::FACTORY_FILE, node.range.clone());
        }
        if let (Some(deputy), Some(node)) = (&deputy, deputy_node) {
            let file = super::super::FACTORY_FILE.to_owned();
            all.deputies.push(Named { id: deputy.clone(), file, range: node.range.clone() });
        }
        if let (Some(id), Some(name), Some(side)) = (id, name, side) {
            all.people.push(Person { id, name, side, roles, reviews_per_day, from, until, deputy, keys });
        }
    }
}

/// The most reviews a day of one person: one each second of a long day is below it.
const REVIEWS_MAX: u64 = 100_000;

fn twice(r: &mut Reader, id: &str, file: &str, range: Range<usize>) {
    let at = ElementPath::new("people");
    let message = format!("the person `{}` stands twice", clip(id));
    let help = "one person of the directory is one principal: capital letters make no other";
    r.report.add(Code::DuplicateKey, file, range, message).element(&at).help(help).done();
}

/// Whether there is such a person.
fn known(r: &mut Reader, people: &[Person], named: &Named) {
    if people.iter().any(|p| p.id == named.id) {
        return;
    }
    let help = did_you_mean(&named.id, people.iter().map(|p| p.id.as_str()));
    let message = format!("there is no person `{}`", clip(&named.id));
    let at = ElementPath::new("people");
    r.report.add(Code::UnknownPerson, &named.file, named.range.clone(), message).element(&at).maybe_help(help).done();
}

/// A path of a CSV file beside `factory.yaml`.
fn csv_path(r: &mut Reader, node: &Node) -> Option<String> {
    let path = r.text(node)?;
    if leaves(&path) || path.split('/').any(|s| s.is_empty() || s == ".") {
        let message = format!("`{}` is not a file below the factory", clip(&path));
        r.find(Code::OutsideFolder, node.range.clone(), message).help("name it relative to `factory.yaml`").done();
        return None;
    }
    if !path.ends_with(".csv") {
        let message = format!("`{}` is not a CSV file", clip(&path));
        r.find(Code::WrongKind, node.range.clone(), message).help("name a file that ends in `.csv`").done();
        return None;
    }
    Some(path)
}

/// Reads a CSV file, and keeps its text for what is found in it.
fn read(r: &mut Reader, node: &Node, path: &str, files: &dyn FileSource) -> Option<String> {
    let unreadable = |r: &mut Reader, why: String| {
        r.find(Code::UnreadableFile, node.range.clone(), format!("`{}` was not read: {why}", clip(path))).done();
    };
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            unreadable(r, error.to_string());
            return None;
        }
    };
    if bytes.len() > DIRECTORY_BYTES_MAX {
        let message = format!("`{}` has {} bytes; at most {DIRECTORY_BYTES_MAX} are read", clip(path), bytes.len());
        r.find(Code::Limit, node.range.clone(), message).done();
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            // Spreadsheets begin a file with a mark of its encoding.
            let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
            r.report.sources.insert(path, &text);
            Some(text)
        }
        Err(_) => {
            unreadable(r, "it is not UTF-8 text".to_owned());
            None
        }
    }
}
