//! The store as one node has it: every call takes its way to the database, and its answer the way back.

use super::blind::Blind;
use super::*;

/// The database as one node reaches it, in one of its lives.
pub struct NodeStore {
    db: Arc<Db>,
    node: usize,
    commits: broadcast::Sender<Arc<Commit>>,
    alive: Arc<AtomicBool>,
}

impl NodeStore {
    pub fn new(db: &Arc<Db>, node: usize) -> Self {
        let commits = broadcast::Sender::new(1_024);
        db.state().nodes[node] = Some(commits.clone());
        let alive = Arc::new(true.into());
        Self { db: Arc::clone(db), node, commits, alive }
    }

    /// Whether an answer still reaches somebody.
    pub fn lives(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.alive)
    }

    /// One call: on its way, done, on its way back. What it does is done whether or not somebody still waits.
    fn call<T: Send + 'static>(
        &self,
        done: impl FnOnce(&Db) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let db = Arc::clone(&self.db);
        Box::pin(async move {
            db.way().await;
            if db.is_down() || db.sim.in_thousand(db.faults().read) {
                return Err(away());
            }
            let answer = done(&db);
            db.way().await;
            answer
        })
    }
}

fn away() -> StoreError {
    StoreError::Database("the connection was refused".to_owned())
}

/// What a commit would write, noted while its work runs.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Contents>>);

/// The ids of its events, and its blobs.
type Contents = (Vec<EventId>, Vec<Vec<u8>>);

impl Noted {
    fn note(&self, batch: &Batch) {
        let ids = batch.all_events().map(|e| e.id).collect();
        *self.0.lock().unwrap() = (ids, batch.blobs.clone());
    }

    fn take(&self) -> Contents {
        self.0.lock().unwrap().clone()
    }
}

/// One transaction at the database; gives what came of it, and the batch where a planted bug wants it again.
fn commit(
    db: &Arc<Db>,
    (node, unsettled): (usize, bool),
    log: &LogName,
    work: Work,
    noted: &Noted,
) -> Result<Committed, StoreError> {
    let inner = noted.clone();
    let plant = db.plant;
    let again = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&again);
    let work: Work = Box::new(move |view| {
        let blind = Blind(view);
        let batch = work(if plant == Some(Plant::StopNotReread) { &blind } else { view })?;
        inner.note(&batch);
        *keep.lock().unwrap() = Some(batch.clone());
        Ok(batch)
    });
    if plant == Some(Plant::Torn) && db.sim.in_thousand(db.faults().lost) {
        let mut batch = before(&db.truth, log, work)?;
        batch.events.truncate(1);
        let committed = append(db, log, batch)?;
        db.made(node, true, log, &committed, Vec::new());
        return Err(StoreError::Unsettled("the database crashed".to_owned()));
    }
    let outcome = if plant == Some(Plant::StalePrecondition) {
        db.catch_up(0);
        before(&db.copy, log, work).and_then(|batch| append(db, log, batch))
    } else {
        db.truth.transact(log, work).now_or_never().unwrap()
    };
    let (_, blobs) = noted.take();
    if let Ok(committed) = &outcome
        && !committed.events.is_empty()
    {
        db.made(node, unsettled, log, committed, blobs);
        if plant == Some(Plant::BlindRetry) && db.sim.in_thousand(db.faults().lost * 3) {
            let batch = again.lock().unwrap().take().unwrap_or_default();
            return append(db, log, batch);
        }
    }
    outcome
}

fn append(db: &Db, log: &LogName, batch: Batch) -> Result<Committed, StoreError> {
    db.truth.transact(log, Box::new(move |_| Ok(batch))).now_or_never().unwrap()
}

/// Runs work outside a commit.
fn before(store: &MemoryStore, log: &LogName, work: Work) -> Result<Batch, StoreError> {
    let slot = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&slot);
    let read: ReadWork = Box::new(move |view| *inner.lock().unwrap() = Some(work(view)));
    store.read(log, read).now_or_never().unwrap()?;
    let came = slot.lock().unwrap().take().unwrap();
    came.map_err(StoreError::Refused)
}

impl Reader for NodeStore {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        let (node, log) = (self.node, log.clone());
        self.call(move |db| {
            if db.sim.in_thousand(db.faults().stale) {
                // What this node was told, or wrote itself, it sees.
                let seen = db.state().seen[node];
                db.catch_up(if db.plant == Some(Plant::ReadsBehind) { 0 } else { seen });
                return db.copy.read(&log, work).now_or_never().unwrap();
            }
            db.truth.read(&log, work).now_or_never().unwrap()
        })
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        self.call(|db| db.truth.logs().now_or_never().unwrap())
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.checkpoint(&log).now_or_never().unwrap())
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.check_rows(&log).now_or_never().unwrap())
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.check_mirror(&log).now_or_never().unwrap())
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.call(|_| Ok(Vec::new()))
    }
}

impl Store for NodeStore {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.open_log(&log, opening).now_or_never().unwrap())
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let (tell, told) = oneshot::channel();
        let (db, node, log, alive) = (Arc::clone(&self.db), self.node, log.clone(), self.lives());
        self.db.sim.spawn(Owner::Wire, async move {
            db.way().await;
            let faults = db.faults();
            // A node that crashed before its call was on the wire: nothing is there. Else the call goes on without it.
            let unsent = !alive.load(Ordering::SeqCst) && db.sim.in_thousand(500);
            if unsent || db.is_down() || db.sim.in_thousand(faults.before) {
                drop(tell.send(Err(away())));
                return;
            }
            let noted = Noted::default();
            if db.plant == Some(Plant::AckBeforeDurable) {
                acknowledge_before(&db, node, &log, work, &alive, tell).await;
                return;
            }
            let lost = db.sim.in_thousand(faults.lost);
            // Where it cannot be found out either, the node hears of its own commit as of another's.
            let unsettled = lost && db.sim.in_thousand(faults.unsettled);
            let outcome = commit(&db, (node, unsettled), &log, work, &noted);
            db.way().await;
            let written = matches!(&outcome, Ok(committed) if !committed.events.is_empty());
            let outcome = if unsettled && written {
                Err(StoreError::Unsettled("the connection was lost".to_owned()))
            } else {
                if lost {
                    // It asks again, over another connection, by the ids of its events.
                    db.sim.sleep(100).await;
                }
                outcome
            };
            let (ids, _) = noted.take();
            if alive.load(Ordering::SeqCst) {
                db.answered(&log, ids, &outcome);
                let mut state = db.state();
                state.seen[node] = state.commits;
                drop(state);
                drop(tell.send(outcome));
            }
        });
        Box::pin(async move { told.await.unwrap_or_else(|_| Err(away())) })
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| {
            let note = db.truth.sign_now(&log).now_or_never().unwrap()?;
            db.state().notes.push((log, note.clone()));
            Ok(note)
        })
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.attest(&log, what).now_or_never().unwrap())
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.stage_key(&log, seed).now_or_never().unwrap())
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.add_cosignatures(&log, point, lines).now_or_never().unwrap())
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        let (log, origin, key) = (log.clone(), origin.to_owned(), key.to_owned());
        self.call(move |db| db.truth.begin_import(&log, &origin, &key).now_or_never().unwrap())
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.import(&log, piece).now_or_never().unwrap())
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.adopt(&log, how).now_or_never().unwrap())
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.rebuild(&log).now_or_never().unwrap())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_put(&kind, &key, secret).now_or_never().unwrap())
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_get(&kind, &key).now_or_never().unwrap())
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let kind = kind.to_owned();
        self.call(move |db| db.truth.secret_list(&kind).now_or_never().unwrap())
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_delete(&kind, &key).now_or_never().unwrap())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

/// The planted bug: answered first, written later, where the node still lives.
async fn acknowledge_before(
    db: &Arc<Db>,
    node: usize,
    log: &LogName,
    work: Work,
    alive: &AtomicBool,
    tell: oneshot::Sender<Result<Committed, StoreError>>,
) {
    let batch = match before(&db.truth, log, work) {
        Ok(batch) => batch,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let first_index = db.look(log, |view| view.size()).unwrap();
    let events: Vec<EventId> = batch.all_events().map(|e| e.id).collect();
    let committed = Committed { first_index, size: first_index + events.len() as u64, events };
    db.answered(log, Vec::new(), &Ok(committed.clone()));
    drop(tell.send(Ok(committed)));
    db.sim.sleep(20).await;
    if alive.load(Ordering::SeqCst) {
        let blobs = batch.blobs.clone();
        if let Ok(committed) = append(db, log, batch) {
            db.made(node, false, log, &committed, blobs);
        }
    }
}
