//! The computed backlog: what stands between here and the next stage, then what operation found.
//!
//! Nobody writes it. Obligations come in the order of what they unblock; what operation found comes from the log and its
//! projections, and leaves the list when the log says that it is settled.

use seatrial_model::event::Event;
use seatrial_model::{Body, ElementPath, EventId, Stage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fewer overrides of one rule for one reason than this are no cluster.
pub const OVERRIDES_MIN: u64 = 3;

/// Fewer escalations by one rule than this say nothing about the rule.
pub const ESCALATIONS_MIN: u64 = 10;

/// A rule that brings about at least this share of all decisions' escalations is frequent.
pub const ESCALATIONS_SHARE: f64 = 0.05;

/// The most events that one item cites.
pub const CITED_MAX: usize = 20;

/// Where an item comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An obligation of the next stage.
    Obligation,
    /// A threshold certificate that was revoked and not given again.
    Alarm,
    /// A release that lapsed and does not stand again.
    Release,
    /// An assumption that does not hold.
    Assumption,
    /// Audits left unanswered past their time.
    Audits,
    /// Overrides of one rule for one reason.
    Overrides,
    /// Escalations by one rule.
    Escalations,
    /// A finding of the sprint before.
    Finding,
    /// An open question that blocks nothing.
    Question,
}

impl Source {
    /// The word as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Obligation => "obligation",
            Self::Alarm => "alarm",
            Self::Release => "release",
            Self::Assumption => "assumption",
            Self::Audits => "audits",
            Self::Overrides => "overrides",
            Self::Escalations => "escalations",
            Self::Finding => "finding",
            Self::Question => "question",
        }
    }
}

/// One item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BacklogItem {
    /// Where it comes from.
    pub source: Source,
    /// What it is about: an obligation's id, or an element's path.
    pub subject: String,
    /// What is the matter, in a sentence.
    pub what: String,
    /// The stages whose gates wait for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// How many other obligations wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unblocks: Option<u64>,
    /// How often it was seen, where it is something that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The events that it rests on, the first [`CITED_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventId>,
    /// The people present who can do it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// What to do, as a command; none where nobody can say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Overrides of one rule for one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cluster {
    /// The rule that had decided.
    pub rule: ElementPath,
    /// The reason, one of those that the spec lists.
    pub reason: String,
}

/// What the running system did in the window that is looked at.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Operation {
    /// Decisions, rehearsals left out.
    pub decisions: u64,
    /// Overrides, by rule and reason, with the events of the overridden decisions.
    pub overrides: BTreeMap<Cluster, Vec<EventId>>,
    /// Escalations by the rule that brought them about.
    pub escalations: BTreeMap<ElementPath, u64>,
    /// Audits left unanswered past their time, by threshold.
    pub audits_missed: BTreeMap<ElementPath, u64>,
}

/// What the backlog is computed from.
#[derive(Clone, Copy, Debug)]
pub struct BacklogInput<'a> {
    /// What stands between here and the next stage, in the order in which it is to be done.
    pub steps: &'a [BacklogItem],
    /// The workflow's delivery events, in the log's order.
    pub events: &'a [&'a Event],
    /// The running system.
    pub operation: &'a Operation,
    /// Open questions that block nothing: path, and what they ask.
    pub questions: &'a [(ElementPath, String)],
    /// Findings of the sprint before, with what they say.
    pub findings: &'a [(EventId, Option<ElementPath>, String)],
}

/// Computes the backlog.
#[must_use]
pub fn backlog(input: &BacklogInput<'_>) -> Vec<BacklogItem> {
    let mut items = input.steps.to_vec();
    items.extend(alarms(input.events));
    items.extend(lapsed(input.events));
    items.extend(assumptions(input.events));
    items.extend(audits(input.operation));
    items.extend(overrides(input.operation));
    items.extend(escalations(input.operation));
    items.extend(input.findings.iter().map(|(event, element, text)| {
        let subject = element.as_ref().map(ToString::to_string).unwrap_or_default();
        BacklogItem { events: vec![*event], ..item(Source::Finding, &subject, text.clone()) }
    }));
    items.extend(input.questions.iter().map(|(path, ask)| {
        let command = format!("seatrial question answer {} --cites EVENT ANSWER", path.name());
        BacklogItem { command: Some(command), ..item(Source::Question, path.as_str(), ask.clone()) }
    }));
    items
}

/// An item about something, with nothing counted.
#[must_use]
pub fn item(source: Source, subject: &str, what: String) -> BacklogItem {
    BacklogItem {
        source,
        subject: subject.to_owned(),
        what,
        stages: Vec::new(),
        unblocks: None,
        count: None,
        events: Vec::new(),
        people: Vec::new(),
        command: None,
    }
}

/// Thresholds whose newest certificate was revoked, and that were not certified since.
fn alarms(events: &[&Event]) -> Vec<BacklogItem> {
    let mut revoked: BTreeMap<&ElementPath, (EventId, String)> = BTreeMap::new();
    for event in events {
        match &event.body {
            Body::CertificateRevoked(r) => {
                let why = match r.reason.as_str() {
                    "alarm" => "the certificate was wrong from the start".to_owned(),
                    "change" => "it became wrong since".to_owned(),
                    other => format!("revoked by a {other}"),
                };
                let what = format!("everything escalates: {why} ({} of {} audited were wrong)", r.audits.k, r.audits.n);
                revoked.insert(&r.threshold, (event.id, what));
            }
            Body::ThresholdTested(tested) if tested.certified => {
                revoked.remove(&tested.certificate.threshold);
            }
            _ => {}
        }
    }
    revoked
        .into_iter()
        .map(|(threshold, (event, what))| BacklogItem {
            events: vec![event],
            command: Some(format!("seatrial calibrate {}", threshold.name())),
            ..item(Source::Alarm, threshold.as_str(), what)
        })
        .collect()
}

/// The release in force, where it lapsed and does not stand again.
fn lapsed(events: &[&Event]) -> Option<BacklogItem> {
    let mut lapse = None;
    for event in events {
        match &event.body {
            Body::ReleaseLapsed(body) => lapse = Some((event.id, body)),
            Body::ReleaseRestored(_) | Body::ReleaseCut(_) | Body::ReleaseRolledBack(_) | Body::WorkflowRetired(_) => {
                lapse = None;
            }
            _ => {}
        }
    }
    let (event, body) = lapse?;
    let lost: Vec<String> = body.lost.iter().map(|(id, state)| format!("`{id}` is {state}")).collect();
    let what = format!("the release lapsed: {}", lost.join(", "));
    let subject = body.lost.keys().next().cloned().unwrap_or_default();
    Some(BacklogItem {
        events: vec![event],
        command: Some("seatrial status --stage production".to_owned()),
        ..item(Source::Release, &subject, what)
    })
}

/// Assumptions that did not hold when they were last checked.
fn assumptions(events: &[&Event]) -> Vec<BacklogItem> {
    let mut newest = BTreeMap::new();
    for event in events {
        if let Body::AssumptionChecked(checked) = &event.body {
            newest.insert(&checked.assumption, (event.id, checked));
        }
    }
    newest
        .into_iter()
        .filter(|(_, (_, checked))| !checked.holds)
        .map(|(path, (event, checked))| {
            let figures: Vec<String> = checked.metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let what = format!("the assumption does not hold ({})", figures.join(", "));
            BacklogItem { events: vec![event], ..item(Source::Assumption, path.as_str(), what) }
        })
        .collect()
}

fn audits(operation: &Operation) -> Vec<BacklogItem> {
    let missed = operation.audits_missed.iter().filter(|(_, n)| **n > 0);
    missed
        .map(|(threshold, n)| BacklogItem {
            count: Some(*n),
            command: Some("seatrial review list".to_owned()),
            ..item(
                Source::Audits,
                threshold.as_str(),
                format!("{n} audit(s) were left unanswered past their time, and count as wrong"),
            )
        })
        .collect()
}

/// Clusters of overrides, the largest first.
fn overrides(operation: &Operation) -> Vec<BacklogItem> {
    let count = |events: &Vec<EventId>| u64::try_from(events.len()).unwrap_or(u64::MAX);
    let mut clusters: Vec<(&Cluster, &Vec<EventId>)> =
        operation.overrides.iter().filter(|(_, events)| count(events) >= OVERRIDES_MIN).collect();
    clusters.sort_by_key(|(cluster, events)| (std::cmp::Reverse(events.len()), *cluster));
    clusters
        .into_iter()
        .map(|(cluster, events)| BacklogItem {
            count: Some(count(events)),
            events: events.iter().take(CITED_MAX).copied().collect(),
            ..item(
                Source::Overrides,
                cluster.rule.as_str(),
                format!("people overrode it {} times for the reason `{}`", events.len(), cluster.reason),
            )
        })
        .collect()
}

/// Rules that escalate often, the most frequent first.
fn escalations(operation: &Operation) -> Vec<BacklogItem> {
    let often = |n: u64| {
        n >= ESCALATIONS_MIN && operation.decisions > 0 && n as f64 >= ESCALATIONS_SHARE * operation.decisions as f64
    };
    let mut rules: Vec<(&ElementPath, u64)> =
        operation.escalations.iter().map(|(rule, n)| (rule, *n)).filter(|(_, n)| often(*n)).collect();
    rules.sort_by_key(|(rule, n)| (std::cmp::Reverse(*n), *rule));
    rules
        .into_iter()
        .map(|(rule, n)| BacklogItem {
            count: Some(n),
            ..item(Source::Escalations, rule.as_str(), format!("it escalated {n} of {} decisions", operation.decisions))
        })
        .collect()
}

#[cfg(test)]
mod tests;
