//! What another node of the fleet recorded takes effect here.

use crate::factory::Factory;
use crate::switch::Reach;
use futures_util::FutureExt as _;
use seatrial_model::event::WorkflowStopped;
use seatrial_model::{Body, LogName};
use seatrial_store::Commit;

impl Factory {
    /// Takes up a commit: a stop cuts what is in flight, what is served is put together anew, tokens and people are read
    /// again. Of this node's own commits nothing is to do: whoever made them did it.
    pub async fn take_up(&self, commit: &Commit) {
        if !commit.foreign {
            return;
        }
        if commit.log == LogName::factory() {
            return self.take_up_factory().await;
        }
        let stops: Vec<Reach> = commit
            .events
            .iter()
            .filter_map(|event| match &event.body {
                Body::WorkflowStopped(WorkflowStopped { marked, factory, .. }) => Some(Reach::said(*marked, *factory)),
                _ => None,
            })
            .collect();
        let handle = self.handle(commit.log.as_str());
        if let Ok(handle) = &handle
            && !stops.is_empty()
        {
            // First, and by themselves: nothing that a stop is about waits for the rest.
            self.reload_stops(handle).await;
            for reach in stops {
                // It is told at once; that all have ended is awaited where the stop was made.
                let _ = handle.traffic.cut(reach).now_or_never();
            }
        }
        let delivered = commit.events.iter().any(|event| !event.body.is_running());
        if (delivered || handle.is_err())
            && let Err(error) = self.reload(&commit.log).await
        {
            tracing::warn!(log = %commit.log, %error, "what another node recorded could not be read; the next look tries again");
        }
    }

    /// Takes up everything anew, where it is not known what was missed.
    pub async fn take_up_all(&self) {
        self.take_up_factory().await;
        if let Err(error) = self.load_handles().await {
            tracing::warn!(%error, "what other nodes recorded could not be read; the next look tries again");
        }
        for handle in self.workflows().iter().filter_map(|log| self.handle(log.as_str()).ok()) {
            for reach in Reach::EACH {
                if !handle.stops_at(reach).load().is_empty() {
                    let _ = handle.traffic.cut(reach).now_or_never();
                }
            }
        }
    }

    async fn take_up_factory(&self) {
        self.0.tokens.forget();
        if let Err(error) = self.load_clock().await {
            tracing::warn!(%error, "the clock that another node moved could not be read");
        }
        // As if its file were another: who holds what is in the log.
        self.0.people.lock().await.files = None;
        self.reread_or_warn().await;
    }
}
