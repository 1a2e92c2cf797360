//! A full disk: an error, nothing acknowledged is lost, and it goes on when there is room.

use crate::common::*;
use seatrial_store::{Batch, Options, Reader as _, ReaderExt as _, SqliteStore, Store as _, StoreError, StoreExt as _};
use std::path::Path;
use std::process::Command;

/// A payload of `bytes` bytes that no other has.
fn bulky(n: u8, bytes: usize) -> Batch {
    with_payloads(vec![payload(n, &vec![n; bytes], None)])
}

async fn intact(store: &SqliteStore, size: u64) {
    assert_eq!(store.size(&log()).await.unwrap(), size);
    assert_eq!(store.check_mirror(&log()).await.unwrap(), Vec::<String>::new());
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert_eq!(store.check_database().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_at_its_limit_refuses_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let limited = || Options { bytes_max: Some(512 << 10), ..options() };
    let store = SqliteStore::create(dir.path(), limited()).unwrap();
    open_log(&store).await;
    let mut acknowledged = 1;
    let refused = loop {
        match store.append(&log(), bulky(u8::try_from(acknowledged).unwrap(), 40_000)).await {
            Ok(committed) => acknowledged = committed.size,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(acknowledged > 5, "{acknowledged}");
    intact(&store, acknowledged).await;
    // A large one next to small ones: these are not lost for longer than their shared commit.
    let name = log();
    let (large, small) =
        tokio::join!(store.append(&name, bulky(250, 400_000)), store.append(&name, Batch::of(declare())));
    assert!(matches!(large, Err(StoreError::Full(_))), "{large:?}");
    if small.is_err() {
        store.append(&log(), Batch::of(declare())).await.unwrap();
    }
    intact(&store, acknowledged + 1).await;
    store.sign_now(&log()).await.unwrap();
    store.close().await.unwrap();

    // With room, it goes on where it was.
    let store = reopen(dir.path());
    assert_eq!(store.recovered(), None);
    store.append(&log(), bulky(251, 400_000)).await.unwrap();
    intact(&store, acknowledged + 2).await;
}

/// A small file system of its own; unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(bytes: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|out| out.status.success()).then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_goes_on() {
    let Some(disk) = Disk::mount(8 << 20) else {
        eprintln!("skipped: a file system of its own can be mounted by root only");
        return;
    };
    let dir = disk.path().join("store");
    let store = create(&dir);
    open_log(&store).await;
    store.sign_now(&log()).await.unwrap();
    // What is on the disk beside the store, and can be removed later. It leaves room for the database beside its
    // write-ahead log, which may be as large.
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 5 << 20]).unwrap();
    let mut acknowledged = 1;
    let refused = loop {
        match store.append(&log(), bulky(u8::try_from(acknowledged).unwrap(), 60_000)).await {
            Ok(committed) => acknowledged = committed.size,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    // Fill what is left, byte by byte. What the write-ahead log has room for is still taken, and then no more.
    let mut filler = std::fs::File::create(disk.path().join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    let refused = loop {
        match store.append(&log(), Batch::of(declare())).await {
            Ok(committed) => acknowledged = committed.size,
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "a full disk cannot take so many");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    // Its checkpoint cannot be remembered, so none is given.
    let unsigned = store.sign_now(&log()).await;
    assert!(matches!(unsigned, Err(StoreError::File { .. })), "{unsigned:?}");
    assert_eq!(store.size(&log()).await.unwrap(), acknowledged);
    std::fs::remove_file(ballast).unwrap();
    store.append(&log(), Batch::of(declare())).await.unwrap();
    drop(filler);
    std::fs::remove_file(disk.path().join("filler")).unwrap();
    store.sign_now(&log()).await.unwrap();
    intact(&store, acknowledged + 1).await;
    store.close().await.unwrap();
    intact(&reopen(&dir), acknowledged + 1).await;
}
