//! A store with a gate before its writer: a test holds one write there, lets others past, and then lets it on.

use futures_util::future::BoxFuture;
use seatrial_ledger::NoteSignature;
use seatrial_model::{LogName, LogPoint};
use seatrial_store::{
    Adopt, Attest, Commit, Committed, LogInfo, OpenLog, Piece, ReadWork, Reader, RowsReport, Secret, Seed, SqliteStore,
    Store, StoreError, Work,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Semaphore, broadcast};

/// Where one write waits.
pub struct Gate {
    shut: AtomicBool,
    arrived: Semaphore,
    go: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { shut: AtomicBool::new(false), arrived: Semaphore::new(0), go: Semaphore::new(0) }
    }
}

impl Gate {
    /// The next write is held.
    pub fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// A write is held: whatever comes after it goes past.
    pub async fn arrived(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// The held write goes on.
    pub fn open(&self) {
        self.go.add_permits(1);
    }

    async fn pass(&self) {
        if self.shut.swap(false, Ordering::SeqCst) {
            self.arrived.add_permits(1);
            self.go.acquire().await.unwrap().forget();
        }
    }
}

/// The real store, behind the gate.
pub struct Gated {
    pub store: SqliteStore,
    pub gate: Arc<Gate>,
}

impl Reader for Gated {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.read(log, work)
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        self.store.logs()
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        self.store.checkpoint(log)
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        self.store.check_rows(log)
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.store.check_mirror(log)
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.store.check_database()
    }
}

impl Store for Gated {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        self.store.open_log(log, opening)
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        Box::pin(async move {
            self.gate.pass().await;
            self.store.transact(&log, work).await
        })
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        self.store.sign_now(log)
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        self.store.attest(log, what)
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        self.store.stage_key(log, seed)
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.add_cosignatures(log, point, lines)
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.begin_import(log, origin, key)
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.store.import(log, piece)
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        self.store.adopt(log, how)
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        self.store.rebuild(log)
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.store.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.secret_put(kind, key, secret)
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        self.store.secret_get(kind, key)
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.store.secret_list(kind)
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.secret_delete(kind, key)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.close()
    }
}
