//! Asking: many examples at once, each through the guard; answers are recorded while others are under way.

use super::aside::{ask_aside, judge_given};
use super::book::Book;
use super::trial::{Measure, Trial, try_candidate};
use super::{EvaluateOptions, IN_FLIGHT, Progress, Trying};
use crate::api::Refused;
use crate::factory::Factory;
use crate::handle::Served;
use futures_util::StreamExt as _;
use seatrial_guard::port::{Ask, AskBody, ModelError};
use seatrial_guard::{Candidate, StepProgram};
use seatrial_model::event::Usage;
use seatrial_spec::workflow::Step;
use seatrial_sprint::Example;
use seatrial_sprint::evaluate::Asked;
use serde_json::Value;
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many calls in a row may fail, beside those under way, before the model counts as gone.
const UNREACHED_MAX: usize = 32;

/// One question.
#[derive(Clone, Copy)]
pub(super) struct Work<'e> {
    pub(super) example: &'e Example,
    pub(super) repeat: u64,
}

/// One answer, and the work where the model did not come to answering.
struct Answered<'e> {
    work: Work<'e>,
    asked: Asked,
    unreached: Option<ModelError>,
}

/// A candidate with what it cost.
#[derive(Default)]
pub(super) struct Got {
    pub(super) candidate: Option<Candidate>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<ModelError>,
}

impl Factory {
    /// Asks for every answer that the book does not know, and puts them into it. What the model did not come to
    /// answering is asked once more at the end.
    pub(super) async fn ask_all(
        &self,
        trying: &Trying<'_>,
        options: EvaluateOptions,
        book: &mut Book,
        progress: &dyn Progress,
    ) -> Result<(), Refused> {
        let total = trying.total(options);
        let work: Vec<Work<'_>> = trying.work(options).filter(|w| !book.knows(&w.example.id, w.repeat)).collect();
        progress.done(trying.set, book.known() as u64, total);
        let (missed, _) = self.ask_round(trying, options, work, true, book, progress).await?;
        let (_, error) = self.ask_round(trying, options, missed, false, book, progress).await?;
        if book.is_unanswered() {
            // A model that answered nothing at all was not measured: recorded, it would look as if it had been.
            return Err(gone(error, book));
        }
        progress.done(trying.set, total, total);
        Ok(())
    }

    /// One round. Where `again` is set, what was not answered is given back; else it is taken as it is. With the error that
    /// was the last one.
    async fn ask_round<'e>(
        &self,
        trying: &'e Trying<'_>,
        options: EvaluateOptions,
        work: Vec<Work<'e>>,
        again: bool,
        book: &mut Book,
        progress: &dyn Progress,
    ) -> Result<(Vec<Work<'e>>, Option<ModelError>), Refused> {
        let measure = &trying.measure;
        let asking = futures_util::stream::iter(work).map(|work| answer(measure, work));
        let mut asking = std::pin::pin!(asking.buffer_unordered(options.in_flight));
        let mut missed = Vec::new();
        let mut in_a_row = VecDeque::new();
        loop {
            let due = book.due();
            tokio::select! {
                answered = asking.next() => {
                    let Some(Answered { work, asked, unreached }) = answered else { break };
                    match unreached {
                        None => {
                            in_a_row.clear();
                            book.put(asked, true);
                        }
                        Some(error) => {
                            in_a_row.push_back(error);
                            if again { missed.push(work) } else { book.put(asked, false) }
                        }
                    }
                    progress.done(trying.set, book.known() as u64, trying.total(options));
                    if in_a_row.len() > options.in_flight + UNREACHED_MAX {
                        book.flush(self).await?;
                        return Err(gone(in_a_row.pop_back(), book));
                    }
                }
                // Beside the asking: a commit that takes its time keeps no example from being asked.
                written = book.writing() => written?,
                () = tokio::time::sleep_until(due) => {}
            }
            book.write_if_due(self);
        }
        book.settle().await?;
        Ok((missed, in_a_row.pop_back()))
    }
}

fn gone(error: Option<ModelError>, book: &Book) -> Refused {
    let why = error.map_or_else(|| "it does not answer".to_owned(), |e| e.to_string());
    let kept = match book.recorded() {
        0 => String::new(),
        n => format!(". {n} answer(s) are recorded: the same command goes on from there"),
    };
    Refused::ModelUnreachable(format!("{why}; the set was not evaluated{kept}"))
}

async fn answer<'e>(measure: &Measure<'_>, work: Work<'e>) -> Answered<'e> {
    let began = Instant::now();
    let got = candidate_for(measure, work.example).await;
    let trial = try_candidate(measure.program, &work.example.input, got.candidate.as_ref());
    let mut asked = measure.asked(work.example, work.repeat, &trial);
    asked.usage = got.usage;
    asked.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    // What was answered in a form that cannot be read was answered, and paid for.
    let unreached = got.error.filter(|e| !matches!(e, ModelError::Unreadable { .. }));
    Answered { work, asked, unreached }
}

/// All examples through the guard, in their order.
pub(super) async fn trials(
    measure: &Measure<'_>,
    examples: &[Example],
    what: &str,
    progress: &dyn Progress,
) -> Vec<Trial> {
    let total = examples.len() as u64;
    let mut stream = futures_util::stream::iter(examples)
        .enumerate()
        .map(|(place, example)| async move {
            let got = candidate_for(measure, example).await;
            (place, try_candidate(measure.program, &example.input, got.candidate.as_ref()))
        })
        .buffer_unordered(IN_FLIGHT);
    let mut trials = Vec::with_capacity(examples.len());
    while let Some(trial) = stream.next().await {
        trials.push(trial);
        progress.done(what, trials.len() as u64, total);
    }
    trials.sort_by_key(|(place, _)| *place);
    trials.into_iter().map(|(_, trial)| trial).collect()
}

/// The output that came with an example, or what the model answers; with what others say of it.
async fn candidate_for(measure: &Measure<'_>, example: &Example) -> Got {
    let Measure { served, step, program, .. } = measure;
    if let Some(output) = &example.output {
        let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
        let mut candidate = Candidate { confidence: example.confidence, ..Candidate::text(text) };
        let usage = judge_given(served, program, &example.input, &mut candidate).await;
        return Got { candidate: Some(candidate), usage, error: None };
    }
    asked_of(served, step, program, &example.input).await
}

/// What a step's model answers to an input, with what others say of it.
pub(super) async fn asked_of(served: &Served, step: &Step, program: &StepProgram, input: &Value) -> Got {
    if crate::verdicts::input_denied(program.plan(), &program.check_input(input)) {
        return Got::default();
    }
    let (Some(model), Some(wanted)) = (served.models.get(&step.name), step.model.as_ref()) else {
        return Got::default();
    };
    let messages = match program.render(input) {
        _ if model.embedded => Vec::new(),
        Ok(messages) => messages,
        Err(_) => return Got::default(),
    };
    let ask = Ask {
        model: wanted.name.clone(),
        body: AskBody::Messages { messages, input: program.withhold(input) },
        temperature: wanted.temperature,
        schema: crate::serve::output_schema(served, step),
        logprobs: matches!(step.confidence, Some(seatrial_spec::workflow::ConfidenceSource::Logprobs(_))),
        timeout_ms: step.within.map_or(crate::serve::STEP_MS_MAX, |w| w.as_millis()),
    };
    match model.model.ask(ask.clone()).await {
        Ok(reply) => {
            let mut usage = reply.usage;
            let mut candidate = Candidate { parts: reply.parts, logprobs: reply.logprobs, ..Candidate::default() };
            let sampled = Some((model.model.as_ref(), &ask));
            add(&mut usage, ask_aside(served, program, input, sampled, &mut candidate).await);
            Got { candidate: Some(candidate), usage, error: None }
        }
        Err(error) => Got { error: Some(error), ..Got::default() },
    }
}

/// Adds what was used, where somebody said so.
pub(super) fn add(sum: &mut Option<Usage>, more: Option<Usage>) {
    let Some(more) = more else { return };
    let sum = sum.get_or_insert_default();
    sum.input = sum.input.saturating_add(more.input);
    sum.output = sum.output.saturating_add(more.output);
}
