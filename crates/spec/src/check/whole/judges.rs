//! Judging steps: whether each can be asked, and what it is asked with.

use super::Places;
use crate::check::reader::Reader;
use crate::check::scopes::Names;
use crate::diagnostic::Code;
use crate::types::Ty;
use crate::workflow::{Actor, Check, ConfidenceSource, Step, Workflow};
use seatrial_model::ElementPath;
use seatrial_model::event::Entry;

/// What a judge may be asked with.
const ASKED: [&str; 2] = ["input", "output"];

pub(super) fn judges(r: &mut Reader, places: &Places<'_>, w: &Workflow, names: &Names) {
    for step in &w.steps {
        for (path, judge) in uses(step) {
            let Some(judging) = w.step(judge) else { continue };
            r.at = path.clone();
            for why in faults(step, judging, w, names) {
                let message = format!("`{judge}` cannot judge: {why}");
                let help = "name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`";
                r.find(Code::NoJudge, places.of(&path.child("judge")), message).help(help).done();
            }
            if path.name() == "confidence" && !has_confidence(judging, names) {
                let message = format!("the output of `{judge}` has no `confidence` that is always there and a number");
                let help = "add a required `confidence`, a number from 0 to 1, to its output type";
                r.find(Code::NoJudge, places.of(&path.child("judge")), message).help(help).done();
            }
        }
    }
}

/// Every place where a step names a judge.
fn uses(step: &Step) -> Vec<(ElementPath, &str)> {
    let rules = step.rules().filter_map(|rule| match &rule.check {
        Check::Judge { step, .. } => Some((rule.path.clone(), step.as_str())),
        _ => None,
    });
    let confidence = match &step.confidence {
        Some(ConfidenceSource::Judge(judge)) => Some((step.path().child("confidence"), judge.as_str())),
        _ => None,
    };
    rules.chain(confidence).collect()
}

/// Why a step cannot be asked as a judge. A judge has no judge: so there are no cycles.
fn faults(step: &Step, judge: &Step, w: &Workflow, names: &Names) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    if judge.name == step.name {
        out.push("it would judge itself".to_owned());
        return out;
    }
    if judge.actor != Actor::Ai || judge.model.is_none() {
        out.push("no model does it".to_owned());
    }
    if !judge.judges().is_empty() {
        out.push("it has a judge itself".to_owned());
    }
    if judge.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        out.push("it may call tools, and a judge answers at once".to_owned());
    }
    if judge.model.is_some() && !judge.serves.contains(&Entry::Run) {
        out.push("it does not serve `run`, by which a judge is asked".to_owned());
    }
    out.extend(input_fault(judge, w, names));
    out
}

/// A judge is asked with `{ input, output }`, as far as its input type names them.
fn input_fault(judge: &Step, w: &Workflow, names: &Names) -> Option<String> {
    let name = judge.input.as_ref()?;
    let declared = w.types.get(name)?;
    let Ty::Object(object) = names.ty(Some(name)) else { return Some(format!("its input `{name}` is not an object")) };
    if !object.fields.contains_key("output") {
        return Some(format!("its input `{name}` has no `output`, so it would not see what it judges"));
    }
    let required = declared.schema.get("required").and_then(serde_json::Value::as_array);
    let listed = required.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let needed = object.fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name.as_str());
    let other = listed.chain(needed).find(|field| !ASKED.contains(field))?;
    Some(format!("its input `{name}` requires `{other}`, and a judge gets `input` and `output` alone"))
}

/// Whether the judge always says a confidence that is a number.
fn has_confidence(judge: &Step, names: &Names) -> bool {
    let Some(output) = &judge.output else { return false };
    match names.ty(Some(output)) {
        Ty::Object(object) => object
            .fields
            .get("confidence")
            .is_some_and(|field| field.required && matches!(field.ty, Ty::Int(_) | Ty::Double(_))),
        _ => false,
    }
}
