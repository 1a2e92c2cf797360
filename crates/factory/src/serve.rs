//! One passage: admit ▶ candidate ▶ verify ▶ weigh ▶ decide ▶ record ▶ act.

mod aside;
mod ask;
mod hold;
mod spent;
mod stream;

pub(crate) use ask::Asking;
pub use hold::HOLD_MS_MAX;
pub(crate) use spent::limits_of_day;
pub use stream::{Answering, Ended, HeldStream, Next, Streaming};

use crate::api::{Caller, Passage, PassageEntry, Passed, Refused};
use crate::factory::{Factory, internal, new_decision, new_review};
use crate::handle::{Handle, Live, Served, ServedModel};
use crate::join::{Asked, Turned};
use crate::observe::Observation;
use crate::project::CLIENT_GONE;
use crate::record::Record;
use crate::switch::Reach;
use crate::traffic::{Ticket, Turn};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::decide::{codes, draw};
use seatrial_guard::port::{Ask, AskBody, Reply};
use seatrial_guard::{Aside, Judgement, StepProgram};
use seatrial_model::event::{Cost, Entry, Usage};
use seatrial_model::facts::Bounds;
use seatrial_model::{Confidence, DecisionId, ElementPath, Finding, Stage, Time};
use seatrial_spec::workflow::Step;
use serde_json::Value;
use std::sync::Arc;

/// The longest that a step without `within` may take: a caller's connection does not wait for ever.
pub const STEP_MS_MAX: u64 = 120_000;

/// Ends when the client hung up.
pub type Gone<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Nobody hangs up.
fn never() -> Gone<'static> {
    Box::pin(std::future::pending())
}

/// How long somebody who hung up may take to ask again, in milliseconds: clients' libraries give up after their own time
/// limit, wait half a second or one, and repeat the call. That attempt is to find the first one still under way.
pub const RETRY_MS: u64 = 2_000;

/// Ends when the client hung up, and nobody waits for the same ask any more.
async fn given_up(gone: Gone<'_>, turn: &Turn) {
    gone.await;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(RETRY_MS)).await;
        if !turn.is_awaited() {
            return;
        }
    }
}

/// The client hung up while the model was asked.
fn client_gone(step: &Step) -> Obtained {
    Obtained { requests: 1, ..Obtained::nothing(step, Some(CLIENT_GONE.to_owned()), 1) }
}

/// What came of asking for a candidate.
pub(crate) struct Obtained {
    pub(crate) candidate: Option<String>,
    pub(crate) judgement: Judgement,
    pub(crate) no_candidate: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) reply: Option<Arc<Reply>>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// Further samples that were answered.
    pub(crate) samples: u64,
    /// The model that answered, where it was not the step's first.
    pub(crate) fallback: Option<String>,
    /// What the calls cost.
    pub(crate) cost: Option<Cost>,
    /// A bound for calls whose provider did not say what they used.
    pub(crate) unreported: Option<Usage>,
    /// Requests that providers were sent.
    pub(crate) requests: u64,
    /// What was asked beside the candidate.
    pub(crate) aside: Aside,
}

impl Obtained {
    pub(crate) fn nothing(step: &Step, why: Option<String>, attempts: u32) -> Self {
        let source = step.confidence.as_ref().map_or_else(|| "none".to_owned(), |c| c.label());
        let confidence = Confidence { source, value: 0.0, present: false };
        Self {
            candidate: None,
            judgement: Judgement {
                findings: Vec::new(),
                after_modify: None,
                output: None,
                modified: None,
                confidence,
                whens: Vec::new(),
                inspected: Vec::new(),
                thresholds_used: Vec::new(),
            },
            no_candidate: why,
            attempts,
            reply: None,
            model: None,
            usage: None,
            samples: 0,
            fallback: None,
            cost: None,
            unreported: None,
            requests: 0,
            aside: Aside::default(),
        }
    }
}

impl Obtained {
    /// The redacted output.
    pub(crate) fn modified_text(&self) -> Option<String> {
        // Calls of tools alone have no text: then it is all the parts.
        let modified = self.judgement.modified.as_ref()?;
        Some(modified.text().map_or_else(|| seatrial_guard::candidate::payload_of(&modified.parts), str::to_owned))
    }
}

impl Factory {
    /// Passes a case through a step's guard. The decision is durable before this returns; whatever goes wrong before
    /// that is a [`Refused`], and nothing leaves.
    ///
    /// # Errors
    /// [`Refused`]: nothing was decided.
    pub async fn pass(&self, caller: &Caller, passage: Passage) -> Result<Passed, Refused> {
        self.passing(caller, passage, Manner::Usual, never()).await
    }

    /// The same for somebody who may hang up. Where `gone` ends while the model is asked, the model is cancelled, and
    /// the decision is recorded without a candidate, for the reason `client_gone`. It is no answer to the same ask.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub async fn pass_unless(&self, caller: &Caller, passage: Passage, gone: Gone<'_>) -> Result<Passed, Refused> {
        self.passing(caller, passage, Manner::Usual, gone).await
    }

    /// The same for a marked request, as if its model could not be reached: what a drill of the fallback sends.
    pub(crate) async fn pass_without_model(&self, caller: &Caller, passage: Passage) -> Result<Passed, Refused> {
        if !passage.rehearsal {
            return Err(internal("only a marked request is kept from its model"));
        }
        self.passing(caller, passage, Manner::ModelAway, never()).await
    }

    /// The same for an output that is known to be bad: under what is in force, drawn for the audit where it is allowed.
    pub(crate) async fn pass_seeded(&self, caller: &Caller, passage: Passage) -> Result<Passed, Refused> {
        if !passage.rehearsal || !matches!(passage.entry, PassageEntry::Decide { .. }) {
            return Err(internal("only a marked output is seeded"));
        }
        self.passing(caller, passage, Manner::Seeded, never()).await
    }

    async fn passing(
        &self,
        caller: &Caller,
        passage: Passage,
        manner: Manner,
        gone: Gone<'_>,
    ) -> Result<Passed, Refused> {
        let mut seen = Observation::begin(self, &passage);
        let done = self.passing_seen(caller, passage, manner, gone, &mut seen).await;
        seen.end(&done);
        done
    }

    async fn passing_seen(
        &self,
        caller: &Caller,
        passage: Passage,
        manner: Manner,
        gone: Gone<'_>,
        seen: &mut Observation,
    ) -> Result<Passed, Refused> {
        match self.enter(caller, &passage, manner, seen).await? {
            // Marked requests wait for nobody.
            Entered::Joined(joined) if passage.rehearsal => Ok(joined.passed),
            Entered::Joined(mut joined) => {
                let step = joined.step()?.clone();
                self.held(&joined.handle, &step, joined.passed, &mut joined.ticket).await
            }
            Entered::In(admitted) => self.go_on(caller, passage, manner, gone, seen, *admitted).await,
        }
    }

    /// Admission: which release, who, how often, whether an earlier decision answers, and whether the input may come in.
    async fn enter(
        &self,
        caller: &Caller,
        passage: &Passage,
        manner: Manner,
        seen: &mut Observation,
    ) -> Result<Entered, Refused> {
        let received = self.now();
        let handle = self.handle(&passage.workflow)?;
        let live = handle.live.load_full();
        let seeded = manner == Manner::Seeded;
        let served = match &live.in_force {
            Some(served) if seeded => Arc::clone(served),
            _ => choose(&live, passage)?,
        };
        let step = served.workflow.step(&passage.step).ok_or_else(|| {
            let known: Vec<&str> = served.workflow.steps.iter().map(|s| s.name.as_str()).collect();
            Refused::NotFound(format!("`{}` has no such step (it has: {})", passage.workflow, known.join(", ")))
        })?;
        seen.known();
        let program = served.program.step(&step.name).ok_or_else(|| internal("the step was not compiled"))?;
        self.may_call(caller, &served, passage, step)?;
        let mut ticket = handle.traffic.enter(Reach::of(passage.rehearsal));
        serves(step, passage)?;
        admit_step(&handle, step, passage, received)?;
        let asked = Asked::of(&handle, caller, passage)?;
        seen.case(&asked.case_tag);
        // Held until the decision is durable: a second attempt of the same ask waits for it.
        let turn = match self.turn(&handle, passage, &asked, received, &mut ticket).await? {
            Turned::Joined(passed) => {
                let step = step.name.clone();
                return Ok(Entered::Joined(Box::new(Joined { handle, served, step, passed: *passed, ticket })));
            }
            Turned::Mine(turn) => turn,
        };
        // What joins costs nothing: only what asks a model counts for its limits.
        limits_of_day(self, &handle, step, passage, received).await?;
        self.may_progress(&handle.log, &served, step, &asked.case_tag).await?;
        let input = passage.entry.input();
        let input_findings = program.check_input(input);
        let denied = crate::verdicts::input_denied(program.plan(), &input_findings);
        seen.admitted();
        let decision = if seeded {
            drawn_decision(&served, program, received)?
        } else {
            new_decision(received).map_err(internal)?
        };
        let step = step.name.clone();
        Ok(Entered::In(Box::new(Admitted {
            handle,
            served,
            step,
            received,
            decision,
            asked,
            input_findings,
            denied,
            turn,
            ticket,
        })))
    }

    /// Everything after the admission, in one piece: candidate, judgement, record, and what leaves.
    async fn go_on(
        &self,
        caller: &Caller,
        passage: Passage,
        manner: Manner,
        gone: Gone<'_>,
        seen: &mut Observation,
        mut admitted: Admitted,
    ) -> Result<Passed, Refused> {
        let (handle, served) = (Arc::clone(&admitted.handle), Arc::clone(&admitted.served));
        let (step, program) = admitted.program(&served)?;
        // Shadow changes nothing: the model is asked as if nobody judged.
        let shadow = !passage.rehearsal && in_shadow(&served);
        let obtained = if admitted.denied && !shadow {
            Obtained::nothing(step, None, 0)
        } else if manner == Manner::ModelAway {
            Obtained::nothing(step, Some(codes::MODEL_UNREACHABLE.to_owned()), 0)
        } else {
            let asking = Asking {
                factory: self,
                handle: &handle,
                served: &served,
                step,
                program,
                caller,
                passage: &passage,
                case: &admitted.asked.case,
                decision: admitted.decision,
                until: Asking::deadline(step),
            };
            tokio::select! {
                biased;
                obtained = self.obtain(&asking, &mut admitted.ticket) => obtained?,
                () = given_up(gone, &admitted.turn) => client_gone(step),
            }
        };
        seen.obtained();
        let (record, turn, mut ticket) = admitted.into_record(caller, &passage, program, manner, obtained)?;
        let passed = self.record(&handle, record).await?;
        seen.recorded();
        drop(turn);
        // Marked requests wait for nobody.
        if passage.rehearsal {
            return Ok(passed);
        }
        self.held(&handle, step, passed, &mut ticket).await
    }

    fn may_call(&self, caller: &Caller, served: &Served, passage: &Passage, step: &Step) -> Result<(), Refused> {
        let action = if matches!(passage.entry, PassageEntry::Decide { .. }) { Act::Decide } else { Act::Call };
        let circumstances = Circumstances {
            step: Some(step.name.clone()),
            rehearsal: passage.rehearsal,
            simulation: self.is_simulation(),
            token: caller.token,
            token_steps: caller.steps.clone(),
            ..Circumstances::default()
        };
        served.authorize_call(&caller.principal, action, &circumstances)
    }

    /// Gets a candidate and judges it; a stop ends that.
    pub(crate) async fn obtain(&self, asking: &Asking<'_>, ticket: &mut Ticket) -> Result<Obtained, Refused> {
        tokio::select! {
            biased;
            () = ticket.stopped() => {
                ticket.cut();
                let step = asking.step;
                Err(stopped(asking.handle, &step.path(), &step.name, asking.passage.rehearsal, self.now()))
            }
            obtained = asking.obtain() => obtained,
        }
    }
}

/// What came of an admission.
enum Entered {
    /// An earlier decision answers.
    Joined(Box<Joined>),
    /// A decision is to be made.
    In(Box<Admitted>),
}

/// An earlier decision that answers.
struct Joined {
    handle: Arc<Handle>,
    served: Arc<Served>,
    step: String,
    passed: Passed,
    ticket: Ticket,
}

impl Joined {
    fn step(&self) -> Result<&Step, Refused> {
        self.served.workflow.step(&self.step).ok_or_else(|| internal("the step is gone"))
    }
}

/// A request that was admitted.
struct Admitted {
    handle: Arc<Handle>,
    served: Arc<Served>,
    step: String,
    received: Time,
    decision: DecisionId,
    asked: Asked,
    input_findings: Vec<Finding>,
    denied: bool,
    /// Held until the decision is durable: a second attempt of the same ask waits for it.
    turn: Turn,
    ticket: Ticket,
}

impl Admitted {
    fn program<'s>(&self, served: &'s Served) -> Result<(&'s Step, &'s StepProgram), Refused> {
        let step = served.workflow.step(&self.step).ok_or_else(|| internal("the step is gone"))?;
        let program = served.program.step(&self.step).ok_or_else(|| internal("the step was not compiled"))?;
        Ok((step, program))
    }

    /// What is recorded of it; and what is held until that is durable.
    fn into_record(
        self,
        caller: &Caller,
        passage: &Passage,
        program: &StepProgram,
        manner: Manner,
        obtained: Obtained,
    ) -> Result<(Record, Turn, Ticket), Refused> {
        let input = passage.entry.input();
        let seeded = manner == Manner::Seeded;
        let call = match &passage.entry {
            PassageEntry::Proxy { call, .. } => Some(call),
            _ => None,
        };
        let record = Record {
            decision: self.decision,
            review: new_review(self.received).map_err(internal)?,
            caller: caller.principal.clone(),
            entry: passage.entry.kind(),
            acts: match passage.entry {
                PassageEntry::Decide { .. } => seeded && self.served.models.contains_key(&self.step),
                _ => true,
            },
            served: self.served,
            step: self.step,
            rehearsal: passage.rehearsal,
            seeded,
            protocol: call.map(|call| call.protocol()),
            behalf: None,
            stream: None,
            input: input.to_string(),
            not_inspected: call.map(|call| call.not_inspected()).unwrap_or_default(),
            slices: program.guaranteed_slices(input),
            input_findings: self.input_findings,
            asked: self.asked,
            obtained,
        };
        Ok((record, self.turn, self.ticket))
    }
}

/// How a request is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Usual,
    /// As if the model could not be reached.
    ModelAway,
    /// An output that is known to be bad, for people to catch.
    Seeded,
}

/// Ids that are tried for one that is drawn: of 1 in 10 000 that are audited, none in so many is drawn once in 20 000
/// times, and then the seed goes without a review.
const DRAWS_MAX: usize = 100_000;

/// An id that the step's audit draws: whoever draws it again comes to the same.
fn drawn_decision(served: &Served, program: &StepProgram, at: Time) -> Result<DecisionId, Refused> {
    let mut decision = new_decision(at).map_err(internal)?;
    let Some(audit) = program.plan().audit.as_ref().filter(|a| a.sample > 0.0) else { return Ok(decision) };
    let statement = served.release.as_ref().map_or(served.workflow.digest, |r| r.release);
    for _ in 0..DRAWS_MAX {
        if draw(&statement, &audit.path, &decision) < audit.sample {
            break;
        }
        decision = new_decision(at).map_err(internal)?;
    }
    Ok(decision)
}

fn choose(live: &Live, passage: &Passage) -> Result<Arc<Served>, Refused> {
    let served = if passage.rehearsal { &live.candidate } else { &live.in_force };
    served.clone().ok_or_else(|| match (&live.broken, passage.rehearsal) {
        (None, true) => {
            let missing = "no spec was submitted; `seatrial submit` does it".to_owned();
            Refused::NotReleased { workflow: passage.workflow.clone(), missing: vec![missing] }
        }
        _ => unreleased(live, &passage.workflow),
    })
}

/// The refusal where no release is in force.
pub(crate) fn unreleased(live: &Live, workflow: &str) -> Refused {
    let missing = match &live.broken {
        Some(why) => why.clone(),
        None if live.retired.is_some() => {
            let since = live.retired.as_ref().map(|r| r.at.to_string()).unwrap_or_default();
            format!("it is retired since {since}, and nothing of it is served any more")
        }
        None => "no release is in force; `seatrial status` shows what is missing".to_owned(),
    };
    Refused::NotReleased { workflow: workflow.to_owned(), missing: vec![missing] }
}

/// Refuses a way in which the spec does not serve the step: some check of it could not run there.
pub(crate) fn serves(step: &Step, passage: &Passage) -> Result<(), Refused> {
    let way = passage.entry.kind();
    if step.serves.contains(&way) {
        return Ok(());
    }
    let word = |way: &Entry| match way {
        Entry::Run => "run",
        Entry::Proxy => "proxy",
        Entry::Decide => "decide",
    };
    let served: Vec<&str> = step.serves.iter().map(word).collect();
    Err(Refused::Forbidden(format!(
        "`{}` is not served as `{}`; its spec serves it as: {}",
        step.name,
        word(&way),
        if served.is_empty() { "nothing".to_owned() } else { served.join(", ") }
    )))
}

/// Refuses what is stopped, and more calls than a minute may have.
pub(crate) fn admit_step(handle: &Handle, step: &Step, passage: &Passage, now: Time) -> Result<(), Refused> {
    let path = step.path();
    if handle.stop_of(&path, passage.rehearsal).is_some() {
        return Err(stopped(handle, &path, &step.name, passage.rehearsal, now));
    }
    if let Some(limit) = step.limits.per_minute {
        // Marked requests have the same limit, and a count of their own: they take no case its turn.
        let reach = Reach::of(passage.rehearsal);
        handle.traffic.count(&step.name, reach, limit, now).map_err(|retry_after_s| Refused::TooMany {
            step: format!("{}/{}", passage.workflow, step.name),
            limit: format!("{limit} calls a minute"),
            retry_after_s,
        })?;
    }
    Ok(())
}

/// The refusal of a stopped step, saying how business goes on.
pub(crate) fn stopped(handle: &Handle, path: &ElementPath, step: &str, marked: bool, now: Time) -> Refused {
    let found = handle.stop_of(path, marked);
    let element = found.as_ref().map_or_else(|| path.to_string(), |(element, _, _)| element.to_string());
    let drill = found.as_ref().is_some_and(|(_, _, reach)| reach.is_marked());
    let live = handle.live.load();
    let served = live.in_force.as_ref().or(live.candidate.as_ref());
    let fallback = served.and_then(|s| s.workflow.step(step)).and_then(|s| s.fallback.clone());
    let instead = match fallback {
        Some(f) => match f.runbook {
            Some(runbook) => format!("Business goes on with the role `{}`, by `{runbook}`", f.to),
            None => format!("Business goes on with the role `{}`", f.to),
        },
        None => "The spec names no fallback for it".to_owned(),
    };
    Refused::Stopped {
        workflow: handle.log.to_string(),
        element: match (element.is_empty(), drill) {
            (true, false) => "the whole workflow".to_owned(),
            (true, true) => "every marked request".to_owned(),
            (false, false) => element,
            (false, true) => format!("{element}, for marked requests,"),
        },
        since: found.map_or(now, |(_, stop, _)| stop.at),
        instead,
    }
}

/// The ask of a passage's model, under the name that the provider knows.
pub(crate) fn make_ask(
    asking: &Asking<'_>,
    model: &ServedModel,
    name: &str,
    timeout_ms: u64,
    objections: Option<&(String, Vec<Finding>)>,
) -> Result<Ask, Refused> {
    let Asking { served, step, program, .. } = *asking;
    let entry = &asking.passage.entry;
    let wanted = step.model.as_ref();
    let body = match entry {
        PassageEntry::Proxy { call, .. } if !model.embedded => {
            let bytes = if step.withhold.is_empty() {
                call.received().to_vec()
            } else {
                call.stripped(&|input| program.withhold(input)).map_err(Refused::CannotWithhold)?
            };
            AskBody::Raw { protocol: call.protocol(), bytes, stream: call.stream(), headers: call.headers() }
        }
        entry => {
            let input = program.withhold(entry.input());
            let mut messages = if model.embedded {
                Vec::new()
            } else {
                program.render(entry.input()).map_err(|e| Refused::Invalid(e.to_string()))?
            };
            if let Some((answer, findings)) = objections {
                messages = program.ask_again(&messages, answer, findings);
            }
            AskBody::Messages { messages, input }
        }
    };
    Ok(Ask {
        model: name.to_owned(),
        body,
        temperature: wanted.and_then(|m| m.temperature),
        schema: output_schema(served, step),
        logprobs: matches!(step.confidence, Some(seatrial_spec::workflow::ConfidenceSource::Logprobs(_))),
        timeout_ms,
    })
}

/// The schema that the answer should follow.
pub(crate) fn output_schema(served: &Served, step: &Step) -> Option<Value> {
    let name = step.output.as_ref()?;
    served.workflow.types.get(name).map(|t| (*t.schema).clone())
}

impl PassageEntry {
    /// The step's input.
    #[must_use]
    pub const fn input(&self) -> &Value {
        match self {
            Self::Run { input } | Self::Proxy { input, .. } | Self::Decide { input, .. } => input,
        }
    }

    pub(crate) const fn kind(&self) -> Entry {
        match self {
            Self::Run { .. } => Entry::Run,
            Self::Proxy { .. } => Entry::Proxy,
            Self::Decide { .. } => Entry::Decide,
        }
    }
}

/// Whether the release in force runs in shadow: judged live, and nothing is changed.
pub(crate) fn in_shadow(served: &Served) -> bool {
    let pilot = served.release.as_ref().is_some_and(|r| r.stage == Stage::Pilot);
    pilot && served.workflow.gates.pilot.as_ref().is_some_and(|p| p.shadow)
}

/// Whether a pilot's bounds still hold.
pub(crate) fn bounds(served: &Served, now: Time, today: u64) -> Bounds {
    match &served.release {
        Some(r) if r.stage == Stage::Pilot && r.until.is_some_and(|until| now > until) => Bounds::Ended,
        Some(r) if r.stage == Stage::Pilot && r.per_day.is_some_and(|max| today >= max) => Bounds::Ceiling,
        _ => Bounds::Within,
    }
}
