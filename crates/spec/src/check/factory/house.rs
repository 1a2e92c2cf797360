//! What a factory adds of its own: obligations, policies, and the keys that people sign with.

use super::leaves;
use crate::check::reader::{Fields, Reader};
use crate::check::whole::SECTIONS;
use crate::diagnostic::{Code, did_you_mean};
use crate::workflow::{FactoryDuty, FactoryObligation, Person};
use crate::yaml::{Entry, Node, clip};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_model::words::Layer;
use seatrial_model::{ElementPath, PathPattern, Stage};
use std::collections::BTreeMap;

/// The most obligations that a factory adds: each is shown for every workflow and stage.
pub const OBLIGATIONS_MAX: usize = 64;
/// The most policy files: all of them are read for each answer that is explained.
pub const POLICIES_MAX: usize = 32;
/// The most keys of one person.
pub const KEYS_MAX: usize = 16;
/// The longest key, in bytes of its text: an RSA key of 16 384 bits has some 2 800.
const KEY_BYTES_MAX: usize = 4_096;

/// What built-in obligations begin with; a factory's own obligation has another name.
const BUILT_IN: [&str; 15] = [
    "spec",
    "eval",
    "threshold",
    "approval",
    "runtime",
    "drill",
    "ownership",
    "release",
    "outcome",
    "risk",
    "review",
    "pilot",
    "oversight",
    "evidence",
    "validation",
];

/// The types of SSH public keys.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

pub(super) fn obligations(r: &mut Reader, node: Option<&Node>, people: &[Person]) -> Vec<FactoryObligation> {
    r.at = ElementPath::new("obligations");
    let entries = r.named(node);
    if let (Some(node), true) = (node, entries.len() > OBLIGATIONS_MAX) {
        let message = format!("there are {} obligations; a factory adds at most {OBLIGATIONS_MAX}", entries.len());
        r.find(Code::Limit, node.range.clone(), message).done();
        return Vec::new();
    }
    entries.into_iter().filter_map(|entry| obligation(r, entry, people)).collect()
}

fn obligation(r: &mut Reader, entry: &Entry, people: &[Person]) -> Option<FactoryObligation> {
    r.at = ElementPath::new("obligations").child(&entry.key);
    if BUILT_IN.contains(&entry.key.as_str()) {
        let message = format!("`{}` is what built-in obligations are called", entry.key);
        r.find(Code::BadName, entry.key_range.clone(), message).help("choose another name").done();
    }
    let mut f = r.fields(&entry.value)?;
    let title = f.need(r, "title").and_then(|n| r.text(n));
    // What others attest blocks production where no stage is named, and depends on what it is about.
    let attested = f.get("attestation").is_some();
    let stages = if attested && f.get("stages").is_none() { vec![Stage::Production] } else { stages(r, &mut f) };
    let layers: Vec<(&str, Layer)> = Layer::ALL.iter().map(|l| (l.as_str(), *l)).collect();
    let layer = f.get("layer").and_then(|n| r.word(n, &layers)).unwrap_or(Layer::Governance);
    let scope_node = if attested { f.get("scope") } else { f.need(r, "scope") };
    let scope = scope(r, scope_node);
    let by = duty(r, &mut f, people, attested);
    let max_age = f.get("age").and_then(|n| r.span(n));
    let waivable = f.get("waivable").and_then(|n| r.bool(n)).unwrap_or(false);
    f.done(r);
    Some(FactoryObligation { id: entry.key.clone(), title: title?, stages, layer, scope, by: by?, max_age, waivable })
}

fn stages(r: &mut Reader, f: &mut Fields<'_>) -> Vec<Stage> {
    let node = f.need(r, "stages");
    let words = [("pilot", Stage::Pilot), ("production", Stage::Production)];
    let mut out: Vec<Stage> = r.items(node).iter().filter_map(|n| r.word(n, &words)).collect();
    out.sort_unstable();
    out.dedup();
    if node.and_then(Node::as_list).is_some_and(<[Node]>::is_empty) {
        r.find(Code::Empty, f.key_range("stages"), "an obligation that no stage needs obliges nobody")
            .help("write `stages: [production]`")
            .done();
    }
    out
}

fn scope(r: &mut Reader, node: Option<&Node>) -> Vec<PathPattern> {
    let mut out = Vec::new();
    for item in r.items(node) {
        let Some(text) = r.text(item) else { continue };
        let section = text.split('.').next().unwrap_or("");
        // The workflows are not known here: only the section can be.
        if SECTIONS.contains(&section) {
            out.push(PathPattern::new(text));
        } else {
            let message = format!("`{}` matches no element: there is no `{}`", clip(&text), clip(section));
            let help = did_you_mean(section, SECTIONS);
            r.find(Code::MatchesNothing, item.range.clone(), message).maybe_help(help).done();
        }
    }
    if let Some(node) = node.filter(|n| n.as_list().is_some_and(<[Node]>::is_empty)) {
        let message = "an obligation over nothing would never be stale";
        r.find(Code::Empty, node.range.clone(), message)
            .help("name elements, as in `[purpose, \"steps.*.influence\"]`")
            .done();
    }
    out
}

fn duty(r: &mut Reader, f: &mut Fields<'_>, people: &[Person], attested: bool) -> Option<FactoryDuty> {
    let approver = f.get("approver").and_then(|n| role(r, n, people));
    let has_approver = f.get("approver").is_some();
    let document_node = f.get("document");
    let document = document_node.and_then(|n| r.bool(n));
    let filed_by = f.get("filed_by").and_then(|n| role(r, n, people));
    let has_filed_by = f.get("filed_by").is_some();
    if attested {
        if has_approver || document.is_some() {
            r.find(Code::WrongKind, f.head(), "an obligation is discharged in one way, and this one names two")
                .help("write `attestation` and `filed_by: ROLE` alone")
                .done();
        }
        let asked = f.get("attestation").and_then(|n| super::attested::asked(r, n));
        if !has_filed_by {
            r.find(Code::MissingKey, f.key_range("attestation"), "`filed_by` is missing: nobody adds the attestation")
                .help("add `filed_by: ROLE`")
                .done();
        }
        return Some(FactoryDuty::Attestation { role: filed_by?, asked: asked? });
    }
    match (has_approver, document, has_filed_by) {
        (true, None | Some(false), false) => approver.map(|role| FactoryDuty::Approval { role }),
        (false, Some(true), true) => filed_by.map(|role| FactoryDuty::Document { role }),
        (false, Some(true), false) => {
            r.find(Code::MissingKey, f.key_range("document"), "`filed_by` is missing: nobody files the document")
                .help("add `filed_by: ROLE`")
                .done();
            None
        }
        _ => {
            r.find(Code::WrongKind, f.head(), "an obligation is discharged by an approval, a document or an attestation")
                .help("write `approver: ROLE`, or `document: true` and `filed_by: ROLE`, or `attestation: { … }` and `filed_by: ROLE`")
                .done();
            None
        }
    }
}

/// A role that somebody has. Roles are declared by the workflows, so one that nobody has is a finding and no error.
fn role(r: &mut Reader, node: &Node, people: &[Person]) -> Option<String> {
    let role = r.text(node)?;
    if !seatrial_model::ids::is_name(&role) {
        r.find(Code::BadName, node.range.clone(), format!("`{}` cannot be the name of a role", clip(&role))).done();
        return None;
    }
    if !people.iter().any(|p| p.roles.contains(&role)) {
        let known: Vec<&str> = people.iter().flat_map(|p| &p.roles).map(String::as_str).collect();
        let help = did_you_mean(&role, known);
        r.find(Code::EmptyRole, node.range.clone(), format!("nobody has the role `{role}`"))
            .maybe_help(help)
            .warns(Some(Stage::Pilot))
            .done();
    }
    Some(role)
}

pub(super) fn policies(r: &mut Reader, node: Option<&Node>) -> Vec<String> {
    r.at = ElementPath::new("policies");
    let items = r.items(node);
    if let (Some(node), true) = (node, items.len() > POLICIES_MAX) {
        let message = format!("there are {} policy files; at most {POLICIES_MAX} are read", items.len());
        r.find(Code::Limit, node.range.clone(), message).done();
        return Vec::new();
    }
    let mut out: Vec<String> = Vec::new();
    for item in items {
        let Some(path) = r.text(item) else { continue };
        if leaves(&path) || path.split('/').any(|s| s.is_empty() || s == ".") {
            let message = format!("`{}` is not a file below the factory", clip(&path));
            r.find(Code::OutsideFolder, item.range.clone(), message).help("name it relative to `factory.yaml`").done();
        } else if !path.ends_with(".cedar") {
            let message = format!("`{}` is not a file of Cedar policies", clip(&path));
            r.find(Code::WrongKind, item.range.clone(), message).help("name a file that ends in `.cedar`").done();
        } else if out.contains(&path) {
            r.find(Code::DuplicateKey, item.range.clone(), format!("`{}` stands twice", clip(&path))).done();
        } else {
            out.push(path);
        }
    }
    out
}

/// A person's keys. `known` holds who has which: a key of two people would be nobody's signature.
pub(super) fn keys(
    r: &mut Reader,
    node: Option<&Node>,
    known: &mut BTreeMap<String, String>,
    person: &str,
) -> Vec<String> {
    let items = r.items(node);
    if let (Some(node), true) = (node, items.len() > KEYS_MAX) {
        r.find(Code::Limit, node.range.clone(), format!("a person has at most {KEYS_MAX} keys")).done();
        return Vec::new();
    }
    let mut out = Vec::new();
    for item in items {
        let Some(text) = r.text(item) else { continue };
        let key = match normal_key(&text) {
            Ok(key) => key,
            Err(message) => {
                let help =
                    "write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here";
                r.find(Code::WrongKind, item.range.clone(), message).help(help).done();
                continue;
            }
        };
        match known.get(&key) {
            Some(other) => {
                let message = format!("this key stands twice; it is `{}` who has it already", clip(other));
                r.find(Code::DuplicateKey, item.range.clone(), message).done();
            }
            None => {
                known.insert(key.clone(), person.to_owned());
                out.push(key);
            }
        }
    }
    out
}

/// `TYPE BASE64`, without the comment. The first field of the decoded key must be the type again.
pub(super) fn normal_key(text: &str) -> Result<String, String> {
    let mut parts = text.split_ascii_whitespace();
    let (kind, body) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    if !KEY_TYPES.contains(&kind) {
        return Err(format!("`{}` is not the type of an SSH public key", clip(kind)));
    }
    let blob = Some(body).filter(|b| b.len() <= KEY_BYTES_MAX).and_then(|b| STANDARD.decode(b).ok());
    let blob = blob.ok_or_else(|| "what follows the type of this key is not base64".to_owned())?;
    let declared = blob.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest.get(..length).filter(|_| rest.len() > length)
    });
    if declared != Some(kind.as_bytes()) {
        return Err(format!("this key says `{kind}` and holds something else"));
    }
    Ok(format!("{kind} {body}"))
}
