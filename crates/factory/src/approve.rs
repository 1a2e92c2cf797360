//! Human judgement: approvals, acceptances, answers to questions. Each is bound to the key of what was shown, and the
//! commit checks that nothing of delivery came in between.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::Served;
use crate::reviews::settle;
use seatrial_governance::ObligationState;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{ApprovalGiven, ApprovalWithdrawn, QuestionSettled, ResponsibilityAccepted};
use seatrial_model::{Body, Digest, ElementPath, Event, EventId, Evidence, LogName, Logged, Stage};
use seatrial_store::{Batch, NewPayload, Scan, StoreExt as _, TransactError, View};
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

impl Factory {
    /// Gives an approval over exactly the key that the obligation has now.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn approve(&self, caller: &Caller, workflow: &str, input: ApprovalInput) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, input.stage);
        let state = states.iter().find(|s| s.obligation.id == input.obligation).ok_or_else(|| {
            let shown = seatrial_model::Untrusted::new(input.obligation.as_str()).terminal(80);
            Refused::NotFound(format!("{} has no obligation `{shown}`", input.stage))
        })?;
        if let Some(key) = input.key.filter(|key| *key != state.key) {
            return Err(Refused::Conflict {
                message: format!("what was shown (key {}) is not what stands now; look again", key.short()),
                now: Some(state.key.to_string()),
            });
        }
        let role = role_for(caller, &served, state, &input)?;
        let author = gathered.events.iter().any(|logged| {
            matches!(logged.event.body, Body::SpecSubmitted(_))
                && logged.event.actor.id == caller.principal.id
                && logged.event.spec == Some(served.workflow.digest)
        });
        let circumstances = Circumstances {
            stage: Some(input.stage),
            role: Some(role.clone()),
            author,
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Approve, &circumstances)?;
        let body = ApprovalGiven {
            stage: input.stage,
            role,
            shown: state.key,
            shown_ms: input.shown_ms,
            reaffirms: None,
            signature: None,
            directory: None,
            after: None,
        };
        let evidence =
            vec![Evidence { obligation: state.obligation.id.clone(), key: state.key, inputs: state.inputs.clone() }];
        let body = Body::ApprovalGiven(body);
        self.judged(caller, &handle.log, &served, body, evidence, Vec::new(), newest(&gathered.events)).await
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
            return Err(Refused::NotFound(format!("`{unknown}` is no delivery event of this workflow")));
        }
        let body = QuestionSettled { question: path, element: element.written, withdrawn, cites };
        let texts = vec![("text".to_owned(), text.as_bytes().to_vec())];
        let body = Body::QuestionSettled(body);
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&events)).await
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
        let mut event: Event = self.event(log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.evidence = evidence;
        event.people = self.people_point().await.map_err(not_recorded)?;
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
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(id)
    }
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
    if let Some(role) = input.obligation.strip_prefix("approval.") {
        return Ok(role.to_owned());
    }
    let asked: Vec<String> = if input.obligation == "risk.register" {
        served.workflow.risks.items.iter().map(|r| r.accepted_by.clone()).collect()
    } else {
        seatrial_governance::define::approving_roles(&served.workflow, input.stage).into_iter().collect()
    };
    asked.iter().find(|role| caller.principal.has_role(role)).cloned().ok_or_else(|| {
        Refused::Forbidden(format!(
            "`{}` holds none of the roles that approve `{}`: {}",
            caller.principal.id,
            state.obligation.id,
            asked.join(", ")
        ))
    })
}
