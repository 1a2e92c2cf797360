//! What is done to a log.

use super::*;

/// What is done, by whom, and how.
pub type Row = (&'static str, &'static str, Box<dyn Fn(&mut Scene)>);

/// With the database alone.
pub const DATABASE: &str = "database";

/// And with the signing key.
pub const KEY: &str = "database and key";

/// A statement about one event of the log, by its index.
fn on_event(scene: &Scene, index: usize, set: &str) {
    let log = Rows::read(&scene.yard.database()).log;
    scene.sql(&format!("UPDATE events SET {set} WHERE log = {log} AND idx = {index}"));
}

fn payload(db: &Connection, log: i64, commitment: &Commitment, bytes: &[u8], new: &Commitment, salt: &Salt) {
    let set = "UPDATE payloads SET commitment = ?3, salt = ?4, bytes = ?5 WHERE log = ?1 AND commitment = ?2";
    let values = params![log, commitment.0.as_bytes(), new.0.as_bytes(), salt.0, bytes];
    assert_eq!(db.execute(set, values).unwrap(), 1);
}

fn entries() -> Vec<Row> {
    vec![
        (
            "a leaf: the name of who approved",
            DATABASE,
            Box::new(|s| {
                let at = Rows::read(&s.yard.database()).approval();
                on_event(s, at, "bytes = CAST(replace(CAST(bytes AS TEXT), 'hana@', 'hugo@') AS BLOB)");
            }),
        ),
        (
            "the order: two decisions exchanged",
            DATABASE,
            Box::new(|s| {
                let db = s.yard.database();
                let mut rows = Rows::read(&db);
                let at = rows.middle();
                let next = rows.decisions().into_iter().find(|d| *d > at).unwrap();
                rows.leaves.swap(at, next);
                rows.write(&db, None);
            }),
        ),
        (
            "a deletion in the middle",
            DATABASE,
            Box::new(|s| {
                let db = s.yard.database();
                let mut rows = Rows::read(&db);
                let at = rows.middle();
                rows.leaves.remove(at);
                rows.write(&db, None);
            }),
        ),
        (
            "a truncation: the last entries cut off",
            DATABASE,
            Box::new(|s| {
                let db = s.yard.database();
                let mut rows = Rows::read(&db);
                rows.leaves.truncate(rows.leaves.len() - UNSEEN);
                rows.write(&db, None);
            }),
        ),
        (
            "an old copy of the database put back, with the checkpoint of then",
            DATABASE,
            Box::new(|s| {
                let db = s.yard.database();
                let mut rows = Rows::read(&db);
                rows.leaves.truncate(rows.leaves.len() - UNSEEN);
                // What the key signed by then, truly.
                let note = rows.sign(rows.leaves.len(), &s.signer).to_string();
                rows.write(&db, Some(&note));
            }),
        ),
    ]
}

fn beside_entries() -> Vec<Row> {
    vec![
        (
            "a payload changed",
            DATABASE,
            Box::new(|s| {
                s.sql("UPDATE payloads SET bytes = CAST(bytes || X'20' AS BLOB) WHERE seq = (SELECT max(seq) FROM payloads)");
            }),
        ),
        (
            "a payload removed, without an event that says so",
            DATABASE,
            Box::new(|s| {
                s.sql("DELETE FROM payloads WHERE seq = (SELECT max(seq) FROM payloads)");
            }),
        ),
        (
            "a projection row: what pages and queues show",
            DATABASE,
            Box::new(|s| {
                s.sql("UPDATE rows SET value = CAST(replace(CAST(value AS TEXT), '\"verdict\":\"', '\"verdict\":\"x') AS BLOB) WHERE tbl = 'decision'");
            }),
        ),
        (
            "a verdict, in its event",
            DATABASE,
            Box::new(|s| {
                let at = Rows::read(&s.yard.database()).middle();
                on_event(
                    s,
                    at,
                    "bytes = CAST(replace(CAST(bytes AS TEXT), '\"verdict\":\"', '\"verdict\":\"x') AS BLOB)",
                );
            }),
        ),
        (
            "the spec in force: a file of it",
            DATABASE,
            Box::new(|s| {
                s.sql("UPDATE blobs SET bytes = CAST(bytes || X'0A' AS BLOB) WHERE instr(CAST(bytes AS TEXT), 'workflow:') > 0");
            }),
        ),
    ]
}

fn entries_with_key() -> Vec<Row> {
    vec![
        (
            "a leaf: the name of who approved",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    let at = rows.approval();
                    change(&mut rows.leaves[at], |event| event.actor.id = "nobody@harbour.example".to_owned());
                });
            }),
        ),
        (
            "the order: two decisions exchanged",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    let at = rows.middle();
                    let next = rows.decisions().into_iter().find(|d| *d > at).unwrap();
                    rows.leaves.swap(at, next);
                });
            }),
        ),
        (
            "a deletion in the middle",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    let at = rows.middle();
                    rows.leaves.remove(at);
                });
            }),
        ),
        (
            "a truncation: the last entries cut off",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| rows.leaves.truncate(rows.leaves.len() - UNSEEN));
            }),
        ),
        (
            "a whole rewritten history, with a freshly signed tree",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    rows.leaves
                        .iter_mut()
                        .for_each(|leaf| change(leaf, |event| event.time = event.time.plus_millis(1)));
                });
            }),
        ),
    ]
}

fn meanings_with_key() -> Vec<Row> {
    vec![
        (
            "a payload changed, and its commitment with it",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, db| {
                    let (at, log) = (rows.middle(), rows.log);
                    change(&mut rows.leaves[at], |event| {
                        let old = event.payloads["case"];
                        let (salt, bytes) = (Salt([9; 32]), b"another case");
                        let new = Commitment::of(&salt, bytes);
                        payload(db, log, &old, bytes, &new, &salt);
                        event.payloads.insert("case".to_owned(), new);
                    });
                });
            }),
        ),
        (
            "a verdict",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    let at = rows.middle();
                    change(&mut rows.leaves[at], |event| {
                        let Body::DecisionMade(made) = &mut event.body else { panic!("a decision") };
                        made.verdict = if made.verdict == Verdict::Deny { Verdict::Allow } else { Verdict::Deny };
                    });
                });
            }),
        ),
        (
            "the spec in force: another one named by a decision",
            KEY,
            Box::new(|s| {
                s.rewrite(|rows, _| {
                    let at = rows.middle();
                    change(&mut rows.leaves[at], |event| event.spec = Some(Digest::of(b"another")));
                });
            }),
        ),
        (
            "an entry taken out before anybody outside saw a checkpoint over it",
            KEY,
            Box::new(|s| {
                let size = Rows::read(&s.yard.database()).leaves.len();
                s.seen_before(size - UNSEEN);
                s.rewrite(|rows, _| {
                    let at = *rows.decisions().last().unwrap();
                    assert!(at >= rows.leaves.len() - UNSEEN, "it is one that nobody saw");
                    rows.leaves.remove(at);
                });
            }),
        ),
    ]
}

/// Everything, in the order of the page.
pub fn all() -> impl Iterator<Item = Row> {
    let parts = [entries(), beside_entries(), entries_with_key(), meanings_with_key()];
    parts.into_iter().flatten()
}
