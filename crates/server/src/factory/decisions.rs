//! Decisions: the list, and one with its whole chain.

use super::payloads::{About, payload, text, whole};
use super::words::{Words, event_ref, references};
use crate::view::{
    AnswerLine, AuditLine, ConfidenceLine, DecisionFilter, DecisionPage, DecisionRow, Decisions, EventRef, FindingLine,
    Inclusion, OutcomeLine, OverrideLine, Payload, ReviewLine, WhenLine,
};
use seatrial_factory::api::{Caller, DecisionChain, Held, Refused, ReviewView};
use seatrial_factory::{DecisionFilter as Asked, DecisionHead, Factory};
use seatrial_model::facts::CertificateState;
use seatrial_model::{Answer, Body, Commitment, DecisionId, Event, Finding, Logged};
use seatrial_spec::Workflow;
use serde_json::Value;

/// How many decisions a page of the list shows.
const PAGE_ROWS: usize = 50;

/// Whether whoever looks has the blind audit of this decision before them.
pub(super) async fn is_blind(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    head: &DecisionHead,
) -> Result<bool, Refused> {
    let Some(role) = &head.audit_open else { return Ok(false) };
    if !caller.principal.has_role(role) {
        return Ok(false);
    }
    let spec = factory.spec_at(workflow, head.spec).await?;
    Ok(spec.step(&head.step).and_then(|s| s.audit.as_ref()).is_some_and(|a| a.blind))
}

pub(super) async fn list(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    filter: DecisionFilter,
) -> Result<Decisions, Refused> {
    let steps = factory.shown_spec(workflow).map(|s| s.steps.iter().map(|s| s.name.clone()).collect());
    let before = match filter.before {
        Some(index) => Some(decision_at(factory, workflow, index).await?),
        None => None,
    };
    let asked = Asked {
        verdict: filter.verdict,
        step: filter.step.clone(),
        pending: false,
        before,
        limit: PAGE_ROWS.saturating_add(1),
    };
    let mut found = factory.decisions(workflow, asked).await?;
    let more = found.len() > PAGE_ROWS;
    found.truncate(PAGE_ROWS);
    let older = found.last().map(|r| r.index).filter(|_| more);
    let heads = factory.heads(workflow, found.iter().map(|r| r.decision).collect()).await?;
    let mut rows = Vec::with_capacity(found.len());
    for r in found {
        let head = heads.get(&r.decision);
        let blind = match head {
            Some(head) => is_blind(factory, caller, workflow, head).await?,
            None => false,
        };
        // Being listed under a verdict would tell it.
        if blind && filter.verdict.is_some() {
            continue;
        }
        rows.push(DecisionRow {
            decision: r.decision,
            index: r.index,
            time: r.time,
            case: head.and_then(|h| text(&h.case)).cloned(),
            step: r.step,
            verdict: r.verdict,
            action: r.action,
            pending: head.is_some_and(|h| h.waits),
            confidence: r.confidence,
            because: r.because.iter().map(ToString::to_string).collect(),
            overridden: head.is_some_and(|h| h.overridden),
            rehearsal: r.rehearsal,
            blind,
        });
    }
    Ok(Decisions { steps: steps.unwrap_or_default(), filter, rows, older, total: None })
}

/// The decision of an entry: where the page before ended.
async fn decision_at(factory: &Factory, workflow: &str, index: u64) -> Result<DecisionId, Refused> {
    let found = factory.recent_events(workflow, index.checked_add(1), 1).await?;
    match found.first().filter(|e| e.index == index).map(|e| &e.event.body) {
        Some(Body::DecisionMade(made)) => Ok(made.decision),
        _ => Err(Refused::NotFound(format!("entry {index} is no decision, so no page ends there"))),
    }
}

pub(super) async fn page(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    id: DecisionId,
) -> Result<DecisionPage, Refused> {
    let chain = factory.decision(caller, id).await?;
    if chain.workflow.as_str() != workflow {
        return Err(Refused::NotFound(format!("there is no decision `{id}` here")));
    }
    let heads = factory.heads(workflow, vec![id]).await?;
    if let Some(head) = heads.get(&id)
        && is_blind(factory, caller, workflow, head).await?
    {
        return Err(Refused::Forbidden(
            "a blind audit of this decision waits for your answer; it opens to you once you have given it".to_owned(),
        ));
    }
    let spec = factory.spec_at(workflow, chain.spec).await?;
    let words = Words::of(&spec);
    let followed = references(factory, workflow, chain.followed_by.iter().map(|f| f.1)).await?;
    let story = Story::read(factory, workflow, &chain).await?;
    let step = spec.step(&chain.step);
    let withheld = step.map(|s| s.withhold.as_slice()).unwrap_or_default();
    let committed = |name: &str| story.made.event.payloads.get(name).copied();
    Ok(DecisionPage {
        decision: id,
        // As whom the chain names, which is not always who the event names.
        event: EventRef { actor: chain.caller.id.clone(), ..event_ref(&story.made) },
        case: whole(&chain.case, committed("case")),
        step: chain.step.clone(),
        entry: story.entry.clone(),
        stage: chain.facts.stage,
        release: chain.release,
        spec: chain.spec,
        rehearsal: chain.facts.rehearsal,
        shadow: chain.facts.shadow,
        model: chain.model.clone(),
        attempts: chain.facts.attempts,
        input: input(&chain, committed("input"), withheld),
        output: output(&chain, committed("output")),
        released: released(&chain),
        uninspected: uninspected(&chain),
        findings: findings(&chain, &words),
        confidence: confidence(&chain, &spec),
        whens: whens(&chain, &words),
        verdict: chain.verdict,
        action: chain.action,
        because: words.because(&chain.because),
        review: chain.review.as_ref().filter(|r| !r.audit).map(|r| ReviewLine {
            review: r.review,
            to: r.to.clone(),
            due: r.due,
            answer: answer(r, &story),
        }),
        overridden: chain.overridden.as_ref().map(|o| OverrideLine {
            by: o.by.clone(),
            at: o.at,
            reason: o.reason.clone(),
            note: story.note.clone(),
            action: o.action,
        }),
        outcome: chain.outcome.as_ref().map(|o| OutcomeLine {
            at: o.at,
            wrong: o.wrong,
            matured: o.matured,
            truth: payload(&story.truth, About { absent: "Nothing was told.", ..About::default() }),
        }),
        audit: chain.audit.then(|| AuditLine {
            blind: step.and_then(|s| s.audit.as_ref()).is_some_and(|a| a.blind),
            answered: agreement(&chain, &story),
            by: audit_answer(&chain).map(|(_, by, at)| (by.clone(), *at)),
        }),
        inclusion: inclusion(factory, workflow, &chain).await?,
        followed_by: followed,
    })
}

/// Where the decision is in the log: in the newest signed checkpoint, where that reaches it.
async fn inclusion(factory: &Factory, workflow: &str, chain: &DecisionChain) -> Result<Inclusion, Refused> {
    let signed = factory.signed_point(workflow).await?.filter(|s| s.size > chain.index);
    let is_signed = signed.is_some();
    let point = match signed {
        Some(point) => point,
        None => factory.log_identity(&chain.workflow).await?.point,
    };
    let command = format!("seatrial log prove {}", chain.decision);
    Ok(Inclusion { index: chain.index, size: point.size, root: point.root, signed: is_signed, command })
}

/// What events that belong to a decision say besides its chain.
pub(super) struct Story {
    /// The decision's own event.
    pub made: Logged,
    entry: String,
    /// The last answer, as its event.
    answered: Option<Event>,
    reason: Held,
    own: Held,
    note: Option<seatrial_model::Untrusted>,
    truth: Held,
}

impl Story {
    pub(super) async fn read(factory: &Factory, workflow: &str, chain: &DecisionChain) -> Result<Self, Refused> {
        let ids = chain.followed_by.iter().map(|f| f.1).chain([chain.event]).collect();
        let found = factory.events_of(workflow, ids).await?;
        let made = found.get(&chain.event).cloned();
        let made = made.ok_or_else(|| Refused::Internal(format!("entry {} is missing", chain.index)))?;
        // The word of the design, as the wire writes it.
        let entry = serde_json::to_value(chain.entry).ok().and_then(|v| v.as_str().map(str::to_owned));
        let last = |wanted: fn(&Body) -> bool| {
            let mut of_kind: Vec<&Logged> = found.values().filter(|e| wanted(&e.event.body)).collect();
            of_kind.sort_by_key(|e| e.index);
            of_kind.last().map(|e| Event::clone(&e.event))
        };
        let answered = last(|b| matches!(b, Body::ReviewAnswered(_)));
        let overridden = last(|b| matches!(b, Body::DecisionOverridden(_)));
        let outcome = last(|b| matches!(b, Body::OutcomeRecorded(_)));
        let of = |event: &Option<Event>, name: &str| event.as_ref().and_then(|e| e.payloads.get(name).copied());
        let note = factory.text(workflow, of(&overridden, "reason")).await?;
        Ok(Self {
            made,
            entry: entry.unwrap_or_default(),
            reason: factory.text(workflow, of(&answered, "reason")).await?,
            own: factory.text(workflow, of(&answered, "output")).await?,
            note: text(&note).cloned(),
            truth: factory.text(workflow, of(&outcome, "truth")).await?,
            answered,
        })
    }
}

pub(super) fn input(chain: &DecisionChain, commitment: Option<Commitment>, withheld: &[String]) -> Payload {
    let absent = "There is no input.";
    payload(&chain.input, About { commitment, withheld, findings: &chain.facts.input, absent })
}

pub(super) fn output(chain: &DecisionChain, commitment: Option<Commitment>) -> Payload {
    let absent = match chain.facts.no_candidate.as_deref() {
        Some("model_unreachable") => "The model could not be reached, so there is no output.",
        Some(_) => "The model’s answer could not be read, so there is no output.",
        None => "The input was denied, so the model was never asked.",
    };
    payload(&chain.output, About { commitment, findings: &chain.facts.findings, absent, ..About::default() })
}

/// What left, where it is another text than the candidate.
fn released(chain: &DecisionChain) -> Option<Payload> {
    let left = chain.released.as_ref()?;
    let same = match (left, &chain.output) {
        (Held::Text { commitment: a, .. }, Held::Text { commitment: b, .. }) => a == b,
        _ => false,
    };
    (!same).then(|| payload(left, About::default()))
}

fn uninspected(chain: &DecisionChain) -> Vec<String> {
    chain.facts.inspected.iter().filter(|part| part.by.is_empty()).map(|part| part.part.clone()).collect()
}

/// What every check found, objections first.
pub(super) fn findings(chain: &DecisionChain, words: &Words) -> Vec<FindingLine> {
    let line = |finding: &Finding| {
        let (rule, reason) = words.get(&finding.path);
        FindingLine {
            path: finding.path.to_string(),
            kind: finding.kind,
            result: finding.result,
            code: finding.code.clone(),
            rule,
            reason,
            places: u64::try_from(finding.spans.len()).unwrap_or(u64::MAX),
        }
    };
    let mut all: Vec<&Finding> = chain.facts.input.iter().chain(&chain.facts.findings).collect();
    all.sort_by_key(|finding| !finding.objects());
    all.into_iter().map(line).collect()
}

pub(super) fn confidence(chain: &DecisionChain, spec: &Workflow) -> ConfidenceLine {
    let known = &chain.facts.confidence;
    let fact = chain.facts.thresholds.first();
    let number = fact.and_then(|t| spec.thresholds.get(t.path.name())).and_then(|t| t.at);
    let certificate = fact.map(|t| match t.state {
        CertificateState::Certified => "certified",
        CertificateState::None => "none",
        CertificateState::Revoked => "revoked",
    });
    ConfidenceLine {
        source: known.source.clone(),
        value: known.value,
        present: known.present,
        threshold: fact.zip(number).map(|(t, at)| (t.path.to_string(), at)),
        certificate: certificate.map(str::to_owned),
    }
}

fn whens(chain: &DecisionChain, words: &Words) -> Vec<WhenLine> {
    let line = |when: &seatrial_model::facts::When| WhenLine {
        path: when.path.to_string(),
        rule: words.get(&when.path).0,
        holds: when.holds,
        failed: when.failed,
    };
    chain.facts.whens.iter().map(line).collect()
}

/// A review's answer, with what its event and payloads say.
pub(super) fn answer(review: &ReviewView, story: &Story) -> Option<AnswerLine> {
    let (answer, by, at) = review.answer.clone()?;
    let shown_ms = match story.answered.as_ref().map(|e| &e.body) {
        Some(Body::ReviewAnswered(b)) => b.shown_ms,
        _ => None,
    };
    let reason = text(&story.reason).cloned();
    Some(AnswerLine { answer, by, at, reason, usable: review.usable.unwrap_or(false), shown_ms })
}

fn audit_answer(chain: &DecisionChain) -> Option<&(Answer, String, seatrial_model::Time)> {
    chain.review.as_ref().filter(|r| r.audit).and_then(|r| r.answer.as_ref())
}

/// Whether the auditor would have decided the same: in so many words, or field by field where the audit was blind.
fn agreement(chain: &DecisionChain, story: &Story) -> Option<bool> {
    let (answer, _, _) = audit_answer(chain)?;
    match answer {
        Answer::Accept => Some(true),
        Answer::Reject => Some(false),
        Answer::Edit | Answer::Own => {
            let read = |held: &Held| text(held).and_then(|t| serde_json::from_str::<Value>(t.raw()).ok());
            let (own, candidate) = (read(&story.own)?, read(&chain.output)?);
            let source = chain.facts.confidence.source.strip_prefix("output.");
            let same = |(name, value): (&String, &Value)| {
                // A confidence is the model's about itself: nobody is asked to guess it.
                Some(name.as_str()) == source || candidate.get(name) == Some(value)
            };
            Some(own.as_object()?.iter().all(same))
        }
    }
}
