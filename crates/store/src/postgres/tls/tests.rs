use super::{Said, of_pairs, of_url, read};
use proptest::prelude::*;

fn said(mode: Option<&str>, roots: Option<&str>) -> Said {
    Said { mode: mode.map(str::to_owned), roots: roots.map(str::to_owned) }
}

/// Whether TLS is used, or what was refused.
fn asks(url: &str) -> Result<bool, String> {
    read(url).map(|(_, tls)| tls.is_asked()).map_err(|error| error.to_string())
}

#[test]
fn what_is_ours_is_taken_out_of_an_address() {
    let (rest, taken) = of_url("postgres://u:p%3Fq@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b.pem");
    assert_eq!(rest, "postgres://u:p%3Fq@h/d?connect_timeout=3");
    assert_eq!(taken, said(Some("verify-full"), Some("/a b.pem")));
    assert_eq!(of_url("postgres://u:a?sslmode=disable@h/d").1, said(None, None), "a password's question mark");
    assert_eq!(of_url("postgres://h/d?sslmode=require").0, "postgres://h/d");

    let (rest, taken) =
        of_pairs(r"host = h  sslrootcert='/a b\'c.pem' password='sslmode=disable' sslmode = verify-full").unwrap();
    assert_eq!(rest, "host = h password='sslmode=disable' ");
    assert_eq!(taken, said(Some("verify-full"), Some("/a b'c.pem")));
    for broken in ["host", "host='a", r"host=a\", "=a b"] {
        assert!(read(broken).is_err(), "{broken}");
    }
}

#[test]
fn this_machine_may_go_without_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
    std::fs::write(&file, made.cert.pem()).unwrap();
    let roots = format!("sslrootcert={}", file.display());

    for plain in [
        "host=/run/db user=u".to_owned(),
        "host=/run/db sslmode=require".to_owned(),
        "postgres://u@localhost/d".to_owned(),
        "postgres://u@127.0.0.1/d".to_owned(),
        "postgres://u@[::1]/d".to_owned(),
        "postgres://u@db.example/d?sslmode=disable".to_owned(),
    ] {
        assert_eq!(asks(&plain), Ok(false), "{plain}");
    }
    for safe in [
        format!("host=db.example {roots}"),
        format!("host=10.0.0.5 {roots}"),
        format!("host=localhost hostaddr=10.0.0.5 {roots}"),
        format!("host=localhost,db.example {roots}"),
        format!("host=localhost sslmode=verify-full {roots}"),
        format!("host=localhost sslmode=require {roots}"),
        format!("postgres://u@db.example/d?{roots}"),
    ] {
        assert_eq!(asks(&safe), Ok(true), "{safe}");
    }
}

#[test]
fn what_would_be_weaker_than_it_sounds_is_refused_by_name() {
    for (weak, word) in [
        ("sslmode=prefer", "plain text"),
        ("sslmode=allow", "plain text"),
        ("sslmode=verify-ca", "name of the database's host"),
        ("sslmode=Verify-Full", "`disable`"),
        ("sslmode=disable sslrootcert=/x.pem", "no TLS"),
        ("sslrootcert=/does/not/exist.pem", "/does/not/exist.pem"),
        ("sslrootcert=/dev/null", "no certificate"),
    ] {
        let refused = asks(&format!("host=db.example password=hunter2 {weak}")).unwrap_err();
        assert!(refused.contains(word) && refused.contains("nothing was opened"), "{weak}: {refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

proptest! {
    #[test]
    fn any_address_is_read_or_refused(text in "\\PC{0,60}", rest in "[a-z= '\\\\?&@:/%]{0,40}") {
        drop(read(&text));
        drop(read(&rest));
        drop(read(&format!("postgres://{rest}")));
    }

    #[test]
    fn what_is_not_ours_stays(value in "[ -~]{0,20}") {
        let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
        let (rest, taken) = of_pairs(&format!("user=u password='{quoted}' sslmode=disable host=h")).unwrap();
        prop_assert_eq!(taken.mode.as_deref(), Some("disable"));
        let config: tokio_postgres::Config = rest.parse().unwrap();
        prop_assert_eq!(config.get_password(), Some(value.as_bytes()));
    }
}
