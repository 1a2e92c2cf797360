//! An outsider's monitor: quiet over an honest log however it grows, and one clear alarm for each way that it is not.

use crate::fixture::{Log, START_MS, files, signer};
use crate::keys_change::{key, restore, rotate};
use seatrial_ledger::{Checkpoint, Signer, TilePath, VerifierKey, proof};
use seatrial_model::{Commitment, Digest, LogPoint, Time};
use seatrial_verify::watch::{Alarm, LookError, Looked, Remembered, Watch, look};
use seatrial_verify::{ExportOptions, Folder, Held, Source, SourceError, SourceTiles, export};
use std::fs;

const HOUR_MS: i64 = 3_600_000;

fn at(hours: i64) -> Watch {
    let now = Time::from_millis(START_MS + hours * HOUR_MS);
    Watch { key: signer().verifier_key().clone(), witnesses: vec![], grows_within_ms: None, now }
}

fn good<S: Source>(source: &S, watch: &Watch, seen: Option<&Remembered>) -> (Looked, Vec<u64>) {
    let mut entries = Vec::new();
    let looked = look(source, watch, seen, |entry| entries.push(entry.index)).unwrap_or_else(|e| panic!("{e}"));
    (looked, entries)
}

#[track_caller]
fn alarm<S: Source>(source: &S, watch: &Watch, seen: Option<&Remembered>) -> Alarm {
    match look(source, watch, seen, |_| ()) {
        Err(LookError::Alarm(alarm)) => alarm,
        Err(other) => panic!("no alarm: {other}"),
        Ok(looked) => panic!("nothing was wrong: {looked:?}"),
    }
}

/// Every way to look twice at a log of some hundred entries finds one history and the entries between.
#[test]
fn a_log_that_grows_is_quiet() {
    let mut log = Log::new();
    log.busy(520);
    let whole = log.leaves.clone();
    let until = |size: usize| {
        let mut log = Log::new();
        log.leaves = whole[..size].to_vec();
        log
    };
    let sizes = [1, 2, 255, 256, 257, 511, 512, 513, whole.len()];
    for (at_first, first) in sizes.iter().enumerate() {
        let (looked, entries) = good(&until(*first), &at(1), None);
        assert_eq!((looked.seen, looked.entries, entries.len()), (None, *first as u64, *first));
        for second in &sizes[at_first..] {
            let (again, entries) = good(&until(*second), &at(2), Some(&looked.remember));
            assert_eq!(entries, (*first as u64..*second as u64).collect::<Vec<_>>());
            assert_eq!((again.point.size, again.alarms.as_slice()), (*second as u64, &[][..]));
            let grew = if first == second { looked.remember.grew } else { at(2).now };
            assert_eq!(again.remember.grew, grew);
        }
    }
}

#[test]
fn two_histories_are_a_fork_and_fewer_entries_a_rollback() {
    let mut log = Log::new();
    log.busy(300);
    let (looked, _) = good(&log, &at(1), None);
    let seen = Some(&looked.remember);
    // Written anew by whoever holds the key: as long, longer, shorter.
    for decisions in [300, 310, 520] {
        let mut anew = Log::falsified(|event| event.time = event.time.plus_millis(1));
        anew.busy(decisions);
        assert!(matches!(alarm(&anew, &at(2), seen), Alarm::Fork { .. }), "{decisions}");
    }
    let mut cut = Log::new();
    cut.leaves = log.leaves[..257].to_vec();
    let said = alarm(&cut, &at(2), seen);
    assert!(matches!(&said, Alarm::RolledBack { seen, shown } if seen.size == 303 && shown.size == 257), "{said}");
    // One entry in the middle, however little.
    let mut one = Log::new();
    one.leaves = log.leaves.clone();
    one.leaves.swap(100, 101);
    assert!(matches!(alarm(&one, &at(2), seen), Alarm::Fork { .. }));
    one.busy(3);
    assert!(matches!(alarm(&one, &at(2), seen), Alarm::Fork { .. }));
    one.leaves.remove(100);
    assert!(matches!(alarm(&one, &at(2), seen), Alarm::Fork { .. }));
}

#[test]
fn who_cannot_sign_is_told_as_that() {
    let mut log = Log::new();
    log.busy(5);
    let (looked, _) = good(&log, &at(1), None);
    let mut forged = Log::new();
    forged.busy(9);
    forged.signer = key(66);
    for seen in [None, Some(&looked.remember)] {
        assert!(matches!(alarm(&forged, &at(2), seen), Alarm::BadSignature { .. }));
    }
    let mut note = log.sign();
    let last = note.len() - 10;
    note[last] ^= 1;
    for damaged in [note, b"\xff".to_vec(), Vec::new()] {
        log.checkpoint = Some(damaged);
        assert!(matches!(alarm(&log, &at(2), None), Alarm::BadSignature { .. }));
    }
    let other = Signer::from_seed("elsewhere/log", &[7; 32]).unwrap();
    log.checkpoint =
        Some(Checkpoint::new("elsewhere/log", 1, Digest::of(b"x")).sign(&other).unwrap().to_string().into());
    assert!(alarm(&log, &at(2), None).to_string().contains("it is of the log `elsewhere/log`"));
}

/// Each file of the tree, gone or with one bit changed, is found by a first look; what a second one reads, by that too.
#[test]
fn what_is_missing_or_changed_is_named() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("export");
    let mut log = Log::new();
    log.busy(200);
    let (looked, _) = good(&log, &at(1), None);
    log.busy(90);
    export(&log, &dir, ExportOptions::default()).unwrap();
    let folder = Folder::open(&dir).unwrap();
    assert_eq!(good(&folder, &at(2), Some(&looked.remember)).0.entries, 90);
    for file in files(&dir.join("tile")) {
        let place = file.strip_prefix(&dir).unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        for seen in [None, Some(&looked.remember)] {
            let said = alarm(&folder, &at(2), seen);
            assert!(matches!(&said, Alarm::Missing { place: missing } if *missing == place), "{place}: {said}");
        }
        for at_byte in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at_byte] ^= 4;
            fs::write(&file, changed).unwrap();
            let said = alarm(&folder, &at(2), None);
            assert!(matches!(said, Alarm::Wrong { .. }), "{place} at {at_byte}: {said}");
        }
        fs::write(&file, bytes).unwrap();
    }
    fs::remove_file(dir.join("checkpoint")).unwrap();
    assert!(matches!(alarm(&folder, &at(2), None), Alarm::Missing { .. }));
}

/// A place that cannot be read accuses nobody.
struct Unreachable<'a>(&'a Log, &'static str);

impl Source for Unreachable<'_> {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        if self.1 == "checkpoint" { Err(SourceError::new(self.1, "timed out")) } else { self.0.checkpoint() }
    }
    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        Ok(Vec::new())
    }
    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        let place = path.to_string();
        if place.starts_with(self.1) { Err(SourceError::new(place, "timed out")) } else { self.0.tile(path) }
    }
    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        Ok(Vec::new())
    }
    fn blob(&self, _: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(None)
    }
    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        Ok(Vec::new())
    }
    fn payload(&self, _: &Commitment) -> Result<Option<Held>, SourceError> {
        Ok(None)
    }
}

#[test]
fn what_cannot_be_reached_is_no_alarm() {
    let mut log = Log::new();
    log.busy(5);
    let (looked, _) = good(&log, &at(1), None);
    log.busy(300);
    for place in ["checkpoint", "tile/0", "tile/1", "tile/entries"] {
        for seen in [None, Some(&looked.remember)] {
            let said = look(&Unreachable(&log, place), &at(2), seen, |_| ());
            assert!(matches!(said, Err(LookError::Source(_))), "{place}: {said:?}");
        }
    }
}

#[test]
fn keys_are_followed_and_strangers_are_not() {
    let mut log = Log::new();
    log.busy(2);
    let (first, _) = good(&log, &at(1), None);
    let old = log.signer.clone();
    rotate(&mut log, key(21), &old);
    log.busy(1);
    let (second, _) = good(&log, &at(2), Some(&first.remember));
    assert_eq!((second.rotations, &second.key), (1, &key(21).verifier_key().to_string()));
    // From the start by the first key, and by the second; afterwards the memory is enough.
    for given in [signer(), key(21)] {
        let watch = Watch { key: given.verifier_key().clone(), ..at(2) };
        assert_eq!(good(&log, &watch, None).0.key, second.key);
    }
    log.busy(1);
    assert_eq!(good(&log, &at(3), Some(&second.remember)).0.rotations, 0);
    // The old key goes on as if nothing had been.
    let mut stale = Log::new();
    stale.leaves = log.leaves.clone();
    assert!(matches!(alarm(&stale, &at(3), Some(&second.remember)), Alarm::BadSignature { .. }));
    assert!(matches!(alarm(&stale, &at(3), Some(&first.remember)), Alarm::BadSignature { .. }));
    // Whoever holds the store names themselves.
    let mut taken = Log::new();
    taken.busy(2);
    rotate(&mut taken, key(66), &key(66));
    for seen in [None, Some(&first.remember)] {
        assert!(matches!(alarm(&taken, &at(2), seen), Alarm::KeyNotVouched { .. }));
    }
    // Restored without its key.
    let mut restored = Log::new();
    restored.busy(2);
    restore(&mut restored, Some(key(31)));
    restored.busy(1);
    for seen in [None, Some(&first.remember)] {
        let said = alarm(&restored, &at(2), seen);
        assert!(matches!(said, Alarm::KeyNotVouched { index: 5, .. }), "{said}");
    }
}

#[test]
fn a_witness_that_is_away_and_a_log_that_stands_are_told() {
    let witness = Signer::from_seed("witness.example/w1", &[5; 32]).unwrap();
    let known: VerifierKey = witness.cosigner_key();
    let mut log = Log::new();
    log.busy(2);
    let watch =
        |hours: i64| Watch { witnesses: vec![known.clone()], grows_within_ms: Some(5 * HOUR_MS as u64), ..at(hours) };
    let (looked, _) = good(&log, &watch(1), None);
    assert!(matches!(looked.alarms.as_slice(), [Alarm::NotWitnessed { .. }]), "{:?}", looked.alarms);
    log.witness = Some(witness);
    let (looked, _) = good(&log, &watch(2), Some(&looked.remember));
    assert_eq!(looked.alarms, []);
    // Remembered, though the next checkpoint is without it.
    log.witness = None;
    log.busy(1);
    let (looked, _) = good(&log, &watch(3), Some(&looked.remember));
    assert_eq!(looked.alarms, []);
    let (later, _) = good(&log, &watch(9), Some(&looked.remember));
    assert!(
        matches!(later.alarms.as_slice(), [Alarm::Standing { ms }] if *ms == 6 * HOUR_MS as u64),
        "{:?}",
        later.alarms
    );
    let (later, _) = good(&log, &watch(30), Some(&later.remember));
    assert!(
        matches!(later.alarms.as_slice(), [Alarm::NotWitnessed { .. }, Alarm::Standing { .. }]),
        "{:?}",
        later.alarms
    );
}

/// A memory that was changed is no memory.
#[test]
fn what_was_remembered_has_to_be_whole() {
    let mut log = Log::new();
    log.busy(2);
    let (looked, _) = good(&log, &at(1), None);
    let text = serde_json::to_string(&looked.remember).unwrap();
    assert_eq!(serde_json::from_str::<Remembered>(&text).unwrap(), looked.remember);
    let forged = Remembered { checkpoint: looked.remember.checkpoint.replace("\n5\n", "\n4\n"), ..looked.remember };
    assert!(matches!(look(&log, &at(1), Some(&forged), |_| ()), Err(LookError::Remembered(_))));
}

/// The proofs that the monitor makes are those that anybody makes.
#[test]
fn a_monitor_and_a_proof_agree() {
    let mut log = Log::new();
    log.busy(40);
    let point = LogPoint {
        size: 20,
        root: {
            let mut half = Log::new();
            half.leaves = log.leaves[..20].to_vec();
            half.frontier().0.root()
        },
    };
    let (frontier, _) = log.frontier();
    let proof = proof::consistency(&SourceTiles::new(&log, frontier.size()), 20, frontier.size()).unwrap();
    proof::verify_consistency(&proof, 20, &point.root, frontier.size(), &frontier.root()).unwrap();
}
