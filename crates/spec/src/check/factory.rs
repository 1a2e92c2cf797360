//! `factory.yaml`.

mod attested;
mod house;
mod people;
mod sign_in;
mod witnesses;

pub use attested::{ATTESTORS_MAX, PREDICATE_BYTES_MAX};
pub use house::{KEYS_MAX, OBLIGATIONS_MAX, POLICIES_MAX};
pub use people::{AWAY_MAX, DIRECTORY_BYTES_MAX, DIRECTORY_COLUMNS, PEOPLE_MAX, ROTA_COLUMNS};
pub use sign_in::GROUPS_MAX;
pub use witnesses::WITNESSES_MAX;

use super::reader::Reader;
use crate::diagnostic::Code;
use crate::files::FileSource;
use crate::workflow::{AssessedBy, FactorySpec, HttpKind, HttpProvider, KeyRef, Money, Price, Provider, StoreRef};
use crate::yaml::{Node, clip};
use house::{obligations, policies};
use seatrial_model::words::FactoryKind;
use seatrial_model::{ElementPath, Protocol};
use std::collections::BTreeMap;

pub(super) fn factory(r: &mut Reader, root: &Node, files: Option<&dyn FileSource>) -> Option<FactorySpec> {
    let mut f = r.fields(root)?;
    super::version(r, &mut f);
    let name_node = f.need(r, "factory");
    let name = super::name(r, name_node);
    let kinds = [("real", FactoryKind::Real), ("simulation", FactoryKind::Simulation)];
    let kind = f.get("kind").and_then(|n| r.word(n, &kinds)).unwrap_or(FactoryKind::Real);
    let profiles = [("small", "small"), ("standard", "standard"), ("regulated", "regulated")];
    let profile = f.get("profile").and_then(|n| r.word(n, &profiles)).unwrap_or("standard");
    let timezone = f.get("timezone").and_then(|n| timezone(r, n)).unwrap_or_else(|| "UTC".to_owned());
    let people::People { people, directory, rota, away } = people::people(r, &mut f, files);
    let providers = providers(r, f.get("providers"));
    let store = f.get("store").and_then(|n| store(r, n)).unwrap_or_else(|| StoreRef::Sqlite(".seatrial".to_owned()));
    let workflows = workflows(r, f.get("workflows"));
    let obligations = obligations(r, f.get("obligations"), &people);
    let policies = policies(r, f.get("policies"));
    let witnesses = witnesses::witnesses(r, f.get("witnesses"));
    let assessment = f.get("assessment").and_then(|n| assessed_by(r, n)).unwrap_or_default();
    let log_public = f.get("log").and_then(|n| log_public(r, n)).unwrap_or(false);
    let sign_in = f.get("sign_in").and_then(|n| sign_in::sign_in(r, n, &people));
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
    Some(FactorySpec {
        name,
        kind,
        profile,
        timezone,
        people,
        directory,
        rota,
        away,
        departures: Vec::new(),
        sign_in,
        providers,
        store,
        workflows,
        obligations,
        policies,
        witnesses,
        assessment,
        log_public,
    })
}

/// Whether anybody may read the logs over HTTP. Where it cannot be read, nobody may without a token.
fn log_public(r: &mut Reader, node: &Node) -> Option<bool> {
    let mut f = r.fields(node)?;
    let public = f.need(r, "public").and_then(|n| r.bool(n));
    f.done(r);
    public
}

/// Whether an assessment shows reading times by role or by person.
fn assessed_by(r: &mut Reader, node: &Node) -> Option<AssessedBy> {
    let mut f = r.fields(node)?;
    let by = f.need(r, "by").and_then(|n| r.word(n, &[("role", AssessedBy::Role), ("person", AssessedBy::Person)]));
    f.done(r);
    by
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

fn providers(r: &mut Reader, node: Option<&Node>) -> BTreeMap<String, Provider> {
    let mut out = BTreeMap::new();
    for entry in r.named(node) {
        r.at = ElementPath::new(format!("providers.{}", entry.key));
        let Some(mut f) = r.fields(&entry.value) else { continue };
        let kinds =
            [("openai", Some(HttpKind::OpenAi)), ("anthropic", Some(HttpKind::Anthropic)), ("classifier", None)];
        let kind = f.need(r, "kind").and_then(|n| r.word(n, &kinds));
        let provider = match kind {
            Some(Some(kind)) => {
                let base_url = f.need(r, "base_url").and_then(|n| url(r, n));
                let key = f.get("key").and_then(|n| key(r, n));
                let speaks = speaks(r, f.get("speaks"), kind);
                let prices = prices(r, f.get("prices"));
                base_url.map(|base_url| Provider::Http(HttpProvider { kind, base_url, key, speaks, prices }))
            }
            Some(None) => Some(Provider::Classifier),
            None => continue,
        };
        f.done(r);
        if let Some(provider) = provider {
            out.insert(entry.key.clone(), provider);
        }
    }
    out
}

/// What a service speaks: what its kind usually does, or what the file says.
fn speaks(r: &mut Reader, node: Option<&Node>, kind: HttpKind) -> Vec<Protocol> {
    let usual = match kind {
        HttpKind::OpenAi => vec![Protocol::OpenAiChat, Protocol::OpenAiResponses],
        HttpKind::Anthropic => vec![Protocol::AnthropicMessages],
    };
    let Some(node) = node else { return usual };
    let words: Vec<(&str, Protocol)> = Protocol::ALL.iter().map(|p| (p.as_str(), *p)).collect();
    let mut out: Vec<Protocol> = Vec::new();
    for item in r.items(Some(node)) {
        out.extend(r.word(item, &words).filter(|p| !out.contains(p)));
    }
    if node.as_list().is_some_and(<[Node]>::is_empty) {
        let help = "leave it out, or name `chat`, `responses` or `messages`";
        r.find(Code::Empty, node.range.clone(), "a service that speaks nothing cannot be asked").help(help).done();
    }
    out
}

/// What models' tokens cost: `MODEL: { input: 0.50 EUR, output: 1.50 EUR }`, a million of each.
fn prices(r: &mut Reader, node: Option<&Node>) -> BTreeMap<String, Price> {
    let mut out = BTreeMap::new();
    let Some(node) = node else { return out };
    let Some(entries) = node.as_map() else {
        r.find(Code::WrongKind, node.range.clone(), "prices are a mapping of models' names").done();
        return out;
    };
    for entry in entries {
        let Some(mut f) = r.fields(&entry.value) else { continue };
        let [input, output] = ["input", "output"].map(|key| f.need(r, key).and_then(|n| price(r, n)));
        f.done(r);
        let (Some(input), Some(output)) = (input, output) else { continue };
        if input.currency != output.currency {
            let message = "a model's tokens are paid in one currency";
            r.find(Code::WrongKind, entry.value.range.clone(), message).done();
            continue;
        }
        let price = Price { input_micros: input.micros, output_micros: output.micros, currency: input.currency };
        out.insert(entry.key.clone(), price);
    }
    out
}

fn price(r: &mut Reader, node: &Node) -> Option<Money> {
    let text = r.text(node)?;
    let money = Money::parse(&text);
    if money.is_none() {
        let message = format!("{} is not the price of a million tokens", node.described());
        let help = "write an amount with at most six decimals and a currency, as in `0.50 EUR`";
        r.find(Code::WrongKind, node.range.clone(), message).help(help).done();
    }
    money
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
