use super::*;

#[test]
fn the_known_encoding() {
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
}

#[test]
fn an_envelope_is_bound_to_its_type_and_payload() {
    let signer = Signer::from_seed("factory.example/log", &[3; 32]).unwrap();
    let envelope = Envelope::sign(IN_TOTO, b"{}", &signer);
    let json = serde_json::to_string(&envelope).unwrap();
    assert!(
        json.starts_with(r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"#),
        "{json}"
    );
    let read: Envelope = serde_json::from_str(&json).unwrap();
    assert_eq!(read.verify(signer.verifier_key()), Ok(b"{}".to_vec()));
    let other = Signer::from_seed("factory.example/log", &[4; 32]).unwrap();
    assert_eq!(read.verify(other.verifier_key()), Err(DsseError::NotSigned("factory.example/log".to_owned())));
    assert!(Envelope { payload_type: "text/plain".to_owned(), ..read.clone() }.verify(signer.verifier_key()).is_err());
    assert!(Envelope { payload: "e31=".to_owned(), ..read.clone() }.verify(signer.verifier_key()).is_err());
    assert!(
        Envelope { payload: "?".to_owned(), ..read.clone() }.verify(signer.verifier_key()) == Err(DsseError::Payload)
    );
    assert!(Envelope { signatures: vec![], ..read }.verify(signer.verifier_key()).is_err());
}
