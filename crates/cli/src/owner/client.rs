//! Going through the owner: the same command, run there, heard here.

use super::Asked;
use super::protocol::{Address, Reply, Request, VERSION};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use std::path::Path;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// Has the owner run the command. None where nobody listens (any more) and nothing was begun.
pub(crate) async fn forward(store: &Path, asked: &Asked, out: &mut Out) -> Result<Option<Exit>, Failure> {
    let address = Address::of(store)?;
    let Ok(mut stream) = UnixStream::connect(address.path()).await else { return Ok(None) };
    let mut line = serde_json::to_vec(&Request::of(asked))
        .map_err(|e| Failure::failed(format!("the command cannot be handed to the store's owner: {e}")))?;
    line.push(b'\n');
    if stream.write_all(&line).await.is_err() {
        return Ok(None);
    }
    let mut replies = BufReader::new(stream).lines();
    let mut begun = false;
    loop {
        let line = match replies.next_line().await {
            Ok(Some(line)) => line,
            Ok(None) | Err(_) if !begun => return Ok(None),
            Ok(None) | Err(_) => return Err(lost()),
        };
        match serde_json::from_str(&line) {
            Ok(Reply::Begun) => begun = true,
            Ok(Reply::Version(owner)) => {
                return Err(Failure::usage(format!(
                    "the process that owns the store is version {owner}, this is {VERSION}; nothing was done. End the other one, or use its version"
                )));
            }
            Ok(Reply::Text(stream, text)) => out.pass(stream, &text),
            Ok(Reply::Exit(exit)) => return Ok(Some(exit)),
            Err(_) => return Err(lost()),
        }
    }
}

fn lost() -> Failure {
    Failure::failed(
        "the process that owns the store ended before the command did; whether it was recorded is in the log: look there before you try again",
    )
}
