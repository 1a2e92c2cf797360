//! The restore drill: a log is exported, restored beside the store and compared.

use super::{FolderExport, Scratch, create};
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::place;
use crate::session::Session;
use crate::source::StoreSource;
use seatrial_factory::{Drilled, Fingerprint, RestoreDrill, adopt, take_over};
use seatrial_ledger::{Checkpoint, Note, VerifierKey};
use seatrial_model::{LogName, LogPoint, Stage, Time};
use seatrial_spec::FactorySpec;
use seatrial_store::{ReaderExt as _, Store};
use seatrial_verify::{ExportOptions, Folder, Trust, export, verify};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// How often an export is begun anew where the log grows meanwhile.
const TRIES_MAX: usize = 50;

/// What the live store says of a log: the moment that is exported, and its state.
struct Exported {
    log: LogName,
    dir: PathBuf,
    key: VerifierKey,
    fingerprint: Fingerprint,
    point: LogPoint,
}

/// Exports a log together with the fingerprint of the same moment.
async fn export_exactly(store: &Arc<dyn Store>, log: &LogName, dir: PathBuf) -> Result<Exported, Failure> {
    for _ in 0..TRIES_MAX {
        let note = store.sign_now(log).await?;
        let info = store.logs().await?.into_iter().find(|info| info.log == *log);
        let key = info.and_then(|info| info.key.parse().ok());
        let key: VerifierKey = key.ok_or_else(|| Failure::failed(format!("the key of `{log}` cannot be read")))?;
        let signed = Note::parse(note.as_bytes()).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        let signed = signed.ok_or_else(|| Failure::failed(format!("the checkpoint of `{log}` cannot be read")))?;
        let (target, size) = (dir.clone(), signed.size);
        let done = store
            .read_with(log, move |view| {
                if view.size()? != size {
                    return Ok(None);
                }
                let done = export(&StoreSource::new(view, Some(note)), &target, ExportOptions { payloads: true });
                Ok(Some((done.map_err(|e| e.to_string()), Fingerprint::of(view)?)))
            })
            .await?;
        let Some((done, fingerprint)) = done else { continue };
        done.map_err(Failure::file)?;
        let point = LogPoint { size: signed.size, root: signed.root };
        return Ok(Exported { log: log.clone(), dir, key, fingerprint, point });
    }
    Err(Failure::failed(format!(
        "`{log}` grew with every try, so no moment of it was compared; repeat it when less happens"
    )))
}

/// The restore drill: exports, verifies, restores beside the store, compares, and removes everything again.
pub(crate) async fn drill(session: &Session, out: &mut Out) -> Result<Drilled, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let factory = &session.factory;
    factory.may_drill(&caller, &workflow)?;
    let began = Instant::now();
    let mut steps = Vec::new();
    let mut step = |text: String, out: &mut Out| {
        out.note(format!("{}. {text}", steps.len() + 1));
        steps.push(text);
    };
    let store = place::store_of(factory.root(), &factory.spec());
    let mut temporary = store.into_os_string();
    temporary.push(format!(".drill-{}", std::process::id()));
    let scratch = Scratch::make(PathBuf::from(temporary))?;
    let log: LogName = workflow.parse().map_err(|e| Failure::usage(format!("{e}; nothing was done")))?;
    let mut exported = Vec::new();
    for log in [LogName::factory(), log.clone()] {
        exported.push(export_exactly(factory.store(), &log, scratch.path().join(format!("export-{log}"))).await?);
    }
    step(format!("exported {}", exported.iter().map(|e| e.log.as_str()).collect::<Vec<_>>().join(", ")), out);
    let states = states(factory, &workflow).await?;
    let fresh: Arc<dyn Store> = Arc::new(create(&scratch.path().join("store"))?);
    let found = compare(&exported, &fresh, factory.now(), &factory.spec()).await;
    let compared = match found {
        Ok(()) => {
            step(
                "verified, restored and compared: entries, indexes, rows, payloads, blobs, signatures".to_owned(),
                out,
            );
            let beside = factory.beside(Arc::clone(&fresh)).await?;
            let same = self::states(&beside, &workflow).await? == states;
            if same { Ok(()) } else { Err(different(&workflow, "obligation states")) }
        }
        Err(failure) => Err(failure),
    };
    fresh.close().await?;
    compared?;
    step("the restored factory shows the same obligation states, and goes on".to_owned(), out);
    drop(scratch);
    let point = exported.into_iter().find(|e| e.log == log).map(|e| e.point);
    let point = point.ok_or_else(|| Failure::failed("the log was not exported"))?;
    let effective_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(factory.restore_drilled(&caller, Some(&workflow), RestoreDrill { point, effective_ms, steps }).await?)
}

fn different(log: &str, what: &str) -> Failure {
    Failure::failed(format!(
        "`{log}` was not found again as it was: its {what} differ. Nothing was recorded as a drill"
    ))
}

/// How every obligation stands, as text.
async fn states(factory: &seatrial_factory::Factory, workflow: &str) -> Result<Vec<String>, Failure> {
    let standing = factory.standing(workflow, Stage::Production).await?;
    let states = standing.states.iter().map(|s| format!("{} {} {}", s.obligation.id, s.state.as_str(), s.why));
    Ok(states.collect())
}

async fn compare(exported: &[Exported], fresh: &Arc<dyn Store>, now: Time, spec: &FactorySpec) -> Result<(), Failure> {
    for one in exported {
        let folder = Folder::open(&one.dir).map_err(|e| Failure::file(e.to_string()))?;
        let report = verify(&folder, &Trust { key: Some(one.key.clone()), witnesses: Vec::new(), now: None });
        if !report.verified {
            let what = report.problems.first().map(|p| format!("{}: {}", p.place, p.what)).unwrap_or_default();
            return Err(Failure::failed(format!("the export of `{}` is not in order: {}", one.log, shown(&what))));
        }
        let mut export = FolderExport::open(folder).map_err(Failure::file)?;
        let taken = take_over(&**fresh, &mut export, Some(spec)).await?;
        if taken.point != one.point {
            return Err(different(one.log.as_str(), "root"));
        }
        let found = fresh.read_with(&one.log, |view| Fingerprint::of(view)).await?;
        let differs = one.fingerprint.differs(&found);
        if !differs.is_empty() {
            return Err(different(one.log.as_str(), &differs.join(", ")));
        }
        // That it goes on is seen, too: under a key of its own, since nobody takes the live one along for a drill.
        adopt(&**fresh, &taken, None, now).await?;
        let wrong = fresh.check_mirror(&one.log).await?;
        if let Some(what) = wrong.first() {
            return Err(different(one.log.as_str(), &format!("contents ({})", shown(what))));
        }
    }
    Ok(())
}
