//! Being the owner: commands of other processes come in over the socket and run here, each with its output sent back.

use super::protocol::{Address, REQUEST_BYTES_MAX, Reply, Request, VERSION, socket};
use super::{in_factory, prepare};
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Format, Out, Sink, Stream};
use seatrial_factory::Factory;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// The most commands of other processes at once; more wait for a connection.
const AT_ONCE_MAX: usize = 64;

/// The socket's file: only its owner may ask.
const SOCKET_MODE: u32 = 0o600;

/// Listens on a store's socket.
pub(crate) struct Listener {
    end: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    path: PathBuf,
}

impl Listener {
    /// Begins to listen. Whoever calls owns the store, so a socket that is there was left behind.
    pub(crate) fn start(store: &Path, factory: Factory) -> Result<Self, Failure> {
        let path = socket(store);
        let error = |e: std::io::Error| Failure::file(format!("`{}` cannot be opened ({e})", path.display()));
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(error(e)),
            _ => {}
        }
        let listener = UnixListener::bind(Address::of(store)?.path()).map_err(error)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(error)?;
        let (end, ended) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, factory, ended));
        Ok(Self { end, accepting, path })
    }

    /// Takes no more commands, and waits for those that were begun.
    pub(crate) async fn finish(self) {
        // Nobody finds the socket from here on; whoever waits in its queue is not answered, and tries again.
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the owner's socket was gone already");
        }
        let _ = self.end.send(true);
        if let Err(error) = self.accepting.await {
            tracing::warn!(%error, "the owner's socket ended early");
        }
    }
}

async fn accept(listener: UnixListener, factory: Factory, mut ended: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = ended.changed() => break,
            Some(_) = running.join_next(), if !running.is_empty() => {}
            accepted = listener.accept(), if running.len() < AT_ONCE_MAX => match accepted {
                Ok((stream, _)) => {
                    running.spawn(serve(stream, factory.clone(), ended.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be accepted");
                    tokio::time::sleep(super::OWNER_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while running.join_next().await.is_some() {}
}

async fn serve(stream: UnixStream, factory: Factory, mut ended: watch::Receiver<bool>) {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
    let request = tokio::select! {
        biased;
        // What has not been asked in full when the owner ends is not begun.
        _ = ended.wait_for(|ended| *ended) => return,
        read = reader.read_until(b'\n', &mut line) => match read {
            Ok(n) if n > 0 => serde_json::from_slice::<Request>(&line),
            _ => return,
        },
    };
    let Ok(request) = request else { return };
    if request.version != VERSION {
        let _ = send(&mut write, &Reply::Version(VERSION.to_owned())).await;
        return;
    }
    if !send(&mut write, &Reply::Begun).await {
        return;
    }
    let (pieces, mut received) = mpsc::unbounded_channel();
    // On a thread of its own: a command may hold things across waits that cannot move between threads.
    let running = tokio::task::spawn_blocking(move || Handle::current().block_on(run(factory, request, pieces)));
    let sending = async {
        let mut heard = true;
        while let Some((stream, text)) = received.recv().await {
            // Who no longer listens does not undo what was begun.
            heard = heard && send(&mut write, &Reply::Text(stream, text)).await;
        }
        write
    };
    let (exit, mut write) = tokio::join!(running, sending);
    match exit {
        Ok(exit) => {
            let _ = send(&mut write, &Reply::Exit(exit)).await;
        }
        // Without an exit code the other end says that it does not know what became of it.
        Err(error) => tracing::error!(%error, "a command of another process ended early"),
    }
}

async fn run(factory: Factory, request: Request, pieces: mpsc::UnboundedSender<(Stream, String)>) -> Exit {
    let asked = request.asked();
    let to = pieces.clone();
    let sink: Sink = Box::new(move |stream, text: &str| {
        let _ = to.send((stream, text.to_owned()));
    });
    let (cli, mut out) = match prepare(&asked, sink) {
        Ok(prepared) => prepared,
        Err(failure) => {
            let sink: Sink = Box::new(move |stream, text: &str| {
                let _ = pieces.send((stream, text.to_owned()));
            });
            return Out::new(sink, asked.layout, Format::Human, false).failure(&failure);
        }
    };
    drop(pieces);
    if !commands::goes_through_owner(&cli.command) {
        return out.failure(&Failure::usage("this command does not go through the store's owner; nothing was done"));
    }
    match in_factory(factory, &asked, cli, &mut out).await {
        Ok(exit) => exit,
        Err(failure) => out.failure(&failure),
    }
}

async fn send(write: &mut tokio::net::unix::OwnedWriteHalf, reply: &Reply) -> bool {
    let Ok(mut line) = serde_json::to_vec(reply) else { return false };
    line.push(b'\n');
    write.write_all(&line).await.is_ok()
}
