//! One side of a comparison: where a spec is found.

use super::git;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::shown;
use crate::session::Session;
use seatrial_factory::{Compared, DiskFiles};
use seatrial_model::Digest;
use seatrial_spec::check::WORKFLOW_FILE;
use seatrial_spec::{Checked, FileSource, MemoryFiles, Severity, check};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One side.
#[derive(Serialize)]
pub(super) struct Side {
    /// `work tree`, `submitted`, `released`, `named` (by its digest), `folder`, `revision`, or `nothing` where there is no
    /// spec yet.
    pub(super) what: &'static str,
    /// What was asked for, as it was written: a folder or a revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The commit that a revision is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The spec's digest.
    pub(super) spec: Option<Digest>,
    #[serde(skip)]
    pub(super) compared: Option<Compared>,
}

impl Side {
    fn of(what: &'static str, compared: Compared) -> Self {
        Self { what, name: None, commit: None, spec: Some(compared.workflow.digest), compared: Some(compared) }
    }

    const fn nothing() -> Self {
        Self { what: "nothing", name: None, commit: None, spec: None, compared: None }
    }

    fn called(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// In words: `revision main (1a2b3c4d5e6f) sha256:…`.
    pub(super) fn named(&self) -> String {
        let mut out = self.what.to_owned();
        if let Some(name) = &self.name {
            out.push_str(&format!(" {name}"));
        }
        if let Some(commit) = &self.commit {
            out.push_str(&format!(" ({})", commit.get(..12).unwrap_or(commit)));
        }
        if let Some(spec) = self.spec {
            out.push_str(&format!(" {}", spec.short()));
        }
        out
    }
}

/// From where sides are looked for.
pub(super) struct Ground<'s> {
    /// The folder that the command was started in, or `-C`.
    pub(super) start: PathBuf,
    /// `--workflow`.
    pub(super) named: Option<String>,
    /// The open factory; none where there is no factory.
    pub(super) session: Option<&'s Session>,
}

impl Ground<'_> {
    /// A side by what it was called: a word, a digest, a folder, or a revision.
    pub(super) async fn named(&self, text: &str) -> Result<Side, Failure> {
        match text {
            "released" => return self.released().await,
            "submitted" => return self.submitted().await,
            "work-tree" => return self.work_tree(),
            _ => {}
        }
        if let Ok(spec) = text.parse::<Digest>() {
            return self.stored("named", spec).await;
        }
        if let Some(folder) = self.folder_at(text) {
            return Ok(self.checked("folder", &folder, Tolerance::Any)?.called(text));
        }
        self.revision(text).await
    }

    fn session(&self, what: &str) -> Result<&Session, Failure> {
        self.session.ok_or_else(|| {
            Failure::usage(format!(
                "{what} is known to the store of a factory, and there is no `factory.yaml` in `{}` or above it; nothing was compared. Name two folders or revisions",
                self.start.display()
            ))
        })
    }

    /// The spec of the release in force.
    pub(super) async fn released(&self) -> Result<Side, Failure> {
        let session = self.session("what is released")?;
        let workflow = session.workflow()?;
        let summary = session.factory.summary(&workflow).await.ok();
        match summary.and_then(|s| s.in_force) {
            Some(release) => self.stored("released", release.spec).await,
            None => Err(Failure {
                exit: Exit::NotReady,
                code: "not_released",
                message: format!("no release of `{}` is in force; nothing was compared", shown(&workflow)),
            }),
        }
    }

    /// The newest submitted spec; nothing where none was.
    pub(super) async fn submitted(&self) -> Result<Side, Failure> {
        let session = self.session("what was submitted")?;
        let workflow = session.workflow()?;
        // A workflow that was never submitted has no log, and so no summary.
        let summary = session.factory.summary(&workflow).await.ok();
        match summary.and_then(|s| s.candidate) {
            Some(spec) => self.stored("submitted", spec).await,
            None => Ok(Side::nothing()),
        }
    }

    async fn stored(&self, what: &'static str, spec: Digest) -> Result<Side, Failure> {
        let session = self.session("a spec's digest")?;
        let workflow = session.workflow()?;
        let stored = session.factory.spec_at(&workflow, Some(spec)).await.map_err(|e| {
            Failure::usage(format!(
                "the store gives no spec `{spec}` of `{}` ({e}); nothing was compared",
                shown(&workflow)
            ))
        })?;
        // What the checker says of it today.
        let files = stored.files.iter().map(|(path, file)| (path.clone(), file.bytes.to_vec()));
        let files = MemoryFiles::new(files);
        let main = files.read(WORKFLOW_FILE).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let diagnostics =
            main.map_or_else(|_| Vec::new(), |main| self.check(&main, &files, Tolerance::Any).diagnostics);
        Ok(Side::of(what, Compared { workflow: stored, diagnostics }))
    }

    /// The folder that people edit.
    pub(super) fn work_tree(&self) -> Result<Side, Failure> {
        let folder = self.own_folder()?;
        self.checked("work tree", &folder, Tolerance::None)
    }

    /// The workflow's folder: the factory's, or the one that we stand in.
    fn own_folder(&self) -> Result<PathBuf, Failure> {
        if let Some(session) = self.session {
            return Ok(session.folder()?.path);
        }
        let here = self.start.join(self.named.as_deref().unwrap_or("."));
        if here.join(WORKFLOW_FILE).is_file() {
            return Ok(here);
        }
        Err(Failure::file(format!("there is no `{WORKFLOW_FILE}` in `{}`; nothing was compared", here.display())))
    }

    /// A folder with a workflow, by its path from where we stand.
    fn folder_at(&self, text: &str) -> Option<PathBuf> {
        let path = self.start.join(text);
        let path = if path.is_file() && path.ends_with(WORKFLOW_FILE) { path.parent()?.to_owned() } else { path };
        path.join(WORKFLOW_FILE).is_file().then_some(path)
    }

    fn checked(&self, what: &'static str, folder: &Path, tolerance: Tolerance) -> Result<Side, Failure> {
        let path = folder.join(WORKFLOW_FILE);
        let main = std::fs::read_to_string(&path)
            .map_err(|e| Failure::file(format!("`{}` cannot be read ({e}); nothing was compared", path.display())))?;
        let checked = self.check(&main, &DiskFiles::new(folder), tolerance);
        Ok(Side::of(what, without_errors(checked, what)?))
    }

    /// A folder as it stood in a revision.
    async fn revision(&self, text: &str) -> Result<Side, Failure> {
        let (start, asked) = (self.start.clone(), text.to_owned());
        let own = self.own_folder().ok();
        let tree = tokio::task::spawn_blocking(move || git::tree(&start, own.as_deref(), &asked))
            .await
            .map_err(|e| Failure::failed(format!("git was not waited for ({e}); nothing was compared")))?;
        let tree = tree.map_err(|e| {
            Failure::usage(format!(
                "`{}` is neither a folder with a `{WORKFLOW_FILE}`, nor `released`, `submitted`, `work-tree` or a digest, nor a revision: {e}; nothing was compared",
                shown(text)
            ))
        })?;
        let commit = Some(tree.commit().to_owned());
        let Ok(main) = tree.read(WORKFLOW_FILE) else {
            return Ok(Side { commit, ..Side::nothing().called(text) });
        };
        let main = String::from_utf8(main).map_err(|_| {
            Failure::file(format!("`{WORKFLOW_FILE}` of `{}` is not UTF-8; nothing was compared", shown(text)))
        })?;
        let compared = without_errors(self.check(&main, &tree, Tolerance::Any), text)?;
        Ok(Side { commit, ..Side::of("revision", compared).called(text) })
    }

    /// Checks a spec with the factory of today. An old one may name providers that are gone: that is no reason not to
    /// compare it.
    fn check(&self, main: &str, files: &dyn FileSource, tolerance: Tolerance) -> Checked {
        let Some(session) = self.session else { return check(main, files, None) };
        let checked = check(main, files, Some(&session.factory.spec()));
        match (tolerance, &checked.workflow) {
            (Tolerance::Any, None) => check(main, files, None),
            _ => checked,
        }
    }
}

/// Whether a spec is compared that does not fit the factory of today.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tolerance {
    None,
    Any,
}

fn without_errors(checked: Checked, of: &str) -> Result<Compared, Failure> {
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    match checked.workflow {
        Some(workflow) => Ok(Compared { workflow: Arc::new(workflow), diagnostics: checked.diagnostics }),
        None => Err(Failure {
            exit: Exit::NotReady,
            code: "findings",
            message: format!(
                "the spec of `{}` has {errors} error(s); nothing was compared. `seatrial check` shows those of a folder",
                shown(of)
            ),
        }),
    }
}
