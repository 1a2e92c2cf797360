//! A store has one owner process. A command becomes the owner for its duration; where there is one already, the
//! command goes through it, over a socket beside the store.

mod client;
pub(crate) mod fleet;
mod listen;
mod protocol;

use listen::Listener;

use crate::args::{Cli, Command, PeopleCommand};
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Layout, Out, Sink};
use crate::place;
use crate::session::{Session, Who};
use seatrial_factory::{Factory, FactoryProjector, OpenOptions, SystemClock, read_factory};
use seatrial_gateway::HttpProviders;
use seatrial_model::digest::unhex;
use seatrial_store::{KeySource, MemoryStore, Options, Seed, SqliteStore, Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a command waits for an owner that is about to end, or has not begun to listen.
const OWNER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two tries.
const OWNER_PAUSE: Duration = Duration::from_millis(40);

/// A command as it was given, so that another process can run it all the same.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The arguments, the program's name first.
    pub(crate) argv: Vec<String>,
    /// The folder that it was started in, or `-C`.
    pub(crate) start: PathBuf,
    /// Who acts.
    pub(crate) who: Who,
    /// How output is laid out.
    pub(crate) layout: Layout,
}

/// A factory that this process owns, and its socket.
pub(crate) struct Owned {
    /// The factory.
    pub(crate) factory: Factory,
    listener: Option<Listener>,
}

impl Owned {
    /// Finishes what came through the socket, and lets go of the store.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        if let Some(listener) = self.listener {
            listener.finish().await;
        }
        self.factory.store().close().await?;
        Ok(())
    }
}

/// What trying to become the owner came to.
pub(crate) enum Opened {
    /// This process owns the store now.
    Owned(Owned),
    /// Another process does.
    Elsewhere,
}

/// Runs a command of the store: in this process, or in the one that owns the store.
pub(crate) async fn run(asked: Asked, sink: Sink) -> Result<Exit, Failure> {
    let (cli, mut out) = prepare(&asked, sink)?;
    let root = place::root(&asked.start)?;
    let store = place::store(&root)?;
    // Before a store is made for nothing.
    if commands::writes(&cli.command) && asked.who.is_nobody() {
        return Err(crate::session::nobody(&read_factory(&root)?.0));
    }
    let began = tokio::time::Instant::now();
    loop {
        match open(&root, &store, commands::writes(&cli.command)).await? {
            Opened::Owned(owned) => return run_owned(owned, &asked, cli, &mut out).await,
            Opened::Elsewhere => {
                if let Some(exit) = client::forward(&store, &asked, &mut out).await? {
                    return Ok(exit);
                }
            }
        }
        if began.elapsed() > OWNER_WAIT_MAX {
            return Err(StoreError::Owned(store).into());
        }
        tokio::time::sleep(OWNER_PAUSE).await;
    }
}

/// The arguments, read again, and the output that they ask for.
pub(crate) fn prepare(asked: &Asked, sink: Sink) -> Result<(Cli, Out), Failure> {
    use clap::Parser as _;
    let cli = Cli::try_parse_from(&asked.argv).map_err(|e| Failure::usage(e.to_string()))?;
    let out = Out::new(sink, asked.layout, cli.global.format, cli.global.quiet);
    Ok((cli, out))
}

async fn run_owned(owned: Owned, asked: &Asked, cli: Cli, out: &mut Out) -> Result<Exit, Failure> {
    let done = in_factory(owned.factory.clone(), asked, cli, out).await;
    let closed = owned.close().await;
    let exit = done?;
    closed?;
    Ok(exit)
}

/// Runs a command against an open factory.
pub(crate) async fn in_factory(factory: Factory, asked: &Asked, cli: Cli, out: &mut Out) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    let writes = commands::writes(&command);
    // Whoever left since the store was opened left before this command.
    if !matches!(command, Command::People(PeopleCommand::Reload)) {
        factory.reread_or_warn().await;
    }
    let session = Session { factory, start: asked.start.clone(), named: global.workflow, who: asked.who.clone() };
    let done = commands::run(command, &session, out).await;
    // Whatever was recorded: what a release stood on may be gone, or here again.
    if writes {
        session.factory.tick().await;
    }
    done
}

/// Becomes the owner of a factory's store, where nobody is. A command that only reads makes no store where none is: it
/// looks at an empty one.
pub(crate) async fn open(root: &Path, store: &Path, writes: bool) -> Result<Opened, Failure> {
    if let Some(options) = fleet::options(root, store)? {
        return fleet::join(root, options, writes).await.map(Opened::Owned);
    }
    let opened = match SqliteStore::open(store, options()?) {
        Err(StoreError::NoStore(_)) if !writes => {
            let memory = Arc::new(MemoryStore::new(Arc::new(FactoryProjector), KeySource::Files));
            return Ok(Opened::Owned(Owned { factory: factory(root, memory).await?, listener: None }));
        }
        Err(StoreError::NoStore(_)) => SqliteStore::create(store, options()?),
        other => other,
    };
    let sqlite = match opened {
        Ok(sqlite) => sqlite,
        // Somebody else made the store in between.
        Err(StoreError::Owned(_) | StoreError::StoreExists(_)) => return Ok(Opened::Elsewhere),
        Err(error) => return Err(error.into()),
    };
    let recovered = sqlite.recovered().map(<[_]>::to_vec);
    let factory = factory(root, Arc::new(sqlite)).await?;
    if let Some(recovered) = recovered
        && let Err(error) = factory.note_recovery(&recovered).await
    {
        // Nothing is lost by it, and a full disk must not keep the owner from starting: it serves what it can.
        tracing::warn!(%error, "the recovery could not be noted in the logs");
    }
    if writes {
        // Time has passed since the last owner: a waiver may have ended, a person may have left.
        factory.tick().await;
    }
    let listener = Listener::start(store, factory.clone())?;
    Ok(Opened::Owned(Owned { factory, listener: Some(listener) }))
}

pub(crate) fn options() -> Result<Options, Failure> {
    Ok(Options { projector: Arc::new(FactoryProjector), keys: keys()?, bytes_max: None })
}

/// Where signing keys come from.
pub(crate) fn keys() -> Result<KeySource, Failure> {
    let Ok(text) = std::env::var("SEATRIAL_KEY_SEED") else { return Ok(KeySource::Files) };
    let seed = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let wrong = || Failure::usage("SEATRIAL_KEY_SEED is not 64 hexadecimal digits; nothing was opened");
    seed.map(|seed| KeySource::Seed(Seed(seed))).ok_or_else(wrong)
}

async fn factory(root: &Path, store: Arc<dyn Store>) -> Result<Factory, Failure> {
    let providers = Arc::new(HttpProviders::new(root, |name: &str| std::env::var(name).ok()));
    let options =
        OpenOptions { root: root.to_owned(), store: Arc::clone(&store), providers, clock: Box::new(SystemClock) };
    match Factory::open(options).await {
        Ok(factory) => Ok(factory),
        Err(error) => {
            // Orderly all the same: the next start has nothing to recover.
            if let Err(closing) = store.close().await {
                tracing::warn!(error = %closing, "the store could not be closed");
            }
            Err(error.into())
        }
    }
}
