//! What a node says when it comes back after an end that was not orderly.

use crate::factory::{Factory, OpenError};
use crate::project::{STREAM, StreamRec};
use seatrial_model::event::NodeRecovered;
use seatrial_model::{Body, LogName, Principal};
use seatrial_store::{Batch, ReaderExt as _, Recovered, Scan, StoreError, StoreExt as _};

impl Factory {
    /// Says in each log that its node came back after an end that was not orderly, as the store found it at its start:
    /// what was not signed, and how many streams were leaving. It is said before anything is served.
    ///
    /// # Errors
    /// [`OpenError`], where it cannot be recorded.
    pub async fn note_recovery(&self, recovered: &[Recovered]) -> Result<(), OpenError> {
        for Recovered { log, signed, unsigned_entries } in recovered {
            let streams = self.streams_lost(log).await?;
            if streams > 0 {
                let shown = "`seatrial decision list --unfinished` shows them";
                tracing::warn!(%log, streams, "streams were broken off when the process ended; {shown}");
            }
            let body = NodeRecovered { signed: signed.clone(), unsigned_entries: *unsigned_entries, streams };
            let event = self.event(log, Principal::system(), Body::NodeRecovered(body))?;
            self.0.store.append(log, Batch::of(event)).await?;
        }
        Ok(())
    }

    /// Streams without an end that no recovery has told of yet.
    async fn streams_lost(&self, log: &LogName) -> Result<u64, StoreError> {
        self.0
            .store
            .read_with(log, |view| {
                let (mut scan, mut lost) = (Scan::all(STREAM), 0);
                loop {
                    let page: Vec<(Vec<u8>, StreamRec)> = crate::handle::rows(view, &scan)?;
                    lost += page.iter().map(|(_, rec)| u64::from(!rec.broken_off)).sum::<u64>();
                    match page.last() {
                        Some((key, _)) if page.len() >= scan.rows_max() => scan = scan.after(key.clone()),
                        _ => return Ok(lost),
                    }
                }
            })
            .await
    }
}
