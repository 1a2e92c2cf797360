use super::*;
use proptest::prelude::*;

const VKEY: &str = "factory.example/log+c02c150e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

fn signer() -> Signer {
    let seed: [u8; 32] = std::array::from_fn(|i| i as u8);
    Signer::from_seed("factory.example/log", &seed).unwrap()
}

#[test]
fn the_known_key() {
    assert_eq!(signer().verifier_key().to_string(), VKEY);
    assert_eq!(VKEY.parse::<VerifierKey>().as_ref(), Ok(signer().verifier_key()));
    assert_eq!(format!("{:?}", signer()), format!("Signer({VKEY})"), "a key never shows its seed");
}

#[test]
fn what_is_no_key() {
    for (wrong, why) in [
        ("", "is not a verifier key"),
        ("factory.example/log", "is not a verifier key"),
        ("a+c02c150e", "is not a verifier key"),
        ("a b+c02c150e+AQ==", "is not a key name"),
        ("a+zz2c150e+AQ==", "is not a verifier key"),
        ("a+c02c+AQ==", "is not a verifier key"),
        ("a+c02c150e+", "is not a verifier key"),
        ("a+c02c150e+AQ==", "is not an Ed25519 public key"),
        ("a+c02c150e+Ag==", "its kind is `0x02`"),
        ("other/log+c02c150e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", "its id is `c02c150e`, and should be"),
    ] {
        let error = wrong.parse::<VerifierKey>().unwrap_err().to_string();
        assert!(error.contains(why), "`{wrong}`: {error}");
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b", &"a".repeat(513)] {
        assert!(Signer::from_seed(name, &[0; 32]).is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn keys_read_back(seed: [u8; 32], name in "[a-z./-]{1,40}", message: Vec<u8>, other: Vec<u8>) {
        let signer = Signer::from_seed(&name, &seed).unwrap();
        let key: VerifierKey = signer.verifier_key().to_string().parse().unwrap();
        prop_assert_eq!(&key, signer.verifier_key());
        let signature = signer.sign(&message);
        prop_assert!(key.verify(&message, &signature));
        prop_assert_eq!(key.verify(&other, &signature), other == message);
    }

    #[test]
    fn hostile_keys_never_panic(text in ".{0,100}|[a-z]{1,4}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{0,60}") {
        let _ = text.parse::<VerifierKey>();
    }
}
