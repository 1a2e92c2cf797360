use super::*;
use proptest::prelude::*;
use seatrial_ledger::Signer;

fn manifest(paths: &[&str]) -> Manifest {
    let file =
        |p: &&str| ManifestFile { path: (*p).to_owned(), bytes: p.len() as u64, digest: Digest::of(p.as_bytes()) };
    Manifest { files: paths.iter().map(file).collect() }
}

#[test]
fn what_is_written_is_read() {
    let written = manifest(&["KEY", "index.html", "log/tile/0/000", "runbooks/two words.md", "spec/ü.json"]);
    assert_eq!(Manifest::parse(written.to_string().as_bytes()).unwrap(), written);
    assert_eq!(written.file("log/tile/0/000").unwrap().bytes, 14);
    assert_eq!(written.file("log"), None);
    assert_eq!(Manifest::parse(b"seatrial-pack/1\n").unwrap(), Manifest::default());
}

#[test]
fn what_is_no_manifest_is_refused() {
    let d = "0".repeat(64);
    let cases = [
        (String::new(), ManifestError::Format),
        ("seatrial-pack/2\n".to_owned(), ManifestError::Format),
        ("seatrial-pack/1".to_owned(), ManifestError::Format),
        (format!("seatrial-pack/1\n{d} 1 a"), ManifestError::Line(2)),
        (format!("seatrial-pack/1\n{d} 01 a\n"), ManifestError::Line(2)),
        (format!("seatrial-pack/1\n{d} +1 a\n"), ManifestError::Line(2)),
        (format!("seatrial-pack/1\n{} 1 a\n", "A".repeat(64)), ManifestError::Line(2)),
        (format!("seatrial-pack/1\n{d} 1 a\n\n"), ManifestError::Line(3)),
        (format!("seatrial-pack/1\n{d} 1 b\n{d} 1 a\n"), ManifestError::Order(3)),
        (format!("seatrial-pack/1\n{d} 1 a\n{d} 1 a\n"), ManifestError::Order(3)),
        (format!("seatrial-pack/1\n{d} 1 ../a\n"), ManifestError::Path(2)),
        (format!("seatrial-pack/1\n{d} 1 /a\n"), ManifestError::Path(2)),
        (format!("seatrial-pack/1\n{d} 1 a/./b\n"), ManifestError::Path(2)),
        (format!("seatrial-pack/1\n{d} 1 C:\\a\n"), ManifestError::Path(2)),
    ];
    for (text, why) in cases {
        assert_eq!(Manifest::parse(text.as_bytes()), Err(why), "{text:?}");
    }
}

#[test]
fn a_seal_is_over_one_manifest_by_one_key_in_one_form() {
    let signer = Signer::from_seed("bank/credit", &[7; 32]).unwrap();
    let other = Signer::from_seed("bank/credit", &[8; 32]).unwrap();
    let keys = [signer.verifier_key().clone()];
    let told = manifest(&["a"]);
    let seal = |text: String, signers: &[&Signer]| {
        let mut note = Note::new(text).unwrap();
        signers.iter().for_each(|s| note.sign(s));
        note.to_string()
    };
    let good = seal(told.seal("bank/credit"), &[&signer]);
    assert!(told.check_seal(good.as_bytes(), "bank/credit", &keys).unwrap().starts_with("bank/credit+"));
    assert!(matches!(told.check_seal(good.as_bytes(), "bank/claims", &keys), Err(ManifestError::Other(_))));
    assert!(matches!(manifest(&["b"]).check_seal(good.as_bytes(), "bank/credit", &keys), Err(ManifestError::Other(_))));
    for signers in [&[&other][..], &[&signer, &other][..]] {
        let bad = seal(told.seal("bank/credit"), signers);
        assert!(matches!(told.check_seal(bad.as_bytes(), "bank/credit", &keys), Err(ManifestError::Seal(_))));
    }
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 1;
        assert!(told.check_seal(&bad, "bank/credit", &keys).is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn whatever_it_is_it_does_not_panic_and_has_one_spelling(text in r"(seatrial-pack/1\n)?([0-9a-f]{64} [0-9+]{1,3} [a-c./]{1,4}\n){0,3}.{0,8}") {
        if let Ok(read) = Manifest::parse(text.as_bytes()) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn bytes_do_not_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::parse(&bytes);
        let _ = Manifest::default().check_seal(&bytes, "o", &[]);
    }
}
