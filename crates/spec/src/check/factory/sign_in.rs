//! `sign_in`: single sign-on with OpenID Connect.

use super::{key, url};
use crate::check::reader::Reader;
use crate::diagnostic::{Code, did_you_mean};
use crate::workflow::{Person, SignIn};
use crate::yaml::{Node, clip};
use seatrial_model::{ElementPath, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// The most groups that are mapped: each is compared with each group of whoever signs in.
pub const GROUPS_MAX: usize = 256;

/// The claim that lists groups, where nothing else is said: what most providers call it.
const GROUPS_CLAIM: &str = "groups";

pub(super) fn sign_in(r: &mut Reader, node: &Node, people: &[Person]) -> Option<SignIn> {
    r.at = ElementPath::new("sign_in");
    let mut f = r.fields(node)?;
    let issuer = f.need(r, "issuer").and_then(|n| secure(r, n));
    let client_id = f.need(r, "client_id").and_then(|n| r.text(n));
    let client_secret = f.get("client_secret").and_then(|n| key(r, n));
    let address = f.need(r, "address").and_then(|n| secure(r, n));
    let claim = f.get("groups_claim").and_then(|n| r.text(n)).unwrap_or_else(|| GROUPS_CLAIM.to_owned());
    let groups = groups(r, f.get("groups"), people);
    f.done(r);
    r.at = ElementPath::root();
    Some(SignIn {
        issuer: issuer?,
        client_id: client_id?,
        client_secret,
        address: address?,
        groups_claim: claim,
        groups,
    })
}

/// An address with TLS. Without it only this machine is reached: for trials.
fn secure(r: &mut Reader, node: &Node) -> Option<String> {
    let address = url(r, node)?;
    let host = address.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or(""));
    if host.is_some_and(|host| !matches!(host, "localhost" | "127.0.0.1")) {
        let message = format!("`{}` has no TLS; whoever listens could sign in as anybody", clip(&address));
        r.find(Code::WrongKind, node.range.clone(), message).help("write `https://…`").done();
        return None;
    }
    Some(address)
}

/// Names of groups are the provider's own: any text.
fn groups(r: &mut Reader, node: Option<&Node>, people: &[Person]) -> BTreeMap<String, BTreeSet<String>> {
    let mut out = BTreeMap::new();
    let Some(node) = node else { return out };
    let Some(entries) = node.as_map() else {
        let message = format!("a mapping from groups to roles is wanted here, found {}", node.described());
        r.find(Code::WrongKind, node.range.clone(), message).done();
        return out;
    };
    if entries.is_empty() || entries.len() > GROUPS_MAX {
        let message = format!("between 1 and {GROUPS_MAX} groups are mapped, here {}", entries.len());
        r.find(Code::Limit, node.range.clone(), message).help("leave `groups` out where none is asked for").done();
        return out;
    }
    let known: BTreeSet<&str> = people.iter().flat_map(|p| &p.roles).map(String::as_str).collect();
    for entry in entries {
        let one = entry.value.as_scalar().is_some();
        let roles: Vec<(String, &Node)> = if one {
            r.text(&entry.value).map(|t| (t, &entry.value)).into_iter().collect()
        } else {
            r.items(Some(&entry.value)).iter().filter_map(|n| Some((r.text(n)?, n))).collect()
        };
        for (role, node) in &roles {
            if !known.contains(role.as_str()) {
                let help = did_you_mean(role, known.iter().copied());
                r.find(Code::EmptyRole, node.range.clone(), format!("nobody has the role `{}`", clip(role)))
                    .maybe_help(help)
                    .warns(Some(Stage::Pilot))
                    .done();
            }
        }
        out.insert(entry.key.clone(), roles.into_iter().map(|(role, _)| role).collect());
    }
    out
}
