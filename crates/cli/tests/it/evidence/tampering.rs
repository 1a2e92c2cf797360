//! Who finds what: each kind of tampering, done for real on a store and its export, and looked at by everybody who could
//! notice. The table in `docs/reference/tampering.md` is what came out.

mod acts;

use self::acts::{DATABASE, KEY};
use super::yard::{WORKFLOW, Yard};
use rusqlite::{Connection, params};
use seatrial_ledger::{
    AddCheckpoint, Checkpoint, Frontier, Note, Signer, TilePath, TileReader, TileTree, VerifierKey, Witness, leaf_hash,
    proof,
};
use seatrial_model::digest::unhex;
use seatrial_model::{Body, Commitment, Digest, Event, LogPoint, Salt, Time, Verdict};
use seatrial_verify::watch::{Remembered, Watch, look};
use seatrial_verify::{ExportOptions, Folder, Source as _, SourceTiles, Trust, export, verify};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Entries that nobody outside has seen when a row says so.
const UNSEEN: usize = 60;

/// The log as it stands in the database.
struct Rows {
    log: i64,
    leaves: Vec<Vec<u8>>,
}

fn event(leaf: &[u8]) -> Event {
    serde_json::from_slice(leaf).unwrap()
}

fn change(leaf: &mut Vec<u8>, how: impl FnOnce(&mut Event)) {
    let mut event = event(leaf);
    how(&mut event);
    *leaf = event.leaf().unwrap();
}

impl Rows {
    fn read(db: &Connection) -> Self {
        let log = db.query_row("SELECT id FROM logs WHERE name = ?1", [WORKFLOW], |r| r.get(0)).unwrap();
        let mut statement = db.prepare("SELECT bytes FROM events WHERE log = ?1 ORDER BY idx").unwrap();
        let leaves = statement.query_map([log], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        Self { log, leaves }
    }

    /// The indexes of decisions that no other entry names, in order: whoever takes one away leaves no contradiction.
    fn decisions(&self) -> Vec<usize> {
        let all: Vec<_> = self.leaves.iter().map(|leaf| String::from_utf8_lossy(leaf)).collect();
        let alone = |at: &usize| match event(&self.leaves[*at]).body {
            Body::DecisionMade(made) => {
                let id = made.decision.to_string();
                all.iter().filter(|leaf| leaf.contains(&id)).count() == 1 && made.review.is_none()
            }
            _ => false,
        };
        (0..self.leaves.len()).filter(alone).collect()
    }

    /// A decision in the middle.
    fn middle(&self) -> usize {
        let decisions = self.decisions();
        decisions[decisions.len() / 2]
    }

    fn approval(&self) -> usize {
        self.leaves.iter().position(|leaf| matches!(event(leaf).body, Body::ApprovalGiven(_))).unwrap()
    }

    fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::new();
        self.leaves.iter().for_each(|leaf| drop(frontier.push(leaf_hash(leaf))));
        frontier
    }

    /// A checkpoint over the first entries, as the log's key signs it.
    fn sign(&self, entries: usize, signer: &Signer) -> Note {
        let first = Self { log: self.log, leaves: self.leaves[..entries].to_vec() }.frontier();
        Checkpoint::new(signer.name(), first.size(), first.root()).sign(signer).unwrap()
    }

    /// What leads to entries leads to where they are now.
    fn move_lookups(&self, db: &Connection) {
        let before = Self::read(db);
        let now: BTreeMap<_, i64> = self.leaves.iter().zip(0..).map(|(leaf, index)| (event(leaf).id, index)).collect();
        let moved: Vec<Option<i64>> = before.leaves.iter().map(|leaf| now.get(&event(leaf).id).copied()).collect();
        let mut statement = db.prepare("SELECT hash, idx FROM lookups WHERE log = ?1").unwrap();
        let rows = statement.query_map([self.log], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        let rows: Vec<(i64, i64)> = rows.map(Result::unwrap).collect();
        db.execute("DELETE FROM lookups WHERE log = ?1", [self.log]).unwrap();
        for (hash, index) in rows {
            let Some(index) = moved[usize::try_from(index).unwrap()] else { continue };
            db.execute("INSERT INTO lookups (log, hash, idx) VALUES (?1, ?2, ?3)", params![self.log, hash, index])
                .unwrap();
        }
    }

    /// Writes events and the tree over them, as a program of ours would have; and says that this was signed.
    fn write(&self, db: &Connection, note: Option<&str>) {
        self.move_lookups(db);
        let mut frontier = Frontier::new();
        let hashes: Vec<Digest> = self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let tiles = frontier.extend(&hashes).tiles;
        db.execute("DELETE FROM events WHERE log = ?1", [self.log]).unwrap();
        db.execute("DELETE FROM tiles WHERE log = ?1", [self.log]).unwrap();
        for (index, leaf) in self.leaves.iter().enumerate() {
            let event = event(leaf);
            let insert = "INSERT INTO events (log, idx, id, bytes) VALUES (?1, ?2, ?3, ?4)";
            db.execute(insert, params![self.log, index as i64, event.id.uuid().as_bytes(), leaf]).unwrap();
            for commitment in event.payloads.values() {
                let place = "UPDATE payloads SET idx = ?3 WHERE log = ?1 AND commitment = ?2";
                db.execute(place, params![self.log, commitment.0.as_bytes(), index as i64]).unwrap();
            }
        }
        for tile in tiles {
            let insert = "INSERT OR REPLACE INTO tiles (log, level, n, bytes) VALUES (?1, ?2, ?3, ?4)";
            db.execute(insert, params![self.log, tile.level, tile.n as i64, tile.to_bytes()]).unwrap();
        }
        let set = "UPDATE logs SET size = ?2, root = ?3, note = coalesce(?4, note) WHERE id = ?1";
        db.execute(set, params![self.log, frontier.size() as i64, frontier.root().as_bytes(), note]).unwrap();
        // Payloads of entries that are gone would tell.
        let named: Vec<Commitment> = self.leaves.iter().flat_map(|leaf| event(leaf).payloads.into_values()).collect();
        let mut held = db.prepare("SELECT commitment FROM payloads WHERE log = ?1").unwrap();
        let held: Vec<Vec<u8>> = held.query_map([self.log], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        for bytes in held.into_iter().filter(|bytes| !named.iter().any(|c| c.0.as_bytes().as_slice() == bytes)) {
            db.execute("DELETE FROM payloads WHERE log = ?1 AND commitment = ?2", params![self.log, bytes]).unwrap();
        }
    }
}

/// A store that others have seen: a witness cosigned its newest checkpoint, and an outsider remembers it.
struct Scene {
    yard: Yard,
    signer: Signer,
    witness: Witness,
    cosigner: Signer,
    clean: Vec<u8>,
    checkpoint: Vec<u8>,
    remembered: Remembered,
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap())
}

impl Scene {
    fn new() -> Self {
        let yard = Yard::new();
        let file = yard.store(&format!("keys/{WORKFLOW}.key"));
        let text = std::fs::read_to_string(file).unwrap();
        let seed = text.split_whitespace().find_map(|word| unhex(word).and_then(|s| <[u8; 32]>::try_from(s).ok()));
        let key: VerifierKey = yard.run(&["log", "key", "--workflow", WORKFLOW]).exits(0).out.trim().parse().unwrap();
        let signer = Signer::from_seed(key.name(), &seed.unwrap()).unwrap();
        assert_eq!(*signer.verifier_key(), key, "the operator holds the key that everybody knows");
        let cosigner = Signer::from_seed("witness.example/w1", &[5; 32]).unwrap();
        let mut witness = Witness::new(cosigner.clone());
        witness.trust(key.clone());
        let rows = Rows::read(&yard.database());
        let mut note = rows.sign(rows.leaves.len(), &signer);
        note.cosign(&cosigner, u64::try_from(now().as_millis()).unwrap() / 1_000);
        let checkpoint = note.to_string().into_bytes();
        let remembered = Remembered {
            key: key.to_string(),
            checkpoint: note.to_string(),
            grew: now(),
            cosigned: Default::default(),
        };
        witness.keep(key.name(), point(&note));
        let set = "UPDATE logs SET note = ?2 WHERE name = ?1";
        assert_eq!(yard.database().execute(set, params![WORKFLOW, note.to_string()]).unwrap(), 1);
        std::fs::write(yard.store(&format!("checkpoints/{WORKFLOW}")), &checkpoint).unwrap();
        let clean = std::fs::read(yard.store("evidence.db")).unwrap();
        Self { yard, signer, witness, cosigner, clean, checkpoint, remembered }
    }

    /// As others saw it when the last entries were not there yet.
    fn seen_before(&mut self, entries: usize) {
        let note = Rows::read(&self.yard.database()).sign(entries, &self.signer);
        self.witness.keep(self.signer.name(), point(&note));
        self.remembered.checkpoint = note.to_string();
    }

    fn put_back(&mut self) {
        for beside in ["evidence.db-wal", "evidence.db-shm"] {
            let _ = std::fs::remove_file(self.yard.store(beside));
        }
        std::fs::write(self.yard.store("evidence.db"), &self.clean).unwrap();
        std::fs::write(self.yard.store(&format!("checkpoints/{WORKFLOW}")), &self.checkpoint).unwrap();
        let note = Note::parse(&self.checkpoint).unwrap();
        self.witness.keep(self.signer.name(), point(&note));
        self.remembered.checkpoint = note.to_string();
    }

    /// By somebody with the log's key: everything is as if it had always been so.
    fn rewrite(&self, how: impl FnOnce(&mut Rows, &Connection)) {
        let db = self.yard.database();
        let mut rows = Rows::read(&db);
        how(&mut rows, &db);
        let note = rows.sign(rows.leaves.len(), &self.signer).to_string();
        rows.write(&db, Some(&note));
        std::fs::write(self.yard.store(&format!("checkpoints/{WORKFLOW}")), &note).unwrap();
        drop(db);
        // Projections and indexes are made to fit; what it says of differences is the forger's own business.
        let _ = self.yard.run(&["log", "rebuild"]);
    }

    fn sql(&self, statements: &str) {
        self.yard.database().execute_batch(statements).unwrap();
    }

    /// Who finds it.
    fn found(&self, what: &str) -> Found {
        let verified = self.yard.run(&["log", "verify", "--workflow", WORKFLOW]);
        let operator = verified.code != 0;
        let out = self.yard.beside(&format!("export-{}", Digest::of(what.as_bytes()).hex()));
        let exported = self.yard.run(&["log", "export", out.to_str().unwrap(), "--payloads", "--workflow", WORKFLOW]);
        if exported.code != 0 {
            // Nothing comes out that anybody could look at: whoever asks for it sees that.
            eprintln!("{what}:\n{}{}\n", verified.out, exported.err);
            return Found { operator, exported: false, newcomer: true, remembers: true, witness: true, requires: true };
        }
        let folder = Folder::open(&out).unwrap();
        let key = self.signer.verifier_key().clone();
        let trust = Trust { key: Some(key.clone()), ..Trust::default() };
        let report = verify(&folder, &trust);
        let watch = Watch { key, witnesses: Vec::new(), grows_within_ms: None, now: now() };
        let requiring = Watch { witnesses: vec![self.cosigner.cosigner_key()], ..watch.clone() };
        let looked = look(&folder, &watch, Some(&self.remembered), |_| ());
        let required = look(&folder, &requiring, None, |_| ());
        eprintln!("{what}:\n{}{}{:?}\n", verified.out, report.human(), looked.as_ref().err());
        Found {
            operator,
            exported: true,
            newcomer: !report.verified,
            remembers: looked.is_err(),
            witness: self.objects(&folder),
            requires: required.map_or(true, |looked| !looked.alarms.is_empty()),
        }
    }

    /// Whether the witness refuses what it is asked to cosign.
    fn objects(&self, folder: &Folder) -> bool {
        let note = Note::parse(&folder.checkpoint().unwrap().unwrap()).unwrap();
        let (size, old) = (point(&note).size, self.witness.newest(self.signer.name()).unwrap().size);
        let proof = proof::consistency(&SourceTiles::new(folder, size), old, size).unwrap_or_default();
        let mut own = Note::new(note.text()).unwrap();
        note.signatures().iter().filter(|s| s.name == self.signer.name()).for_each(|s| own.add(s.clone()));
        self.witness.consider(AddCheckpoint { old, proof, note: own }.to_string().as_bytes()).is_err()
    }
}

fn point(note: &Note) -> LogPoint {
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    LogPoint { size: checkpoint.size, root: checkpoint.root }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Found {
    operator: bool,
    /// Whether an export came out at all.
    exported: bool,
    newcomer: bool,
    remembers: bool,
    witness: bool,
    requires: bool,
}

const NONE: Found =
    Found { operator: false, exported: true, newcomer: false, remembers: false, witness: false, requires: false };

fn table(rows: &[(&str, &str, Found)]) -> String {
    let word = |found: bool| if found { "found" } else { "–" };
    let mut out = String::from(include_str!("tampering/head.txt"));
    out.push_str("| what was done | with | the operator | a newcomer | who remembers | a witness | who requires it |\n|---|---|---|---|---|---|---|\n");
    for (what, with, f) in rows {
        let outside = [f.newcomer, f.remembers, f.witness, f.requires];
        let outside = outside.map(|found| if f.exported { word(found) } else { "no export" }).join(" | ");
        out.push_str(&format!("| {what} | {with} | {} | {outside} |\n", word(f.operator)));
    }
    out
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/tampering.md")
}

#[test]
fn who_finds_what() {
    let mut scene = Scene::new();
    assert_eq!(scene.found("nothing"), NONE, "nothing was done, and nobody finds anything");
    let mut rows = Vec::new();
    for (what, with, how) in acts::all() {
        how(&mut scene);
        let found = scene.found(&format!("{what} ({with})"));
        rows.push((what, with, found));
        scene.put_back();
    }
    assert_eq!(scene.found("put back"), NONE, "everything was put back");
    // What the threat model says in words.
    for (what, with, found) in &rows {
        let unseen = what.contains("before anybody outside");
        assert!(*with != DATABASE || found.operator, "without the key nothing escapes the operator: {what}");
        let of_the_log = !what.contains("payload")
            && !what.contains("projection")
            && !what.contains("spec in force: a file")
            && !what.contains("old copy");
        let by_memory = *with == KEY && !unseen;
        assert!(!by_memory || (found.remembers && found.witness), "an old checkpoint and a witness find it: {what}");
        assert!(*with != DATABASE || !of_the_log || found.newcomer, "what was signed is not what is there: {what}");
        assert!(
            !unseen || (!found.operator && !found.newcomer && !found.remembers && !found.witness),
            "{what}: {found:?}"
        );
    }
    let text = table(&rows);
    if std::env::var("SEATRIAL_UPDATE").is_ok_and(|v| v == "1") {
        std::fs::write(page(), &text).unwrap();
    }
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    assert_eq!(written, text, "`docs/reference/tampering.md` is not what comes out: renew it with SEATRIAL_UPDATE=1");
}

/// Two people, two histories: each of them sees one that grows. Put side by side, or shown to one witness, they contradict.
#[test]
fn two_histories_for_two_people_are_found_by_what_they_share() {
    let mut scene = Scene::new();
    let size = Rows::read(&scene.yard.database()).leaves.len();
    // Both have seen the same beginning; then each is shown another history.
    scene.seen_before(size - UNSEEN);
    let exported = |name: &str| {
        let out = scene.yard.beside(name);
        scene.yard.run(&["log", "export", out.to_str().unwrap(), "--workflow", WORKFLOW]).exits(0);
        Folder::open(out).unwrap()
    };
    let to_ana = exported("to-ana");
    scene.rewrite(|rows, _| {
        let at = *rows.decisions().last().unwrap();
        change(&mut rows.leaves[at], |event| event.time = event.time.plus_millis(1));
    });
    let to_bo = exported("to-bo");
    let key = scene.signer.verifier_key().clone();
    let watch = Watch { key, witnesses: Vec::new(), grows_within_ms: None, now: now() };
    let ana = look(&to_ana, &watch, Some(&scene.remembered), |_| ()).unwrap();
    let bo = look(&to_bo, &watch, Some(&scene.remembered), |_| ()).unwrap();
    assert!(verify(&to_ana, &Trust::default()).verified && verify(&to_bo, &Trust::default()).verified);
    assert_eq!(ana.point.size, bo.point.size);
    // Side by side.
    assert!(look(&to_bo, &watch, Some(&ana.remember), |_| ()).unwrap_err().to_string().starts_with("fork: "));
    // A witness that cosigned the one refuses the other.
    assert!(!scene.objects(&to_ana));
    scene.witness.keep(scene.signer.name(), ana.point);
    assert!(scene.objects(&to_bo));
}

/// A verified export stays verified when it is written again: what the scenes do to it is all that is found.
#[test]
fn an_export_of_an_export_is_the_same() {
    let yard = Yard::new();
    let (first, second) = (yard.beside("first"), yard.beside("second"));
    yard.run(&["log", "export", first.to_str().unwrap(), "--payloads", "--workflow", WORKFLOW]).exits(0);
    let folder = Folder::open(&first).unwrap();
    export(&folder, &second, ExportOptions { payloads: true }).unwrap();
    let again = Folder::open(&second).unwrap();
    assert_eq!(folder.files().unwrap(), again.files().unwrap());
    let path: TilePath = "tile/0/000".parse().unwrap();
    assert!(matches!(path.tree, TileTree::Hashes(0)));
    assert_eq!(folder.tile(path).unwrap(), again.tile(path).unwrap());
    let hashes = SourceTiles::new(&again, 256).tile(0, 0, 256).unwrap();
    assert_eq!(hashes.len(), 256);
}
