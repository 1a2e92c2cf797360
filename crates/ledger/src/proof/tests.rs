use super::*;
use crate::tree::tests::{grown, leaves};
use proptest::prelude::*;

#[test]
fn every_inclusion_and_consistency_up_to_70_entries() {
    let (_, tiles) = grown(&[70]);
    let all = leaves(70);
    for size in 0..=70u64 {
        let top = root_of(&all[..size as usize]);
        assert_eq!(root(&tiles, size), Ok(top));
        for index in 0..size {
            let proof = inclusion(&tiles, index, size).unwrap();
            assert_eq!(verify_inclusion(&proof, index, &all[index as usize], size, &top), Ok(()));
        }
        for old in 0..=size {
            let proof = consistency(&tiles, old, size).unwrap();
            let old_root = root_of(&all[..old as usize]);
            assert_eq!(verify_consistency(&proof, old, &old_root, size, &top), Ok(()), "{old} {size}");
        }
    }
}

#[test]
fn questions_without_sense() {
    let (_, tiles) = grown(&[5]);
    assert_eq!(inclusion(&tiles, 5, 5), Err(ProofError::OutOfRange { asked: 5, size: 5 }));
    assert_eq!(consistency(&tiles, 6, 5), Err(ProofError::OutOfRange { asked: 6, size: 5 }));
    let d = Digest::of(b"");
    assert!(verify_inclusion(&[], 0, &d, 0, &d).is_err());
    assert!(verify_consistency(&[], 6, &d, 5, &d).is_err());
    assert!(verify_consistency(&[d], 5, &d, 5, &d).is_err());
    assert!(verify_consistency(&[d], 0, &d, 5, &d).is_err());
    assert!(verify_consistency(&[], 0, &Digest::of(b"x"), 5, &d).is_err(), "an empty tree has one root only");
    assert!(matches!(inclusion(&tiles, 0, 1 << 60), Err(ProofError::Tile { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_changed_proof_does_not_hold(size in 2u64..700, at: prop::sample::Index, older: prop::sample::Index, flip in 0usize..32) {
        let (_, tiles) = grown(&[size]);
        let all = leaves(size);
        let top = root_of(&all);
        let index = at.index(size as usize) as u64;
        let leaf = all[index as usize];
        let proof = inclusion(&tiles, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&proof, index, &leaf, size, &top), Ok(()));
        let old = older.index(size as usize) as u64;
        let old_root = root_of(&all[..old as usize]);
        let path = consistency(&tiles, old, size).unwrap();
        prop_assert_eq!(verify_consistency(&path, old, &old_root, size, &top), Ok(()));
        let changed = |proof: &[Digest], i: usize| {
            let mut proof = proof.to_vec();
            let mut bytes = *proof[i].as_bytes();
            bytes[flip] ^= 1;
            proof[i] = Digest::from_bytes(bytes);
            proof
        };
        for i in 0..proof.len() {
            prop_assert!(verify_inclusion(&changed(&proof, i), index, &leaf, size, &top).is_err());
        }
        for i in 0..path.len() {
            prop_assert!(verify_consistency(&changed(&path, i), old, &old_root, size, &top).is_err());
        }
        let longer: Vec<Digest> = proof.iter().copied().chain([leaf]).collect();
        prop_assert!(verify_inclusion(&longer, index, &leaf, size, &top).is_err());
        prop_assert!(verify_inclusion(&proof[1..], index, &leaf, size, &top).is_err());
        prop_assert!(verify_inclusion(&proof, (index + 1) % size, &leaf, size, &top).is_err());
    }

    #[test]
    fn hostile_proofs_end(hashes in prop::collection::vec(any::<[u8; 32]>(), 0..80), a: u64, b: u64, r: [u8; 32]) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let r = Digest::from_bytes(r);
        prop_assert!(verify_inclusion(&hashes, a, &r, b, &Digest::of(b"root")).is_err());
        let held = verify_consistency(&hashes, a, &r, b, &Digest::of(b"root"));
        prop_assert!(held.is_err());
    }
}
