//! The logs as static files (C2SP `tlog-tiles`): what anybody who may read a log gets of it, at most as wide as the newest
//! signed checkpoint.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::reviews::ReviewFilter;
use crate::witness::ViewTiles;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_ledger::tile::{HASH_BYTES, width_at};
use seatrial_ledger::{Checkpoint, LogPath, Note, TILE_WIDTH, TilePath, TileTree, TlogProof, bundle};
use seatrial_model::event::TokenKind;
use seatrial_model::{LogName, PrincipalKind};
use seatrial_store::{ReaderExt as _, StoreError, View};

/// What was asked for, and how it may be kept by whoever gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBytes {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// Whether these are the bytes for ever.
    pub immutable: bool,
    /// Whether anybody may have them.
    pub public: bool,
}

impl Factory {
    /// One file of a log, for somebody (or, where `factory.yaml` says so, for anybody).
    ///
    /// Tiles and bundles are given in every width up to the newest signed tree: all of them are beginnings of what was
    /// signed, and a reader's checkpoint may be older than ours. Nothing that is not signed yet is given.
    ///
    /// # Errors
    /// [`Refused`]: not authenticated, not allowed, no such log or file, the store cannot be read.
    pub async fn log_file(&self, caller: Option<&Caller>, log: &str, path: LogPath) -> Result<LogBytes, Refused> {
        let public = self.spec().log_public;
        let name = match caller {
            None if !public => return Err(Refused::Unauthenticated),
            _ => self.log_named(log).await?,
        };
        if let Some(caller) = caller.filter(|_| !public) {
            self.may_read_log(caller, &name, path).await?;
        }
        let bytes = self.log_bytes(&name, path).await?;
        let bytes = bytes.ok_or_else(|| Refused::NotFound(format!("the log `{name}` has no `{path}`")))?;
        Ok(LogBytes { bytes, immutable: path.is_immutable(), public })
    }

    async fn log_named(&self, log: &str) -> Result<LogName, Refused> {
        let none = || {
            let shown = seatrial_model::Untrusted::new(log).terminal(80);
            Refused::NotFound(format!("there is no log `{shown}` in this factory"))
        };
        let name: LogName = log.parse().map_err(|_| none())?;
        let known = self.0.store.logs().await.map_err(not_recorded)?;
        if known.iter().any(|info| info.log == name) { Ok(name) } else { Err(none()) }
    }

    /// People with all their rights read a log: a caller's token reads its own decisions, a pipeline's nothing, and a
    /// reviewer's what it reviews. Whoever still has to answer a question sees no entries: the answer could be in them.
    async fn may_read_log(&self, caller: &Caller, log: &LogName, path: LogPath) -> Result<(), Refused> {
        let forbidden = |why: &str| Err(Refused::Forbidden(why.to_owned()));
        if caller.principal.kind != PrincipalKind::Person || !matches!(caller.token, None | Some(TokenKind::Operator)) {
            return forbidden("a log is read by people, with an `operator` token or signed in with one");
        }
        let Ok(handle) = self.handle(log.as_str()) else { return Ok(()) };
        let live = handle.live.load_full();
        if let Some(served) = live.in_force.as_ref().or(live.candidate.as_ref()) {
            let simulation = self.is_simulation();
            let circumstances = Circumstances { simulation, token: caller.token, ..Circumstances::default() };
            served.authorize(&caller.principal, Act::Read, &circumstances)?;
        }
        if !matches!(path, LogPath::Tile(TilePath { tree: TileTree::Entries, .. })) {
            return Ok(());
        }
        let filter = ReviewFilter { workflow: Some(log.as_str().to_owned()), limit: 1, ..ReviewFilter::default() };
        if self.reviews(caller, filter).await?.is_empty() {
            return Ok(());
        }
        forbidden(
            "reviews or audits of this workflow wait for your roles, and the entries could lead the answer: answer them first",
        )
    }

    async fn log_bytes(&self, log: &LogName, path: LogPath) -> Result<Option<Vec<u8>>, Refused> {
        if path == LogPath::Key {
            return Ok(Some(format!("{}\n", self.log_identity(log).await?.key).into_bytes()));
        }
        // The checkpoint first: what is read after it holds all that it covers.
        let Some(note) = self.0.store.checkpoint(log).await.map_err(not_recorded)? else { return Ok(None) };
        if path == LogPath::Checkpoint {
            return Ok(Some(note.into_bytes()));
        }
        let parsed = Note::parse(note.as_bytes()).map_err(internal)?;
        let size = Checkpoint::parse(parsed.text()).map_err(internal)?.size;
        let read = move |view: &dyn View| match path {
            LogPath::Tile(path) => tile(view, path, size),
            LogPath::Proof(index) if index < size => Ok(TlogProof::make(&ViewTiles(view), index, parsed)
                .map(|proof| Some(proof.to_string().into_bytes()))
                .map_err(|e| damaged(view, e.to_string()))?),
            _ => Ok(None),
        };
        self.0.store.read_with(log, read).await.map_err(not_recorded)
    }
}

/// A tile or a bundle of the signed tree; none where it is wider than that.
fn tile(view: &dyn View, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let level = match path.tree {
        TileTree::Hashes(level) => level,
        TileTree::Entries => 0,
    };
    let width = usize::from(path.width);
    if path.width == 0 || path.width > width_at(size, level, path.n) {
        return Ok(None);
    }
    if path.tree != TileTree::Entries {
        let bytes = view.tile(level, path.n)?;
        let bytes = bytes.as_deref().and_then(|bytes| bytes.get(..width * HASH_BYTES)).map(<[u8]>::to_vec);
        return bytes.map(Some).ok_or_else(|| damaged(view, format!("`{path}` is missing")));
    }
    // Within the tree, so that the product is one of its indexes.
    let entries = view.entries(path.n.saturating_mul(TILE_WIDTH as u64), width)?;
    if entries.len() != width {
        return Err(damaged(view, format!("`{path}` lacks entries")));
    }
    let leaves: Vec<Vec<u8>> = entries.into_iter().map(|entry| entry.bytes).collect();
    bundle::encode(&leaves).map(Some).map_err(|e| damaged(view, e.to_string()))
}

fn damaged(view: &dyn View, what: String) -> StoreError {
    StoreError::Damaged { log: view.log().clone(), what }
}
