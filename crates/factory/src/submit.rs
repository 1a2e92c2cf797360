//! Submitting a spec: from the work tree into the store. Whoever submits is its author.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, row};
use crate::project::SpecRec;
use seatrial_governance::policy::{Action as Act, Authorization, Circumstances, Request};
use seatrial_model::event::SpecSubmitted;
use seatrial_model::{Body, Digest, ElementPath, LogName};
use seatrial_spec::workflow::{Element, FactorySpec};
use seatrial_spec::{Checked, MemoryFiles, Workflow};
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _, TransactError, View};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most paths that a submission lists of each kind; the element tables hold all.
pub const PATHS_LISTED_MAX: usize = 100;

/// How often a submission is worked out where others submit in between: once more suffices unless they keep on.
const SUBMIT_TRIES: usize = 2;

/// Another spec was recorded since the newest one was read.
struct Moved;

/// What a submission came to.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The workflow.
    pub workflow: LogName,
    /// The spec.
    pub spec: Digest,
    /// Whether it is another than the newest before.
    pub new: bool,
    /// Whether it is the workflow's first.
    pub first: bool,
    /// How many elements the spec has.
    pub elements: usize,
    /// How many elements were added, removed, changed; of a whole branch only its top counts.
    pub changes: (usize, usize, usize),
}

/// Checks a spec from its files' bytes.
pub(crate) fn check_files(files: BTreeMap<String, Vec<u8>>, factory: Option<&FactorySpec>) -> Checked {
    let main = files.get(seatrial_spec::check::WORKFLOW_FILE).cloned().unwrap_or_default();
    let main = String::from_utf8_lossy(&main).into_owned();
    seatrial_spec::check(&main, &MemoryFiles(files), factory)
}

/// The errors among diagnostics, one line each.
pub(crate) fn errors_of(diagnostics: &[seatrial_spec::Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|d| d.severity == seatrial_spec::Severity::Error);
    errors.map(|d| format!("{}:{}:{}: {} {}", d.place.file, d.line, d.column, d.code, d.message)).collect()
}

/// The element table of a spec, as the blob that `spec.submitted` names.
fn table(workflow: &Workflow) -> Result<Vec<u8>, Refused> {
    let rows: Vec<(&ElementPath, Digest, Digest)> =
        workflow.elements.iter().map(|e| (&e.path, e.written, e.compiled)).collect();
    seatrial_model::canonical(&rows).map_err(internal)
}

/// Reads an element table.
pub(crate) fn read_table(bytes: &[u8]) -> Option<Vec<Element>> {
    let rows: Vec<(ElementPath, Digest, Digest)> = serde_json::from_slice(bytes).ok()?;
    Some(rows.into_iter().map(|(path, written, compiled)| Element { path, written, compiled }).collect())
}

impl Factory {
    /// Submits the work tree's spec where it is another than the newest submitted one.
    ///
    /// # Errors
    /// [`Refused`] where it has errors, or the caller may not.
    pub async fn submit(&self, caller: &Caller, workflow: Option<&str>) -> Result<Submitted, Refused> {
        let tree = self.work_tree(workflow)?;
        let errors = errors_of(&tree.checked.diagnostics).len();
        let checked = tree
            .checked
            .workflow
            .ok_or_else(|| Refused::Invalid(format!("the spec has {errors} error(s): `seatrial check` shows them")))?;
        self.submit_spec(caller, checked).await
    }

    pub(crate) async fn submit_spec(&self, caller: &Caller, workflow: Workflow) -> Result<Submitted, Refused> {
        for _ in 0..SUBMIT_TRIES {
            if let Some(submitted) = self.submit_once(caller, &workflow).await? {
                return Ok(submitted);
            }
        }
        let message = format!(
            "specs of `{}` were submitted by others meanwhile, more than once; this one was not recorded. Look at the newest one, then submit again",
            workflow.name
        );
        Err(Refused::Conflict { message, now: None })
    }

    /// Submits a spec after the newest one; none where another came in between, of which the event would not know.
    async fn submit_once(&self, caller: &Caller, workflow: &Workflow) -> Result<Option<Submitted>, Refused> {
        let log: LogName = workflow.name.parse().map_err(|e| Refused::Invalid(format!("{e}")))?;
        let (spec, elements) = (workflow.digest, workflow.elements.len());
        let known = self.handle(log.as_str()).is_ok();
        // What stands in the log already is submitted by nobody now: a pipeline that may only evaluate goes on with it.
        let latest = if known { self.latest_spec(&log).await? } else { None };
        if latest.as_ref().is_some_and(|(rec, _)| rec.spec == spec) {
            let changes = (0, 0, 0);
            return Ok(Some(Submitted { workflow: log, spec, new: false, first: false, elements, changes }));
        }
        self.may_submit(caller, workflow)?;
        if !known {
            self.open_log(&log).await.map_err(internal)?;
            self.reload(&log).await?;
        }
        let old = latest.as_ref().map(|(_, table)| table.as_slice()).unwrap_or_default();
        let diff = seatrial_spec::diff(old, &workflow.elements);
        let changes = (diff.added.len(), diff.removed.len(), diff.changed.len());
        let listed = |paths: Vec<ElementPath>| paths.into_iter().take(PATHS_LISTED_MAX).collect::<Vec<_>>();
        let table = table(workflow)?;
        let first = latest.is_none();
        let seen = latest.as_ref().map(|(rec, _)| rec.index);
        let body = SpecSubmitted {
            files: workflow.files.iter().map(|(path, file)| (path.clone(), file.blob)).collect(),
            elements: Digest::of(&table),
            element_count: workflow.elements.len() as u64,
            previous: latest.map(|(rec, _)| rec.spec),
            added: if first { Vec::new() } else { listed(diff.added) },
            removed: listed(diff.removed),
            changed: listed(diff.changed.into_iter().map(|c| c.path).collect()),
        };
        let mut event = self.event(&log, caller.principal.clone(), Body::SpecSubmitted(body)).map_err(internal)?;
        event.spec = Some(spec);
        let mut blobs: Vec<Vec<u8>> = workflow.files.values().map(|f| f.bytes.to_vec()).collect();
        blobs.push(table);
        let batch = Batch { events: vec![event], blobs, ..Batch::default() };
        let recorded = self.submit_unless_moved(&log, seen, batch).await?;
        if !known {
            self.stop_with_the_factory(&log).await?;
        }
        self.reload(&log).await?;
        Ok(recorded.then_some(Submitted { workflow: log, spec, new: true, first, elements, changes }))
    }

    /// Appends a submission where the newest spec is still the one that was `seen`. Another caller, or another node, may
    /// have submitted since it was read.
    async fn submit_unless_moved(&self, log: &LogName, seen: Option<u64>, batch: Batch) -> Result<bool, Refused> {
        let done = self
            .0
            .store
            .transact_with::<(), Moved, _>(log, move |view| {
                let newest = row::<SpecRec>(view, "spec", b"latest")?.map(|rec| rec.index);
                if newest == seen { Ok((batch, ())) } else { Err(TransactError::Refused(Moved)) }
            })
            .await;
        match done {
            Ok(_) => Ok(true),
            Err(TransactError::Refused(Moved)) => Ok(false),
            Err(TransactError::Store(error)) => Err(not_recorded(error)),
        }
    }

    fn may_submit(&self, caller: &Caller, workflow: &Workflow) -> Result<(), Refused> {
        let policies = self.policies_of(workflow);
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        // A log that is not there yet has no end of rights either.
        let rights = workflow.name.parse::<LogName>().map(|log| self.shared_rights(&log)).map_err(internal)?;
        let circumstances = rights.apply(&caller.principal, &circumstances);
        let request = Request { principal: &caller.principal, action: Act::SubmitSpec, circumstances: &circumstances };
        match policies.authorize(&request) {
            Authorization::Allowed => Ok(()),
            Authorization::Refused { why } => Err(Refused::Forbidden(why)),
        }
    }

    /// The newest submitted spec with its element table.
    async fn latest_spec(&self, log: &LogName) -> Result<Option<(SpecRec, Vec<Element>)>, Refused> {
        self.0
            .store
            .read_with(log, |view| {
                let Some(rec) = row::<SpecRec>(view, "spec", b"latest")? else { return Ok(None) };
                let table = table_of(view, &rec)?.unwrap_or_default();
                Ok(Some((rec, table)))
            })
            .await
            .map_err(not_recorded)
    }

    /// The element tables of earlier specs, so that staleness can name the path.
    pub(crate) async fn tables(
        &self,
        log: &LogName,
        specs: impl IntoIterator<Item = Digest>,
    ) -> Result<BTreeMap<Digest, Vec<Element>>, Refused> {
        let specs: Vec<Digest> = specs.into_iter().collect();
        self.0
            .store
            .read_with(log, move |view| {
                let mut tables = BTreeMap::new();
                for spec in specs {
                    let Some(rec) = row::<SpecRec>(view, "spec", spec.hex().as_bytes())? else { continue };
                    if let Some(table) = table_of(view, &rec)? {
                        tables.insert(spec, table);
                    }
                }
                Ok(tables)
            })
            .await
            .map_err(not_recorded)
    }

    /// Submits the work tree where it changed, and gives the workflow's handle with its candidate: what a measurement
    /// speaks of.
    pub(crate) async fn candidate(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
    ) -> Result<(Arc<Handle>, Arc<crate::handle::Served>), Refused> {
        let submitted = self.submit(caller, workflow).await?;
        self.submitted(submitted.workflow.as_str())
    }

    /// The newest submitted spec, as it is served in rehearsal.
    pub(crate) fn submitted(&self, workflow: &str) -> Result<(Arc<Handle>, Arc<crate::handle::Served>), Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let served = live.candidate.clone().ok_or_else(|| {
            let why = live.broken.clone().unwrap_or_else(|| "no spec was submitted: `seatrial submit`".to_owned());
            Refused::Conflict { message: why, now: None }
        })?;
        Ok((handle, served))
    }
}

fn table_of(view: &dyn View, rec: &SpecRec) -> Result<Option<Vec<Element>>, seatrial_store::StoreError> {
    let Some(event) = view.event(rec.index)? else { return Ok(None) };
    let Body::SpecSubmitted(submitted) = event.body else { return Ok(None) };
    Ok(view.blob(&submitted.elements)?.and_then(|bytes| read_table(&bytes)))
}
