use proptest::prelude::*;
use seatrial_ledger::proof::{consistency, inclusion, root, verify_consistency, verify_inclusion};
use seatrial_ledger::{Checkpoint, Frontier, Note, Signer, Tile, TilePath, TileTree, leaf_hash};
use seatrial_model::Digest;
use signed_note::{StandardVerifier, VerifierList};
use std::cell::RefCell;
use std::collections::BTreeMap;
use tlog_tiles::{Hash, HashReader};

type Tiles = BTreeMap<(u8, u64), Tile>;

/// The oracle's own store: every node, in its own numbering.
#[derive(Default)]
struct Stored(RefCell<Vec<Hash>>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let stored = self.0.borrow();
        Ok(indexes.iter().map(|i| stored[*i as usize]).collect())
    }
}

/// The oracle reading our tiles.
struct Ours<'a>(&'a Tiles);

impl tlog_tiles::TileReader for Ours<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        Ok(tiles
            .iter()
            .map(|t| self.0[&(t.level(), t.level_index())].to_bytes()[..t.width() as usize * 32].to_vec())
            .collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn theirs(digest: Digest) -> Hash {
    Hash(*digest.as_bytes())
}

fn entry(i: u64) -> Vec<u8> {
    format!("entry-{i}").into_bytes()
}

fn grow(size: u64) -> (Frontier, Tiles, Stored) {
    let (mut frontier, mut tiles, stored) = (Frontier::new(), Tiles::new(), Stored::default());
    let leaves: Vec<Digest> = (0..size).map(|i| leaf_hash(&entry(i))).collect();
    for tile in frontier.extend(&leaves).tiles {
        tiles.insert((tile.level, tile.n), tile);
    }
    for i in 0..size {
        let new = tlog_tiles::stored_hashes(i, &entry(i), &stored).unwrap();
        stored.0.borrow_mut().extend(new);
    }
    (frontier, tiles, stored)
}

#[test]
fn seventy_thousand_entries() {
    let (frontier, tiles, stored) = grow(70_000);
    let top = tlog_tiles::tree_hash(70_000, &stored).unwrap();
    assert_eq!(theirs(frontier.root()), top);
    // The oracle authenticates every tile that it reads against the root.
    let ours = Ours(&tiles);
    let reader = tlog_tiles::TileHashReader::new(70_000, top, &ours);
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let proof = tlog_tiles::prove_record(70_000, index, &reader).unwrap();
        let own = inclusion(&tiles, index, 70_000).unwrap();
        assert_eq!(proof, own.into_iter().map(theirs).collect::<Vec<_>>());
    }
    for path in TilePath::all(70_000) {
        if let TileTree::Hashes(level) = path.tree {
            let tile = tlog_tiles::Tile::new(8, level, path.n, u32::from(path.width), false);
            assert_eq!(tile.read_data(&stored).unwrap(), tiles[&(level, path.n)].to_bytes(), "{path}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn trees_and_proofs_agree(size in 1u64..900, a: prop::sample::Index, b: prop::sample::Index) {
        let (frontier, tiles, stored) = grow(size);
        let top = tlog_tiles::tree_hash(size, &stored).unwrap();
        prop_assert_eq!(theirs(frontier.root()), top);
        let index = a.index(size as usize) as u64;
        let own = inclusion(&tiles, index, size).unwrap();
        let other = tlog_tiles::prove_record(size, index, &stored).unwrap();
        prop_assert_eq!(own.iter().copied().map(theirs).collect::<Vec<_>>(), other.clone());
        prop_assert!(tlog_tiles::check_record(&other, size, top, index, tlog_tiles::record_hash(&entry(index))).is_ok());
        prop_assert!(verify_inclusion(&own, index, &leaf_hash(&entry(index)), size, &frontier.root()).is_ok());
        let old = b.index(size as usize) as u64 + 1;
        let old_root = root(&tiles, old).unwrap();
        prop_assert_eq!(theirs(old_root), tlog_tiles::tree_hash(old, &stored).unwrap());
        let own = consistency(&tiles, old, size).unwrap();
        let other = tlog_tiles::prove_tree(size, old, &stored).unwrap();
        prop_assert_eq!(own.iter().copied().map(theirs).collect::<Vec<_>>(), other.clone());
        prop_assert!(tlog_tiles::check_tree(&other, size, top, old, theirs(old_root)).is_ok());
        prop_assert!(verify_consistency(&own, old, &old_root, size, &frontier.root()).is_ok());
    }

    #[test]
    fn tile_paths_agree(level in 0u8..=63, n in 0u64..(1 << 50), width in 1u16..=256, entries: bool) {
        let tree = if entries { TileTree::Entries } else { TileTree::Hashes(level) };
        let ours = TilePath { tree, n, width };
        let level = if entries { 0 } else { level };
        let other = tlog_tiles::Tile::new(8, level, n, u32::from(width), entries);
        // The oracle writes Go's own layout: the height stands before the level, and entries are `data`.
        let path = other.path().replacen("tile/8/data/", "tile/entries/", 1).replacen("tile/8/", "tile/", 1);
        prop_assert_eq!(ours.to_string(), path);
    }

    #[test]
    fn notes_agree(seed: [u8; 32], name in "[a-z][a-z./-]{0,30}", size in 0u64..=(1 << 53), hash: [u8; 32], flip: prop::sample::Index) {
        let signer = Signer::from_seed(&name, &seed).unwrap();
        let note = Checkpoint::new(&name, size, Digest::from_bytes(hash)).sign(&signer).unwrap();
        let vkey = signer.verifier_key().to_string();
        let known = || VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
        let other = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
        prop_assert!(other.verify(&known()).is_ok());
        prop_assert_eq!(other.to_bytes(), note.to_string().into_bytes());
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(other.text()).unwrap();
        prop_assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.hash().0), (name.as_str(), size, hash));
        let mut changed = note.to_string().into_bytes();
        let at = flip.index(changed.len());
        changed[at] ^= 1;
        let accepts = signed_note::Note::from_bytes(&changed).is_ok_and(|n| n.verify(&known()).is_ok());
        let we = Note::parse(&changed).is_ok_and(|n| n.verify(&[vkey.parse().unwrap()]).is_ok());
        prop_assert!(!accepts && !we);
    }

    #[test]
    fn both_read_the_same_notes(text in "(a\n){0,2}\n?(\u{2014} [a+ ]{0,3} ?[A-Za-z0-9+/=]{0,12}\n){0,3}") {
        let other = signed_note::Note::from_bytes(text.as_bytes());
        prop_assert_eq!(Note::parse(text.as_bytes()).is_ok(), other.is_ok(), "{:?} {:?}", text, other.is_ok());
    }

    #[test]
    fn both_read_the_same_checkpoints(text in "a?\n[0-9+-]{0,3}\n([A-Za-z0-9]{43}=|[A-Za-z0-9+/=]{0,46})\n(b\n){0,2}\n?") {
        let other = tlog_tiles::Checkpoint::from_bytes(text.as_bytes());
        prop_assert_eq!(Checkpoint::parse(&text).is_ok(), other.is_ok(), "{:?}", text);
    }
}
