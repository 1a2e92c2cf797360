//! A client of a model's own protocol calls through the guard.

use crate::answer::Answer;
use crate::call::Call;
use crate::keepalive;
use crate::problem::Problem;
use crate::render;
use crate::service::Asked;
use crate::window;
use seatrial_factory::api::{Passage, PassageEntry, Passed};
use seatrial_factory::{Answering, Gone};
use std::sync::Arc;

/// `POST /v1/chat/completions`, `/v1/responses`, `/v1/messages`
pub(crate) async fn call(asked: Asked) -> Result<Answer, Problem> {
    let call = Arc::new(Call::parse(asked.dialect, asked.body.clone(), &asked.headers)?);
    if call.stream && asked.said.keep_alive {
        return Ok(keepalive::answer(asked, call));
    }
    let passed = if call.stream {
        match asked.factory.pass_stream(&asked.caller, passage(&asked, &call), asked.gone()).await? {
            Answering::Whole(passed) => *passed,
            Answering::Windows(streaming) => {
                let gone = asked.gone();
                return Ok(window::answer(asked, call, streaming, gone).await);
            }
        }
    } else {
        pass(&asked, &call, asked.gone()).await?
    };
    Ok(render::answer(&call, &passed, &asked.id, seconds(&asked)))
}

/// Passes the call through the guard, all of it before anything leaves.
pub(crate) async fn pass(asked: &Asked, call: &Arc<Call>, gone: Gone<'_>) -> Result<Passed, Problem> {
    Ok(asked.factory.pass_unless(&asked.caller, passage(asked, call), gone).await?)
}

/// The call as the factory knows it.
pub(crate) fn passage(asked: &Asked, call: &Arc<Call>) -> Passage {
    Passage {
        workflow: call.workflow.clone(),
        step: call.step.clone(),
        entry: PassageEntry::Proxy { input: call.input(), call: Arc::clone(call) as _ },
        case: asked.said.case.clone(),
        rehearsal: asked.said.rehearsal,
        again: asked.said.again.clone(),
    }
}

/// Now, in seconds since 1970.
pub(crate) fn seconds(asked: &Asked) -> i64 {
    asked.factory.now().as_millis() / 1_000
}
