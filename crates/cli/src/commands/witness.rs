//! `seatrial witness`: a small process of its own, with a key of its own, that opens no factory.

mod kept;
mod listen;

use crate::args::{WitnessCommand, WitnessRunArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::owner::Asked;
use kept::Kept;
use seatrial_ledger::note::KeyKind;
use serde_json::json;
use std::path::Path;
use tokio::net::TcpListener;

/// Runs a command of the witness.
pub(crate) async fn witness(command: &WitnessCommand, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        WitnessCommand::Init { dir, name } => init(&asked.start.join(dir), name, out),
        WitnessCommand::Key { dir } => key(&asked.start.join(dir), out),
        WitnessCommand::Run(args) => run(&asked.start.join(&args.dir), args, out).await,
    }
}

fn init(dir: &Path, name: &str, out: &mut Out) -> Result<Exit, Failure> {
    let key = kept::init(dir, name)?.to_string();
    out.json(&json!({ "name": name, "key": key, "dir": dir }))?;
    out.line(&key);
    out.note(
        "the private key stays in the folder; this one goes into `witnesses` of factory.yaml, and to whoever verifies",
    );
    Ok(Exit::Done)
}

fn key(dir: &Path, out: &mut Out) -> Result<Exit, Failure> {
    let key = kept::signer(dir)?.cosigner_key();
    out.json(&json!({ "name": key.name(), "key": key.to_string() }))?;
    out.line(key.to_string());
    Ok(Exit::Done)
}

async fn run(dir: &Path, args: &WitnessRunArgs, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(other) = args.logs.iter().find(|key| key.kind() != KeyKind::Note) {
        let name = shown(other.name());
        return Err(Failure::usage(format!(
            "the key of `{name}` is a witness's, and `--log` takes a log's; nothing is witnessed. `seatrial log key` prints those"
        )));
    }
    let kept = Kept::open(dir, &args.logs)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|e| Failure::usage(format!("`{}` cannot be listened on ({e}); nothing is witnessed", args.listen)))?;
    let address = listener.local_addr().map_err(|e| Failure::failed(e.to_string()))?;
    let key = kept.key().to_string();
    let logs: Vec<_> = kept.logs().map(|(origin, size)| json!({ "origin": origin, "size": size })).collect();
    out.json(&json!({ "listening": address.to_string(), "key": key, "logs": logs }))?;
    out.line(format!("{key} witnesses on http://{address}"));
    for (origin, size) in kept.logs() {
        let size = size.map_or_else(|| "not seen before".to_owned(), |size| format!("{size} entries cosigned"));
        out.line(format!("  {}  {size}", shown(origin)));
    }
    listen::serve(listener, kept).await?;
    Ok(Exit::Done)
}
