//! How simulated people answer: by what is known to be right. The demo's, and those of `seatrial simulate`.

use seatrial_factory::api::{DecisionChain, Held, ReviewAnswerInput, ReviewView};
use seatrial_model::{Answer, Commitment};
use seatrial_spec::Workflow;
use serde_json::{Map, Value, json};

/// Whether an output says what is right, in all that both have.
pub(crate) fn agrees(said: &Value, right: &Value) -> bool {
    let Value::Object(right) = right else { return false };
    let shared: Vec<_> = right.iter().filter(|(name, _)| said.get(name).is_some()).collect();
    !shared.is_empty() && shared.iter().all(|(name, value)| said.get(name) == Some(value))
}

/// The answer of somebody who knows what is right; without that, a marked case is rejected, and any other left.
pub(crate) fn answer(
    spec: &Workflow,
    review: &ReviewView,
    chain: &DecisionChain,
    right: Option<&Value>,
    shown_ms: Option<u64>,
) -> Option<ReviewAnswerInput> {
    let (seen, said): (Commitment, Value) = match (&chain.output, &chain.input) {
        (Held::Text { text, commitment }, _) => (*commitment, serde_json::from_str(text.raw()).unwrap_or_default()),
        // A blind audit: their own answer, before they see the AI's.
        (Held::Hidden { commitment }, _) => (*commitment, Value::Null),
        (_, Held::Text { commitment, .. }) => (*commitment, Value::Null),
        _ => return None,
    };
    let (answer, output) = match right {
        Some(right) if agrees(&said, right) && !review.own => (Answer::Accept, None),
        // The AI's output could only be edited into what the person decides; that is a decision of their own.
        Some(right) => (Answer::Own, Some(authored(spec, &review.step, right)?.to_string())),
        None if review.rehearsal => (Answer::Reject, None),
        None => return None,
    };
    Some(ReviewAnswerInput { answer, output, reason: "simulated".to_owned(), shown_ms, seen })
}

/// An output of a simulated person's own: what is right, in the shape of the step's output.
fn authored(spec: &Workflow, step: &str, truth: &Value) -> Option<Value> {
    let schema = &spec.types.get(spec.step(step)?.output.as_ref()?)?.schema;
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = Map::new();
    for (name, shape) in properties {
        if let Some(value) = truth.get(name) {
            out.insert(name.clone(), value.clone());
        } else if required.iter().any(|r| r.as_str() == Some(name)) {
            // What the example does not say is at most a figure of how sure one is: a person is sure.
            let number = shape.get("type").and_then(Value::as_str) == Some("number");
            out.insert(name.clone(), shape.get("maximum").filter(|_| number).cloned().or(number.then(|| json!(1.0)))?);
        }
    }
    Some(Value::Object(out))
}
