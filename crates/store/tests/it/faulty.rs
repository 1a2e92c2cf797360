//! A disk that fails under a store at work: writes and syncs that fail, pages that the kernel dropped, a power cut, a
//! limit of a file's size. The faults are real ones: a library in C is loaded before the C library, or the kernel's own
//! limit is set.

use crate::common::*;
use crate::disk::library;
use seatrial_ledger::Checkpoint;
use seatrial_model::EventId;
use seatrial_store::{Reader as _, ReaderExt as _, SqliteStore, Store as _, StoreError, StoreExt as _};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Tells the child where its store is; only a test that starts one sets it.
const STORE: &str = "SEATRIAL_TEST_STORE";

/// Tasks that append side by side.
const APPENDERS: u64 = 4;

/// How long anything is waited for.
const WAIT: Duration = Duration::from_secs(120);

/// `EIO`.
const FAILED: i32 = 5;

/// `ENOSPC`.
const FULL: i32 = 28;

/// The process whose disk fails: run by the tests below only, in a process of its own.
#[test]
#[ignore = "it appends until it is ended; the other tests start it"]
fn child() {
    let dir = PathBuf::from(std::env::var_os(STORE).expect("only the other tests start this"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(reopen(&dir));
        let tasks: Vec<_> = (0..APPENDERS).map(|n| tokio::spawn(append(Arc::clone(&store), end(&dir), n))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        say(&format!("closed {}", store.close().await.map_or_else(|error| word(&error), |()| "ok")));
    });
}

/// Where this file is, the child ends in an orderly way.
fn end(dir: &Path) -> PathBuf {
    dir.with_extension("end")
}

/// One write for a line: lines of several tasks must not mix.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn word(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full(_) => "full",
        StoreError::Database(_) => "failed",
        StoreError::Stopped(_) => "stopped",
        _ => "otherwise",
    }
}

async fn append(store: Arc<SqliteStore>, end: PathBuf, task: u64) {
    let mut last = None;
    for n in 0_u64.. {
        if end.exists() {
            return;
        }
        let bytes = vec![b'x'; usize::try_from(n * 7_919 % 60_000).unwrap()];
        let mut batch = with_payloads(vec![payload(0, &bytes, Some(&format!("{task}-{n}")))]);
        batch.payloads[0].salt.0[..16].copy_from_slice(batch.events[0].id.uuid().as_bytes());
        batch.events[0].payloads.insert("p0".to_owned(), batch.payloads[0].commitment());
        match store.append(&log(), batch).await {
            Ok(committed) => {
                last = Some((committed.first_index, committed.events[0]));
                say(&format!("done {} {}", committed.first_index, committed.events[0]));
            }
            Err(error) => {
                say(&format!("refused {} {error}", word(&error)));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        // Whatever becomes of writing, reading goes on.
        if let Some((index, id)) = last {
            assert_eq!(store.event_by_id(&log(), id).await.unwrap().map(|(index, _)| index), Some(index));
        }
    }
}

/// A store, and a process that appends to it.
struct Yard {
    dir: tempfile::TempDir,
    child: Option<Child>,
    lines: Receiver<String>,
    known: BTreeMap<u64, EventId>,
    /// What was refused, in order.
    refused: Vec<String>,
    closed: Option<String>,
}

impl Yard {
    fn store(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("store")
    }

    /// `before` goes before the command in a shell; `faults` are there from the first call on.
    fn start(library: Option<&Path>, before: &str, faults: Option<&str>) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = Self::store(&dir);
        runtime().block_on(async {
            let made = create(&store);
            open_log(&made).await;
            made.close().await.unwrap();
        });
        let yard = |child: Child, lines| {
            let (known, refused) = (BTreeMap::new(), Vec::new());
            Self { dir, child: Some(child), lines, known, refused, closed: None }
        };
        let orders = store.with_extension("faults");
        if let Some(faults) = faults {
            std::fs::write(&orders, faults).unwrap();
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{before} exec \"$0\" faulty::child --exact --ignored --nocapture"));
        command.arg(std::env::current_exe().unwrap());
        command.env(STORE, &store).env("SEATRIAL_FAULTS", &orders).stdout(Stdio::piped());
        if let Some(library) = library {
            command.env("LD_PRELOAD", library);
        }
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        yard(child, lines)
    }

    /// What fails from now on.
    fn faults(&self, orders: &str) {
        let file = Self::store(&self.dir).with_extension("faults");
        let new = file.with_extension("new");
        std::fs::write(&new, orders).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// How many calls have failed.
    fn failed(&self) -> usize {
        let log = Self::store(&self.dir).with_extension("faults.log");
        std::fs::read_to_string(log).unwrap_or_default().lines().count()
    }

    /// Takes in what the child says; whether it says anything more.
    fn hear(&mut self, wait: Duration) -> Result<(), RecvTimeoutError> {
        let line = self.lines.recv_timeout(wait)?;
        let mut parts = line.split(' ');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("done"), Some(index), Some(id)) => {
                // The last line may be cut off.
                if let (Ok(index), Ok(id)) = (index.parse(), id.parse()) {
                    self.known.insert(index, id);
                }
            }
            (Some("refused"), Some(word), _) => self.refused.push(word.to_owned()),
            (Some("closed"), Some(word), _) => self.closed = Some(word.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn until(&mut self, what: &str, mut reached: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !reached(self) {
            assert!(began.elapsed() < WAIT, "{what}: not reached in time");
            match self.hear(WAIT) {
                Ok(()) => {}
                Err(error) => panic!("{what}: the child says nothing more: {error}"),
            }
        }
    }

    fn more_done(&mut self, more: usize) {
        let wanted = self.known.len() + more;
        self.until("more is appended", |yard| yard.known.len() >= wanted);
    }

    fn more_refused(&mut self, more: usize) {
        let wanted = self.refused.len() + more;
        self.until("more is refused", |yard| yard.refused.len() >= wanted);
    }

    /// Waits for the child's end, and hears it out.
    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        while self.hear(WAIT).is_ok() {
            assert!(began.elapsed() < WAIT, "the child does not end");
        }
        self.child.take().unwrap().wait().unwrap()
    }

    /// Ends it in an orderly way; gives how closing went.
    fn end(&mut self) -> String {
        std::fs::write(end(&Self::store(&self.dir)), "").unwrap();
        assert!(self.ended().success());
        self.closed.clone().unwrap()
    }

    fn kill(&mut self) {
        self.child.as_mut().unwrap().kill().unwrap();
        self.ended();
    }

    /// All that was acknowledged is there, in order, and nothing by halves; and it goes on.
    fn check(&self, orderly: bool) {
        runtime().block_on(async {
            let store = reopen(&Self::store(&self.dir));
            // Cut early enough, there was no start before.
            assert!(store.recovered().is_none() == orderly || self.known.is_empty());
            let size = store.size(&log()).await.unwrap();
            for (index, id) in &self.known {
                let found = store.event_by_id(&log(), *id).await.unwrap().map(|(index, _)| index);
                assert_eq!(found, Some(*index), "an acknowledged event is missing");
            }
            // An event each with one payload, besides the first; and the callers alive at the end may not have heard.
            let acknowledged = self.known.len() as u64;
            assert!((acknowledged + 1..=acknowledged + 1 + APPENDERS).contains(&size), "{acknowledged} of {size}");
            let payloads = store.read_with(&log(), |view| view.payloads(None, 10_000)).await.unwrap();
            assert_eq!(payloads.len() as u64, size - 1);
            assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
            assert!(store.check_rows(&log()).await.unwrap().identical());
            assert_eq!(store.check_database().await.unwrap(), Vec::<String>::new());
            let key = store.logs().await.unwrap()[0].key.parse().unwrap();
            store.append(&log(), with_payloads(vec![payload(1, b"x", None)])).await.unwrap();
            let note = store.sign_now(&log()).await.unwrap();
            assert_eq!(Checkpoint::open(note.as_bytes(), &key).unwrap().0.size, size + 1);
            store.close().await.unwrap();
        });
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap()
}

/// A write that fails, for want of room or otherwise: refused, nothing lost, and it goes on without a restart.
#[test]
fn a_failing_write_refuses_and_goes_on() {
    let Some(library) = library() else { return };
    let mut yard = Yard::start(Some(library), "", None);
    for (error, word) in [(FAILED, "failed"), (FULL, "full")] {
        yard.more_done(20);
        let from = yard.refused.len();
        yard.faults(&format!("write {error} 3 30 keep evidence.db-wal"));
        yard.more_refused(10);
        yard.faults("none");
        yard.more_done(20);
        assert!(yard.refused[from..].iter().all(|refused| refused == word), "{:?}", &yard.refused[from..]);
    }
    assert_eq!(yard.end(), "ok");
    yard.check(true);
}

/// A sync of the write-ahead log that fails is never trusted later: what it was to make durable may be gone, and the next
/// one would succeed all the same. The store stops writing, and the next start says what is there.
#[test]
fn a_failed_sync_stops_the_store() {
    let Some(library) = library() else { return };
    for how in ["keep", "drop"] {
        let mut yard = Yard::start(Some(library), "", None);
        yard.more_done(20);
        yard.faults(&format!("sync {FAILED} 0 1 {how} evidence.db-wal"));
        yard.more_refused(20);
        assert_eq!(yard.failed(), 1, "the disk is well again");
        let done = yard.known.len();
        yard.more_refused(50);
        assert_eq!(yard.known.len(), done, "nothing is acknowledged after it");
        assert!(yard.refused.iter().all(|refused| refused == "stopped"), "{:?}", yard.refused);
        assert_eq!(yard.end(), "stopped");
        yard.check(false);
    }
}

/// Copying the write-ahead log into the database fails, and the pages are gone: the log still has them.
#[test]
fn a_failed_sync_of_the_database_loses_nothing() {
    let Some(library) = library() else { return };
    let mut yard = Yard::start(Some(library), "", Some(&format!("sync {FAILED} 0 2 drop evidence.db")));
    yard.until("the log is copied", |yard| yard.failed() == 2);
    // As much again, so that it is copied once more, and begun from its start.
    yard.more_done(700);
    assert_eq!(yard.refused, Vec::<String>::new());
    yard.kill();
    yard.check(false);
}

/// The power is cut: whatever was not synced is gone. What was acknowledged is there.
#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let Some(library) = library() else { return };
    let at = ["sync 5 1 1 cut evidence.db-wal", "sync 5 40 1 cut evidence.db-wal", "write 5 200 1 cut evidence.db-wal"];
    // The last ones: while the log is copied into the database.
    let at = at.into_iter().chain(["sync 5 0 1 cut evidence.db", "write 5 300 1 cut evidence.db"]).map(str::to_owned);
    for faults in at.chain(drawn()) {
        let mut yard = Yard::start(Some(library), "", Some(&faults));
        assert_eq!(yard.ended().code(), Some(137), "{faults}");
        yard.check(false);
    }
}

/// More moments, with `SEATRIAL_SOAK=1`: others in each run.
fn drawn() -> Vec<String> {
    if std::env::var("SEATRIAL_SOAK").is_err() {
        return Vec::new();
    }
    let seed = u128::from_be_bytes(*uuid::Uuid::now_v7().as_bytes());
    let moment = |n: u64| {
        let at = (seed as u64).wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        match n % 4 {
            0 => format!("sync 5 {} 1 cut evidence.db-wal", at % 300),
            1 => format!("sync 5 {} 1 cut evidence.db", at % 3),
            2 => format!("write 5 {} 1 cut evidence.db-wal", at % 12_000),
            _ => format!("write 5 {} 1 cut evidence.db", at % 6_000),
        }
    };
    (0..40).map(moment).collect()
}

/// The limit of a file's size, which the shell counts in blocks of 512 bytes.
const BLOCKS: u64 = 4_096;

/// The kernel's own limit on files: refused, nothing lost, and it goes on when it is lifted.
#[test]
fn a_limit_of_a_files_size_refuses_and_goes_on() {
    if !Command::new("prlimit").arg("--version").output().is_ok_and(|out| out.status.success()) {
        eprintln!("SKIPPED: lifting the limit of another process needs `prlimit`");
        return;
    }
    let mut yard = Yard::start(None, &format!("trap '' XFSZ; ulimit -S -f {BLOCKS};"), None);
    yard.more_refused(20);
    assert!(!yard.known.is_empty());
    let pid = yard.child.as_ref().unwrap().id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
    yard.more_done(100);
    assert!(yard.refused.iter().all(|refused| refused == "failed"), "{:?}", yard.refused);
    assert_eq!(yard.end(), "ok");
    yard.check(true);
}

/// Where the signal that comes with the limit is not ignored, it ends the process: as any other end.
#[test]
fn the_signal_of_that_limit_loses_nothing() {
    let mut yard = Yard::start(None, &format!("ulimit -f {BLOCKS};"), None);
    assert_eq!(yard.ended().code(), None);
    yard.check(false);
}
