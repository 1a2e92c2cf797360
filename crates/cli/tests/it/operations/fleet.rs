//! Two processes that serve one factory from one database.

#[path = "../../../../store/tests/it/postgres/cluster.rs"]
#[expect(dead_code, reason = "the store's own tests use more of it")]
mod cluster;

use super::desk::{Desk, Provider, SAM, SUE, Serving};
use std::time::{Duration, Instant};

/// Nobody waits for ever in a test.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Asks a node until it answers so.
async fn until(node: &Serving, status: u16) -> serde_json::Value {
    let began = Instant::now();
    loop {
        let (found, body) = node.run("hello", 1.0).await;
        if found == status {
            return body;
        }
        assert!(began.elapsed() < ENDS_WITHIN, "it still answers {found}: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ready(node: &Serving, status: u16) {
    let began = Instant::now();
    while node.get("/readyz", &[]).await.0 != status {
        assert!(began.elapsed() < ENDS_WITHIN, "it is not {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_serve_one_factory_stop_together_and_come_back_with_their_database() {
    seatrial_upstream::post::install_tls();
    let (_, base) = Provider::start().await;
    let mut database = tokio::task::spawn_blocking(cluster::Cluster::start).await.unwrap();
    let one = Desk::in_fleet(&base, &database.url());
    let other = one.another();
    let nodes = [one.serve(&[], &[("SEATRIAL_NODE", "one")]), other.serve(&[], &[("SEATRIAL_NODE", "two")])];
    for node in &nodes {
        assert_eq!(node.run("hello", 1.0).await.0, 200);
    }
    // What one decided the other shows, and a command beside both.
    let listed = one.run(&["decision", "list", "--format", "json", "--as", SUE]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    // A review that one opened is answered from elsewhere.
    let (status, pending) = nodes[0].run("much", 5_000.0).await;
    assert_eq!(status, 403, "{pending}");
    // A stop from a third process is in force on both, and stays.
    other.run(&["stop", "--reason", "a look", "--as", SUE]).exits(0);
    for node in &nodes {
        until(node, 403).await;
        for _ in 0..5 {
            let (status, body) = node.run("hello", 1.0).await;
            assert_eq!((status, &body["error"]["code"]), (403, &"workflow_stopped".into()), "{body}");
        }
    }
    one.run(&["resume", "--reason", "all is well", "--as", SAM]).exits(0);
    for node in &nodes {
        until(node, 200).await;
    }
    // A token that is revoked elsewhere is revoked here.
    let token = one.run(&["token", "issue", "caller", "app", "--step", "*", "--as", SUE]).exits(0).out;
    let token = token.lines().find(|l| l.starts_with("seatrial_")).unwrap().trim().to_owned();
    let name = token.split('_').nth(1).unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let models = [("authorization", bearer.as_str())];
    assert_eq!(nodes[1].get("/v1/models", &models).await.0, 200);
    one.run(&["token", "revoke", &name, "--as", SUE]).exits(0);
    let began = Instant::now();
    while nodes[1].get("/v1/models", &models).await.0 != 401 {
        assert!(began.elapsed() < ENDS_WITHIN, "a revoked token is still taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Without the database nothing is decided, and nothing is guessed; with it, both go on by themselves.
    tokio::task::block_in_place(|| database.kill());
    for node in &nodes {
        let (status, body) = node.run("hello", 1.0).await;
        assert!(status == 503 && body["output"].is_null(), "{status} {body}");
        ready(node, 503).await;
        assert_eq!(node.get("/healthz", &[]).await.0, 200);
    }
    tokio::task::block_in_place(|| database.run());
    for node in &nodes {
        until(node, 200).await;
        ready(node, 200).await;
    }
    for node in nodes {
        node.signal("-TERM");
        let (code, errors) = node.ended();
        assert_eq!(code, Some(0), "{errors}");
    }
    // The log is one, in order, and its rows are those that its events come to.
    one.run(&["log", "verify"]).exits(0);
    other.run(&["log", "verify"]).exits(0);
    let rebuilt = one.run(&["log", "rebuild", "--format", "json", "--as", SUE]).exits(0).json();
    assert!(rebuilt.as_array().unwrap().iter().all(|log| log["identical"] == true), "{rebuilt}");
    let shown = other.run(&["store", "show", "--format", "json"]).exits(0).json();
    assert_eq!((&shown["kind"], shown["logs"].as_array().unwrap().len()), (&"postgres".into(), 2));
    let rights = one.run(&["store", "rights", "--serving", "node", "--reading", "reader"]).exits(0).out;
    assert!(rights.contains("GRANT SELECT, INSERT ON seatrial.events"), "{rights}");
    one.run(&["store", "init"]).exits(4);
}
