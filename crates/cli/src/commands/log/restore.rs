//! `seatrial log restore`, and the drill of it.

mod drill;

pub(crate) use self::drill::drill;

use super::keys::read_seed;
use crate::args::RestoreArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::owner::Asked;
use crate::place;
use seatrial_factory::{FactoryProjector, LogExport, RestoreError, TakenOver, adopt, take_over};
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, Note, TILE_WIDTH, TilePath, TileTree, VerifierKey, bundle};
use seatrial_model::event::FactoryDeclared;
use seatrial_model::{Body, Commitment, Digest, Event, Salt, Time};
use seatrial_spec::FactorySpec;
use seatrial_spec::check::FACTORY_FILE;
use seatrial_store::{KeySource, Options, Reader as _, SqliteStore, Store};
use seatrial_verify::{Folder, Source as _, Trust, Verified, verify};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that is removed, whatever happens, unless it is kept.
struct Scratch(Option<PathBuf>);

impl Scratch {
    /// Makes a new folder that only its owner can enter.
    fn make(path: PathBuf) -> Result<Self, Failure> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was restored", path.display())))?;
        Ok(Self(Some(path)))
    }

    fn path(&self) -> PathBuf {
        self.0.clone().unwrap_or_default()
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!(path = %path.display(), %error, "a folder could not be removed");
        }
    }
}

/// An export's folder, as the factory reads it.
struct FolderExport {
    folder: Folder,
    size: u64,
    /// The bundle that was read last.
    held: Option<(u64, Vec<Vec<u8>>)>,
}

impl FolderExport {
    fn open(folder: Folder) -> Result<Self, String> {
        let note = folder.checkpoint().map_err(|e| e.to_string())?.ok_or("there is no checkpoint")?;
        let note = Note::parse(&note).map_err(|e| e.to_string())?;
        let size = Checkpoint::parse(note.text()).map_err(|e| e.to_string())?.size;
        Ok(Self { folder, size, held: None })
    }

    fn bundle(&mut self, n: u64) -> Result<&[Vec<u8>], String> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != n) {
            let path = TilePath { tree: TileTree::Entries, n, width: width_at(self.size, 0, n) };
            let bytes = self.folder.tile(path).map_err(|e| e.to_string())?;
            let bytes = bytes.ok_or_else(|| format!("`{path}` is missing"))?;
            let entries = bundle::decode(&bytes).map_err(|e| e.to_string())?;
            self.held = Some((n, entries.into_iter().map(<[u8]>::to_vec).collect()));
        }
        Ok(self.held.as_ref().map(|(_, entries)| entries.as_slice()).unwrap_or_default())
    }
}

impl LogExport for FolderExport {
    fn checkpoint(&mut self) -> Result<String, String> {
        let note = self.folder.checkpoint().map_err(|e| e.to_string())?.ok_or("there is no checkpoint")?;
        String::from_utf8(note).map_err(|_| "the checkpoint is not UTF-8".to_owned())
    }

    fn entries(&mut self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, String> {
        let mut found = Vec::new();
        let mut next = from;
        while next < self.size && found.len() < limit {
            let at = usize::try_from(next % TILE_WIDTH as u64).unwrap_or(0);
            let bundle = self.bundle(next / TILE_WIDTH as u64)?;
            let here: Vec<Vec<u8>> = bundle.iter().skip(at).take(limit - found.len()).cloned().collect();
            if here.is_empty() {
                return Err(format!("entry {next} is missing"));
            }
            next += here.len() as u64;
            found.extend(here);
        }
        Ok(found)
    }

    fn blobs(&mut self) -> Result<Vec<Digest>, String> {
        self.folder.blobs().map_err(|e| e.to_string())
    }

    fn blob(&mut self, digest: &Digest) -> Result<Vec<u8>, String> {
        let blob = self.folder.blob(digest).map_err(|e| e.to_string())?;
        blob.ok_or_else(|| format!("the blob {digest} is missing"))
    }

    fn payload(&mut self, commitment: &Commitment) -> Result<Option<(Salt, Vec<u8>)>, String> {
        let held = self.folder.payload(commitment).map_err(|e| e.to_string())?;
        Ok(held.map(|held| (held.salt, held.bytes)))
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Store(error) => error.into(),
            other => Self::file(other.to_string()),
        }
    }
}

fn now() -> Time {
    jiff::Timestamp::now().into()
}

/// An export that was verified.
struct Checked {
    dir: PathBuf,
    export: FolderExport,
    report: Verified,
}

fn check(dir: &Path, keys: &[VerifierKey]) -> Result<Checked, Failure> {
    let folder = Folder::open(dir).map_err(|e| Failure::file(format!("{e}; nothing was restored")))?;
    let asserted = verify(&folder, &Trust { key: None, witnesses: Vec::new(), now: Some(now()) });
    let key = keys.iter().find(|key| key.name() == asserted.origin).cloned();
    let report = match key {
        Some(key) => verify(&folder, &Trust { key: Some(key), witnesses: Vec::new(), now: Some(now()) }),
        None => asserted,
    };
    let export = FolderExport::open(folder)
        .map_err(|e| Failure::file(format!("`{}` is no export of a log ({e}); nothing was restored", dir.display())))?;
    Ok(Checked { dir: dir.to_owned(), export, report })
}

/// Restores exports into a fresh factory.
pub(super) async fn restore(args: &RestoreArgs, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    let mut checked = Vec::with_capacity(args.exports.len());
    for dir in &args.exports {
        let found = check(&asked.start.join(dir), &args.keys)?;
        if !found.report.verified {
            out.json(&json!({ "restored": false, "export": dir, "report": found.report }))?;
            out.text(&found.report.human());
            out.line(format!("nothing was restored: `{}` is not in order", dir.display()));
            return Ok(Exit::NotReady);
        }
        checked.push(found);
    }
    if let Some(key) = args.keys.iter().find(|key| checked.iter().all(|c| c.report.origin != key.name())) {
        let name = shown(key.name());
        return Err(Failure::usage(format!(
            "no export is of the log `{name}`, whose key was given; nothing was restored"
        )));
    }
    let into = asked.start.join(&args.into);
    let plan = Plan::of(&into, &mut checked)?;
    let made = !into.exists();
    fs::create_dir_all(&into)
        .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was restored", into.display())))?;
    let done = into_store(args, asked, &plan, &mut checked).await;
    match done {
        Ok(list) => {
            told(&list, &into, args, out)?;
            Ok(Exit::Done)
        }
        Err(failure) => {
            for file in plan.files.keys() {
                let _ = fs::remove_file(into.join(file));
            }
            if made {
                // What was made for it goes with it; a folder that was there stays as it was.
                let _ = fs::remove_dir_all(&into);
            }
            Err(failure)
        }
    }
}

/// Where things go.
struct Plan {
    /// The factory's file, checked.
    factory: FactorySpec,
    store: PathBuf,
    /// Files to be written: `factory.yaml` and those beside it, from the factory's log.
    files: std::collections::BTreeMap<String, Vec<u8>>,
}

impl Plan {
    fn of(into: &Path, checked: &mut [Checked]) -> Result<Self, Failure> {
        let mut files = std::collections::BTreeMap::new();
        let own = into.join(FACTORY_FILE);
        let text = if own.exists() {
            fs::read(&own)
                .map_err(|e| Failure::file(format!("`{}` cannot be read ({e}); nothing was restored", own.display())))?
        } else {
            files = declared(checked)?;
            files.get(FACTORY_FILE).cloned().unwrap_or_default()
        };
        let text =
            String::from_utf8(text).map_err(|_| Failure::file("`factory.yaml` is not UTF-8; nothing was restored"))?;
        let (factory, _, _) = seatrial_spec::check_factory(&text);
        let factory = factory.ok_or_else(|| {
            Failure::file(
                "the factory's file has errors in this version; nothing was restored. Write one that has none",
            )
        })?;
        for found in checked.iter() {
            let name = factory_of(&found.report.origin);
            if name != factory.name {
                return Err(Failure::usage(format!(
                    "`{}` is of the factory `{}`, and `factory.yaml` is of `{}`; nothing was restored",
                    found.dir.display(),
                    shown(name),
                    factory.name
                )));
            }
        }
        if matches!(factory.store, seatrial_spec::workflow::StoreRef::Postgres(_)) {
            return Err(Failure::usage(
                "an export is restored into a folder, and `factory.yaml` names a database; nothing was restored. \
                 Write `store: { sqlite: .seatrial }` for it",
            ));
        }
        let store = place::store_of(into, &factory);
        if store.exists() {
            return Err(Failure::usage(format!(
                "there is a store at `{}` already; nothing was restored. Restore into a fresh folder",
                store.display()
            )));
        }
        Ok(Self { factory, store, files })
    }
}

/// The factory's name in an origin.
fn factory_of(origin: &str) -> &str {
    let origin = origin.strip_prefix("simulation/").unwrap_or(origin);
    origin.rsplit_once('/').map_or(origin, |(factory, _)| factory)
}

/// `factory.yaml` and the files beside it, as the factory's log had them last.
fn declared(checked: &mut [Checked]) -> Result<std::collections::BTreeMap<String, Vec<u8>>, Failure> {
    let of_factory = checked.iter_mut().find(|c| c.report.origin.ends_with("/factory"));
    let of_factory = of_factory.ok_or_else(|| {
        Failure::usage(
            "there is no `factory.yaml` in the folder, and the export of the factory's own log is not among these; nothing was restored. `seatrial log export DIR --workflow factory` writes it",
        )
    })?;
    let export = &mut of_factory.export;
    let failed = |e: String| Failure::file(format!("{e}; nothing was restored"));
    let (mut last, mut next): (Option<FactoryDeclared>, u64) = (None, 0);
    loop {
        let entries = export.entries(next, TILE_WIDTH).map_err(failed)?;
        if entries.is_empty() {
            break;
        }
        next += entries.len() as u64;
        let events = entries.iter().filter_map(|leaf| serde_json::from_slice::<Event>(leaf).ok());
        last = events
            .filter_map(|event| if let Body::FactoryDeclared(d) = event.body { Some(d) } else { None })
            .next_back()
            .or(last);
    }
    let declared = last.ok_or_else(|| failed("the factory's log does not say what its file is".to_owned()))?;
    let mut files = std::collections::BTreeMap::new();
    files.insert(FACTORY_FILE.to_owned(), export.blob(&declared.file).map_err(failed)?);
    for (path, digest) in declared.policies.iter().chain(&declared.directory) {
        let inside =
            !path.starts_with('/') && !path.contains(['\\', ':', '\0']) && path.split('/').all(|part| part != "..");
        if inside {
            files.insert(path.clone(), export.blob(digest).map_err(failed)?);
        }
    }
    Ok(files)
}

/// A log that was restored.
struct Done {
    taken: TakenOver,
    /// The new key, where one was drawn.
    new: Option<String>,
}

async fn into_store(
    args: &RestoreArgs,
    asked: &Asked,
    plan: &Plan,
    checked: &mut [Checked],
) -> Result<Vec<Done>, Failure> {
    let mut temporary = plan.store.as_os_str().to_owned();
    temporary.push(".restoring");
    let scratch = Scratch::make(PathBuf::from(temporary))?;
    if let Some(secrets) = &args.secrets {
        copy_private(&asked.start.join(secrets), &scratch.path().join("secrets.db"))?;
    }
    let store = create(&scratch.path())?;
    let done = restore_all(args, asked, plan, checked, &store).await;
    let closed = store.close().await;
    let done = done?;
    closed?;
    let into = plan.store.parent().unwrap_or(Path::new("."));
    for (name, bytes) in &plan.files {
        let path = asked.start.join(&args.into).join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
        written.map_err(|e| {
            Failure::file(format!("`{}` cannot be written ({e}); nothing was restored", path.display()))
        })?;
    }
    let renamed = fs::rename(scratch.path(), &plan.store).and_then(|()| fs::File::open(into)?.sync_all());
    renamed
        .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was restored", plan.store.display())))?;
    scratch.keep();
    Ok(done)
}

async fn restore_all(
    args: &RestoreArgs,
    asked: &Asked,
    plan: &Plan,
    checked: &mut [Checked],
    store: &SqliteStore,
) -> Result<Vec<Done>, Failure> {
    let mut list = Vec::with_capacity(checked.len());
    for found in checked.iter_mut() {
        let taken = take_over(store, &mut found.export, Some(&plan.factory)).await?;
        let key = match &args.private {
            Some(dir) => Some(read_seed(&asked.start.join(dir).join(format!("{}.key", taken.log)))?),
            None => None,
        };
        let new = adopt(store, &taken, key, now()).await?;
        // What was written is read again, against the entries.
        let rows = store.check_rows(&taken.log).await?;
        let wrong = store.check_mirror(&taken.log).await?;
        if !rows.identical() || !wrong.is_empty() {
            let what = wrong.first().cloned().unwrap_or_else(|| "its rows are not what its entries fold to".to_owned());
            return Err(Failure::failed(format!(
                "the log `{}` was not restored as it was: {what}; nothing was kept",
                taken.log
            )));
        }
        list.push(Done { taken, new });
    }
    Ok(list)
}

fn create(dir: &Path) -> Result<SqliteStore, Failure> {
    let options = Options { projector: Arc::new(FactoryProjector), keys: KeySource::Files, bytes_max: None };
    Ok(SqliteStore::create(dir, options)?)
}

fn copy_private(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed =
        |e: std::io::Error| Failure::file(format!("`{}` cannot be copied ({e}); nothing was restored", from.display()));
    let bytes = fs::read(from).map_err(failed)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(to).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(failed)
}

fn told(list: &[Done], into: &Path, args: &RestoreArgs, out: &mut Out) -> Result<(), Failure> {
    let logs: Vec<_> = list
        .iter()
        .map(|done| {
            let TakenOver { log, origin, point, payloads, left_out, .. } = &done.taken;
            json!({ "log": log, "origin": origin, "point": point, "payloads": payloads, "left_out": left_out, "new_key": done.new })
        })
        .collect();
    out.json(&json!({ "restored": true, "into": into, "logs": logs }))?;
    for done in list {
        let TakenOver { log, point, payloads, left_out, .. } = &done.taken;
        out.line(format!("{log}: {} entries, root {}, {payloads} payloads", point.size, point.root));
        if *left_out > 0 {
            out.line(format!("  {left_out} payloads were not in the export, and are told as left out"));
        }
        if let Some(key) = &done.new {
            out.line(format!("  under a NEW key, which the old one does not vouch for: {key}"));
        }
    }
    if args.secrets.is_none() {
        out.line("without secrets: issue tokens anew; cases that come again are not recognised as the same");
    }
    out.line(format!("next: seatrial log verify -C {}", into.display()));
    Ok(())
}
