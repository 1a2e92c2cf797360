//! Every kind of event, from the model's `Body` and the comments of its bodies.

use super::{Docs, cell};
use crate::repo::Repo;
use std::collections::BTreeMap;

const BODY: &str = "crates/model/src/event.rs";
const BODIES: &str = "crates/model/src/event/";

/// What a body is: its comment and its fields.
#[derive(Default)]
struct Struct {
    doc: String,
    fields: Vec<String>,
}

/// The tables, one for each part of the log.
pub(super) fn table(repo: &Repo) -> Result<String, String> {
    let structs = structs(repo);
    let text = repo.text(BODY)?;
    let inside = text.split("pub enum Body {").nth(1).and_then(|t| t.split("\n}").next());
    let mut out = String::new();
    let mut kind = None;
    let mut kinds = 0;
    for line in inside.ok_or_else(|| format!("`{BODY}` has no `enum Body`"))?.lines().map(str::trim) {
        if let Some(part) = line.strip_prefix("// -- ") {
            out.push_str(&format!("\n### {}\n\n| kind | what it says | its body |\n|---|---|---|\n", heading(part)));
        } else if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            kind = rest.split('"').next();
        } else if let Some((name, _)) = line.split_once('(').filter(|(name, _)| !name.starts_with('/')) {
            let kind = kind.take().ok_or_else(|| format!("`{BODY}`: `{name}` has no kind"))?;
            let body = structs.get(name).ok_or_else(|| format!("`{name}` of `{BODY}` has no struct"))?;
            let fields: Vec<String> = body.fields.iter().map(|f| format!("`{f}`")).collect();
            out.push_str(&format!("| `{kind}` | {} | {} |\n", cell(&body.doc), fields.join(", ")));
            kinds += 1;
        }
    }
    Ok(format!("{kinds} kinds.\n{out}"))
}

fn heading(part: &str) -> String {
    match part {
        "layer 1" => "Layer 1: specification",
        "layer 2" => "Layer 2: learning",
        "layer 3" => "Layer 3: governance",
        "layer 4" => "Layer 4: running",
        "layer 5" => "Layer 5: ownership",
        "every log" => "Every log",
        "the factory's own log" => "The factory's own log",
        other => other,
    }
    .to_owned()
}

fn structs(repo: &Repo) -> BTreeMap<String, Struct> {
    let mut found: BTreeMap<String, Struct> = BTreeMap::new();
    for (_, text) in repo.rust().filter(|(path, _)| path.starts_with(BODIES)) {
        let mut docs = Docs::default();
        let mut open: Option<String> = None;
        for line in text.lines() {
            let Some(doc) = docs.line(line) else { continue };
            let begins = line.strip_prefix("pub struct ").and_then(|l| l.split([' ', ';', '(']).next());
            if let Some(name) = begins {
                found.insert(name.to_owned(), Struct { doc, ..Struct::default() });
                open = line.ends_with('{').then(|| name.to_owned());
            } else if line.starts_with('}') {
                open = None;
            } else if let Some(field) = line.trim().strip_prefix("pub ").and_then(|l| l.split(':').next())
                && let Some(body) = open.as_ref().and_then(|name| found.get_mut(name))
            {
                body.fields.push(field.to_owned());
            }
        }
    }
    found
}
