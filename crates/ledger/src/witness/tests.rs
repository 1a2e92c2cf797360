use super::*;
use crate::proof::consistency;
use crate::tree::tests::{grown, leaves};
use crate::{hash::root_of, proof::root};
use proptest::prelude::*;

fn log_key(seed: u8) -> Signer {
    Signer::from_seed("bank/credit", &[seed; 32]).unwrap()
}

fn witness() -> Witness {
    let mut witness = Witness::new(Signer::from_seed("witness.example/w1", &[9; 32]).unwrap());
    witness.trust(log_key(1).verifier_key().clone());
    witness
}

/// The honest log of 300 entries.
fn request(old: u64, size: u64) -> AddCheckpoint {
    let (_, tiles) = grown(&[300]);
    let note = Checkpoint::new("bank/credit", size, root(&tiles, size).unwrap()).sign(&log_key(1)).unwrap();
    AddCheckpoint { old, proof: consistency(&tiles, old, size).unwrap(), note }
}

/// A history that begins as the other one and was rewritten from entry 50 on, honestly hashed and signed.
fn rewritten(old: u64, size: u64) -> AddCheckpoint {
    let mut all = leaves(size);
    all[50] = Digest::of(b"rewritten");
    let (mut frontier, mut tiles) = (crate::Frontier::new(), BTreeMap::new());
    for tile in frontier.extend(&all).tiles {
        tiles.insert((tile.level, tile.n), tile);
    }
    assert_eq!(frontier.root(), root_of(&all));
    let note = Checkpoint::new("bank/credit", size, frontier.root()).sign(&log_key(1)).unwrap();
    AddCheckpoint { old, proof: consistency(&tiles, old, size).unwrap(), note }
}

fn status(witness: &Witness, request: &AddCheckpoint) -> u16 {
    witness.consider(request.to_string().as_bytes()).unwrap_err().status()
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let mut witness = witness();
    let mut old = 0;
    for size in [1, 1, 7, 256, 300] {
        let asked = request(old, size);
        let line = witness.add_checkpoint(asked.to_string().as_bytes(), 1_795_427_751).unwrap();
        let mut note = asked.note.clone();
        note.add(crate::NoteSignature::parse(line.trim_end()).unwrap());
        let good = note.verify(&[witness.key()]).unwrap();
        assert_eq!(good[0].time_s, Some(1_795_427_751));
        old = size;
    }
    assert_eq!(witness.newest("bank/credit").unwrap().size, 300);
}

#[test]
fn each_objection_has_its_status() {
    let mut witness = witness();
    witness.add_checkpoint(request(0, 100).to_string().as_bytes(), 1).unwrap();
    assert_eq!(witness.consider(b"hello").unwrap_err().status(), 400);
    assert_eq!(status(&witness, &AddCheckpoint { old: 400, ..request(100, 300) }), 400);
    let by_another = |origin: &str, seed: u8| {
        let signer = Signer::from_seed(origin, &[seed; 32]).unwrap();
        let note = Checkpoint::new(origin, 300, Digest::of(b"r")).sign(&signer).unwrap();
        AddCheckpoint { note, ..request(100, 300) }
    };
    assert_eq!(status(&witness, &by_another("bank/credit", 2)), 403);
    assert_eq!(status(&witness, &by_another("bank/other", 1)), 404);
    assert_eq!(
        witness.consider(request(0, 300).to_string().as_bytes()),
        Err(Objection::Conflict { size: 100, what: "the old size is another one" })
    );
    assert_eq!(status(&witness, &AddCheckpoint { proof: vec![Digest::of(b"x")], ..request(100, 300) }), 422);
    assert_eq!(status(&witness, &AddCheckpoint { proof: vec![], ..request(100, 300) }), 422);
    // Nothing of it was remembered.
    assert!(witness.add_checkpoint(request(100, 300).to_string().as_bytes(), 1).is_ok());
}

#[test]
fn a_rewritten_history_is_not_cosigned() {
    let mut witness = witness();
    witness.add_checkpoint(request(0, 100).to_string().as_bytes(), 1).unwrap();
    // Freshly hashed and signed by the log's own key: only what the witness remembers gives it away.
    assert_eq!(status(&witness, &rewritten(100, 200)), 422);
    assert_eq!(status(&witness, &rewritten(100, 100)), 409);
    assert_eq!(status(&witness, &rewritten(0, 200)), 409, "as if it were never seen");
    assert_eq!(status(&witness, &rewritten(0, 60)), 409, "cut, and begun again");
    // Whoever never saw the first one has no reason to object.
    let mut fresh = Witness::new(Signer::from_seed("w2", &[8; 32]).unwrap());
    fresh.trust(log_key(1).verifier_key().clone());
    assert!(fresh.add_checkpoint(rewritten(0, 200).to_string().as_bytes(), 1).is_ok());
}

#[test]
fn what_was_kept_is_read_back() {
    let mut before = witness();
    before.add_checkpoint(request(0, 100).to_string().as_bytes(), 1).unwrap();
    let mut after = witness();
    after.restore(request(0, 100).note.to_string().as_bytes()).unwrap();
    assert_eq!(after.newest("bank/credit"), before.newest("bank/credit"));
    assert_eq!(status(&after, &rewritten(100, 200)), 422);
    assert!(after.restore(b"nothing").is_err());
}

#[test]
fn a_rotated_log_is_known_by_both_keys() {
    let mut witness = witness();
    witness.add_checkpoint(request(0, 100).to_string().as_bytes(), 1).unwrap();
    let (_, tiles) = grown(&[300]);
    let point = Checkpoint::new("bank/credit", 300, root(&tiles, 300).unwrap());
    let asked = AddCheckpoint { note: point.sign(&log_key(2)).unwrap(), ..request(100, 300) };
    assert_eq!(status(&witness, &asked), 403);
    witness.trust(log_key(2).verifier_key().clone());
    assert!(witness.add_checkpoint(asked.to_string().as_bytes(), 1).is_ok());
    assert_eq!(witness.logs().count(), 1);
}

#[test]
fn what_is_no_request() {
    let good = request(100, 300).to_string();
    assert_eq!(AddCheckpoint::parse(good.as_bytes()).unwrap(), request(100, 300));
    let hash = format!("{}\n", BASE64.encode([0; 32]));
    for wrong in [
        String::new(),
        good.replacen("old 100", "old 0100", 1),
        good.replacen("old 100", "old -1", 1),
        good.replacen("old 100", "old  100", 1),
        good.replacen("old 100", "size 100", 1),
        good.replacen("old 100", "old 99999999999999999999", 1),
        good.replacen("old 100\n", "old 100\nAAAA\n", 1),
        good.replacen("\n\n", "\n", 1),
        good.trim_end().to_owned(),
        format!("old 1\n{}\n{}", hash.repeat(64), request(0, 1).note),
        format!("{good}{}", " ".repeat(REQUEST_BYTES_MAX)),
    ] {
        assert!(AddCheckpoint::parse(wrong.as_bytes()).is_err(), "{wrong:.80?}");
    }
}

proptest! {
    #[test]
    fn a_changed_byte_is_never_cosigned_as_something_else(at: prop::sample::Index, bit in 0u8..8) {
        let mut witness = witness();
        witness.add_checkpoint(request(0, 100).to_string().as_bytes(), 1).unwrap();
        let honest = request(100, 300);
        let mut bytes = honest.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(considered) = witness.consider(&bytes) {
            prop_assert_eq!(considered.note.text(), honest.note.text());
        }
    }

    #[test]
    fn hostile_requests_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "old [0-9]{0,3}\n[A-Za-z0-9+/=\n\u{2014} ]{0,120}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(request) = AddCheckpoint::parse(input) {
                prop_assert_eq!(request.to_string().into_bytes(), input);
            }
            prop_assert!(witness().consider(input).is_err());
        }
    }
}
