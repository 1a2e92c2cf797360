//! The directory: people as a CSV file, as an identity system exports them.

use super::{Gathered, Named, REVIEWS_MAX, SIDES, twice};
use crate::check::factory::house::{KEYS_MAX, normal_key};
use crate::check::reader::Reader;
use crate::diagnostic::{Code, did_you_mean};
use crate::workflow::Person;
use crate::yaml::clip;
use seatrial_model::{Day, ElementPath};
use std::collections::BTreeMap;
use std::ops::Range;

/// The largest directory or rota: some ten thousand people with their keys.
pub const DIRECTORY_BYTES_MAX: usize = 8 << 20;

/// The columns of the directory. The first four are needed; lists are separated by `;`.
pub const DIRECTORY_COLUMNS: [&str; 9] =
    ["id", "name", "side", "roles", "from", "until", "deputy", "reviews_per_day", "keys"];

/// How many of the columns must be there.
const NEEDED: usize = 4;

/// The longest id or name: the longest address of electronic mail has 320 characters.
const TEXT_CHARS_MAX: usize = 320;

/// A row with its place, fields by column; empty ones are left out.
pub(super) struct Row {
    fields: BTreeMap<&'static str, String>,
    file: String,
    range: Range<usize>,
    at: &'static str,
}

impl Row {
    pub(super) fn get(&self, column: &str) -> Option<&str> {
        self.fields.get(column).map(String::as_str)
    }

    pub(super) fn find(&self, r: &mut Reader, code: Code, message: impl Into<String>, help: Option<String>) {
        let at = ElementPath::new(self.at);
        r.report.add(code, &self.file, self.range.clone(), message).element(&at).maybe_help(help).done();
    }

    pub(super) fn need(&self, r: &mut Reader, column: &'static str) -> Option<String> {
        let found = self.get(column);
        if found.is_none() {
            self.find(r, Code::MissingKey, format!("`{column}` is missing"), None);
        }
        found.map(str::to_owned)
    }

    pub(super) fn day(&self, r: &mut Reader, column: &str) -> Option<Day> {
        let text = self.get(column)?;
        let day = text.parse().ok();
        if day.is_none() {
            let help = "write a date as in `2027-01-31`".to_owned();
            self.find(r, Code::BadDate, format!("`{}` in `{column}` is not a date", clip(text)), Some(help));
        }
        day
    }

    pub(super) fn named(&self, id: String) -> Named {
        Named { id, file: self.file.clone(), range: self.range.clone() }
    }
}

pub(super) fn read(r: &mut Reader, path: &str, text: &str, all: &mut Gathered) {
    for row in rows(r, path, text, &DIRECTORY_COLUMNS, NEEDED, "people") {
        person(r, &row, all);
    }
}

fn person(r: &mut Reader, row: &Row, all: &mut Gathered) {
    let id = row.need(r, "id");
    let name = row.need(r, "name");
    let side = row.need(r, "side").and_then(|word| {
        let side = SIDES.iter().find(|(w, _)| *w == word).map(|(_, side)| *side);
        if side.is_none() {
            let help = did_you_mean(&word, SIDES.iter().map(|(w, _)| *w));
            row.find(r, Code::UnknownWord, format!("`{}` is not a side", clip(&word)), help);
        }
        side
    });
    let roles = list(row.get("roles"));
    if let Some(bad) = roles.iter().find(|role| !seatrial_model::ids::is_name(role)) {
        let help = "use 1 to 64 lower-case letters, digits and `-`; separate roles with `;`".to_owned();
        row.find(r, Code::BadName, format!("`{}` cannot be the name of a role", clip(bad)), Some(help));
    }
    let (from, until) = (row.day(r, "from"), row.day(r, "until"));
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        row.find(r, Code::OutOfRange, format!("the last day {until} lies before the first, {from}"), None);
    }
    let reviews_per_day = row.get("reviews_per_day").and_then(|text| {
        let number = text.parse().ok().filter(|n: &u64| *n <= REVIEWS_MAX);
        if number.is_none() {
            let message = format!("`{}` in `reviews_per_day` is no whole number from 0 to {REVIEWS_MAX}", clip(text));
            row.find(r, Code::OutOfRange, message, None);
        }
        number
    });
    let keys = keys(r, row, id.as_deref().unwrap_or(""), &mut all.keys);
    let deputy = row.get("deputy").map(str::to_owned);
    if let Some(deputy) = &deputy {
        all.deputies.push(row.named(deputy.clone()));
    }
    if let Some(id) = &id
        && !all.ids.insert(id.to_ascii_lowercase())
    {
        twice(r, id, &row.file, row.range.clone());
    }
    if let (Some(id), Some(name), Some(side)) = (id, name, side) {
        all.people.push(Person { id, name, side, roles, reviews_per_day, from, until, deputy, keys });
    }
}

fn list(text: Option<&str>) -> Vec<String> {
    text.into_iter().flat_map(|t| t.split(';')).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

fn keys(r: &mut Reader, row: &Row, id: &str, known: &mut BTreeMap<String, String>) -> Vec<String> {
    let texts = list(row.get("keys"));
    if texts.len() > KEYS_MAX {
        row.find(r, Code::Limit, format!("a person has at most {KEYS_MAX} keys"), None);
        return Vec::new();
    }
    let mut out = Vec::new();
    for text in texts {
        match normal_key(&text) {
            Err(message) => {
                let help = "write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`".to_owned();
                row.find(r, Code::WrongKind, message, Some(help));
            }
            Ok(key) => match known.get(&key) {
                Some(other) => {
                    let message = format!("this key stands twice; it is `{}` who has it already", clip(other));
                    row.find(r, Code::DuplicateKey, message, None);
                }
                None => {
                    known.insert(key.clone(), id.to_owned());
                    out.push(key);
                }
            },
        }
    }
    out
}

/// The rows of a CSV file whose first line names the columns, in any order.
pub(super) fn rows(
    r: &mut Reader,
    path: &str,
    text: &str,
    columns: &'static [&'static str],
    needed: usize,
    at: &'static str,
) -> Vec<Row> {
    let element = ElementPath::new(at);
    let mut reader = csv::ReaderBuilder::new().has_headers(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            r.report.add(Code::Syntax, path, 0..0, said(&error)).element(&element).done();
            return Vec::new();
        }
    };
    let first = 0..text.find('\n').unwrap_or(text.len());
    let Some(order) = order(r, path, &header, columns, needed, &element, first) else { return Vec::new() };
    let mut out = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let start = byte(reader.position());
        let read = reader.read_record(&mut record);
        let range = trimmed(text, start..byte(reader.position()));
        match read {
            Ok(false) => return out,
            Ok(true) => {}
            Err(error) => {
                // What follows cannot be told from what is broken.
                r.report.add(Code::Syntax, path, range, said(&error)).element(&element).done();
                return out;
            }
        }
        let row = Row { fields: fields(&order, &record), file: path.to_owned(), range, at };
        let odd = row.fields.values().any(|v| v.chars().any(char::is_control));
        let long = row.fields.iter().any(|(c, v)| *c != "keys" && *c != "roles" && v.chars().count() > TEXT_CHARS_MAX);
        if odd || long {
            let message =
                format!("a field of this row is longer than {TEXT_CHARS_MAX} characters, or holds a control character");
            row.find(r, Code::Limit, message, None);
        } else if !row.fields.is_empty() {
            out.push(row);
        }
    }
}

/// Which column stands at which place.
fn order(
    r: &mut Reader,
    path: &str,
    header: &csv::StringRecord,
    columns: &'static [&'static str],
    needed: usize,
    element: &ElementPath,
    range: Range<usize>,
) -> Option<Vec<&'static str>> {
    let mut order = Vec::new();
    let mut good = true;
    for name in header {
        match columns.iter().find(|c| **c == name) {
            Some(column) if order.contains(column) => {
                let message = format!("the column `{column}` stands twice");
                r.report.add(Code::DuplicateKey, path, range.clone(), message).element(element).done();
                good = false;
            }
            Some(column) => order.push(*column),
            None => {
                let help = did_you_mean(name, columns.iter().copied());
                let message = format!("`{}` is not a column here", clip(name));
                r.report.add(Code::UnknownKey, path, range.clone(), message).element(element).maybe_help(help).done();
                good = false;
            }
        }
    }
    let missing = columns.iter().take(needed).find(|c| !order.contains(*c));
    if let (true, Some(column)) = (good, missing) {
        let help = format!("the first line names the columns: {}", columns.join(","));
        let message = format!("the column `{column}` is missing");
        r.report.add(Code::MissingKey, path, range, message).element(element).help(help).done();
        return None;
    }
    good.then_some(order)
}

fn fields(order: &[&'static str], record: &csv::StringRecord) -> BTreeMap<&'static str, String> {
    let pairs = order.iter().zip(record.iter()).filter(|(_, value)| !value.is_empty());
    pairs.map(|(column, value)| (*column, value.to_owned())).collect()
}

fn byte(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

/// The range without the ends of lines around it.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return text.len()..text.len() };
    let start = range.start + (part.len() - part.trim_start_matches(['\r', '\n']).len());
    start..start.max(range.start + part.trim_end_matches(['\r', '\n']).len())
}

/// The reader's own words, without its positions: the place is shown beside them.
fn said(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} field(s), the first line names {expected_len}")
        }
        _ => "this is not CSV".to_owned(),
    }
}
