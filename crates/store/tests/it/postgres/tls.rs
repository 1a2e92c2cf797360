//! TLS to a real database: who is at the other end is checked, and nothing goes on in plain text.

use super::cluster::Cluster;
use super::options;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use seatrial_store::{PgOptions, PgStore, Store as _};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name in the database's certificate.
const NAME: &str = "db.example";

/// How long the database may take to do what it was told, on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// A database that takes connections over TLS, on an address of its own of this machine.
struct Guarded {
    database: Cluster,
    address: String,
    dir: tempfile::TempDir,
    authority: PathBuf,
}

/// An authority: its certificate, and what signs with it.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

impl Guarded {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (pem, issuer) = authority();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        // All of 127.0.0.0/8 is this machine: no other test is in the way, and the port stays the usual one.
        let id = std::process::id();
        let address = format!("127.77.{}.{}", (id >> 8) & 255, (id & 255).max(1));

        let mut database = Cluster::start();
        database.kill();
        database.put("server.pem", &leaf.pem());
        database.put("server.key", &key.serialize_pem());
        database.put(
            "pg_hba.conf",
            "local all all trust\nhostssl all bound all scram-sha-256\nhost all all 127.0.0.0/8 trust\n",
        );
        database.set(&format!(
            "listen_addresses = '{address}'\nssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n"
        ));
        database.run();
        let authority = written(dir.path(), "authority.pem", &pem);
        Self { database, address, dir, authority }
    }

    /// How a node opens it: by a name, which is looked for in the certificate.
    fn options(&self, name: &str, rest: &str) -> PgOptions {
        let url = format!("host={name} hostaddr={} user=seatrial dbname=postgres {rest}", self.address);
        PgOptions { url, ..options("guarded", self.dir.path()) }
    }

    fn trusting(&self) -> String {
        format!("sslrootcert={}", self.authority.display())
    }

    /// Waits until the database says something.
    fn comes_to(&self, sql: &str, wanted: &str) {
        let began = Instant::now();
        loop {
            let said = self.database.sql(sql);
            if said == wanted {
                return;
            }
            assert!(began.elapsed() < WITHIN, "`{sql}` says `{said}`, not `{wanted}`");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Connections of ours, over TLS or not.
fn ours(condition: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
         WHERE application_name LIKE 'seatrial:%' AND {condition}"
    )
}

async fn refused(options: PgOptions) -> String {
    match PgStore::open(options).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_database_is_reached_over_tls_and_its_name_is_checked() {
    let guarded = Guarded::start();
    let trusting = guarded.trusting();

    // Without a word a remote host has TLS, for every connection: that which listens, too.
    let safe = guarded.options(NAME, &trusting);
    assert!(safe.is_protected().unwrap());
    PgStore::init(&safe).await.unwrap();
    let store = PgStore::open(safe.clone()).await.unwrap();
    guarded.comes_to(&ours("ssl AND query LIKE 'LISTEN%'"), "1");
    assert_eq!(guarded.database.sql(&ours("NOT ssl")), "0");
    store.close().await.unwrap();

    // The machine's own list does not know this authority, and another authority did not sign.
    let unknown = refused(guarded.options(NAME, "sslmode=verify-full")).await;
    assert!(unknown.contains("certificate") || unknown.contains("authorities"), "{unknown}");
    let other = written(guarded.dir.path(), "other.pem", &authority().0);
    for mode in ["", "sslmode=require", "sslmode=verify-full"] {
        let error = refused(guarded.options(NAME, &format!("{mode} sslrootcert={}", other.display()))).await;
        assert!(error.contains("certificate"), "{mode}: {error}");
        let error = refused(guarded.options("other.example", &format!("{mode} {trusting}"))).await;
        assert!(error.contains("certificate"), "{mode}: {error}");
    }
    let by_address = format!("host={} user=seatrial dbname=postgres sslmode=verify-full {trusting}", guarded.address);
    let error = refused(PgOptions { url: by_address, ..safe.clone() }).await;
    assert!(error.contains("certificate"), "an address is not in the certificate: {error}");

    // The password is bound to this very connection, where that is asked for.
    guarded.database.sql("CREATE ROLE bound LOGIN SUPERUSER PASSWORD 'hunter2'");
    let bound = |more: &str| {
        let url = format!("host={NAME} hostaddr={} user=bound dbname=postgres {trusting} {more}", guarded.address);
        PgOptions { url, ..safe.clone() }
    };
    let store = PgStore::open(bound("password=hunter2 channel_binding=require")).await.unwrap();
    store.close().await.unwrap();
    let error = refused(bound("password=hunter3 channel_binding=require")).await;
    assert!(error.contains("password") && !error.contains("hunter3"), "{error}");

    // Plain text has to be said, and then it is.
    let plain = guarded.options(NAME, "sslmode=disable");
    assert!(!plain.is_protected().unwrap());
    let store = PgStore::open(plain).await.unwrap();
    guarded.comes_to(&ours("NOT ssl AND query LIKE 'LISTEN%'"), "1");
    store.close().await.unwrap();

    // A database that stopped offering TLS is not reached without.
    guarded.database.sql("ALTER SYSTEM SET ssl = off");
    guarded.database.sql("SELECT pg_reload_conf()");
    guarded.comes_to("SHOW ssl", "off");
    let error = refused(safe).await;
    assert!(error.contains("TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_whoever_says_there_is_no_tls() {
    let dir = tempfile::tempdir().unwrap();
    let roots = written(dir.path(), "authority.pem", &authority().0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let between = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"N").unwrap();
        let mut told = Vec::new();
        // However it ends: what counts is what came.
        let _ = stream.read_to_end(&mut told);
        told
    });
    let url = format!(
        "host={NAME} hostaddr=127.0.0.1 port={port} user=seatrial password=hunter2 sslrootcert={}",
        roots.display()
    );
    let error = refused(PgOptions { url, ..options("between", dir.path()) }).await;
    assert!(error.contains("TLS") && !error.contains("hunter2"), "{error}");
    assert_eq!(between.join().unwrap(), Vec::<u8>::new());
}
