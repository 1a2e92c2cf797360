//! An incident's timeline, computed from the log: its own steps, all that happened to its decisions, and what was
//! stopped, overridden, alarmed or released between its opening and its end.

use super::look::IncidentLook;
use crate::api::{Held, Refused};
use crate::decisions::held;
use crate::factory::{Factory, not_recorded};
use crate::handle::row;
use crate::project::{DecisionRec, IncidentRec};
use seatrial_model::{Body, DecisionId, ElementPath, Event, EventId, Time, Untrusted};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most entries of the log that are looked through for one timeline: an incident that lasts longer is told by its
/// own steps and its decisions alone from there on, and the timeline says so.
pub const TIMELINE_SCAN_MAX: u64 = 50_000;

/// The most entries of one timeline: it is read by people.
pub const TIMELINE_ENTRIES_MAX: usize = 500;

/// An incident with its timeline.
#[derive(Clone, Debug, Serialize)]
pub struct IncidentStory {
    /// The incident.
    #[serde(flatten)]
    pub incident: IncidentLook,
    /// What happened, in the order of the log.
    pub timeline: Vec<TimelineEntry>,
    /// There is more than is listed.
    pub cut_short: bool,
}

/// One entry of a timeline.
#[derive(Clone, Debug, Serialize)]
pub struct TimelineEntry {
    /// Where it stands in the log.
    pub index: u64,
    /// The event.
    pub event: EventId,
    /// When.
    pub at: Time,
    /// Its kind.
    pub kind: String,
    /// Who acted.
    pub by: String,
    /// What happened, in words of ours and of the spec.
    pub says: String,
    /// What the person wrote.
    pub text: Held,
    /// The decision that it is about.
    pub decision: Option<DecisionId>,
    /// It happened before the incident was opened.
    pub before: bool,
}

impl Factory {
    /// An incident with its timeline.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow or incident.
    pub async fn incident(&self, workflow: &str, number: u64) -> Result<IncidentStory, Refused> {
        let handle = self.handle(workflow)?;
        let rec = self.incident_rec(&handle, number).await?;
        let read = move |view: &dyn View| {
            let (timeline, cut_short) = timeline(view, &rec)?;
            let text = held(view, rec.text)?;
            Ok(IncidentStory { incident: IncidentLook::of(rec, text), timeline, cut_short })
        };
        self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)
    }
}

fn timeline(view: &dyn View, rec: &IncidentRec) -> Result<(Vec<TimelineEntry>, bool), StoreError> {
    let mut found: BTreeMap<u64, Event> = BTreeMap::new();
    for decision in &rec.decisions {
        let Some(made) = row::<DecisionRec>(view, "decision", decision.uuid().as_bytes())? else { continue };
        let mut indexes = vec![made.index];
        let scan = Scan::all("followup").prefix(decision.uuid().as_bytes().to_vec());
        let index = |key: &[u8]| key.get(16..24).and_then(|b| <[u8; 8]>::try_from(b).ok()).map(u64::from_be_bytes);
        indexes.extend(view.scan(&scan)?.iter().filter_map(|(key, _)| index(key)));
        for index in indexes {
            if let Some(event) = view.event(index)? {
                found.insert(index, event);
            }
        }
    }
    let end = rec.resolved.map_or(view.size()?, |(_, index, _)| index + 1);
    let mut cut_short = end.saturating_sub(rec.index) > TIMELINE_SCAN_MAX;
    for index in rec.index..end.min(rec.index.saturating_add(TIMELINE_SCAN_MAX)) {
        let Some(event) = view.event(index)? else { break };
        if belongs(view, rec, &event)? {
            found.insert(index, event);
        }
    }
    // Its own steps are few, and none is left out: they are delivery's, which has an index of its own.
    let mut scan = Scan::all("delivery").after(rec.index.to_be_bytes().to_vec());
    loop {
        let page = view.scan(&scan)?;
        let Some((last, _)) = page.last() else { break };
        scan = Scan::all("delivery").after(last.clone());
        for (key, _) in &page {
            let Ok(index) = <[u8; 8]>::try_from(key.as_slice()).map(u64::from_be_bytes) else { continue };
            if let Some(event) = view.event(index)?.filter(|e| is_own(rec, e)) {
                found.insert(index, event);
            }
        }
    }
    cut_short |= found.len() > TIMELINE_ENTRIES_MAX;
    let mut entries = Vec::new();
    for (index, event) in found.into_iter().take(TIMELINE_ENTRIES_MAX) {
        entries.push(entry(view, rec, index, event)?);
    }
    Ok((entries, cut_short))
}

fn is_own(rec: &IncidentRec, event: &Event) -> bool {
    match &event.body {
        Body::IncidentOpened(b) => b.incident == rec.incident,
        Body::IncidentUpdated(b) => b.incident == rec.incident,
        Body::IncidentReviewed(b) => b.incident == rec.incident,
        Body::SprintNoted(_) => rec.findings.contains(&event.id),
        _ => false,
    }
}

/// Whether an event between opening and end belongs to an incident.
fn belongs(view: &dyn View, rec: &IncidentRec, event: &Event) -> Result<bool, StoreError> {
    Ok(match &event.body {
        Body::WorkflowStopped(b) => b.marked == rec.drill,
        Body::WorkflowResumed(b) => b.marked == rec.drill,
        Body::DecisionOverridden(b) if !rec.decisions.contains(&b.decision) => {
            // Where it names decisions and no element, it is about those decisions.
            let wide = rec.elements.is_empty() && rec.decisions.is_empty();
            let made = row::<DecisionRec>(view, "decision", b.decision.uuid().as_bytes())?;
            let fits = |made: &DecisionRec| made.rehearsal == rec.drill && (wide || touches(rec, &made.step));
            made.is_some_and(|made| fits(&made))
        }
        Body::CertificateRevoked(_)
        | Body::ReleaseLapsed(_)
        | Body::ReleaseRestored(_)
        | Body::ReleaseRolledBack(_)
        | Body::ReleaseCut(_)
        | Body::SpecSubmitted(_)
        | Body::WorkflowRetired(_) => !rec.drill,
        Body::AssumptionChecked(b) => !rec.drill && !b.holds,
        _ => is_own(rec, event),
    })
}

fn touches(rec: &IncidentRec, step: &str) -> bool {
    let path = ElementPath::from("steps").child(step);
    rec.elements.iter().any(|element| element.is_within(&path) || path.is_within(element))
}

fn entry(view: &dyn View, rec: &IncidentRec, index: u64, event: Event) -> Result<TimelineEntry, StoreError> {
    // Outputs and inputs stay where they are: a timeline holds what people wrote about them.
    let written = event.payloads.get("text").or_else(|| event.payloads.get("reason")).copied();
    Ok(TimelineEntry {
        index,
        event: event.id,
        at: event.time,
        kind: event.body.kind().to_owned(),
        by: event.actor.id.clone(),
        says: says(&event.body),
        text: held(view, written)?,
        decision: event.subject.decision,
        before: index < rec.index,
    })
}

fn says(body: &Body) -> String {
    let whole = |element: &ElementPath, marked: bool| {
        let name = if element.as_str().is_empty() { "the whole workflow" } else { element.as_str() };
        format!("{name}{}", if marked { ", marked requests only" } else { "" })
    };
    match body {
        Body::IncidentOpened(b) => format!("opened, {}, owned by {}", b.severity, b.owner),
        Body::IncidentUpdated(b) => {
            let mut said = Vec::new();
            said.extend(b.severity.map(|s| format!("severity {s}")));
            said.extend(b.owner.as_ref().map(|o| format!("handed over to {o}")));
            said.extend(b.course.map(|c| format!("decided: {c}")));
            said.extend(b.resolved.then(|| "resolved".to_owned()));
            if said.is_empty() { "note".to_owned() } else { said.join(", ") }
        }
        Body::IncidentReviewed(b) => format!("reviewed, {} finding(s)", b.findings.len()),
        Body::SprintNoted(_) => "finding for the next sprint".to_owned(),
        Body::DecisionMade(b) => format!("{}: {}, {}", b.step, b.verdict, b.action),
        Body::DecisionOverridden(b) => format!("overridden: {} ({})", b.action, b.reason),
        Body::StreamOpened(b) => format!("{}: a stream began", b.step),
        Body::StepAdmitted(b) => format!("{}: {}", b.step, b.code),
        Body::DecisionEffect(b) => format!("its caller reported: {}", b.action),
        Body::OutcomeRecorded(b) => format!("turned out {}", if b.wrong { "wrong" } else { "right" }),
        Body::ReviewClaimed(_) => "its review was claimed".to_owned(),
        Body::ReviewAnswered(b) => {
            format!("its review was answered{}", if b.usable { "" } else { ", and the answer cannot be used" })
        }
        Body::AuditMissed(_) => "its audit was left unanswered".to_owned(),
        Body::PayloadErased(b) => format!("{} payload(s) erased", b.payloads),
        Body::WorkflowStopped(b) => format!("stopped: {}", whole(&b.element, b.marked)),
        Body::WorkflowResumed(b) => format!("resumed: {}", whole(&b.element, b.marked)),
        Body::CertificateRevoked(b) => format!("alarm: the certificate of {} is revoked", b.threshold),
        Body::AssumptionChecked(b) => format!("alarm: the assumption {} is broken", b.assumption),
        Body::ReleaseLapsed(b) => {
            let lost: Vec<&str> = b.lost.keys().map(String::as_str).collect();
            format!("the release {} lapsed: {}", b.release.short(), lost.join(", "))
        }
        Body::ReleaseRestored(b) => format!("the release {} stands again", b.release.short()),
        Body::ReleaseRolledBack(b) => format!("rolled back to {}", b.to.short()),
        Body::ReleaseCut(b) => format!("released for {}", b.stage),
        Body::SpecSubmitted(_) => "another spec was submitted".to_owned(),
        Body::WorkflowRetired(_) => "retired".to_owned(),
        other => other.kind().to_owned(),
    }
}

impl IncidentStory {
    /// The story as Markdown, for whoever was not there.
    #[must_use]
    pub fn markdown(&self) -> String {
        let i = &self.incident;
        let mut out = format!("# Incident {}{}\n\n", i.incident, if i.drill { " (drill)" } else { "" });
        let course = i.course.map_or_else(|| "undecided".to_owned(), |c| c.to_string());
        // Writing into a String cannot fail.
        let _ = writeln!(out, "| | |\n|---|---|\n| state | {} |\n| severity | {} |", i.state.as_str(), i.severity);
        let _ = writeln!(out, "| owner | {} |\n| decided | {course} |\n| opened | {} by {} |", i.owner, i.opened, i.by);
        for (name, at) in [("resolved", i.resolved), ("reviewed", i.reviewed)] {
            if let Some(at) = at {
                let _ = writeln!(out, "| {name} | {at} |");
            }
        }
        let _ =
            writeln!(out, "\n{}\n\n## Timeline\n\n| when | who | what | event |\n|---|---|---|---|", quoted(&i.text));
        for e in &self.timeline {
            let before = if e.before { "before: " } else { "" };
            let decision = e.decision.map(|d| format!(" `{d}`")).unwrap_or_default();
            let text = match &e.text {
                Held::Text { text, .. } => format!(": {}", cell(text.raw())),
                Held::Erased { .. } => ": (erased)".to_owned(),
                _ => String::new(),
            };
            let says = cell(&e.says);
            let _ = writeln!(out, "| {} | {} | {before}{says}{decision}{text} | `{}` |", e.at, cell(&e.by), e.event);
        }
        if self.cut_short {
            let _ = writeln!(out, "\nThere is more than is listed: `seatrial log` has all of it.");
        }
        out
    }
}

fn quoted(text: &Held) -> String {
    match text {
        Held::Text { text, .. } => format!("> {}", cell(text.raw())),
        _ => "> (erased)".to_owned(),
    }
}

/// Text from outside in one line of a table: no markup, no line breaks, nothing that cannot be seen.
fn cell(text: &str) -> String {
    let mut out = String::new();
    let flat = text.replace(['\n', '\r', '\t'], " ");
    for c in Untrusted::new(flat).terminal(super::INCIDENT_TEXT_BYTES_MAX).chars() {
        if "\\`*_{}[]()#!|<>~&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
