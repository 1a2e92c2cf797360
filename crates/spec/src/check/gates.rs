//! `gates`.

use super::assurance::{over_metrics, patterns};
use super::by_name;
use super::reader::Reader;
use super::scopes::Names;
use crate::diagnostic::{Code, did_you_mean};
use crate::workflow::{GateApproval, Gates, HandoverGate, PilotGate, ProductionGate};
use crate::yaml::Node;
use seatrial_model::ElementPath;
use seatrial_model::facts::{OnLapse, ReviewAll};
use std::collections::BTreeMap;

/// The controls that can be drilled.
pub const DRILLS: [&str; 5] = ["stop", "override", "escalation", "degraded", "incident"];

pub(super) fn gates(r: &mut Reader, node: Option<&Node>, names: &Names) -> Gates {
    r.at = ElementPath::new("gates");
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return Gates::default() };
    let pilot = f.get("pilot").and_then(|n| pilot(r, n, names));
    let production = f.get("production").and_then(|n| production(r, n, names));
    let handover = f.get("handover").and_then(|n| handover(r, n));
    r.at = ElementPath::new("gates");
    f.done(r);
    Gates { pilot, production, handover }
}

fn approvals(r: &mut Reader, node: Option<&Node>, names: &Names) -> Vec<GateApproval> {
    let mut out = Vec::new();
    for item in r.items(node) {
        let Some(mut f) = r.fields(item) else { continue };
        let by = f.need(r, "by").and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()));
        let over_node = f.need(r, "over");
        let over = patterns(r, over_node);
        f.done(r);
        if let Some(by) = by {
            out.push(GateApproval { by, over });
        }
    }
    out
}

fn pilot(r: &mut Reader, node: &Node, names: &Names) -> Option<PilotGate> {
    let at = ElementPath::new("gates.pilot");
    r.at = at.clone();
    let mut f = r.fields(node)?;
    let until = f.get("until").and_then(|n| r.day(n));
    let per_day = f.get("per_day").and_then(|n| r.integer(n, 1..=1_000_000_000));
    let shadow = f.get("mode").and_then(|n| r.word(n, &[("live", false), ("shadow", true)])).unwrap_or(false);
    let words = [("all", ReviewAll::Before), ("audit", ReviewAll::After)];
    let review = f.get("review").and_then(|n| r.word(n, &words));
    let continue_if = f.get("continue_if").and_then(|n| over_metrics(r, n, &at.child("continue_if")));
    let approvals = approvals(r, f.get("approvals"), names);
    f.done(r);
    Some(PilotGate { until, per_day, shadow, review, continue_if, approvals })
}

fn production(r: &mut Reader, node: &Node, names: &Names) -> Option<ProductionGate> {
    r.at = ElementPath::new("gates.production");
    let mut f = r.fields(node)?;
    let evaluation = f.get("evaluation");
    let evaluation = r.named(evaluation).into_iter().map(|entry| {
        if !names.examples.contains(&entry.key) {
            let message = format!("there is no example set `{}`", entry.key);
            let help = did_you_mean(&entry.key, names.examples.iter().map(String::as_str));
            r.find(Code::UnknownExamples, entry.key_range.clone(), message).maybe_help(help).done();
        }
        (entry.key.clone(), r.bar(&entry.value))
    });
    let evaluation = by_name(evaluation.collect::<Vec<_>>());
    let mut drills = BTreeMap::new();
    if let Some(mut d) = f.get("drills").and_then(|n| r.fields(n)) {
        for name in DRILLS {
            if let Some(span) = d.get(name).and_then(|n| r.span(n)) {
                drills.insert(name.to_owned(), span);
            }
        }
        d.done(r);
    }
    let hypercare = f.get("hypercare").and_then(|n| r.span(n));
    let words = [("warn", OnLapse::Warn), ("escalate", OnLapse::Escalate), ("stop", OnLapse::Stop)];
    // Without a word for it, a lapsed release serves nothing.
    let on_lapse = f.get("on_lapse").and_then(|n| r.word(n, &words)).unwrap_or(OnLapse::Stop);
    let approvals = approvals(r, f.get("approvals"), names);
    f.done(r);
    Some(ProductionGate { evaluation, drills, hypercare, on_lapse, approvals })
}

fn handover(r: &mut Reader, node: &Node) -> Option<HandoverGate> {
    r.at = ElementPath::new("gates.handover");
    let mut f = r.fields(node)?;
    let transfer_index = f.get("transfer_index").and_then(|n| r.bar(n));
    let over = f.get("over").and_then(|n| r.span(n));
    f.done(r);
    Some(HandoverGate { transfer_index, over })
}
