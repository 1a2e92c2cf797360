//! The handover pack: what a reader without a login can take away.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use seatrial_governance::ObligationState;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::PackGenerated;
use seatrial_model::{Body, Digest, EventId, LogName, LogPoint, Logged, Stage};
use seatrial_ownership::{Gap, LogIdentity, ObligationLine, PackInput};
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A handover pack, generated and recorded.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The event.
    pub event: EventId,
    /// The page: self-contained.
    pub html: String,
    /// What is still missing for the handover.
    pub missing: Vec<Gap>,
}

impl Factory {
    /// Generates the handover pack of the newest submitted spec.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn pack(&self, caller: &Caller, workflow: &str) -> Result<Pack, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Read, &circumstances)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, Stage::Production);
        let lines: Vec<ObligationLine> = states.iter().map(|s| line(s, &gathered.events)).collect();
        let ran = self.ran(&handle).await?;
        let curves = self.curves(&handle.log, &gathered.events).await?;
        let people = self.delivery_events(&LogName::factory()).await.map_err(not_recorded)?;
        let people = people.into_iter().rev().find(|e| matches!(e.event.body, Body::FactoryDeclared(_)));
        let log = self.log_identity(&handle.log).await?;
        let factory = self.spec();
        let input = PackInput {
            workflow: &served.workflow,
            factory: &factory,
            events: &gathered.events,
            people: people.as_ref(),
            obligations: &lines,
            fired: &ran.fired,
            decisions: ran.decisions,
            curves: &curves,
            log: &log,
            now: self.now(),
        };
        let html = seatrial_ownership::pack(&input);
        let missing = seatrial_ownership::gaps(&input);
        let body = PackGenerated {
            page: Digest::of(html.as_bytes()),
            log: log.point.clone(),
            missing: missing.iter().map(|gap| gap.obligation.clone()).collect(),
            manifest: None,
        };
        let mut event =
            self.event(&handle.log, caller.principal.clone(), Body::PackGenerated(body)).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![html.clone().into_bytes()], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(Pack { event: id, html, missing })
    }

    /// A log's origin, key, size and root.
    ///
    /// # Errors
    /// [`Refused`] where there is no such log.
    pub async fn log_identity(&self, log: &LogName) -> Result<LogIdentity, Refused> {
        let logs = self.0.store.logs().await.map_err(not_recorded)?;
        let info = logs.into_iter().find(|l| l.log == *log);
        let info = info.ok_or_else(|| Refused::NotFound(format!("there is no log `{log}`")))?;
        Ok(LogIdentity {
            origin: info.origin,
            verify: format!("seatrial-verify EXPORT --key '{}'", info.key),
            key: info.key,
            point: LogPoint { size: info.size, root: info.root },
        })
    }

    async fn curves(&self, log: &LogName, events: &[Logged]) -> Result<BTreeMap<Digest, String>, Refused> {
        let wanted: BTreeSet<Digest> = events
            .iter()
            .filter_map(|e| match &e.event.body {
                Body::ThresholdTested(t) => Some(t.certificate.curve),
                _ => None,
            })
            .collect();
        self.0
            .store
            .read_with(log, move |view| {
                let mut curves = BTreeMap::new();
                for digest in wanted {
                    if let Some(text) = view.blob(&digest)?.and_then(|bytes| String::from_utf8(bytes).ok()) {
                        curves.insert(digest, text);
                    }
                }
                Ok(curves)
            })
            .await
            .map_err(not_recorded)
    }
}

fn line(state: &ObligationState, events: &[Logged]) -> ObligationLine {
    let at = |id: &EventId| events.iter().find(|e| e.event.id == *id).map(|e| e.index);
    ObligationLine {
        id: state.obligation.id.clone(),
        title: state.obligation.title.clone(),
        state: state.state.as_str().to_owned(),
        settled: state.state.is_settled(),
        why: state.why.clone(),
        next: state.next.clone(),
        key: state.key,
        events: state.events.iter().filter_map(at).collect(),
    }
}
