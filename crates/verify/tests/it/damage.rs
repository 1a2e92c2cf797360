//! Nothing in an export can change without being named.

use crate::fixture::{Log, files, trust};
use proptest::prelude::*;
use seatrial_model::event::QuestionSettled;
use seatrial_model::{Body, Digest, ElementPath};
use seatrial_verify::{ExportOptions, Folder, Verified, export, verify};
use std::fs;
use std::path::Path;

/// More than one bundle, two levels of tiles, blobs, payloads, earlier checkpoints.
fn exported(dir: &Path) {
    let mut log = Log::new();
    log.busy(17);
    log.remember();
    for i in 0..250 {
        let question = ElementPath::new(format!("questions.q{i}"));
        let settled = QuestionSettled { question, element: Digest::of(b""), withdrawn: false, cites: vec![] };
        let event = log.event(Body::QuestionSettled(settled));
        log.append(event);
    }
    log.remember();
    log.busy(1);
    export(&log, dir, ExportOptions { payloads: true }).unwrap();
    let report = check(dir);
    assert!(report.verified, "{}", report.human());
}

fn check(dir: &Path) -> Verified {
    verify(&Folder::open(dir).unwrap(), &trust())
}

/// Changes a file, and expects a problem that names it.
fn damaged(dir: &Path, file: &Path, bytes: &[u8], how: &str) {
    let before = fs::read(file).unwrap();
    fs::write(file, bytes).unwrap();
    let place = file.strip_prefix(dir).unwrap().to_str().unwrap();
    let report = check(dir);
    fs::write(file, before).unwrap();
    assert!(!report.verified, "`{place}`, {how}: not found");
    assert!(report.problems.iter().any(|p| p.place.contains(place)), "`{place}`, {how}:\n{}", report.human());
}

#[test]
fn a_byte_flipped_in_any_file_is_found_and_the_file_named() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    let all = files(dir.path());
    assert!(all.len() > 60, "{}", all.len());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for file in &all {
        let bytes = fs::read(file).unwrap();
        for _ in 0..3 {
            let (at, bit) = (random(bytes.len()), random(8));
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            damaged(dir.path(), file, &changed, &format!("bit {bit} of byte {at}"));
        }
    }
}

#[test]
fn every_byte_of_the_checkpoints_counts() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    for name in ["checkpoint", "earlier-checkpoints/000000"] {
        let file = dir.path().join(name);
        let bytes = fs::read(&file).unwrap();
        // Every byte of the newest one; its signature is judged before anything else is read.
        let step = if name == "checkpoint" { 1 } else { 9 };
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            damaged(dir.path(), &file, &changed, &format!("byte {at}"));
        }
    }
}

#[test]
fn a_file_cut_short_or_grown_is_found() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    for file in files(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        damaged(dir.path(), &file, &bytes[..bytes.len() - 1], "cut by a byte");
        damaged(dir.path(), &file, &[bytes.as_slice(), b"\n"].concat(), "grown by a byte");
    }
}

#[test]
fn a_file_that_is_gone_is_found() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    for file in files(dir.path()) {
        let place = file.strip_prefix(dir.path()).unwrap().to_str().unwrap();
        // A payload may be left out, and an earlier checkpoint need not be at hand.
        if place.starts_with("payloads/") || place.starts_with("earlier-") {
            continue;
        }
        let before = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let report = check(dir.path());
        fs::write(&file, before).unwrap();
        assert!(report.problems.iter().any(|p| p.place.contains(place)), "`{place}`:\n{}", report.human());
    }
}

#[test]
#[cfg(unix)]
fn what_is_not_a_plain_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    let outside = tempfile::NamedTempFile::new().unwrap();
    let checkpoint = dir.path().join("checkpoint");
    fs::copy(&checkpoint, outside.path()).unwrap();
    fs::remove_file(&checkpoint).unwrap();
    std::os::unix::fs::symlink(outside.path(), &checkpoint).unwrap();
    let report = check(dir.path());
    assert!(report.problems[0].what.contains("not a plain file"), "{}", report.human());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn hostile_files_end_in_a_report(
        which: prop::sample::Index,
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(b'{'), any::<u8>()], 0..400),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::new();
        log.busy(4);
        export(&log, dir.path(), ExportOptions { payloads: true }).unwrap();
        let all = files(dir.path());
        fs::write(&all[which.index(all.len())], bytes).unwrap();
        prop_assert!(!check(dir.path()).verified);
    }
}
