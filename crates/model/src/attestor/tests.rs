use super::*;

/// One key, made by `openssl genpkey -algorithm ed25519`, and its id as `sha256sum` says of the DER form.
const PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAuI/2ZO3m50VgziSiydlp04+kqY3zsJ+E8UA18zfwybQ=
-----END PUBLIC KEY-----
";
const SPKI_TEXT: &str = "MCowBQYDK2VwAyEAuI/2ZO3m50VgziSiydlp04+kqY3zsJ+E8UA18zfwybQ=";
const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILiP9mTt5udFYM4kosnZadOPpKmN87CfhPFANfM38Mm0 ci@scanner";
const NOTE: &str = "scanner.example/ci+7a1264af+AbiP9mTt5udFYM4kosnZadOPpKmN87CfhPFANfM38Mm0";
const ID: &str = "sha256:bcbc5b6902b00c28cef45709d97e743af4019c0ebae868366faaf0898f808102";

#[test]
fn one_key_in_four_forms() {
    for text in [PEM, SPKI_TEXT, LINE, NOTE, &format!("\n {LINE} \n")] {
        let key: AttestorKey = text.parse().unwrap();
        assert_eq!((key.id().to_string().as_str(), key.to_string().as_str()), (ID, SPKI_TEXT), "{text}");
    }
    let key: AttestorKey = serde_json::from_str(&format!("{SPKI_TEXT:?}")).unwrap();
    assert_eq!(serde_json::to_string(&key).unwrap(), format!("{SPKI_TEXT:?}"));
}

#[test]
fn what_is_no_key() {
    let other_name = NOTE.replacen("scanner", "scammer", 1);
    let cosigner = "witness+654122de+BLiP9mTt5udFYM4kosnZadOPpKmN87CfhPFANfM38Mm0";
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----";
    let p256 = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA==";
    let short = SPKI_TEXT.replacen("yb", "", 1);
    let two = PEM.repeat(2);
    let long = format!("{LINE} {}", "x".repeat(ATTESTOR_KEY_BYTES_MAX));
    for text in ["", "+", "a+b+c", "key", &other_name, cosigner, private, p256, &short, &two, &long, "ssh-ed25519 "] {
        let said = text.parse::<AttestorKey>().unwrap_err().to_string();
        assert!(said.contains("is not an Ed25519 public key"), "{said}");
        assert!(said.len() < 400, "{said}");
    }
}
