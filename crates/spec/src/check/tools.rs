//! `tools`: what a step may call, and with what.

use super::reader::Reader;
use super::rules::RuleSet;
use super::scopes::{Names, Signature};
use super::whole::{Learnt, RuleKind};
use crate::diagnostic::Code;
use crate::workflow::Tool;
use crate::yaml::{Entry, Node};
use seatrial_model::ElementPath;

/// The most tools of one step: each leaves a finding in every event, and an entry of the log is at most 65 535 bytes.
pub const TOOLS_MAX: usize = 128;

/// The step that the tools are of.
pub(super) struct Of<'s> {
    pub(super) path: &'s ElementPath,
    pub(super) signature: &'s Signature,
    pub(super) names: &'s Names,
    pub(super) ask: &'s Option<String>,
}

/// The tools, sorted by name; none where the key is not there. An empty mapping allows none.
pub(super) fn tools(r: &mut Reader, node: Option<&Node>, of: &Of<'_>, learnt: &mut Learnt) -> Option<Vec<Tool>> {
    let node = node?;
    r.at = of.path.child("tools");
    let entries = r.named_tools(node);
    if entries.len() > TOOLS_MAX {
        let message = format!("{} tools are named; at most {TOOLS_MAX} are read", entries.len());
        r.find(Code::Limit, node.range.clone(), message).help("make it several steps").done();
        return Some(Vec::new());
    }
    let mut out: Vec<Tool> = entries.into_iter().filter_map(|entry| tool(r, entry, of, learnt)).collect();
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Some(out)
}

fn tool(r: &mut Reader, entry: &Entry, of: &Of<'_>, learnt: &mut Learnt) -> Option<Tool> {
    let path = of.path.child("tools").child(&entry.key);
    r.at = path.clone();
    let mut f = r.fields(&entry.value)?;
    let arguments = f.get("arguments").and_then(|n| r.reference(n, "type", Code::UnknownType, of.names.types.keys()));
    let scope = of.names.tool_scope(of.signature, arguments.as_ref());
    let mut rules = |r: &mut Reader, kind, key, learnt: &mut Learnt| {
        let (signature, names, ask) = (of.signature, of.names, of.ask.clone());
        let set = RuleSet { kind, key, step: &path, signature, about: "arguments", scope: &scope, names, ask };
        set.read(r, f.get(key), learnt)
    };
    let require = rules(r, RuleKind::Require, "require", learnt);
    let forbid = rules(r, RuleKind::Forbid, "forbid", learnt);
    r.at = path.clone();
    f.done(r);
    Some(Tool { name: entry.key.clone(), path, arguments, require, forbid })
}
