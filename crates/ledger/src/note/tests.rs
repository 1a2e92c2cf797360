use super::*;
use proptest::prelude::*;

/// The example of the C2SP page.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

#[test]
fn the_example_of_signed_note() {
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    let good = note.verify(&[KEY.parse().unwrap()]).unwrap();
    assert_eq!(good, [Verified { name: "example.com/foo".to_owned(), id: 0x530d_903a, time_s: None }]);
    assert_eq!(note.to_string(), EXAMPLE);
}

#[test]
fn unknown_signatures_are_kept_and_ignored() {
    let mut note = Note::new("text\n\nwith an empty line\n").unwrap();
    note.add(NoteSignature { name: "elsewhere".to_owned(), id: 7, signature: vec![1, 2, 3] });
    note.sign(&signer("a", 1));
    note.sign(&signer("b", 2));
    note.sign(&signer("a", 1));
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    assert_eq!(read.signatures().iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["elsewhere", "b", "a"]);
    let b = signer("b", 2).verifier_key().clone();
    assert_eq!(read.verify(std::slice::from_ref(&b)).unwrap().len(), 1);
    assert_eq!(read.verify(&[b, signer("a", 1).verifier_key().clone()]).unwrap().len(), 2);
    let error = read.verify(&[signer("a", 9).verifier_key().clone()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "none of the `1` known keys signed the note (it names `elsewhere`, `b`, `a`): it was not accepted"
    );
}

#[test]
fn one_bad_signature_of_a_known_key_spoils_the_note() {
    let (a, b) = (signer("a", 1), signer("b", 2));
    let mut note = Note::new("text\n").unwrap();
    note.sign(&a);
    note.add(NoteSignature { name: "b".to_owned(), id: b.id(), signature: vec![0; 64] });
    let known = [a.verifier_key().clone(), b.verifier_key().clone()];
    assert_eq!(note.verify(&known), Err(NoteError::BadSignature("b".to_owned())));
    // The same line twice, the second one false.
    let twice = format!(
        "text\n\n{}\n{}\n",
        note.signatures()[0],
        NoteSignature { name: "a".into(), id: a.id(), signature: vec![0; 64] }
    );
    assert!(Note::parse(twice.as_bytes()).unwrap().verify(&known[..1]).is_err());
}

#[test]
fn a_cosignature_binds_its_time() {
    let (log, witness) = (signer("log", 1), signer("witness", 2));
    let mut note = Note::new("log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").unwrap();
    note.sign(&log);
    note.cosign(&witness, 1_795_427_751);
    let key = witness.cosigner_key();
    assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
    assert_ne!(key.id(), witness.id(), "another kind has another id");
    let good = note.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(good[0].time_s, Some(1_795_427_751));
    let mut later = note.signatures()[1].clone();
    later.signature[7] ^= 1;
    note.add(later);
    assert_eq!(note.verify(&[key]), Err(NoteError::BadSignature("witness".to_owned())));
    // As a note's signature it is by an unknown key.
    assert!(note.verify(&[witness.verifier_key().clone()]).is_err());
}

#[test]
fn what_is_no_note() {
    let line = EXAMPLE.lines().last().unwrap();
    for wrong in [
        String::new(),
        "\n\n".to_owned(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        format!("text\n{line}\n"),
        format!("text\n\n{line}"),
        format!("te\txt\n\n{line}\n"),
        format!("text\r\n\r\n{line}\n"),
        format!("text\n\n{line}\r\n"),
        format!("text\n\n{}\n", line.replace('\u{2014}', "-")),
        format!("text\n\n{} \n", line),
        "text\n\n\u{2014}  Uw2QOg==\n".to_owned(),
        "text\n\n\u{2014} a+b Uw2QOkn8\n".to_owned(),
        "text\n\n\u{2014} a Uw2QOg==\n".to_owned(),
        "text\n\n\u{2014} a Uw2QOk\n".to_owned(),
        format!("text\n\n{}", format!("{line}\n").repeat(101)),
    ] {
        assert!(Note::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
    assert!(Note::parse(format!("text\n\n{}", format!("{line}\n").repeat(100)).as_bytes()).is_ok());
    assert!(matches!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLarge(_))));
    assert!(Note::new("no newline").is_err());
}

proptest! {
    #[test]
    fn a_changed_byte_is_found(at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let good = Note::parse(&bytes).is_ok_and(|n| n.verify(&[KEY.parse().unwrap()]).is_ok());
        prop_assert!(!good);
    }

    #[test]
    fn hostile_notes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[a\n\u{2014} +=]{0,80}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(note) = Note::parse(input) {
                prop_assert_eq!(note.to_string().into_bytes(), input);
            }
        }
    }
}
