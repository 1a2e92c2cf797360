//! A few threads that read, each with its own connection: reads never wait for appends, nor the other way round.

use super::db::{Db, Place};
use super::lane::Reply;
use super::view::{PgView, log_row};
use crate::contract::ReadWork;
use crate::error::StoreError;
use seatrial_model::LogName;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// Reading threads, and connections, of a node.
pub(crate) const READERS: usize = 4;

/// Reads that may wait for a thread; the next one waits to be let in.
const READ_QUEUE_MAX: usize = 1_024;

type ReadJob = Box<dyn FnOnce(&mut Db) + Send>;

/// The reading threads. They end when this is dropped.
pub(crate) struct Readers {
    jobs: Mutex<Option<Sender<ReadJob>>>,
    room: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn start(place: &Place) -> Result<Self, StoreError> {
        let (sender, receiver) = channel::<ReadJob>();
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..READERS {
            let (db, jobs) = (Db::new(place.clone())?, Arc::clone(&receiver));
            spawn(&format!("store-read-{n}"), move || serve(db, &jobs))?;
        }
        Ok(Self { jobs: Mutex::new(Some(sender)), room: Arc::new(Semaphore::new(READ_QUEUE_MAX)) })
    }

    /// Runs code on a connection.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer): (Reply<T>, _) = oneshot::channel();
        let job: ReadJob = Box::new(move |db| {
            let _permit = permit;
            let outcome = catch_unwind(AssertUnwindSafe(|| db.ready().and_then(|()| work(db))));
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
        self.on_log(log, |view| {
            work(view);
            Ok(())
        })
        .await
    }

    /// The same, with what it comes to.
    pub(crate) async fn on_log<T: Send + 'static>(
        &self,
        log: LogName,
        work: impl FnOnce(&PgView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |db| {
            db.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", |db| {
                let row = log_row(db, &log)?;
                work(&PgView { db, log: &log, id: row.id, size: row.info.size, writing: None })
            })
        })
        .await
    }

    /// Lets the threads end when they have done what they were given.
    pub(crate) fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn serve(mut db: Db, jobs: &Mutex<Receiver<ReadJob>>) {
    loop {
        // The lock is held while waiting, and let go before the job is run.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut db),
            Err(_) => return,
        }
    }
}

/// Starts one of the store's threads.
pub(crate) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map_err(|e| StoreError::Database(format!("no thread could be started: {e}")))
}
