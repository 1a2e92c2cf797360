//! `seatrial diff`: what changed in meaning between two specs.

use crate::args::DiffArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_model::Digest;
use seatrial_spec::workflow::Element;
use seatrial_spec::{Diff, Severity, Workflow, diff as compare};
use serde::Serialize;
use std::sync::Arc;

/// One side of the comparison.
#[derive(Serialize)]
struct Side {
    /// `work tree`, `submitted`, `released`, `named`, or `nothing` before the first submission.
    what: &'static str,
    spec: Option<Digest>,
    #[serde(skip)]
    elements: Vec<Element>,
}

impl Side {
    fn of(what: &'static str, workflow: &Workflow) -> Self {
        Self { what, spec: Some(workflow.digest), elements: workflow.elements.clone() }
    }

    fn named(&self) -> String {
        self.spec.map_or_else(|| self.what.to_owned(), |spec| format!("{} {}", self.what, spec.short()))
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    workflow: &'a str,
    old: &'a Side,
    new: &'a Side,
    #[serde(flatten)]
    diff: &'a Diff,
}

/// Shows what changed.
pub(crate) async fn diff(args: &DiffArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let old = old(args, session, &workflow).await?;
    let new = match args.new {
        Some(spec) => Side::of("named", &*stored(session, &workflow, spec).await?),
        None => work_tree(session)?,
    };
    let found = compare(&old.elements, &new.elements);
    out.json(&Answer { workflow: &workflow, old: &old, new: &new, diff: &found })?;
    if !out.is_json() {
        render(&workflow, &old, &new, &found, out);
    }
    Ok(Exit::Done)
}

async fn old(args: &DiffArgs, session: &Session, workflow: &str) -> Result<Side, Failure> {
    // A workflow that was never submitted has no log, and so no summary.
    let summary = session.factory.summary(workflow).await.ok();
    let (what, spec) = match args.old {
        Some(spec) => ("named", Some(spec)),
        None if args.released => ("released", summary.and_then(|s| s.in_force).map(|r| r.spec)),
        None => ("submitted", summary.and_then(|s| s.candidate)),
    };
    match spec {
        Some(spec) => Ok(Side::of(what, &*stored(session, workflow, spec).await?)),
        None if args.released => Err(Failure {
            exit: Exit::NotReady,
            code: "not_released",
            message: format!("no release of `{}` is in force; nothing was compared", shown(workflow)),
        }),
        None => Ok(Side { what: "nothing", spec: None, elements: Vec::new() }),
    }
}

async fn stored(session: &Session, workflow: &str, spec: Digest) -> Result<Arc<Workflow>, Failure> {
    session.factory.spec_at(workflow, Some(spec)).await.map_err(|e| {
        Failure::usage(format!("the store gives no spec `{spec}` of `{}` ({e}); nothing was compared", shown(workflow)))
    })
}

fn work_tree(session: &Session) -> Result<Side, Failure> {
    let folder = session.folder()?;
    let tree = session.factory.work_tree(Some(&folder.label))?;
    let errors = tree.checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    match &tree.checked.workflow {
        Some(workflow) => Ok(Side::of("work tree", workflow)),
        None => Err(Failure {
            exit: Exit::NotReady,
            code: "findings",
            message: format!("the spec has {errors} error(s); nothing was compared. `seatrial check` shows them"),
        }),
    }
}

fn render(workflow: &str, old: &Side, new: &Side, diff: &Diff, out: &mut Out) {
    let name = out.paint(Ink::Strong, &shown(workflow));
    out.line(format!("{name}  {} → {}", old.named(), new.named()));
    if old.spec.is_none() {
        out.line(format!("  first submission: {} elements", new.elements.len()));
        return;
    }
    let lists = [(Ink::Good, "+", &diff.added), (Ink::Bad, "-", &diff.removed)];
    for (ink, sign, paths) in lists {
        for path in paths {
            let line = out.paint(ink, &format!("{sign} {}", shown(path.as_str())));
            out.line(format!("  {line}"));
        }
    }
    for change in &diff.changed {
        let line = out.paint(Ink::Warn, &format!("~ {}", shown(change.path.as_str())));
        out.line(format!("  {line}{}", if change.compiled { "" } else { "  prose" }));
    }
    if diff.is_empty() {
        out.line("  nothing changed in meaning");
    }
}
