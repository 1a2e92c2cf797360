//! One passage: admit ▶ candidate ▶ verify ▶ weigh ▶ decide ▶ record ▶ act.

mod aside;
mod ask;
mod gate;
mod hold;
mod obtained;
mod spent;
mod stream;

pub(crate) use ask::{Asking, make_ask, output_schema};
use gate::choose;
pub(crate) use gate::{admit_step, bounds, in_shadow, serves, stopped, unreleased};
pub use hold::HOLD_MS_MAX;
pub(crate) use obtained::Obtained;
pub(crate) use spent::limits_of_day;
pub use stream::{Answering, Ended, HeldStream, Next, Streaming};

use crate::api::{Caller, Passage, PassageEntry, Passed, Refused};
use crate::factory::{Factory, internal, new_decision, new_review};
use crate::handle::{Handle, Served};
use crate::join::{Asked, Turned};
use crate::observe::Observation;
use crate::project::CLIENT_GONE;
use crate::record::Record;
use crate::switch::Reach;
use crate::traffic::{Ticket, Turn};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::StepProgram;
use seatrial_guard::decide::{codes, draw};
use seatrial_model::event::Entry;
use seatrial_model::{DecisionId, Finding, Time};
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
        self.caught_up(&handle).await?;
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
            again: self.asked.again(passage),
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
