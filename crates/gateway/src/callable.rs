//! The steps that a caller may call, for the list of models.

use crate::problem::Problem;
use seatrial_factory::Factory;
use seatrial_factory::api::Caller;
use seatrial_model::event::TokenKind;
use seatrial_spec::workflow::{Actor, Step};

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
