//! The spec's own words for its elements, and an event in a few words.

use crate::view::{Because, EventRef};
use seatrial_factory::Factory;
use seatrial_factory::api::Refused;
use seatrial_model::event::Share;
use seatrial_model::{Body, ElementPath, Event, EventId, Logged};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Check, Else, Rule, Step};
use std::collections::BTreeMap;

/// What the spec says of its rules.
#[derive(Default)]
pub(super) struct Words(BTreeMap<String, (String, String)>);

impl Words {
    pub(super) fn of(workflow: &Workflow) -> Self {
        let mut words = Self::default();
        for step in &workflow.steps {
            words.step(step);
        }
        words.put("gates", "nothing is released", "Nothing is served before its release");
        words.put("gates.pilot.review", "review: all", "In this pilot a person reviews every decision");
        words.put("gates.pilot.per_day", "per_day", "The pilot’s ceiling of the day is reached");
        words.put("gates.pilot.until", "until", "The pilot has ended");
        words.put("gates.production.on_lapse", "on_lapse", "The release has lapsed");
        words
    }

    fn step(&mut self, step: &Step) {
        for rule in step.rules() {
            self.put(rule.path.as_str(), &rule_text(rule), rule.because.as_deref().unwrap_or_default());
        }
        if let Some(tools) = &step.tools {
            let path = step.path().child("tools");
            let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            let rule = if names.is_empty() { "no tool".to_owned() } else { format!("only {}", names.join(", ")) };
            self.put(path.as_str(), &format!("tools: {rule}"), "");
            for tool in tools {
                if let Some(arguments) = &tool.arguments {
                    let rule = format!("the arguments of `{}` are a `{arguments}`", tool.name);
                    self.put(tool.path.child("arguments").as_str(), &rule, "");
                }
            }
        }
        for escalation in &step.escalate {
            let why = escalation.because.as_deref().unwrap_or_default();
            self.put(escalation.path.as_str(), &escalation.when.source, why);
        }
        if let Some(audit) = &step.audit {
            let sample = format!("sample: {}", audit.sample);
            self.put(step.path().child("audit").as_str(), &sample, "Allowed decisions are checked by sampling");
        }
        if let Some(output) = &step.output {
            let rule = format!("the output is a `{output}`");
            self.put(&format!("types.{output}"), &rule, "");
            self.put(step.path().child("output").as_str(), &rule, "");
        }
    }

    fn put(&mut self, path: &str, rule: &str, reason: &str) {
        self.0.insert(path.to_owned(), (rule.to_owned(), reason.to_owned()));
    }

    /// The rule as written, and the spec's reason for it.
    pub(super) fn get(&self, path: &ElementPath) -> (String, String) {
        self.0.get(path.as_str()).cloned().unwrap_or_default()
    }

    /// Elements with what the spec says of each: its reason, else the rule itself.
    pub(super) fn because(&self, paths: &[ElementPath]) -> Vec<Because> {
        let text = |path: &ElementPath| match self.get(path) {
            (rule, reason) if reason.is_empty() => rule,
            (_, reason) => reason,
        };
        paths.iter().map(|path| Because { path: path.to_string(), text: text(path) }).collect()
    }
}

fn rule_text(rule: &Rule) -> String {
    let check = match &rule.check {
        Check::Rule(expression) => expression.source.clone(),
        Check::Detect { detectors, regexes, within } => {
            let what: Vec<&str> = detectors.iter().chain(regexes).map(String::as_str).collect();
            format!("detect: {} in {}", what.join(", "), within.as_deref().unwrap_or("all text"))
        }
        Check::Grounded { quote, within } => format!("{quote} stands verbatim in {within}"),
        Check::Judge { step, rule } => format!("{step} judges: {}", rule.source),
    };
    let otherwise = match rule.otherwise {
        Else::Deny => "",
        Else::Escalate => ", else escalate",
        Else::Modify => ", else modify",
        Else::Warn => ", else warn",
    };
    format!("{check}{otherwise}")
}

pub(super) fn event_ref(logged: &Logged) -> EventRef {
    reference(logged.index, &logged.event)
}

pub(super) fn reference(index: u64, event: &Event) -> EventRef {
    EventRef {
        id: event.id,
        index,
        kind: event.body.kind().to_owned(),
        time: event.time,
        actor: event.actor.id.clone(),
    }
}

/// References to events by their ids, in the order asked; those that are not in this log are left out.
pub(super) async fn references(
    factory: &Factory,
    workflow: &str,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<Vec<EventRef>, Refused> {
    let ids: Vec<EventId> = ids.into_iter().collect();
    let found = factory.events_of(workflow, ids.clone()).await?;
    Ok(ids.iter().filter_map(|id| found.get(id)).map(event_ref).collect())
}

fn of(share: Share) -> String {
    format!("{} of {}", share.k, share.n)
}

fn whole(element: &ElementPath) -> &str {
    if element.as_str().is_empty() { "the whole workflow" } else { element.as_str() }
}

fn switched(element: &ElementPath, marked: bool) -> String {
    format!("{}{}", whole(element), if marked { ", marked requests only" } else { "" })
}

/// What an event says, in a few words of ours and of the spec: no text from outside.
pub(super) fn says(event: &Event) -> String {
    match &event.body {
        Body::FactoryOpened(b) => format!("factory {}", b.factory),
        Body::FactoryDeclared(b) => format!("{} people", b.people),
        Body::PeopleChanged(b) => {
            let waiting = if b.pending.is_empty() { String::new() } else { format!(", {} waiting", b.pending.len()) };
            format!("{} role(s) given, {} taken{waiting}", b.joined.len(), b.left.len())
        }
        Body::PeopleApproved(b) => format!("of {}, as {}", b.people.join(", "), b.role),
        Body::TokenIssued(b) => format!("for {}", b.principal),
        Body::TokenRevoked(b) => b.token.clone(),
        Body::ClockAdvanced(b) => format!("by {} ms", b.by_ms),
        Body::LogOpened(b) => b.origin.clone(),
        Body::NodeRecovered(b) => {
            let streams = if b.streams > 0 { format!(", {} streams broken off", b.streams) } else { String::new() };
            format!("{} entries were not signed{streams}", b.unsigned_entries)
        }
        Body::SpecSubmitted(b) => {
            format!(
                "{} elements: {} added, {} changed, {} removed",
                b.element_count,
                b.added.len(),
                b.changed.len(),
                b.removed.len()
            )
        }
        Body::QuestionSettled(b) => format!("{} {}", b.question, if b.withdrawn { "withdrawn" } else { "answered" }),
        Body::ModelTrained(b) => format!("{}: {} examples", b.step, b.rows),
        Body::EvaluationRecorded(b) => {
            let unjudged = if b.unjudged > 0 { format!(", {} not judged", b.unjudged) } else { String::new() };
            format!("{}: {} passed, {} let through{unjudged}", b.set, of(b.passed), of(b.let_through))
        }
        Body::ExamplesSealed(b) => format!("{} of {}", b.set, b.threshold),
        Body::ThresholdProposed(b) => format!("{}: {}", b.threshold, number(b.at)),
        Body::ThresholdTested(b) => {
            let word = if b.certified { "certified" } else { "not certified" };
            format!("{} at {}: {word}", b.certificate.threshold, number(b.certificate.at))
        }
        Body::CertificateRevoked(b) => format!("{}: {}, {} wrong", b.threshold, b.reason, of(b.audits)),
        Body::SprintOpened(b) => format!("sprint {}", b.number),
        Body::SprintClosed(b) => b.sprint.to_string(),
        Body::ApprovalGiven(b) => {
            let over: Vec<&str> = event.evidence.iter().map(|e| e.obligation.as_str()).collect();
            format!("{} as {}, for {}", over.join(", "), b.role, b.stage)
        }
        Body::ApprovalWithdrawn(b) => b.approval.to_string(),
        Body::ReleaseCut(b) => format!("{}, {}", b.stage, b.level),
        Body::WaiverRequested(b) => format!("{}, for {}, until {}", b.obligation, b.stage, b.until.day()),
        Body::WaiverGranted(b) => format!("{} as {}", b.waiver, b.role),
        Body::WaiverEnded(b) => b.waiver.to_string(),
        Body::DocumentFiled(b) => format!("{}: {}", b.obligation, b.name),
        Body::AttestationAccepted(b) => format!("{}: {}", b.obligation, b.predicate),
        Body::PilotReported(b) => format!("pilot {}: {} decisions", b.pilot, b.decisions),
        Body::ReleaseLapsed(b) => b.lost.keys().cloned().collect::<Vec<_>>().join(", "),
        Body::ReleaseRestored(b) => b.release.short(),
        Body::ReleaseRolledBack(b) => format!("{} → {}", b.from.short(), b.to.short()),
        Body::OutcomeMeasured(b) => format!("{}: {}", b.outcome, b.value),
        Body::AssumptionChecked(b) => format!("{}: {}", b.assumption, if b.holds { "holds" } else { "broken" }),
        Body::ReplayRecorded(b) => format!("{} of {} decided again, {} changed", b.again, b.decisions, b.changed),
        Body::SprintNoted(b) => {
            let sprint = b.sprint.map_or_else(|| "for the next sprint".to_owned(), |sprint| sprint.to_string());
            format!("{sprint}{}", if b.finding { ": a finding" } else { "" })
        }
        Body::ReconciliationDone(b) => {
            format!("{}: {} of {} recorded", b.of, b.theirs - b.unrecorded.min(b.theirs), b.theirs)
        }
        body => says_running(body),
    }
}

fn says_running(body: &Body) -> String {
    match body {
        Body::DecisionMade(b) => {
            // What is seeded among the reviews is told by the answer, not before it.
            let seeded = b.review.as_ref().is_some_and(|r| r.seeded);
            let mark = if b.facts.rehearsal && !seeded { ", rehearsal" } else { "" };
            format!("{}: {}, confidence {:.3}{mark}", b.step, b.verdict, b.facts.confidence.value)
        }
        Body::StreamOpened(b) => format!("{}: a stream in windows of {} bytes", b.step, b.window),
        Body::StepAdmitted(b) => format!("{}: {}", b.step, b.code),
        Body::DecisionEffect(b) => format!("the caller did: {}", b.action),
        Body::DecisionOverridden(b) => format!("{}, {}", b.action, b.reason),
        Body::OutcomeRecorded(b) => {
            format!("{}{}", if b.wrong { "wrong" } else { "right" }, if b.matured { "" } else { ", not matured" })
        }
        Body::ReviewClaimed(b) => b.review.to_string(),
        Body::ReviewAnswered(b) => {
            let seeded = match b.caught {
                Some(true) => ", a seeded item caught",
                Some(false) => ", a seeded item missed",
                None => "",
            };
            format!("{}{}{seeded}", b.answer, if b.usable { "" } else { ", superseded" })
        }
        Body::WorkflowStopped(b) => switched(&b.element, b.marked),
        Body::WorkflowResumed(b) => switched(&b.element, b.marked),
        Body::DrillDone(b) => format!("{}: in {} ms, {} refused after it", b.control, b.effective_ms, b.refused),
        Body::ProbeRun(b) => {
            format!("{} of {} rules enforced", b.probes.iter().filter(|p| p.enforced).count(), b.probes.len())
        }
        Body::TraceAudited(b) => format!("{} of {} verdicts recompute", b.verdicts, b.sampled),
        Body::PayloadErased(b) => format!("{} payloads, {}", b.payloads, b.reason),
        Body::ResponsibilityAccepted(b) => format!("{} as {}", b.responsibility, b.role),
        Body::PackGenerated(b) => format!("{} missing for the handover", b.missing.len()),
        _ => String::new(),
    }
}

fn number(at: Option<f64>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| at.to_string())
}
