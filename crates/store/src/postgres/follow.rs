//! The thread that follows what other nodes append: told by the database (`LISTEN`), and asking again now and then.

use super::db::{Db, lost};
use super::signer::SignJob;
use super::told::Told;
use super::view::all_logs;
use crate::error::StoreError;
use futures_util::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio_postgres::AsyncMessage;

/// How often it is looked, also where nothing was told: a notice that was lost costs no more than this.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(250);

/// How long until a connection is tried again.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) struct Follower {
    pub(crate) db: Db,
    pub(crate) told: Arc<Told>,
    pub(crate) signer: Sender<SignJob>,
    /// Set when the store is closed.
    pub(crate) ends: Arc<AtomicBool>,
}

impl Follower {
    /// Runs until the store is closed.
    pub(crate) fn run(mut self) {
        let (wake, woken) = channel();
        let ends = Arc::clone(&self.ends);
        let place = self.db.place().clone();
        let listening = std::thread::Builder::new().name("store-listen".to_owned());
        let listening = listening.spawn(move || listen(&place, &wake, &ends));
        if let Err(error) = listening {
            tracing::warn!(%error, "nothing listens to the database; it is asked every {} ms", POLL_EVERY.as_millis());
        }
        while !self.ends.load(Ordering::SeqCst) {
            if let Err(error) = self.look() {
                tracing::debug!(%error, "what other nodes appended could not be read");
                self.db.let_go();
            }
            match woken.recv_timeout(POLL_EVERY) {
                // All that were told meanwhile are one look.
                Ok(()) => while woken.try_recv().is_ok() {},
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(POLL_EVERY),
            }
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.db.ready()?;
        for row in all_logs(&self.db)? {
            let (log, size) = (&row.info.log, row.info.size);
            if self.told.others(&self.db, log, size)? {
                let _ = self.signer.send(SignJob::Dirty);
            }
        }
        Ok(())
    }
}

/// Waits for notices of the database, on a connection of its own.
fn listen(place: &super::db::Place, wake: &Sender<()>, ends: &AtomicBool) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    while !ends.load(Ordering::SeqCst) {
        let ended = runtime.block_on(async {
            let (client, mut connection) = place.connect().await.map_err(lost)?;
            let listens = format!("LISTEN {}", place.channel());
            let mut asked = Box::pin(client.batch_execute(&listens));
            let mut listening = false;
            loop {
                let message = poll_fn(|context| {
                    if !listening && asked.as_mut().poll(context).is_ready() {
                        listening = true;
                    }
                    connection.poll_message(context)
                });
                match tokio::time::timeout(POLL_EVERY, message).await {
                    Ok(Some(Ok(AsyncMessage::Notification(_)))) => {
                        if wake.send(()).is_err() {
                            return Ok(());
                        }
                    }
                    Ok(Some(Ok(_))) | Err(_) => {}
                    Ok(Some(Err(error))) => return Err(lost(error)),
                    Ok(None) => return Ok(()),
                }
                if ends.load(Ordering::SeqCst) {
                    return Ok(());
                }
            }
        });
        if let Err(error) = ended {
            let error: StoreError = error;
            tracing::debug!(%error, "the database could not be listened to");
            std::thread::sleep(RETRY);
        }
    }
}
