//! One obligation, explained for every stage that needs it.

use super::boards::{STAGES, state};
use super::words::references;
use crate::view::{ChainLink, ChangedPath, EventRef, Next, ObligationPage, StageExplained, StageState};
use seatrial_factory::Factory;
use seatrial_factory::api::Refused;
use seatrial_model::Stage;

pub(super) async fn page(factory: &Factory, workflow: &str, id: &str) -> Result<ObligationPage, Refused> {
    let mut page: Option<ObligationPage> = None;
    let mut missing = None;
    for stage in STAGES {
        // What is owned keeps production's obligations as they stand there; only the whole state is approved anew.
        let keeps = id != "release.approval"
            && page.as_ref().is_some_and(|p| p.stages.iter().any(|s| s.stage == Stage::Production));
        if stage == Stage::Owned && keeps {
            continue;
        }
        let explained = match factory.explain(Some(workflow), false, stage, id).await {
            Ok(explained) => explained,
            Err(refused @ Refused::NotFound(_)) => {
                missing = Some(refused);
                continue;
            }
            Err(other) => return Err(other),
        };
        let cited = references(factory, workflow, explained.considered.iter().map(|c| c.event)).await?;
        let event = |at: u64| cited.iter().find(|e: &&EventRef| e.index == at).cloned();
        let chain = explained.considered.iter().map(|c| ChainLink {
            text: format!("{}{}", if c.counts { "" } else { "does not count: " }, c.why),
            event: event(c.index),
            path: None,
            because: Vec::new(),
        });
        let elements =
            explained.changed.iter().map(|path| ChangedPath { path: path.to_string(), before: None, now: None });
        let inputs = explained.changed_inputs.iter().map(|change| ChangedPath {
            path: change.input.clone(),
            before: change.was.clone(),
            now: change.now.clone(),
        });
        let next = explained.next.clone().map(|command| Next { what: explained.help.clone(), command });
        let until = explained.waiver.as_ref().map(|w| w.until);
        let now = StageState { state: state(explained.state.as_str()), why: explained.why.clone(), until, next };
        let stage = StageExplained {
            stage,
            now,
            key: Some(explained.key),
            changed: elements.chain(inputs).collect(),
            chain: chain.collect(),
        };
        let page = page.get_or_insert_with(|| ObligationPage {
            id: id.to_owned(),
            title: explained.title.clone(),
            layer: explained.layer,
            help: format!("{} By: {}.", explained.help, explained.by),
            waivable: explained.waivable,
            scope: explained.patterns.iter().map(ToString::to_string).collect(),
            inputs: explained.inputs.clone().into_iter().collect(),
            judged: serde_json::to_value(explained.basis).is_ok_and(|basis| basis == "judgement"),
            stages: Vec::new(),
        });
        page.stages.push(stage);
    }
    page.ok_or_else(|| missing.unwrap_or_else(|| Refused::NotFound("there is no such obligation".to_owned())))
}
