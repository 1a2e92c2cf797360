use super::*;
use crate::tree::tests::grown;
use proptest::prelude::*;

const ROOT3: &str = "pkvybgkSj2/i/m+LLYyAHhZrV8BHp82bK4Ceepai8cs=";

fn signer() -> Signer {
    let seed: [u8; 32] = std::array::from_fn(|i| i as u8);
    Signer::from_seed("factory.example/log", &seed).unwrap()
}

#[test]
fn the_known_checkpoint() {
    let checkpoint = Checkpoint::new("factory.example/log", 3, grown(&[3]).0.root());
    let note = checkpoint.sign(&signer()).unwrap().to_string();
    assert_eq!(
        note,
        format!(
            "factory.example/log\n3\n{ROOT3}\n\n\u{2014} factory.example/log \
             wCwVDlk9yCpt6ul7t8QiyEF/wc2vhvsRG5AE0deecsD/V52BT3230F20CNX6BL80w57yLJjkbGipRhSPHHNUTwb8uQ0=\n"
        )
    );
    let (read, _) = Checkpoint::open(note.as_bytes(), signer().verifier_key()).unwrap();
    assert_eq!(read, checkpoint);
}

#[test]
fn extension_lines_are_signed() {
    let mut checkpoint = Checkpoint::new("factory.example/log", 3, grown(&[3]).0.root());
    checkpoint.extensions = vec!["one".to_owned(), "two three".to_owned()];
    let note = checkpoint.sign(&signer()).unwrap().to_string();
    assert_eq!(Checkpoint::open(note.as_bytes(), signer().verifier_key()).unwrap().0, checkpoint);
    assert!(Checkpoint::open(note.replace("two", "six").as_bytes(), signer().verifier_key()).is_err());
    checkpoint.extensions = vec!["one\ntwo".to_owned()];
    assert!(checkpoint.sign(&signer()).is_err(), "two lines that pass for one are not signed");
    checkpoint.extensions = vec![String::new()];
    assert!(checkpoint.sign(&signer()).is_err());
}

#[test]
fn a_checkpoint_of_another_log_is_not_accepted() {
    let note = Checkpoint::new("factory.example/other", 0, crate::empty_root()).sign(&signer()).unwrap();
    let error = Checkpoint::open(note.to_string().as_bytes(), signer().verifier_key()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint is of the log `factory.example/other`, not of `factory.example/log`: it was not accepted"
    );
}

#[test]
fn what_is_no_checkpoint() {
    for wrong in [
        String::new(),
        "\n".to_owned(),
        "log\n".to_owned(),
        "log\n3\n".to_owned(),
        format!("log\n3\n{ROOT3}"),
        format!("\n3\n{ROOT3}\n"),
        format!("log\n03\n{ROOT3}\n"),
        format!("log\n+3\n{ROOT3}\n"),
        format!("log\n-3\n{ROOT3}\n"),
        format!("log\n\n{ROOT3}\n"),
        format!("log\n99999999999999999999\n{ROOT3}\n"),
        format!("log\n9007199254740993\n{ROOT3}\n"),
        format!("log\n3\n{}\n", &ROOT3[1..]),
        "log\n3\nAAAA\n".to_owned(),
        format!("log\n3\n{ROOT3}\n\n"),
        format!("log\n3\n{ROOT3}\n\nx\n"),
    ] {
        assert!(Checkpoint::parse(&wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn hostile_checkpoints_never_panic(text in "(a\n[0-9+-]{0,20}\n)?[A-Za-z0-9+/=\n]{0,60}|(.|\n){0,80}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
