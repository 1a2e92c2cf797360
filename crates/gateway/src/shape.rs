//! What the gateway has to know of a step before it hands a call on: which fields the model never sees.

use crate::problem::Problem;
use seatrial_factory::Factory;
use seatrial_factory::api::{Caller, Refused};
use seatrial_model::event::TokenKind;
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Actor, Step};
use serde_json::Value;
use std::sync::Arc;

/// The fields that a step withholds, as names from the input down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    withheld: Vec<Vec<String>>,
}

impl Shape {
    pub(crate) fn of(withhold: &[String]) -> Self {
        let names = |path: &String| path.split('.').map(str::to_owned).collect();
        Self { withheld: withhold.iter().map(names).collect() }
    }

    /// Whether there are any.
    pub(crate) const fn withholds(&self) -> bool {
        !self.withheld.is_empty()
    }

    /// The input without them. Lists on the way are passed through: the field of every item counts.
    pub(crate) fn strip(&self, input: &Value) -> Value {
        let mut seen = input.clone();
        for names in &self.withheld {
            remove(&mut seen, names);
        }
        seen
    }
}

fn remove(value: &mut Value, names: &[String]) {
    match (value, names.split_first()) {
        (Value::Array(items), Some(_)) => items.iter_mut().for_each(|item| remove(item, names)),
        (Value::Object(members), Some((name, []))) => {
            members.shift_remove(name);
        }
        (Value::Object(members), Some((name, rest))) => {
            if let Some(next) = members.get_mut(name) {
                remove(next, rest);
            }
        }
        _ => {}
    }
}

/// The shape of a step as it is served: by the release in force, or by the candidate in rehearsal.
pub(crate) async fn shape(factory: &Factory, workflow: &str, step: &str, rehearsal: bool) -> Result<Shape, Problem> {
    let spec = served_spec(factory, workflow, rehearsal).await?;
    let step = spec.step(step).ok_or_else(|| {
        let known: Vec<&str> = spec.steps.iter().map(|s| s.name.as_str()).collect();
        Refused::NotFound(format!("`{workflow}` has no such step (it has: {})", known.join(", ")))
    })?;
    Ok(Shape::of(&step.withhold))
}

async fn served_spec(factory: &Factory, workflow: &str, rehearsal: bool) -> Result<Arc<Workflow>, Problem> {
    let shown = factory.shown_spec(workflow)?;
    if rehearsal {
        let candidate = factory.summary(workflow).await?.candidate;
        if candidate != Some(shown.digest) {
            // Stripping by one spec what is judged by another could show the model what the candidate withholds.
            return Err(Problem::from(Refused::Conflict {
                message: format!(
                    "the candidate of `{workflow}` is another spec than the released one, and a client's own call cannot be prepared for it; rehearse it with `run`"
                ),
                now: None,
            }));
        }
    }
    Ok(shown)
}

/// A step that a caller may call.
pub(crate) struct Callable {
    pub(crate) name: String,
    pub(crate) does: String,
    pub(crate) created: i64,
}

/// The AI steps that a caller may call, released or not: `not_released` is told by the call itself.
pub(crate) async fn callable(factory: &Factory, caller: &Caller) -> Result<Vec<Callable>, Problem> {
    let mut found = Vec::new();
    for log in factory.workflows() {
        let Ok(spec) = factory.shown_spec(log.as_str()) else { continue };
        let since = factory.in_force(&log).await?.map_or(0, |release| release.since.as_millis() / 1_000);
        for step in spec.steps.iter().filter(|s| s.actor == Actor::Ai) {
            let name = format!("{log}/{}", step.name);
            if may_see(caller, log.as_str(), step, &name) {
                found.push(Callable { name, does: step.does.clone(), created: since });
            }
        }
    }
    Ok(found)
}

fn may_see(caller: &Caller, workflow: &str, step: &Step, name: &str) -> bool {
    match caller.token {
        Some(TokenKind::Caller) => caller.steps.iter().any(|allowed| {
            allowed == "*" || allowed == name || allowed.strip_suffix("/*").is_some_and(|prefix| prefix == workflow)
        }),
        Some(TokenKind::Ci) => false,
        _ => !step.name.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn withheld_fields_go_at_every_depth() {
        let shape = Shape::of(&["age".to_owned(), "customer.name".to_owned(), "items.price".to_owned()]);
        let input = json!({
            "age": 41, "amount": 7, "customer": {"name": "A", "since": 2020},
            "items": [{"price": 1, "n": 2}, {"price": 3}, 7],
        });
        assert!(shape.withholds());
        assert_eq!(shape.strip(&input), json!({"amount": 7, "customer": {"since": 2020}, "items": [{"n": 2}, {}, 7]}));
        assert_eq!(shape.strip(&json!("text")), json!("text"));
        assert!(!Shape::of(&[]).withholds());
    }
}
