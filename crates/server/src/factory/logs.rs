//! The log's head and its entries.

use super::decisions::is_blind;
use super::words::{reference, says};
use crate::view::{LogPage, LogRow};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{EntryLook, Factory};
use seatrial_model::{Body, DecisionId};

/// How many entries a page shows.
const PAGE_ENTRIES: usize = 50;

pub(super) async fn page(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    before: Option<u64>,
) -> Result<LogPage, Refused> {
    let summary = factory.summary(workflow).await?;
    let identity = factory.log_identity(&summary.name).await?;
    let signed = factory.signed_point(workflow).await?;
    let entries = factory.recent_events(workflow, before, PAGE_ENTRIES).await?;
    let blind = blind_decisions(factory, caller, workflow, &entries).await?;
    let older = entries.last().map(|e| e.index).filter(|index| *index > 0);
    let point = signed.unwrap_or(identity.point.clone());
    Ok(LogPage {
        origin: identity.origin,
        entries: identity.point.size,
        size: point.size,
        root: point.root,
        signed_at: None,
        key: identity.key,
        witnesses: Vec::new(),
        rows: entries.iter().map(|entry| row(entry, &blind)).collect(),
        older,
        verify: identity.verify.replace("EXPORT", "export/"),
        export: format!("seatrial log export export/ --workflow {workflow}"),
    })
}

/// The decisions among these entries whose blind audit waits for whoever looks.
async fn blind_decisions(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    entries: &[EntryLook],
) -> Result<Vec<DecisionId>, Refused> {
    let ids: Vec<DecisionId> = entries.iter().filter_map(decision).collect();
    let heads = factory.heads(workflow, ids).await?;
    let mut blind = Vec::new();
    for (id, head) in &heads {
        if is_blind(factory, caller, workflow, head).await? {
            blind.push(*id);
        }
    }
    Ok(blind)
}

const fn decision(entry: &EntryLook) -> Option<DecisionId> {
    match &entry.event.body {
        Body::DecisionMade(made) => Some(made.decision),
        _ => None,
    }
}

fn row(entry: &EntryLook, blind: &[DecisionId]) -> LogRow {
    let hidden = decision(entry).is_some_and(|d| blind.contains(&d));
    let (says, json) = if hidden {
        ("its blind audit waits for your answer".to_owned(), "not shown before you have answered".to_owned())
    } else {
        // An event that was read is one that can be written.
        (says(&entry.event), serde_json::to_string_pretty(&entry.event).unwrap_or_default())
    };
    LogRow { event: reference(entry.index, &entry.event), says, leaf: entry.leaf, json }
}
