//! What is measured asks judges and samples as the running guard does; only, nothing of it is a decision.

use super::ask::{add, asked_of};
use super::try_candidate;
use crate::handle::Served;
use futures_util::StreamExt as _;
use seatrial_guard::port::{Ask, Model};
use seatrial_guard::{Aside, Candidate, JudgeAsk, Judged, PartKind, StepProgram};
use seatrial_model::event::Usage;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many are asked at once about one answer.
const AT_ONCE: usize = 8;

/// Puts to a candidate what judges say of it, and of what a redaction leaves, and what further samples of its ask say.
/// Gives what that used.
pub(super) async fn ask_aside(
    served: &Served,
    program: &StepProgram,
    input: &Value,
    sampled: Option<(&dyn Model, &Ask)>,
    candidate: &mut Candidate,
) -> Option<Usage> {
    let mut used = None;
    if !program.asks_others() {
        return used;
    }
    let asks = program.judge_asks(input, &candidate.parts);
    let (judged, samples) = futures_util::future::join(ask_judges(served, asks), sample(program, sampled)).await;
    candidate.aside = Aside { judged: said(judged, &mut used), samples: Vec::new(), modified: None };
    for (sample, usage) in samples {
        add(&mut used, usage);
        candidate.aside.samples.push(sample);
    }
    if program.judges().is_empty() {
        return used;
    }
    if let Some(modified) = program.judge(input, candidate).modified {
        let again = ask_judges(served, program.judge_asks(input, &modified.parts)).await;
        let judged = said(again, &mut used);
        candidate.aside.modified = Some(Box::new(Aside { judged, ..Aside::default() }));
    }
    used
}

type Said = (String, Judged, Option<Usage>);

fn said(all: Vec<Said>, used: &mut Option<Usage>) -> BTreeMap<String, Judged> {
    let mut judged = BTreeMap::new();
    for (key, said, usage) in all {
        add(used, usage);
        judged.insert(key, said);
    }
    judged
}

async fn sample(program: &StepProgram, sampled: Option<(&dyn Model, &Ask)>) -> Vec<(Judged, Option<Usage>)> {
    let Some((model, ask)) = sampled else { return Vec::new() };
    let asking = (0..program.samples()).map(|_| async move {
        match model.ask(ask.clone()).await {
            Ok(reply) => {
                let text = reply.parts.into_iter().find(|p| p.kind == PartKind::Text);
                let failed = || Judged::Failed("no_output".to_owned());
                (text.map_or_else(failed, |t| Judged::Said(Value::String(t.text))), reply.usage)
            }
            Err(error) => (Judged::Failed(error.no_candidate().to_owned()), None),
        }
    });
    futures_util::stream::iter(asking).buffered(AT_ONCE).collect().await
}

async fn ask_judges(served: &Served, asks: Vec<JudgeAsk>) -> Vec<Said> {
    let asking = asks.into_iter().map(|ask| async move {
        let (said, usage) = Box::pin(judge(served, &ask)).await;
        (ask.key, said, usage)
    });
    futures_util::stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// One judge, through the guard of its step: what that lets out is what it said.
async fn judge(served: &Served, ask: &JudgeAsk) -> (Judged, Option<Usage>) {
    let failed = |code: &str| Judged::Failed(code.to_owned());
    let (Some(step), Some(program)) = (served.workflow.step(&ask.step), served.program.step(&ask.step)) else {
        return (failed("judge_failed"), None);
    };
    let got = asked_of(served, step, program, &ask.input).await;
    if let Some(error) = got.error {
        return (failed(error.no_candidate()), got.usage);
    }
    let trial = try_candidate(program, &ask.input, got.candidate.as_ref());
    let left = trial.output.as_ref().filter(|_| trial.released() && trial.judgement.is_some());
    (left.map_or_else(|| failed("judge_failed"), |value| Judged::Said(value.clone())), got.usage)
}

/// The same for an output that came with an example: there is nothing to sample.
pub(super) async fn judge_given(
    served: &Served,
    program: &StepProgram,
    input: &Value,
    candidate: &mut Candidate,
) -> Option<Usage> {
    ask_aside(served, program, input, None, candidate).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_up() {
        let mut used = None;
        add(&mut used, None);
        assert_eq!(used, None);
        add(&mut used, Some(Usage { input: 1, output: 2 }));
        add(&mut used, Some(Usage { input: 10, output: 20 }));
        assert_eq!(used, Some(Usage { input: 11, output: 22 }));
    }
}
