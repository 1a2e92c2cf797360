//! What an open connection costs that says nothing.

use super::Failure;
use super::measured::Measured;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many connections are opened.
const CONNECTIONS: u64 = 10_000;

/// What is still under way ends in the meantime.
const PAUSE: Duration = Duration::from_secs(2);

/// Opens connections, each with one request behind it, and looks at the memory before and then.
pub fn idle(load: &Path, one: &Measured) -> Result<(), Failure> {
    let requests = one.requests.first().ok_or("there are no requests")?;
    std::thread::sleep(PAUSE);
    let before = one.process.memory_kib()?;
    let mut command = Command::new(load);
    command.args(["--hold", &CONNECTIONS.to_string(), &one.url]).arg(requests).args(&one.headers);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    std::thread::sleep(PAUSE);
    let after = one.process.memory_kib()?;
    drop(child.stdin.take());
    child.wait()?;
    if !line.starts_with("holding") {
        println!("| {} | {before} | they were not all taken | |", one.name);
        return Ok(());
    }
    println!("| {} | {before} | {after} | {} |", one.name, after.saturating_sub(before) * 1_024 / CONNECTIONS);
    Ok(())
}
