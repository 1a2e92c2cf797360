//! Where a runtime, a database and HTTP may be: the second table of `ARCHITECTURE.md`. And what a pure room must not
//! reach for: files, the network, the environment, a clock, randomness, the terminal.

use super::edges::{PAGE, normal, table};
use super::{Problems, edges};
use crate::repo::Repo;
use crate::source::{crate_of, shipped};
use serde_json::Value;

/// Crates that wait, listen, connect or keep. `futures-util` is not among them: it does none of that by itself.
const OUTWARD: [&str; 14] = [
    "axum",
    "http",
    "http-body-util",
    "hyper",
    "hyper-util",
    "opentelemetry-otlp",
    "reqwest",
    "rusqlite",
    "rustls",
    "tokio",
    "tokio-postgres",
    "tower",
    "tower-http",
    "getrandom",
];

/// The rooms that compute: values in, values out.
const PURE: [&str; 9] =
    ["model", "spec", "ledger", "classifier", "guard", "sprint", "governance", "ownership", "assessment"];

/// What a pure room's source must not name. Scoped threads are allowed: a deep parser gets a stack of its own, and
/// the result does not depend on it.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::io::std",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "RandomState",
];

/// Compares dependencies and source with the table.
pub(super) fn check(repo: &Repo, metadata: &Value) -> Result<Problems, String> {
    let allowed = table(repo.text(PAGE)?, "| crate | outward crates | of tokio |")?;
    let tokio = table(&third_column(repo.text(PAGE)?), "| crate | of tokio |")?;
    let mut problems = dependencies(metadata, &allowed);
    for (path, text) in shipped(repo) {
        let Some(room) = crate_of(path) else { continue };
        if PURE.contains(&room) {
            let named = IMPURE.iter().filter(|word| text.contains(*word));
            problems.extend(
                named.map(|word| format!("`{path}` names `{word}`, and `{room}` is a pure room: take it as a value")),
            );
        }
        let may = tokio.get(room);
        for used in tokio_parts(&text) {
            let fits = may.is_some_and(|may| may.contains("*") || may.contains(&used));
            if !fits {
                problems.push(format!("`{path}` uses `tokio::{used}`, which `{PAGE}` does not allow for `{room}`"));
            }
        }
    }
    Ok(problems)
}

fn dependencies(metadata: &Value, allowed: &edges::Table) -> Problems {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let own = packages.filter_map(|p| Some((p["name"].as_str()?.strip_prefix("seatrial-")?, p)));
    let mut problems = Problems::new();
    for (room, package) in own {
        for used in normal(package).filter(|d| OUTWARD.contains(&d.as_str())) {
            if !allowed.get(room).is_some_and(|may| may.contains(&used) || may.contains("*")) {
                problems.push(format!("`{room}` depends on `{used}`, which `{PAGE}` does not allow for it"));
            }
        }
    }
    problems
}

/// The same table with its second column left out.
fn third_column(page: &str) -> String {
    let cut = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        match cells.as_slice() {
            [first, _, third] => format!("|{first}|{third}|"),
            _ => line.to_owned(),
        }
    };
    page.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// The parts of tokio that a text names: `sync`, `select!`, `task::yield_now`.
fn tokio_parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("tokio::") {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = text.get(at + "tokio::".len()..).unwrap_or_default();
        let word =
            |text: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!')).next().map(str::to_owned);
        let Some(first) = word(rest) else { continue };
        // `task` both starts and yields: its parts are told apart.
        let second = rest.strip_prefix("task::").and_then(word);
        parts.push(second.map_or(first, |second| format!("task::{second}")));
    }
    parts.sort();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn parts_of_tokio() {
        let text = "use tokio::sync::{Notify};\ntokio::select! {}\ntokio::task::yield_now().await; my_tokio::net";
        assert_eq!(tokio_parts(text), ["select!", "sync", "task::yield_now"]);
        assert_eq!(tokio_parts("tokio::task::spawn_blocking(f)"), ["task::spawn_blocking"]);
    }

    #[test]
    fn outward_crates_are_found() {
        let metadata =
            json!({"packages": [{"name": "seatrial-guard", "dependencies": [{"name": "reqwest", "kind": null}]}]});
        assert_eq!(dependencies(&metadata, &edges::Table::new()).len(), 1);
        let may = edges::Table::from([("guard".to_owned(), BTreeSet::from(["reqwest".to_owned()]))]);
        assert_eq!(dependencies(&metadata, &may), Problems::new());
    }

    #[test]
    fn the_third_column_alone() {
        assert_eq!(third_column("| a | b | c |\ntext"), "| a | c |\ntext");
    }
}
