//! What an obligation of the factory's own asks others to attest.

use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{AttestationAsked, AttestedSubject};
use crate::yaml::{Node, clip};
use seatrial_model::AttestorKey;

/// The most keys of one obligation: each is tried with each signature.
pub const ATTESTORS_MAX: usize = 16;
/// The longest type of a predicate: it stands in every event that cites it.
pub const PREDICATE_BYTES_MAX: usize = 256;
/// The longest path to a time within a predicate.
const TIME_BYTES_MAX: usize = 256;

pub(super) fn asked(r: &mut Reader, node: &Node) -> Option<AttestationAsked> {
    let mut f = r.fields(node)?;
    let predicate = f.need(r, "predicate").and_then(|n| predicate(r, n));
    let keys_node = f.need(r, "keys");
    let keys = keys(r, keys_node);
    let subject = f.get("subject").map_or(Some(AttestedSubject::Spec), |n| subject(r, n));
    let time_node = f.get("time");
    let time = time_node.and_then(|n| time(r, n));
    f.done(r);
    let time = if time_node.is_some() { Some(time?) } else { None };
    Some(AttestationAsked { predicate: predicate?, keys: keys?, subject: subject?, time })
}

fn predicate(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    let plain = text.len() <= PREDICATE_BYTES_MAX && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let scheme = text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if plain && scheme {
        return Some(text);
    }
    let message = format!("`{}` is not the type of a predicate", clip(&text));
    r.find(Code::WrongKind, node.range.clone(), message)
        .help("write its address, as in `https://slsa.dev/provenance/v1`")
        .done();
    None
}

fn keys(r: &mut Reader, node: Option<&Node>) -> Option<Vec<AttestorKey>> {
    let node = node?;
    let items = r.items(Some(node));
    if node.as_list().is_some_and(<[Node]>::is_empty) {
        r.find(Code::Empty, node.range.clone(), "a signature by anybody at all would show nothing")
            .help("name the public keys of those whose word counts")
            .done();
    }
    if items.len() > ATTESTORS_MAX {
        let message = format!("there are {} keys; an obligation names at most {ATTESTORS_MAX}", items.len());
        r.find(Code::Limit, node.range.clone(), message).done();
        return None;
    }
    let mut out: Vec<AttestorKey> = Vec::new();
    let mut all = true;
    for item in items {
        match r.text(item).map(|text| text.parse::<AttestorKey>()) {
            Some(Ok(key)) if out.contains(&key) => {
                all = false;
                let message = format!("the key {} stands twice", key.id().short());
                r.find(Code::DuplicateKey, item.range.clone(), message).done();
            }
            Some(Ok(key)) => out.push(key),
            Some(Err(error)) => {
                all = false;
                let help = "keys of other kinds, and certificates, are not read; a private key never stands here";
                r.find(Code::WrongKind, item.range.clone(), error.to_string()).help(help).done();
            }
            None => all = false,
        }
    }
    (all && !out.is_empty()).then_some(out)
}

/// `spec`, `sha256:…`, or a file of the spec's folder.
fn subject(r: &mut Reader, node: &Node) -> Option<AttestedSubject> {
    if node.as_map().is_some() {
        let mut f = r.fields(node)?;
        let file_node = f.need(r, "file");
        let file = file_node.and_then(|n| r.text(n));
        f.done(r);
        let (node, file) = (file_node?, file?);
        if super::leaves(&file) || file.split('/').any(|s| s.is_empty() || s == ".") {
            let message = format!("`{}` is not a file of the spec's folder", clip(&file));
            r.find(Code::OutsideFolder, node.range.clone(), message).help("name it relative to `workflow.yaml`").done();
            return None;
        }
        return Some(AttestedSubject::File(file));
    }
    let text = r.text(node)?;
    if text == "spec" {
        return Some(AttestedSubject::Spec);
    }
    if let Ok(digest) = text.parse() {
        return Some(AttestedSubject::Digest(digest));
    }
    let (message, help) = if text == "release" {
        (
            "a release is cut when its obligations are discharged: none of them can wait for an attestation of it"
                .to_owned(),
            "write `subject: spec`: the spec is what a release puts in force",
        )
    } else {
        (
            format!("`{}` is nothing that an attestation can be about here", clip(&text)),
            "write `spec`, `{ file: PATH }` for a file of the spec, or `sha256:` and 64 hexadecimal digits",
        )
    };
    r.find(Code::WrongKind, node.range.clone(), message).help(help).done();
    None
}

fn time(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    let name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if text.len() <= TIME_BYTES_MAX && text.split('.').all(name) {
        return Some(text);
    }
    let message = format!("`{}` is no place in a predicate", clip(&text));
    r.find(Code::WrongKind, node.range.clone(), message)
        .help("write the names on the way to it, as in `runDetails.metadata.finishedOn`")
        .done();
    None
}
