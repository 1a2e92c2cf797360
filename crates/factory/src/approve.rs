//! Human judgement: approvals, acceptances, answers to questions. Each is bound to the key of what was shown, and the
//! commit checks that nothing of delivery came in between.

mod conflict;
mod look;
mod signed;

pub use look::{ApprovalLook, Changed, Since};

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, Served};
use crate::reviews::settle;
use crate::standing::Gathered;
pub(crate) use look::find;
use look::{is_over_states, newest_approval};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::{Basis, ObligationState, State};
use seatrial_model::event::{ApprovalGiven, ApprovalWithdrawn, QuestionSettled, ResponsibilityAccepted};
use seatrial_model::{Body, Digest, ElementPath, Event, EventId, Evidence, LogName, Logged, Stage};
use seatrial_store::{Batch, NewPayload, Scan, StoreExt as _, TransactError, View};
use signed::{SignedBy, assured};
use std::sync::Arc;

/// An approval to be given.
#[derive(Clone, Debug)]
pub struct ApprovalInput {
    /// The stage.
    pub stage: Stage,
    /// The obligation.
    pub obligation: String,
    /// In which role; the fitting one that the person holds, where none is named.
    pub role: Option<String>,
    /// The key that was shown: another one now refuses the approval.
    pub key: Option<Digest>,
    /// How long it was shown.
    pub shown_ms: Option<u64>,
}

impl ApprovalInput {
    /// What is owned keeps the approvals that are given for production; only the whole state is approved for itself.
    pub(crate) fn for_its_stage(mut self) -> Self {
        if self.obligation != RELEASE_APPROVAL {
            self.stage = self.stage.measure();
        }
        self
    }
}

/// The obligation whose approval is over the state of all others.
const RELEASE_APPROVAL: &str = "release.approval";

/// The index of a log's newest delivery event: what judgement was made upon.
pub(crate) fn newest(events: &[Logged]) -> Option<u64> {
    events.last().map(|e| e.index)
}

/// Refuses where delivery went on since.
pub(crate) fn unchanged(view: &dyn View, seen: Option<u64>) -> Result<(), TransactError<Refused>> {
    let last = view.scan(&Scan::all("delivery").reversed().limit(1))?;
    let now = last.first().and_then(|(key, _)| <[u8; 8]>::try_from(key.as_slice()).ok()).map(u64::from_be_bytes);
    if now == seen {
        return Ok(());
    }
    let kind = match now {
        Some(index) => view.event(index)?.map(|e| e.body.kind()).unwrap_or_default(),
        None => "",
    };
    let message = format!("something changed in between (`{kind}`); look again, and repeat it");
    Err(TransactError::Refused(Refused::Conflict { message, now: now.map(|i| i.to_string()) }))
}

/// An approval that is ready to be recorded: everything but the consent.
struct Prepared {
    handle: Arc<Handle>,
    served: Arc<Served>,
    gathered: Gathered,
    event: Event,
}

impl Factory {
    /// Gives an approval over exactly the key that the obligation has now.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn approve(&self, caller: &Caller, workflow: &str, input: ApprovalInput) -> Result<EventId, Refused> {
        let input = input.for_its_stage();
        let prepared = self.prepare(caller, workflow, &input, false).await?;
        self.give(caller, prepared, &input, None).await
    }

    /// Says of something that was approved and has changed since: it was read again, and still holds. Only judgements
    /// can be reaffirmed; what was measured is measured again.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn reaffirm(&self, caller: &Caller, workflow: &str, input: ApprovalInput) -> Result<EventId, Refused> {
        let input = input.for_its_stage();
        let prepared = self.prepare(caller, workflow, &input, true).await?;
        self.give(caller, prepared, &input, None).await
    }

    /// As [`Self::approve`] or [`Self::reaffirm`], signed with the person's own SSH key over
    /// [`Self::approval_statement`].
    ///
    /// # Errors
    /// [`Refused`]: the signature does not fit, or nothing could be recorded.
    pub async fn approve_signed(
        &self,
        caller: &Caller,
        workflow: &str,
        input: ApprovalInput,
        reaffirm: bool,
        signature: &[u8],
    ) -> Result<EventId, Refused> {
        let input = input.for_its_stage();
        let mut prepared = self.prepare(caller, workflow, &input, reaffirm).await?;
        let signed = self.signed(&prepared.event, signature).await?;
        signed.enter(caller, &mut prepared.event);
        self.give(caller, prepared, &input, Some(signed)).await
    }

    /// The exact bytes that the person signs for an approval; `ssh-keygen -Y sign -n seatrial` does.
    ///
    /// # Errors
    /// [`Refused`] where they could not approve even with a signature.
    pub async fn approval_statement(
        &self,
        caller: &Caller,
        workflow: &str,
        input: &ApprovalInput,
        reaffirm: bool,
    ) -> Result<Vec<u8>, Refused> {
        let input = &input.clone().for_its_stage();
        let mut prepared = self.prepare(caller, workflow, input, reaffirm).await?;
        prepared.event.actor = assured(caller, prepared.event.simulation);
        self.may_judge(caller, &prepared, input.stage)?;
        self.statement(&prepared.event)?.bytes().map_err(internal)
    }

    /// Everything of an approval but the consent: what it is over, in which role, and after what.
    async fn prepare(
        &self,
        caller: &Caller,
        workflow: &str,
        input: &ApprovalInput,
        reaffirm: bool,
    ) -> Result<Prepared, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, input.stage);
        let state = find(&states, input.stage, &input.obligation)?;
        if let Some(key) = input.key.filter(|key| *key != state.key) {
            return Err(self.conflict(&handle.log, &gathered, &states, state, key).await);
        }
        let role = role_for(caller, &served, state, input)?;
        let own = newest_approval(&gathered.events, &state.obligation.id, Some(&caller.principal.id));
        let reaffirms = if reaffirm { Some(reaffirmed(&gathered.events, state, own)?) } else { None };
        let body = ApprovalGiven {
            shown_ms: input.shown_ms,
            reaffirms,
            after: own.map(|e| e.event.id),
            ..ApprovalGiven::new(input.stage, role, state.key)
        };
        let evidence =
            vec![Evidence { obligation: state.obligation.id.clone(), key: state.key, inputs: state.inputs.clone() }];
        let event = self.judgement(caller, &handle.log, &served, Body::ApprovalGiven(body), evidence).await?;
        Ok(Prepared { handle, served, gathered, event })
    }

    /// Whether the policies let whoever stands in the event give it.
    fn may_judge(&self, caller: &Caller, prepared: &Prepared, stage: Stage) -> Result<(), Refused> {
        let Body::ApprovalGiven(given) = &prepared.event.body else { return Err(internal("no approval")) };
        let author = prepared.gathered.events.iter().any(|logged| {
            matches!(logged.event.body, Body::SpecSubmitted(_))
                && logged.event.actor.id == caller.principal.id
                && logged.event.spec == Some(prepared.served.workflow.digest)
        });
        let circumstances = Circumstances {
            stage: Some(stage),
            role: Some(given.role.clone()),
            obligation: prepared.event.evidence.first().map(|e| e.obligation.clone()),
            author,
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        let act = if given.reaffirms.is_some() { Act::Reaffirm } else { Act::Approve };
        prepared.served.authorize(&prepared.event.actor, act, &circumstances)
    }

    /// Records it, where the policies allow it and readiness would count it.
    async fn give(
        &self,
        caller: &Caller,
        prepared: Prepared,
        input: &ApprovalInput,
        signed: Option<SignedBy>,
    ) -> Result<EventId, Refused> {
        self.may_judge(caller, &prepared, input.stage)?;
        let Prepared { handle, gathered, event, .. } = prepared;
        let seen = newest(&gathered.events);
        self.would_count(&gathered, input.stage, &input.obligation, &event)?;
        let blobs = signed.map(|s| vec![s.signature, s.directory]).unwrap_or_default();
        self.append_judgement(&handle.log, event, Vec::new(), blobs, seen).await
    }

    /// Withdraws an approval.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn withdraw(&self, caller: &Caller, workflow: &str, approval: EventId) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let given = events.iter().find(|e| e.event.id == approval).map(|e| &e.event);
        let Some((given, event)) = given.and_then(|event| match &event.body {
            Body::ApprovalGiven(given) => Some((given, event)),
            _ => None,
        }) else {
            return Err(Refused::NotFound(format!("there is no approval `{approval}`")));
        };
        let circumstances = Circumstances {
            stage: Some(given.stage),
            role: Some(given.role.clone()),
            own: event.actor.id == caller.principal.id,
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Withdraw, &circumstances)?;
        let body = Body::ApprovalWithdrawn(ApprovalWithdrawn { approval });
        self.judged(caller, &handle.log, &served, body, Vec::new(), Vec::new(), newest(&events)).await
    }

    /// Accepts a responsibility, for oneself.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn accept(&self, caller: &Caller, workflow: &str, name: &str) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let name = name.strip_prefix("responsibilities.").unwrap_or(name);
        let role = served.workflow.responsibilities.get(name).and_then(|r| r.receiving.clone()).ok_or_else(|| {
            let known: Vec<&str> = served.workflow.responsibilities.keys().map(String::as_str).collect();
            Refused::NotFound(format!(
                "there is no such responsibility with a receiving role; there are: {}",
                known.join(", ")
            ))
        })?;
        let circumstances = Circumstances {
            stage: Some(Stage::Production),
            role: Some(role.clone()),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Accept, &circumstances)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let evidence = self.evidence(&handle.log, &served.workflow, &["ownership.accepted"]).await?;
        let shown = evidence.first().map(|e| e.key).ok_or_else(|| internal("nothing is there to accept"))?;
        let responsibility = ElementPath::new(format!("responsibilities.{name}"));
        let body = Body::ResponsibilityAccepted(ResponsibilityAccepted { responsibility, role, shown });
        self.judged(caller, &handle.log, &served, body, evidence, Vec::new(), newest(&events)).await
    }

    /// Answers a question of the spec, citing events, or withdraws it with a reason.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn settle_question(
        &self,
        caller: &Caller,
        workflow: &str,
        name: &str,
        text: &str,
        cites: Vec<EventId>,
        withdrawn: bool,
    ) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.still_has_rights(&caller.principal, &handle.log)?;
        let name = name.strip_prefix("questions.").unwrap_or(name);
        let path = ElementPath::new(format!("questions.{name}"));
        let question = served.workflow.questions.get(name);
        let (Some(question), Some(element)) = (question, served.workflow.element(&path)) else {
            let known: Vec<&str> = served.workflow.questions.keys().map(String::as_str).collect();
            return Err(Refused::NotFound(format!("there is no such question; there are: {}", known.join(", "))));
        };
        let owner = question.owner.clone().unwrap_or_default();
        if caller.principal.kind != seatrial_model::PrincipalKind::Person || !caller.principal.has_role(&owner) {
            return Err(Refused::Forbidden(format!("`{path}` is answered by its owner, the role `{owner}`")));
        }
        if text.trim().is_empty() || (!withdrawn && cites.is_empty()) {
            return Err(Refused::Invalid(
                "an answer has a text and cites at least one event; a withdrawal has a reason".to_owned(),
            ));
        }
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        if let Some(unknown) = cites.iter().find(|id| !events.iter().any(|e| e.event.id == **id)) {
            return Err(Refused::NotFound(format!(
                "`{unknown}` is no delivery event of this workflow: cite an evaluation, a drill, a report or a release, not a decision"
            )));
        }
        let body = QuestionSettled { question: path, element: element.written, withdrawn, cites };
        let texts = vec![("text".to_owned(), text.as_bytes().to_vec())];
        let body = Body::QuestionSettled(body);
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&events)).await
    }

    /// Refuses evidence that readiness would not count: recorded, it would only look like some.
    pub(crate) fn would_count(
        &self,
        gathered: &Gathered,
        stage: Stage,
        obligation: &str,
        event: &Event,
    ) -> Result<(), Refused> {
        let index = newest(&gathered.events).map_or(0, |last| last.saturating_add(1));
        let mut events = gathered.events.clone();
        events.push(Logged { index, event: Arc::new(event.clone()) });
        let with = gathered.with(Arc::clone(&gathered.workflow), gathered.findings.clone(), events);
        let states = self.states(&with, stage);
        match find(&states, stage, obligation)?.considered.iter().find(|c| c.event == event.id && !c.counts) {
            Some(refused) => Err(Refused::Forbidden(format!("it would not count: {}", refused.why))),
            None => Ok(()),
        }
    }

    /// Appends an act of judgement, unless delivery went on since it was made up.
    #[expect(clippy::too_many_arguments, reason = "one act of judgement with all that it rests on")]
    pub(crate) async fn judged(
        &self,
        caller: &Caller,
        log: &LogName,
        served: &Served,
        body: Body,
        evidence: Vec<Evidence>,
        texts: Vec<(String, Vec<u8>)>,
        seen: Option<u64>,
    ) -> Result<EventId, Refused> {
        let event = self.judgement(caller, log, served, body, evidence).await?;
        self.append_judgement(log, event, texts, Vec::new(), seen).await
    }

    /// The event of an act of judgement.
    pub(crate) async fn judgement(
        &self,
        caller: &Caller,
        log: &LogName,
        served: &Served,
        body: Body,
        evidence: Vec<Evidence>,
    ) -> Result<Event, Refused> {
        let mut event: Event = self.event(log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.evidence = evidence;
        event.people = self.people_point().await.map_err(not_recorded)?;
        Ok(event)
    }

    /// Appends it with its texts and blobs, unless delivery went on since.
    pub(crate) async fn append_judgement(
        &self,
        log: &LogName,
        mut event: Event,
        texts: Vec<(String, Vec<u8>)>,
        blobs: Vec<Vec<u8>>,
        seen: Option<u64>,
    ) -> Result<EventId, Refused> {
        let mut payloads: Vec<NewPayload> = Vec::new();
        for (kind, bytes) in texts {
            payload(&mut payloads, &mut event.payloads, &kind, bytes, None, None).map_err(internal)?;
        }
        let id = event.id;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(log, move |view| {
                unchanged(view, seen)?;
                Ok((Batch { events: vec![event], payloads, blobs, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(id)
    }
}

/// The approval that a reaffirmation names: the person's own newest one, or else the newest of anybody.
fn reaffirmed(events: &[Logged], state: &ObligationState, own: Option<&Logged>) -> Result<EventId, Refused> {
    let id = &state.obligation.id;
    if state.obligation.basis != Basis::Judgement || is_over_states(state) {
        let what = "only what a person judged can be reaffirmed; what was measured is measured again";
        return Err(Refused::Invalid(format!("`{id}` is {}: {what}", state.obligation.by)));
    }
    if state.under != State::Stale {
        return Err(Refused::Invalid(format!(
            "`{id}` is {}, not stale: there is nothing to reaffirm. `seatrial approve {id}` approves it",
            state.under.as_str().replace('_', " ")
        )));
    }
    let stands = |logged: &&Logged| {
        !events.iter().any(|e| matches!(&e.event.body, Body::ApprovalWithdrawn(w) if w.approval == logged.event.id))
    };
    let earlier = own.filter(stands).or_else(|| newest_approval(events, id, None).filter(stands));
    let earlier = earlier.ok_or_else(|| {
        Refused::Invalid(format!("no approval of `{id}` stands that could be reaffirmed: `seatrial approve {id}`"))
    })?;
    Ok(earlier.event.id)
}

/// The role in which somebody approves: the named one, the obligation's own, or a fitting one that they hold.
fn role_for(
    caller: &Caller,
    served: &Served,
    state: &ObligationState,
    input: &ApprovalInput,
) -> Result<String, Refused> {
    if let Some(role) = &input.role {
        return Ok(role.clone());
    }
    let asked = state.obligation.roles(&served.workflow, input.stage);
    // Where one role is asked for, it is the policies that say who does not hold it.
    if let (Some(only), 1) = (asked.first(), asked.len()) {
        return Ok(only.clone());
    }
    asked.iter().find(|role| caller.principal.has_role(role)).cloned().ok_or_else(|| {
        Refused::Forbidden(format!(
            "`{}` holds none of the roles that approve `{}`: {}",
            caller.principal.id,
            state.obligation.id,
            asked.into_iter().collect::<Vec<_>>().join(", ")
        ))
    })
}
