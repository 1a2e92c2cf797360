//! Who cosigns the checkpoints of the factory's logs.

use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::Witness;
use crate::yaml::{Node, clip};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_model::{ElementPath, Side, Span};
use std::collections::BTreeSet;

/// The most witnesses: each is asked over the network, one after the other.
pub const WITNESSES_MAX: usize = 16;
/// The shortest time between two requests to a witness, in milliseconds.
const EVERY_MS_MIN: u64 = 60_000;
/// The longest: a day without a cosignature is a gap.
const EVERY_MS_MAX: u64 = 86_400_000;
/// The bytes of a cosigner's key: its kind, and an Ed25519 public key.
const KEY_BYTES: usize = 33;
/// The kind of a cosigner's key (C2SP `tlog-cosignature`).
const COSIGNER: u8 = 4;

pub(super) fn witnesses(r: &mut Reader, node: Option<&Node>) -> Vec<Witness> {
    r.at = ElementPath::new("witnesses");
    let items = r.items(node);
    if let (Some(node), true) = (node, items.len() > WITNESSES_MAX) {
        let message = format!("there are {} witnesses; a factory has at most {WITNESSES_MAX}", items.len());
        r.find(Code::Limit, node.range.clone(), message).done();
        return Vec::new();
    }
    let mut out: Vec<Witness> = Vec::new();
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for item in items {
        r.at = ElementPath::new("witnesses");
        let Some(mut f) = r.fields(item) else { continue };
        let name_node = f.need(r, "name");
        let name = name_node.and_then(|n| r.text(n));
        let url = f.need(r, "url").and_then(|n| super::url(r, n));
        let key_node = f.need(r, "key");
        let key = key_node.and_then(|n| cosigner(r, n));
        let side = f.need(r, "side").and_then(|n| side(r, n));
        let every = f.get("every").map_or(Some(day()), |n| every(r, n));
        f.done(r);
        for (seen, text, node) in [(&mut names, &name, name_node), (&mut keys, &key, key_node)] {
            if let (Some(text), Some(node)) = (text, node)
                && !seen.insert(text.clone())
            {
                let message = format!("`{}` stands at two witnesses", clip(text));
                r.find(Code::DuplicateKey, node.range.clone(), message).done();
            }
        }
        if let (Some(name), Some(url), Some(key), Some(side), Some(every)) = (name, url, key, side, every) {
            out.push(Witness { name, url, key, side, every });
        }
    }
    out
}

fn day() -> Span {
    Span::from_millis(EVERY_MS_MAX)
}

/// A cosigner's verifier key: its form. Whether its id belongs to it is seen where it is used.
fn cosigner(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    let parts: Vec<&str> = text.splitn(3, '+').collect();
    let good = match parts.as_slice() {
        [name, id, encoded] => {
            let name = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control());
            let id = id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
            let bytes = STANDARD.decode(encoded).unwrap_or_default();
            name && id && bytes.len() == KEY_BYTES && bytes.first() == Some(&COSIGNER)
        }
        _ => false,
    };
    if good {
        return Some(text);
    }
    let help = "write the line that `seatrial witness key` prints: `<name>+<8 hexadecimal digits>+<base64>`";
    let message = format!("`{}` is not the key of a witness", clip(&text));
    r.find(Code::WrongKind, node.range.clone(), message).help(help).done();
    None
}

/// A witness that the delivery side holds would vouch for itself.
fn side(r: &mut Reader, node: &Node) -> Option<Side> {
    let sides = [("receiving", Side::Receiving), ("independent", Side::Independent), ("delivery", Side::Delivery)];
    let side = r.word(node, &sides)?;
    if side != Side::Delivery {
        return Some(side);
    }
    let message = "a witness of the delivery side would vouch for its own log";
    r.find(Code::ReceiverDelivers, node.range.clone(), message)
        .help("have the receiving or the independent side run it, with a key that only they hold")
        .done();
    None
}

fn every(r: &mut Reader, node: &Node) -> Option<Span> {
    let span = r.span(node)?;
    if (EVERY_MS_MIN..=EVERY_MS_MAX).contains(&span.as_millis()) {
        return Some(span);
    }
    let message = format!("a witness is asked every minute at most and every day at least, not every {span}");
    r.find(Code::Limit, node.range.clone(), message).help("write `every: 1d`").done();
    None
}
