use super::*;
use proptest::prelude::*;

// Made with OpenSSH's `ssh-keygen -Y sign`.
const MESSAGE: &[u8] = b"what was shown";
const ED: &str = include_str!("samples/ed.pub");
const ED_SIG: &[u8] = include_bytes!("samples/ed.sig");
const EC: &str = include_str!("samples/ec.pub");
const EC_SIG: &[u8] = include_bytes!("samples/ec.sig");
const GIT_SIG: &[u8] = include_bytes!("samples/git.sig");
const RSA: &str = include_str!("samples/rsa.pub");
const RSA_SIG: &[u8] = include_bytes!("samples/rsa.sig");
const OTHER: &str = include_str!("samples/other.pub");

fn keys(texts: &[&str]) -> Vec<SshKey> {
    texts.iter().map(|t| SshKey::parse(t).unwrap()).collect()
}

#[test]
fn what_openssh_signed_is_accepted() {
    let keys = keys(&[OTHER, ED, EC]);
    assert_eq!(verify(&keys, "seatrial", MESSAGE, ED_SIG).unwrap(), &keys[1]);
    assert_eq!(verify(&keys, "seatrial", MESSAGE, EC_SIG).unwrap(), &keys[2]);
    assert!(keys[1].fingerprint().starts_with("SHA256:"));
    assert_eq!(keys[1].line().unwrap(), ED.trim().strip_suffix(" ana").unwrap());
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let (all, other) = (keys(&[ED, EC]), keys(&[OTHER]));
    assert_eq!(verify(&all, "seatrial", b"what was not shown", ED_SIG), Err(SshError::Mismatch));
    assert!(matches!(verify(&other, "seatrial", MESSAGE, ED_SIG), Err(SshError::UnknownKey(_))));
    assert!(matches!(verify(&[], "seatrial", MESSAGE, ED_SIG), Err(SshError::UnknownKey(_))));
    assert!(matches!(verify(&all, "seatrial", MESSAGE, GIT_SIG), Err(SshError::Namespace { .. })));
    assert!(matches!(verify(&all, "git", MESSAGE, ED_SIG), Err(SshError::Namespace { .. })));
    assert!(matches!(verify(&all, "seatrial", MESSAGE, RSA_SIG), Err(SshError::Kind(_))));
    assert!(matches!(SshKey::parse(RSA), Err(SshError::Kind(kind)) if kind == "ssh-rsa"));
    assert!(matches!(SshKey::parse("ssh-ed25519 AAAA"), Err(SshError::Key { .. })));
    assert!(matches!(verify(&all, "seatrial", MESSAGE, b""), Err(SshError::Malformed(_))));
    let long = vec![b'-'; SIGNATURE_BYTES_MAX + 1];
    assert!(matches!(verify(&all, "seatrial", MESSAGE, &long), Err(SshError::Malformed(_))));
}

/// Each flipped bit of the signature's bytes is found.
#[test]
fn every_flipped_bit_is_found() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let keys = keys(&[ED]);
    let text = std::str::from_utf8(ED_SIG).unwrap();
    let body: String = text.lines().filter(|l| !l.starts_with("-----")).collect();
    let bytes = STANDARD.decode(body).unwrap();
    let armoured = |bytes: &[u8]| {
        let body = STANDARD.encode(bytes);
        let lines: Vec<&str> = body.as_bytes().chunks(70).map(|c| std::str::from_utf8(c).unwrap()).collect();
        format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
    };
    assert!(verify(&keys, "seatrial", MESSAGE, armoured(&bytes).as_bytes()).is_ok());
    for at in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[at / 8] ^= 1 << (at % 8);
        let got = verify(&keys, "seatrial", MESSAGE, armoured(&other).as_bytes());
        assert!(got.is_err(), "bit {at}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(key in ".{0,200}", signature in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..400, byte: u8) {
        let _ = SshKey::parse(&key);
        let keys = keys(&[ED]);
        prop_assert!(verify(&keys, "seatrial", MESSAGE, &signature).is_err());
        let mut near = ED_SIG.to_vec();
        let at = at % near.len();
        near[at] = byte;
        let got = verify(&keys, "seatrial", MESSAGE, &near);
        // Another kind of white space where there was some reads as the same signature; nothing else does.
        prop_assert!(got.is_err() || near == ED_SIG || byte.is_ascii_whitespace(), "{at} {byte}");
    }
}
