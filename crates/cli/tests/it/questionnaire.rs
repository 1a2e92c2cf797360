//! `seatrial questionnaire`: usable without a factory, a store or a network.

use crate::support::{DEV, Ran, Yard, seatrial};
use expect_test::expect_file;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const FILES: [&str; 3] = ["northlight.yaml", "own-team.yaml", "orrery.yaml"];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/questionnaire").canonicalize().unwrap()
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(seatrial(dir).arg("questionnaire").args(args).env("COLUMNS", "150").output().unwrap())
}

fn report(dir: &Path, more: &[&str]) -> Ran {
    run(dir, &[&["report"], &FILES[..], more].concat())
}

#[test]
fn from_an_empty_folder_to_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let made =
        run(dir.path(), &["new", "acme.yaml", "--name", "Acme: \"the\" vendor", "--date", "2026-11-16"]).exits(0);
    assert!(made.out.contains("seatrial questionnaire report acme.yaml"), "{}", made.out);
    // A file that is there is never written over.
    run(dir.path(), &["new", "acme.yaml"]).exits(2);
    let checked = run(dir.path(), &["check", "acme.yaml", "--strict"]).exits(0);
    assert!(checked.out.contains("no findings"), "{}", checked.out);
    let found = run(dir.path(), &["report", "acme.yaml", "--format", "json"]).exits(0).json();
    assert_eq!(found["columns"][0]["name"], "Acme: \"the\" vendor");
    assert_eq!(found["columns"][0]["tally"]["no_evidence"], 32);
    // Nothing else was made: no factory, no store.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_examples_on_a_terminal() {
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/questionnaire/report.txt")]
        .assert_eq(&report(&examples(), &[]).exits(0).out);
}

#[test]
fn every_form_of_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let json = report(&examples(), &["--format", "json"]).exits(0).json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 32);
    assert_eq!(json["columns"].as_array().unwrap().len(), 3);
    let statement = json["rows"].as_array().unwrap().iter().find(|r| r["question"]["id"] == "cto.controls").unwrap();
    assert_eq!(statement["cells"][1]["standing"], "evidenced");
    assert!(statement["cells"][1]["supported"][0]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(report(&examples(), &["--markdown"]).exits(0).out.starts_with("# Candidates, side by side"));
    let to = dir.path().join("report.html");
    report(&examples(), &["--html", "--out", to.to_str().unwrap()]).exits(0);
    let page = std::fs::read_to_string(&to).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Northlight") && !page.contains("<script"));
    report(&examples(), &["--html", "--markdown"]).exits(2);
    let many = ["northlight.yaml"; 9];
    let refused = run(&examples(), &[&["report"], &many[..]].concat()).exits(2);
    assert!(refused.err.contains("at most 8"), "{}", refused.err);
}

#[test]
fn a_file_counts_only_where_it_is_and_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "x").unwrap();
    std::fs::write(dir.path().join("here.csv"), "one").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), dir.path().join("link.csv")).unwrap();
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let standing = |file: &str, more: &str| {
        let text = format!(
            "seatrial-questionnaire: 1\nabout: {{ name: A, kind: vendor, date: 2026-11-16, answered_by: B }}\nanswers:\n  \
             exit.record:\n    claim: yes\n    artifacts:\n      - {{ kind: file, where: \"{file}\", date: 2026-11-01, by: C{more} }}\n"
        );
        std::fs::write(dir.path().join("a.yaml"), text).unwrap();
        let json = run(dir.path(), &["report", "a.yaml", "--format", "json"]).exits(0).json();
        let row =
            json["rows"].as_array().unwrap().iter().find(|r| r["question"]["id"] == "exit.record").unwrap().clone();
        (row["cells"][0]["standing"].as_str().unwrap().to_owned(), row["cells"][0]["supported"][0]["digest"].clone())
    };
    let (found, digest) = standing("here.csv", "");
    assert_eq!(found, "evidenced");
    let digest = digest.as_str().unwrap();
    assert_eq!(standing("here.csv", &format!(", sha256: \"{digest}\"")).0, "evidenced");
    std::fs::write(dir.path().join("here.csv"), "two").unwrap();
    assert_eq!(standing("here.csv", &format!(", sha256: \"{digest}\"")).0, "no evidence");
    for missing in ["link.csv", "folder", "nowhere.csv", "../a.yaml", "/etc/hostname"] {
        assert_eq!(standing(missing, "").0, "no evidence", "{missing}");
    }
    let refused = run(dir.path(), &["check", "a.yaml", "--strict"]).exits(1);
    assert!(refused.out.contains("ST0505"), "{}", refused.out);
    run(dir.path(), &["check", "a.yaml"]).exits(0);
}

#[test]
fn what_is_wrong_is_said_to_people_and_programs() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("a.yaml"),
        "seatrial-questionnaire: 1\nabout: { name: A }\nanswers: { cto.stage: { claim: yes } }\n",
    )
    .unwrap();
    let ran = run(dir.path(), &["check", "a.yaml"]).exits(1);
    assert!(ran.out.contains("did you mean `cto.stages`?") && ran.out.contains("a.yaml:3:"), "{}", ran.out);
    let json = run(dir.path(), &["check", "a.yaml", "--format", "json"]).exits(1).json();
    assert!(json["diagnostics"].as_array().unwrap().iter().any(|d| d["code"] == "ST0501" && d["file"] == "a.yaml"));
    let sarif = run(dir.path(), &["check", "a.yaml", "--sarif"]).exits(1).json();
    assert_eq!(sarif["version"], "2.1.0");
    let refused = run(dir.path(), &["report", "a.yaml"]).exits(1);
    assert!(refused.err.contains("seatrial questionnaire check"), "{}", refused.err);
    run(dir.path(), &["report", "none.yaml"]).exits(2);
}

/// The governed column is computed from the log, with what it rests on.
#[test]
fn a_workflow_that_is_run_here_stands_beside_the_claims() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let vendor = examples().join("northlight.yaml");
    let args = ["report", vendor.to_str().unwrap(), "--workflow", "credit-preapproval", "--format", "json"];
    let json = run(yard.path(), &args).exits(0).json();
    let column = &json["columns"][1];
    assert_eq!((column["computed"].as_bool(), column["answered_by"].as_str()), (Some(true), Some("the log")));
    let cited =
        json["rows"].as_array().unwrap().iter().any(|r| !r["cells"][1]["supported"].as_array().unwrap().is_empty());
    assert!(cited, "{column}");
    // What no log knows is not counted for it either.
    let row = json["rows"].as_array().unwrap().iter().find(|r| r["question"]["id"] == "exit.change").unwrap();
    assert_eq!(row["cells"][1]["standing"], "no evidence");
}

/// One request over a connection of its own; the answer as text.
fn asked(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_page_is_for_this_machine_and_for_who_has_the_link() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["new", "acme.yaml", "--name", "Acme"]).exits(0);
    let refused = run(dir.path(), &["serve", "--listen", "0.0.0.0:0"]).exits(2);
    assert!(refused.err.contains("other machines"), "{}", refused.err);
    run(dir.path(), &["serve", "nowhere"]).exits(2);
    run(dir.path(), &["serve", "acme.yaml"]).exits(2);

    let mut child = seatrial(dir.path())
        .args(["questionnaire", "serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let link = lines.find_map(|line| line.unwrap().trim().strip_prefix("open: ").map(str::to_owned)).unwrap();
    let (address, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let get = |path: &str, host: &str, cookie: &str| {
        asked(
            address,
            &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"),
        )
    };
    assert!(get("", address, "").starts_with("HTTP/1.1 403"));
    let entered = get(path, address, "");
    let cookie =
        entered.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap().to_owned();
    let home = get("", address, &cookie);
    assert!(home.starts_with("HTTP/1.1 200") && home.contains("Acme"), "{home}");
    assert!(get("", "rebound.example", &cookie).starts_with("HTTP/1.1 421"));
    // An answer by a form, kept in the file.
    let page = get("c/acme/q/cto.stages", address, &cookie);
    let hidden = |name: &str| {
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().replace(':', "%3A")
    };
    let body = format!("csrf={}&seen={}&claim=no&text=We+went+on", hidden("csrf"), hidden("seen"));
    let length = body.len();
    let posted = asked(
        address,
        &format!(
            "POST /c/acme/q/cto.stages HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ),
    );
    assert!(posted.starts_with("HTTP/1.1 303"), "{posted}");
    let text = std::fs::read_to_string(dir.path().join("acme.yaml")).unwrap();
    assert!(text.contains("claim: no\n    text: \"We went on\""), "{text}");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(crate::support::ended(&mut child).code(), Some(0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
}
