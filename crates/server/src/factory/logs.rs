//! The log's head and its entries.

use super::decisions::is_blind;
use super::words::{reference, says};
use super::{caller, problem, sentence};
use crate::backend::{LogReader, Problem};
use crate::view::{LogPage, LogRow};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{EntryLook, Factory, LogBytes, LogPath};
use seatrial_model::{Body, DecisionId};
use std::collections::BTreeMap;

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
    let kept = waiting_decisions(factory, caller, workflow, &entries).await?;
    let older = entries.last().map(|e| e.index).filter(|index| *index > 0);
    let point = signed.unwrap_or(identity.point.clone());
    let log = workflow.parse().map_err(|_| Refused::NotFound(format!("there is no log `{workflow}`")))?;
    let witnesses = factory.witnesses(&log).await?;
    let witnesses =
        witnesses.into_iter().filter_map(|w| Some(format!("{}, {} entries on {}", w.witness, w.point?.size, w.at?)));
    Ok(LogPage {
        origin: identity.origin,
        entries: identity.point.size,
        size: point.size,
        root: point.root,
        signed_at: None,
        key: identity.key,
        witnesses: witnesses.collect(),
        rows: entries.iter().map(|entry| row(entry, &kept)).collect(),
        older,
        verify: identity.verify.replace("EXPORT", "export/"),
        export: format!("seatrial log export export/ --workflow {workflow}"),
    })
}

/// A file of a log, as programs fetch it.
pub(super) async fn file(
    factory: &Factory,
    reader: LogReader<'_>,
    log: &str,
    path: LogPath,
) -> Result<LogBytes, Problem> {
    let by_token = match reader {
        LogReader::Token(token) => Some(factory.authenticate(token).await.map_err(unauthenticated)?),
        LogReader::Anybody | LogReader::Person(_) => None,
    };
    let by_session = match reader {
        LogReader::Person(person) => Some(caller(person)),
        LogReader::Anybody | LogReader::Token(_) => None,
    };
    factory.log_file(by_token.or(by_session).as_ref(), log, path).await.map_err(unauthenticated)
}

/// As pages say it, with the difference that programs make: who did not say who they are may try again.
fn unauthenticated(refused: Refused) -> Problem {
    match refused {
        Refused::Unauthenticated => Problem::Unauthenticated(sentence(&refused.to_string())),
        other => problem(other),
    }
}

/// What an entry of the log does not show yet.
#[derive(Default)]
struct Kept {
    /// Its question waits for an answer; what is said instead.
    says: Option<&'static str>,
    shown_caller: Option<String>,
}

/// The decisions among these entries whose review or audit waits. What an event says beyond its page could lead the
/// answer, so whoever is asked sees it afterwards.
async fn waiting_decisions(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    entries: &[EntryLook],
) -> Result<BTreeMap<DecisionId, Kept>, Refused> {
    let ids: Vec<DecisionId> = entries.iter().filter_map(decision).collect();
    let heads = factory.heads(workflow, ids).await?;
    let mut kept = BTreeMap::new();
    for (id, head) in heads {
        let says = if is_blind(factory, caller, workflow, &head).await? {
            Some("its blind audit waits for your answer")
        } else if head.waits || head.audit_open.as_ref().is_some_and(|role| caller.principal.has_role(role)) {
            Some("its review waits for an answer")
        } else {
            None
        };
        kept.insert(id, Kept { says, shown_caller: head.shown_caller });
    }
    Ok(kept)
}

const fn decision(entry: &EntryLook) -> Option<DecisionId> {
    match &entry.event.body {
        Body::DecisionMade(made) => Some(made.decision),
        _ => None,
    }
}

fn row(entry: &EntryLook, kept: &BTreeMap<DecisionId, Kept>) -> LogRow {
    let none = Kept::default();
    let kept = decision(entry).and_then(|d| kept.get(&d)).unwrap_or(&none);
    let (says, json) = match kept.says {
        Some(says) => (says.to_owned(), "not shown before it is answered".to_owned()),
        // An event that was read is one that can be written.
        None => (says(&entry.event), serde_json::to_string_pretty(&entry.event).unwrap_or_default()),
    };
    let mut event = reference(entry.index, &entry.event);
    if let Some(shown) = &kept.shown_caller {
        event.actor.clone_from(shown);
    }
    LogRow { event, says, leaf: entry.leaf, json }
}
