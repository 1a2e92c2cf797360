use super::*;
use crate::note::Signer;
use crate::tree::tests::{grown, leaves};
use proptest::prelude::*;

fn made(size: u64, index: u64) -> (TlogProof, VerifierKey) {
    let signer = Signer::from_seed("factory.example/log", &[7; 32]).unwrap();
    let (frontier, tiles) = grown(&[size]);
    let note = Checkpoint::new("factory.example/log", size, frontier.root()).sign(&signer).unwrap();
    (TlogProof::make(&tiles, index, note).unwrap(), signer.verifier_key().clone())
}

#[test]
fn the_file_as_c2sp_shows_it() {
    let (mut proof, key) = made(3, 1);
    let text = proof.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 1"]);
    assert_eq!(lines[4..7], ["", "factory.example/log", "3"]);
    assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof.clone()));
    assert_eq!(proof.verify(&leaves(3)[1], &key).unwrap().size, 3);
    assert!(proof.verify(&leaves(3)[0], &key).is_err());
    proof.extra = Some(b"hints".to_vec());
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra aGludHM=\nindex 1\n"));
    assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof));
}

#[test]
fn the_only_entry_needs_no_hash() {
    let (proof, key) = made(1, 0);
    assert!(proof.hashes.is_empty());
    let read = TlogProof::parse(proof.to_string().as_bytes()).unwrap();
    assert_eq!(read.verify(&leaves(1)[0], &key).unwrap().size, 1);
}

#[test]
fn what_is_no_proof() {
    let text = made(3, 1).0.to_string();
    for wrong in [
        String::new(),
        text.replacen("v1", "v2", 1),
        text.replacen("index 1", "index 01", 1),
        text.replacen("index 1", "index +1", 1),
        text.replacen("index 1\n", "", 1),
        text.replacen("index 1\n", "extra ?\nindex 1\n", 1),
        text.replacen("index 1\n", "index 1\nAAAA\n", 1),
        text.replacen("index 1\n", &format!("index 1\n{}", format!("{}\n", "A".repeat(43) + "=").repeat(66)), 1),
        text.replacen("\n\n", "\n", 1),
    ] {
        assert!(TlogProof::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_changed_byte_is_found(at: prop::sample::Index, bit in 0u8..8) {
        let (proof, key) = made(6, 2);
        let mut bytes = proof.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let good = TlogProof::parse(&bytes).is_ok_and(|p| p.verify(&leaves(6)[2], &key).is_ok());
        prop_assert!(!good);
    }

    #[test]
    fn hostile_files_never_panic(text in "(c2sp.org/tlog-proof@v1\n)?(extra |index )?[0-9A-Za-z=\n]{0,80}(\n\n)?(.|\n){0,60}") {
        let _ = TlogProof::parse(text.as_bytes());
    }
}
