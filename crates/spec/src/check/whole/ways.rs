//! Checks that cannot run where their step is served. A spec with one does not load: nothing is configured, green and
//! inert.

use super::Places;
use crate::check::reader::Reader;
use crate::check::scopes::Names;
use crate::diagnostic::Code;
use crate::workflow::{ConfidenceSource, Step, StreamMode, Workflow};
use seatrial_model::event::Entry;

/// One such check: the key it stands under, why it cannot run, what to write.
type Found = (&'static str, String, &'static str);

pub(super) fn ways(r: &mut Reader, places: &Places<'_>, w: &Workflow, names: &Names) {
    // A step that lost its model or its confidence to another finding is not said to have none.
    if r.has_errors() {
        return;
    }
    for step in &w.steps {
        let found = confidence(step, names).into_iter().chain(classifier(step, names)).chain(served(step));
        for (key, message, help) in found {
            let path = step.path().child(key);
            r.at = path.clone();
            r.find(Code::CannotRun, places.of(&path), message).help(help).done();
        }
    }
}

fn serves(step: &Step, way: Entry) -> bool {
    step.serves.contains(&way)
}

/// Where the confidence would come from.
fn confidence(step: &Step, names: &Names) -> Vec<Found> {
    const KEY: &str = "confidence";
    let mut found: Vec<Found> = Vec::new();
    let provider = step.model.as_ref().and_then(|m| names.providers.as_ref()?.get(&m.provider).map(|p| (m, *p)));
    match &step.confidence {
        Some(ConfidenceSource::Caller) if serves(step, Entry::Run) || serves(step, Entry::Proxy) => {
            let message = "a caller says its confidence where it submits an output, and nowhere else".to_owned();
            found.push((KEY, message, "write `serves: [decide]`, or another source"));
        }
        Some(ConfidenceSource::Logprobs(_)) => {
            if serves(step, Entry::Decide) {
                let message = "an output that is submitted comes without log-probabilities".to_owned();
                found.push((KEY, message, "write `serves: [run, proxy]`, or another source"));
            }
            if let Some((model, _)) = provider.filter(|(_, p)| !p.logprobs && !p.is_classifier) {
                let message = format!("provider `{}` gives no log-probabilities", model.provider);
                found.push((KEY, message, "name a provider that speaks `chat` or `responses`, or another source"));
            }
        }
        Some(ConfidenceSource::Agreement(_)) => {
            if serves(step, Entry::Decide) {
                let message = "for an output that is submitted the guard asks no model, so there are no samples";
                found.push((KEY, message.to_owned(), "write `serves: [run, proxy]`, or another source"));
            }
            if step.model.as_ref().is_none_or(|m| m.temperature == Some(0.0)) {
                let message = "without a model, or at temperature 0, samples say nothing: all are alike".to_owned();
                found.push((KEY, message, "name a model with a `temperature` above 0, or another source"));
            }
        }
        _ => {}
    }
    found
}

/// The embedded classifier is asked with the input alone, and answers the same to the same.
fn classifier(step: &Step, names: &Names) -> Vec<Found> {
    let Some(model) = &step.model else { return Vec::new() };
    let known = names.providers.as_ref().and_then(|all| all.get(&model.provider));
    if !known.map_or(model.train.is_some(), |p| p.is_classifier) {
        return Vec::new();
    }
    let mut found: Vec<Found> = Vec::new();
    if step.prompt.is_some() {
        let message = "the embedded classifier is asked with the input, and reads no prompt".to_owned();
        found.push(("prompt", message, "remove `prompt`, or name a language model"));
    }
    if step.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        let message = "the embedded classifier calls no tools".to_owned();
        found.push(("tools", message, "write `tools: {}`, or name a language model"));
    }
    let source = match step.confidence {
        Some(ConfidenceSource::Agreement(_)) => Some("answers the same every time: its samples always agree"),
        Some(ConfidenceSource::Logprobs(_)) => Some("gives no log-probabilities"),
        _ => None,
    };
    if let Some(why) = source {
        let message = format!("the embedded classifier {why}");
        found.push(("confidence", message, "write the field of the output that it fills"));
    }
    found
}

/// What needs a way in which the step is not served.
fn served(step: &Step) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if step.model.is_none() && (serves(step, Entry::Run) || serves(step, Entry::Proxy)) {
        let message = "`run` and `proxy` ask a model, and the step names none".to_owned();
        found.push(("serves", message, "add `model`, or write `serves: [decide]`"));
    }
    if serves(step, Entry::Proxy) {
        return found;
    }
    if step.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        let message = "tools are offered by a client's own call, and the step does not serve `proxy`".to_owned();
        found.push(("tools", message, "add `proxy` to `serves`, or write `tools: {}`"));
    }
    if step.stream != StreamMode::Buffer {
        let message = "streams answer a client's own call, and the step does not serve `proxy`".to_owned();
        found.push(("stream", message, "add `proxy` to `serves`, or write `stream: buffer`"));
    }
    found
}
