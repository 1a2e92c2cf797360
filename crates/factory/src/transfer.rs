//! What the handover looks at: the release in force, the delivery side's tokens, the transfer index and its bar.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{row, rows};
use crate::project::{ACTED, LapseRec, ReleaseRec, acted};
use seatrial_governance::status::{HandoverNow, InForceNow, TRANSFER_ACTIONS_MIN, TransferBar, TransferNow};
use seatrial_model::{Body, Day, Digest, LogName, Logged, Stage, Time};
use seatrial_ownership::{ActionCount, BindingBar, TransferIndex, WrittenBar, binding_bar, transfer_index};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::HandoverGate;
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use std::sync::PoisonError;

/// The most specs whose bars are remembered: there is one for each production release since the last handover.
const BARS_MAX: usize = 256;

/// The transfer index as it is shown, beside its bar.
#[derive(Clone, Debug, Serialize)]
pub struct TransferLook {
    /// The workflow.
    pub workflow: LogName,
    /// The index over the days asked for.
    pub index: TransferIndex,
    /// The bar in force; none where no spec in production wrote one.
    pub bar: Option<TransferBar>,
    /// The index over the bar's own window: what is compared with it.
    pub measured: Option<TransferIndex>,
    /// Below so many actions a share says nothing.
    pub actions_min: u64,
    /// Whether the bar is reached; none where the figures do not tell, or there is no bar.
    pub reached: Option<bool>,
}

impl Factory {
    /// The transfer index since a day (from the log's first day where none is named), by week and by kind, with the bar.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted, or the day lies ahead.
    pub async fn transfer(&self, workflow: &str, since: Option<Day>) -> Result<TransferLook, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let counts = self.action_counts(&handle.log).await?;
        let until = self.now().day();
        let first = counts.iter().map(|c| c.day).min().unwrap_or(until);
        let since = since.unwrap_or(first);
        if since > until {
            return Err(Refused::Invalid(format!(
                "`--since {since}` lies ahead of {until}: nothing was done there yet"
            )));
        }
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let bar = self.bar_of(&handle.log, &served.workflow, &events).await?;
        let measured = bar.map(|bar| transfer_index(&counts, window(self.now(), &bar), until));
        let reached = bar.zip(measured.as_ref()).and_then(|(bar, index)| {
            let enough = index.sides.all() >= TRANSFER_ACTIONS_MIN;
            index.share.filter(|_| enough).map(|share| bar.bar.is_met_by(share))
        });
        Ok(TransferLook {
            workflow: handle.log.clone(),
            index: transfer_index(&counts, since, until),
            bar: bar.map(told),
            measured,
            actions_min: TRANSFER_ACTIONS_MIN,
            reached,
        })
    }

    /// What the handover looks at, beyond the log's delivery events.
    pub(crate) async fn handover_now(
        &self,
        log: &LogName,
        workflow: &Workflow,
        events: &[Logged],
    ) -> Result<HandoverNow, Refused> {
        let bar = self.bar_of(log, workflow, events).await?;
        let transfer = match bar {
            None => None,
            Some(bar) => {
                let since = window(self.now(), &bar);
                let index = transfer_index(&self.action_counts(log).await?, since, self.now().day());
                let (receiving, delivery) = (index.sides.receiving, index.sides.delivery);
                Some(TransferNow { receiving, delivery, since, bar: told(bar) })
            }
        };
        Ok(HandoverNow {
            in_force: self.in_force_now(log).await?,
            tokens: self.delivery_tokens().await?,
            elsewhere: self.delivering_elsewhere(log).await?,
            transfer,
        })
    }

    async fn in_force_now(&self, log: &LogName) -> Result<Option<InForceNow>, Refused> {
        let read = |view: &dyn View| {
            let rec: Option<ReleaseRec> = row(view, "release", b"in-force")?;
            let Some(rec) = rec.filter(|rec| rec.stage.in_production()) else { return Ok(None) };
            let lapse: Option<LapseRec> = row(view, "lapse", rec.release.hex().as_bytes())?;
            Ok(Some(InForceNow {
                release: rec.release,
                index: rec.index,
                stage: rec.stage,
                spec: rec.spec,
                until: rec.until,
                lost: lapse.map(|lapse| lapse.lost.into_keys().collect()).unwrap_or_default(),
            }))
        };
        match self.0.store.read_with(log, read).await {
            Ok(found) => Ok(found),
            Err(StoreError::NoLog(_)) => Ok(None),
            Err(error) => Err(not_recorded(error)),
        }
    }

    pub(crate) async fn action_counts(&self, log: &LogName) -> Result<Vec<ActionCount>, Refused> {
        let read = |view: &dyn View| {
            let mut all = Vec::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let mut scan = Scan::all(ACTED);
                if let Some(key) = after.take() {
                    scan = scan.after(key);
                }
                let page: Vec<(Vec<u8>, u64)> = rows(view, &scan)?;
                let full = page.len() >= scan.rows_max();
                after = page.last().map(|(key, _)| key.clone());
                all.extend(page.into_iter().filter_map(|(key, count)| acted(&key, count)));
                if !full {
                    return Ok(all);
                }
            }
        };
        match self.0.store.read_with(log, read).await {
            Ok(counts) => Ok(counts),
            Err(StoreError::NoLog(_)) => Ok(Vec::new()),
            Err(error) => Err(not_recorded(error)),
        }
    }

    /// The bar in force: of the production releases since the last handover, and of the spec asked about.
    async fn bar_of(
        &self,
        log: &LogName,
        workflow: &Workflow,
        events: &[Logged],
    ) -> Result<Option<BindingBar>, Refused> {
        let mut released = Vec::new();
        for (index, spec) in productions(events) {
            let gate = if spec == workflow.digest {
                workflow.gates.handover.clone()
            } else {
                self.handover_gate(log, spec).await?
            };
            released.extend(written(gate.as_ref(), Some(index)));
        }
        Ok(binding_bar(&released, written(workflow.gates.handover.as_ref(), None)))
    }

    /// The handover's gate of an earlier spec: a spec never changes, so it is read once.
    async fn handover_gate(&self, log: &LogName, spec: Digest) -> Result<Option<HandoverGate>, Refused> {
        if let Some(known) = self.0.bars.lock().unwrap_or_else(PoisonError::into_inner).get(&spec) {
            return Ok(known.clone());
        }
        let read = self.load_spec(log, spec).await;
        // What cannot be read could have asked for more: nothing is measured by less than what was promised.
        let (old, _) = read.map_err(|why| Refused::Conflict {
            message: format!("the bar of the transfer index cannot be told, a released spec cannot be read: {why}"),
            now: None,
        })?;
        let gate = old.gates.handover;
        let mut bars = self.0.bars.lock().unwrap_or_else(PoisonError::into_inner);
        if bars.len() >= BARS_MAX {
            bars.clear();
        }
        bars.insert(spec, gate.clone());
        Ok(gate)
    }
}

/// The releases of production since the last handover: entry and spec, oldest first.
fn productions(events: &[Logged]) -> Vec<(u64, Digest)> {
    let mut out = Vec::new();
    for logged in events {
        match &logged.event.body {
            Body::ReleaseCut(cut) if cut.stage == Stage::Production => out.push((logged.index, cut.spec)),
            // What was promised before a handover was kept; the next one is measured by what is written then.
            Body::ReleaseCut(cut) if cut.stage == Stage::Owned => {
                out.clear();
            }
            _ => {}
        }
    }
    out
}

fn written(gate: Option<&HandoverGate>, entry: Option<u64>) -> Option<WrittenBar> {
    let gate = gate?;
    Some(WrittenBar { entry, bar: gate.transfer_index?, over: gate.over })
}

const fn told(bar: BindingBar) -> TransferBar {
    TransferBar {
        bar: bar.bar,
        over: bar.over,
        fixed_by: bar.fixed_by,
        lowered_to: bar.lowered_to,
        dropped: bar.dropped,
    }
}

/// The first day of the bar's window: whole days, in UTC as the actions are counted.
fn window(now: Time, bar: &BindingBar) -> Day {
    let back = bar.over.signed_millis();
    now.plus_millis(back.saturating_neg()).day()
}
