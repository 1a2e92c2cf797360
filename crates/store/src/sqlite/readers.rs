//! A few threads that read, each with its own connection: reads never wait for appends, nor the other way round.

use super::job::Reply;
use super::pending::Pending;
use super::schema::{classify, open_reader};
use super::view::{Newest, SqlView, log_row};
use crate::contract::ReadWork;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::rows::Projector;
use rusqlite::Connection;
use seatrial_model::LogName;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// Reading threads: reads are short, and more would only share the same cores.
pub const READERS: usize = 4;

/// Reads that may wait for a thread; the next one waits to be let in.
pub const READ_QUEUE_MAX: usize = 1_024;

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// The reading threads. They end when this is dropped.
pub(crate) struct Readers {
    jobs: Mutex<Option<Sender<ReadJob>>>,
    room: Arc<Semaphore>,
    projector: Arc<dyn Projector>,
    /// The owner's, where this is it.
    pending: Option<Arc<Pending>>,
}

impl Readers {
    pub(crate) fn start(
        folder: &Folder,
        projector: Arc<dyn Projector>,
        pending: Option<Arc<Pending>>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = channel::<ReadJob>();
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..READERS {
            let conn = open_reader(folder)?;
            let (jobs, pending) = (Arc::clone(&receiver), pending.clone());
            spawn(&format!("store-read-{n}"), folder, move || serve(&conn, &jobs, (n, pending.as_deref())))?;
        }
        Ok(Self { jobs: Mutex::new(Some(sender)), room: Arc::new(Semaphore::new(READ_QUEUE_MAX)), projector, pending })
    }

    /// Runs code on a connection.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer): (Reply<T>, _) = oneshot::channel();
        let job: ReadJob = Box::new(move |conn| {
            let _permit = permit;
            let outcome = catch_unwind(AssertUnwindSafe(|| work(conn)));
            let _ = reply.send(outcome.unwrap_or(Err(StoreError::Panicked)));
        });
        match &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(jobs) => jobs.send(job).map_err(|_| StoreError::Closed)?,
            None => return Err(StoreError::Closed),
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs code on one consistent state of a log.
    pub(crate) async fn read(&self, log: LogName, work: ReadWork) -> Result<(), StoreError> {
        let (projector, pending) = (Arc::clone(&self.projector), self.pending.clone());
        self.run(move |conn| {
            in_transaction(conn, || {
                let row = log_row(conn, &log)?;
                let tail = OnceCell::new();
                let newest = match &pending {
                    Some(pending) => Newest::Here(pending),
                    None => Newest::Events(&*projector, &tail),
                };
                work(&SqlView { conn, log: &log, id: row.id, size: row.info.size, hot: None, newest });
                Ok(())
            })
        })
        .await
    }

    /// Lets the threads end when they have done what they were given.
    pub(crate) fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn serve(conn: &Connection, jobs: &Mutex<Receiver<ReadJob>>, (reader, pending): (usize, Option<&Pending>)) {
    loop {
        // The lock is held while waiting, and let go before the job is run.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => {
                if let Some(pending) = pending {
                    pending.enter(reader);
                }
                job(conn);
                if let Some(pending) = pending {
                    pending.leave(reader);
                }
            }
            Err(_) => return,
        }
    }
}

/// Runs code within one read transaction.
pub(crate) fn in_transaction<T>(
    conn: &Connection,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.execute_batch("BEGIN DEFERRED").map_err(classify)?;
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Panicked));
    conn.execute_batch("ROLLBACK").map_err(classify)?;
    outcome
}

/// Starts one of the store's threads.
pub(crate) fn spawn(
    name: &str,
    folder: &Folder,
    run: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map_err(crate::folder::file_error(folder.path(), "given a thread"))
}
