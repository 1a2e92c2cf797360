use super::*;
use proptest::prelude::*;

const LOG: i64 = 1;

fn at(hash: i64, index: u64) -> (Lookup, u64) {
    (Lookup(hash), index)
}

fn database() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE lookups (log INTEGER, hash INTEGER, idx INTEGER, PRIMARY KEY (log, hash, idx)) WITHOUT ROWID;",
    )
    .unwrap();
    conn
}

fn written(conn: &Connection) -> Vec<(i64, i64)> {
    let mut statement = conn.prepare("SELECT hash, idx FROM lookups ORDER BY hash, idx").unwrap();
    statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// The log's size for a reader, and the lookups that the database had.
type Seen = (u64, Vec<(i64, i64)>);

#[derive(Clone, Debug)]
enum Step {
    /// An event with lookups, and its transaction's end: committed or taken back.
    Append(Vec<i64>, bool),
    Quiet,
    Enter(usize),
    Leave(usize),
    /// `kill -9`: what the database has is left, and the events' lookups are read again.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (prop::collection::vec(-20_i64..20, 0..6), prop::bool::weighted(0.8)).prop_map(|(l, c)| Step::Append(l, c)),
        1 => Just(Step::Quiet),
        1 => (0_usize..2).prop_map(Step::Enter),
        1 => (0_usize..2).prop_map(Step::Leave),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever happens: memory and database together have every lookup that was committed, those of the events before
    /// `looked` are in the database, and nothing that a reader may need is gone.
    #[test]
    fn nothing_is_lost(steps in steps()) {
        let (conn, mut pending) = (database(), Pending::new(2));
        pending.take_up(LOG, Tail { until: 0, entries: Vec::new() });
        let (mut size, mut all, mut kept) = (0, Vec::new(), 0);
        // What the database had when a reader came in.
        let mut readers: [Option<Seen>; 2] = [None, None];
        for step in steps {
            match step {
                Step::Append(lookups, commits) => {
                    conn.execute_batch("BEGIN").unwrap();
                    pending.add(LOG, size, lookups.iter().map(|hash| Lookup(*hash)));
                    let looked = pending.write_out(&conn, LOG, size + 1, false).unwrap();
                    if commits {
                        conn.execute_batch("COMMIT").unwrap();
                        pending.committed();
                        all.extend(lookups.iter().map(|hash| (*hash, size as i64)));
                        size += 1;
                        kept = looked;
                        let found = written(&conn);
                        let before = all.iter().filter(|(_, index)| (*index as u64) < looked);
                        prop_assert!(before.clone().all(|one| found.contains(one)), "{looked} of {size}");
                    } else {
                        conn.execute_batch("ROLLBACK").unwrap();
                        pending.taken_back();
                    }
                }
                Step::Quiet => {
                    let looked = pending.write_out(&conn, LOG, size, true).unwrap();
                    pending.committed();
                    prop_assert!(looked <= size);
                    kept = looked;
                }
                Step::Crash => {
                    // As the events say them: one may be there twice.
                    let of = |(hash, index): &(i64, i64)| at(*hash, *index as u64);
                    let entries = all.iter().map(of).filter(|(_, index)| *index >= kept).collect();
                    pending = Pending::new(2);
                    pending.take_up(LOG, Tail { until: kept, entries });
                    readers = [None, None];
                }
                Step::Enter(n) => {
                    pending.enter(n);
                    readers[n] = Some((size, written(&conn)));
                }
                Step::Leave(n) => {
                    pending.leave(n);
                    readers[n] = None;
                }
            }
            for (seen, database) in readers.iter().flatten().cloned().chain([(size, written(&conn))]) {
                for (hash, index) in all.iter().filter(|(_, index)| (*index as u64) < seen) {
                    let here = pending.find(LOG, Lookup(*hash), seen).contains(&(*index as u64));
                    prop_assert!(here || database.contains(&(*hash, *index)), "({hash}, {index}) of {seen}");
                }
            }
        }
        // A few rounds are enough: a store that is closed does not wait for ever.
        for _ in 0..3 {
            pending.write_out(&conn, LOG, size, true).unwrap();
            pending.committed();
        }
        prop_assert_eq!(pending.waiting(), Vec::<i64>::new());
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(written(&conn), all);
    }
}

#[test]
fn a_start_takes_up_what_was_not_written() {
    let pending = Pending::new(1);
    pending.take_up(LOG, Tail { until: 3, entries: vec![at(7, 3), at(7, 5), at(-1, 4), at(7, 5)] });
    assert_eq!(pending.find(LOG, Lookup(7), 6), [3, 5]);
    assert_eq!(pending.find(LOG, Lookup(7), 5), [3], "nothing beyond what a reader sees");
    assert_eq!(pending.waiting(), [LOG]);
    let conn = database();
    assert_eq!(pending.write_out(&conn, LOG, 6, true).unwrap(), 6);
    assert_eq!(written(&conn), [(-1, 4), (7, 3), (7, 5)]);
    assert_eq!(pending.waiting(), Vec::<i64>::new(), "two of one event are one");
}
