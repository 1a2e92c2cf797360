//! A copy of the workspace's example, and its applications as requests of clients.

use super::Failure;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The folder that is copied.
pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");

/// Its workflow.
pub const WORKFLOW: &str = "credit-preapproval";

/// How many applications become requests.
const REQUESTS: usize = 1_000;

/// Copies a folder, without a store that is in it.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            std::fs::copy(entry.path(), target)?;
        } else if entry.file_name() != ".seatrial" {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Replaces a text that has to be there, once.
pub fn edit(file: &Path, from: &str, to: &str) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)?;
    if !text.contains(from) {
        return Err(format!("`{}` has no `{from}` any more", file.display()).into());
    }
    Ok(std::fs::write(file, text.replacen(from, to, 1))?)
}

/// The workflow's folder in a factory's.
pub fn flow(root: &Path) -> PathBuf {
    root.join("workflows").join(WORKFLOW)
}

/// The workflow's spec.
pub fn spec_file(root: &Path) -> PathBuf {
    flow(root).join("workflow.yaml")
}

/// Some of the applications, each a line with a client's request.
pub fn requests(root: &Path, streamed: bool) -> Result<String, Failure> {
    let mut requests = String::new();
    for line in std::fs::read_to_string(flow(root).join("examples/applications.jsonl"))?.lines().rev().take(REQUESTS) {
        let example: Value = serde_json::from_str(line)?;
        let content = example.get("input").ok_or("an example has no input")?.to_string();
        let (model, messages) = (format!("{WORKFLOW}/assess"), json!([{"role": "user", "content": content}]));
        let request = if streamed {
            json!({"model": model, "stream": true, "messages": messages})
        } else {
            json!({"model": model, "messages": messages})
        };
        requests.push_str(&format!("{request}\n"));
    }
    Ok(requests)
}
