//! `factory.yaml`.

mod house;

pub use house::{KEYS_MAX, OBLIGATIONS_MAX, POLICIES_MAX};

use super::reader::Reader;
use crate::diagnostic::{Code, did_you_mean};
use crate::workflow::{FactorySpec, KeyRef, Person, Provider, StoreRef};
use crate::yaml::{Node, clip};
use house::{keys, obligations, policies};
use seatrial_model::words::FactoryKind;
use seatrial_model::{ElementPath, Side};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn factory(r: &mut Reader, root: &Node) -> Option<FactorySpec> {
    let mut f = r.fields(root)?;
    super::version(r, &mut f);
    let name_node = f.need(r, "factory");
    let name = super::name(r, name_node);
    let kinds = [("real", FactoryKind::Real), ("simulation", FactoryKind::Simulation)];
    let kind = f.get("kind").and_then(|n| r.word(n, &kinds)).unwrap_or(FactoryKind::Real);
    let profiles = [("small", "small"), ("standard", "standard"), ("regulated", "regulated")];
    let profile = f.get("profile").and_then(|n| r.word(n, &profiles)).unwrap_or("standard");
    let timezone = f.get("timezone").and_then(|n| timezone(r, n)).unwrap_or_else(|| "UTC".to_owned());
    let people = people(r, f.get("people"));
    let providers = providers(r, f.get("providers"));
    let store = f.get("store").and_then(|n| store(r, n)).unwrap_or_else(|| StoreRef::Sqlite(".seatrial".to_owned()));
    let workflows = workflows(r, f.get("workflows"));
    let obligations = obligations(r, f.get("obligations"), &people);
    let policies = policies(r, f.get("policies"));
    r.at = ElementPath::root();
    if let Some(node) = f.get("webhooks")
        && !r.items(Some(node)).is_empty()
    {
        let message = "webhooks are not sent by this version, so they are not accepted";
        r.find(Code::NotEnforced, node.range.clone(), message).help("write `webhooks: []`").done();
    }
    r.at = ElementPath::root();
    f.done(r);
    let profile = profile.to_owned();
    Some(FactorySpec { name, kind, profile, timezone, people, providers, store, workflows, obligations, policies })
}

fn timezone(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    // The form only: the zone's data is a matter of the system that computes days, and reading it would be I/O.
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_uppercase())
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    if text.len() <= 64 && text.split('/').all(part) && (text.contains('/') || text == "UTC") {
        return Some(text);
    }
    let help = "write a name of the IANA time zone database, as in `Europe/Madrid`";
    r.find(Code::UnknownWord, node.range.clone(), format!("`{}` is not a time zone", clip(&text))).help(help).done();
    None
}

fn people(r: &mut Reader, node: Option<&Node>) -> Vec<Person> {
    let mut out: Vec<Person> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut deputies: Vec<(String, &Node)> = Vec::new();
    let mut known_keys = BTreeMap::new();
    for item in r.items(node) {
        r.at = ElementPath::new("people");
        let Some(mut f) = r.fields(item) else { continue };
        let id_node = f.need(r, "id");
        let id = id_node.and_then(|n| r.text(n));
        let name = f.need(r, "name").and_then(|n| r.text(n));
        let sides = [("delivery", Side::Delivery), ("receiving", Side::Receiving), ("independent", Side::Independent)];
        let side = f.need(r, "side").and_then(|n| r.word(n, &sides));
        let roles_node = f.need(r, "roles");
        let roles = r.texts(roles_node);
        let reviews_per_day = f.get("capacity").and_then(|n| r.fields(n)).and_then(|mut c| {
            let reviews = c.need(r, "reviews_per_day").and_then(|n| r.integer(n, 0..=100_000));
            c.done(r);
            reviews
        });
        let until = f.get("until").and_then(|n| r.day(n));
        let deputy_node = f.get("deputy");
        let deputy = deputy_node.and_then(|n| r.text(n));
        let keys = keys(r, f.get("keys"), &mut known_keys, id.as_deref().unwrap_or(""));
        f.done(r);
        if let (Some(id), Some(node)) = (&id, id_node)
            && !ids.insert(id.clone())
        {
            r.find(Code::DuplicateKey, node.range.clone(), format!("the person `{}` stands twice", clip(id))).done();
        }
        if let (Some(deputy), Some(node)) = (&deputy, deputy_node) {
            deputies.push((deputy.clone(), node));
        }
        if let (Some(id), Some(name), Some(side)) = (id, name, side) {
            out.push(Person { id, name, side, roles, reviews_per_day, until, deputy, keys });
        }
    }
    for (deputy, node) in deputies {
        if !ids.contains(&deputy) {
            let help = did_you_mean(&deputy, ids.iter().map(String::as_str));
            r.find(Code::UnknownPerson, node.range.clone(), format!("there is no person `{}`", clip(&deputy)))
                .maybe_help(help)
                .done();
        }
    }
    out
}

fn providers(r: &mut Reader, node: Option<&Node>) -> BTreeMap<String, Provider> {
    let mut out = BTreeMap::new();
    for entry in r.named(node) {
        r.at = ElementPath::new(format!("providers.{}", entry.key));
        let Some(mut f) = r.fields(&entry.value) else { continue };
        let is_openai = f.need(r, "kind").and_then(|n| r.word(n, &[("openai", true), ("classifier", false)]));
        let provider = match is_openai {
            Some(true) => {
                let base_url = f.need(r, "base_url").and_then(|n| url(r, n));
                let key = f.get("key").and_then(|n| key(r, n));
                base_url.map(|base_url| Provider::OpenAi { base_url, key })
            }
            Some(false) => Some(Provider::Classifier),
            None => continue,
        };
        f.done(r);
        if let Some(provider) = provider {
            out.insert(entry.key.clone(), provider);
        }
    }
    out
}

fn url(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or("");
    if host.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let help = "write `https://HOST/v1`";
        r.find(Code::WrongKind, node.range.clone(), format!("`{}` is not an address", clip(&text))).help(help).done();
        return None;
    }
    if host.contains('@') {
        let message = "a name and password stand in this address; secrets never stand in a file of the factory";
        r.find(Code::WrongKind, node.range.clone(), message).help("write `key: { env: NAME }`").done();
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn key(r: &mut Reader, node: &Node) -> Option<KeyRef> {
    if node.as_map().is_none() {
        let message = "a key never stands in a file of the factory; it was not read";
        r.find(Code::WrongKind, node.range.clone(), message).help("write `{ env: NAME }` or `{ file: PATH }`").done();
        return None;
    }
    let mut f = r.fields(node)?;
    let env = f.get("env").and_then(|n| r.text(n));
    let file = f.get("file").and_then(|n| r.text(n));
    f.done(r);
    match (env, file) {
        (Some(env), None) => Some(KeyRef::Env(env)),
        (None, Some(file)) => Some(KeyRef::File(file)),
        _ => {
            let message = "a key is in one place";
            r.find(Code::WrongKind, node.range.clone(), message)
                .help("write `{ env: NAME }` or `{ file: PATH }`")
                .done();
            None
        }
    }
}

fn store(r: &mut Reader, node: &Node) -> Option<StoreRef> {
    r.at = ElementPath::new("store");
    let mut f = r.fields(node)?;
    let sqlite = f.get("sqlite").and_then(|n| r.text(n));
    let postgres = f.get("postgres").and_then(|n| r.fields(n)).and_then(|mut p| {
        let env = p.need(r, "env").and_then(|n| r.text(n));
        p.done(r);
        env
    });
    f.done(r);
    match (sqlite, postgres) {
        (Some(folder), None) => Some(StoreRef::Sqlite(folder)),
        (None, Some(env)) => Some(StoreRef::Postgres(env)),
        _ => {
            let help = "write `{ sqlite: FOLDER }` or `{ postgres: { env: NAME } }`";
            r.find(Code::WrongKind, node.range.clone(), "a factory has one store").help(help).done();
            None
        }
    }
}

/// Whether a path leads out of the factory's folder.
fn leaves(path: &str) -> bool {
    path.starts_with('/') || path.contains(['\\', ':', '\0']) || path.split('/').any(|s| s == "..")
}

fn workflows(r: &mut Reader, node: Option<&Node>) -> Vec<String> {
    r.at = ElementPath::new("workflows");
    let mut out = Vec::new();
    for item in r.items(node) {
        let Some(path) = r.text(item) else { continue };
        if leaves(&path) {
            let message = format!("`{}` is not a folder below the factory", clip(&path));
            r.find(Code::OutsideFolder, item.range.clone(), message).help("name it relative to `factory.yaml`").done();
        } else {
            out.push(path);
        }
    }
    out
}
