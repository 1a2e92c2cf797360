//! The server while its disk fails: 503 and no output, nothing lost; what was answered before stays readable.

use super::disk::library;
use super::yard::{Answer, Served, Yard};
use std::collections::BTreeMap;

type Known = BTreeMap<String, String>;

fn decide(served: &Served, from: usize, known: &mut Known) {
    for n in from..from + 5 {
        let answer = served.client().decide(n).unwrap();
        assert!(matches!(answer.status, 200 | 403), "{answer:?}");
        known.insert(answer.decision.unwrap(), answer.verdict.unwrap());
    }
}

fn refused(served: &Served, n: usize) {
    let answer: Answer = served.client().decide(n).unwrap();
    assert_eq!((answer.status, answer.body["error"]["code"].as_str()), (503, Some("record_failed")), "{answer:?}");
    // Nothing of the output leaves without its record.
    assert!(answer.decision.is_none() && !answer.body.to_string().contains("pre-approve"), "{answer:?}");
}

fn check(served: &Served, known: &Known) {
    for (decision, verdict) in known {
        let answer = served.client().decision(decision).unwrap();
        assert_eq!(answer.body["verdict"].as_str(), Some(verdict.as_str()), "{answer:?}");
    }
}

/// Writes that fail, and are well again: no restart is needed. A sync that failed is never trusted: it takes one.
#[test]
fn a_failing_disk_refuses_loses_nothing_and_goes_on() {
    let Some(library) = library() else { return };
    let yard = Yard::new();
    let orders = yard.beside("faults");
    let fails = |what: &str| {
        let new = yard.beside("faults.new");
        std::fs::write(&new, format!("{what} evidence.db-wal")).unwrap();
        std::fs::rename(new, &orders).unwrap();
    };
    let library = library.to_str().unwrap();
    let served = yard.serve_with(&[("LD_PRELOAD", library), ("SEATRIAL_FAULTS", orders.to_str().unwrap())]);
    let mut known = Known::new();
    decide(&served, 0, &mut known);
    // A failing write, then no room: each for as long as it lasts.
    for (at, errno) in [(1_000, 5), (2_000, 28)] {
        fails(&format!("write {errno} 0 1000000 keep"));
        (at..at + 3).for_each(|n| refused(&served, n));
        check(&served, &known);
        std::fs::remove_file(&orders).unwrap();
        decide(&served, at + 10, &mut known);
    }
    fails("sync 5 0 1 drop");
    refused(&served, 3_000);
    std::fs::remove_file(&orders).unwrap();
    // The disk is well, and what the failed sync left behind is not known: the store writes no more.
    (3_001..3_004).for_each(|n| refused(&served, n));
    check(&served, &known);
    assert_ne!(served.end("-TERM"), None);
    let (code, report) = yard.verify();
    assert_eq!(code, 0, "{report:#}");
    let served = yard.serve();
    check(&served, &known);
    decide(&served, 4_000, &mut known);
    check(&served, &known);
    assert_eq!(served.end("-TERM"), Some(0));
    assert_eq!(yard.verify().0, 0);
}
