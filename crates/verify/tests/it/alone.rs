//! The small verifier is built without server, database, network or runtime: an auditor reads what it does.

use std::path::Path;
use std::process::Command;

/// Crates that would bring one of them in, and the families that they come in.
const ABSENT: [&str; 20] = [
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "http-body",
    "axum",
    "tower",
    "reqwest",
    "rustls",
    "native-tls",
    "openssl",
    "h2",
    "quinn",
    "rusqlite",
    "libsqlite3-sys",
    "sqlx",
    "postgres",
    "curl",
    "ureq",
    "async-std",
];

/// Rooms of ours that would.
const ROOMS: [&str; 6] =
    ["seatrial-store", "seatrial-factory", "seatrial-server", "seatrial-gateway", "seatrial-upstream", "seatrial-cli"];

fn tree(package: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let listed = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn found(crates: &[String]) -> Vec<&String> {
    let family = |name: &str, of: &str| name == of || name.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'));
    crates.iter().filter(|name| ABSENT.iter().any(|of| family(name, of)) || ROOMS.contains(&name.as_str())).collect()
}

#[test]
fn the_verifier_is_built_without_server_database_or_network() {
    let crates = tree("seatrial-verify");
    assert!(crates.iter().any(|name| name == "seatrial-ledger"), "{crates:?}");
    assert_eq!(found(&crates), Vec::<&String>::new());
    // The same question finds what it asks for, where it is.
    assert!(found(&tree("seatrial-upstream")).iter().any(|name| *name == "tokio"));
}

/// The standard library has sockets, too.
#[test]
fn the_verifiers_own_code_names_no_socket() {
    for room in ["verify", "ledger", "guard", "spec", "model"] {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room).join("src");
        for file in crate::fixture::files(&src).into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "ToSocketAddrs", "process::Command"] {
                assert!(!text.contains(word), "{} names `{word}`", file.display());
            }
        }
    }
}
