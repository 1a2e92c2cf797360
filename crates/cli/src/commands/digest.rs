//! `seatrial digest`: identity by meaning. Needs no store.

use crate::args::DigestArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::Asked;
use crate::place::{self, WorkflowFolder};
use seatrial_factory::{check_folder, read_factory};
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::Severity;
use seatrial_spec::check::WORKFLOW_FILE;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    workflow: &'a str,
    element: &'a ElementPath,
    written: Digest,
    compiled: Digest,
}

/// Prints the digest of a spec or of one of its elements.
pub(crate) fn digest(args: &DigestArgs, asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let factory = match place::find_root(&asked.start) {
        Some(root) => Some((read_factory(&root)?.0, root)),
        None => None,
    };
    let folder = match (&factory, named) {
        (_, None) if asked.start.join(WORKFLOW_FILE).is_file() => {
            WorkflowFolder { label: ".".to_owned(), path: asked.start.clone() }
        }
        (Some((spec, root)), _) => place::one_workflow(&asked.start, root, spec, named)?,
        (None, _) => {
            return Err(Failure::file(format!(
                "there is no `{WORKFLOW_FILE}` in `{}`; nothing was read",
                asked.start.display()
            )));
        }
    };
    let tree = check_folder(&folder.path, factory.as_ref().map(|(spec, _)| spec))?;
    let errors = tree.checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let Some(workflow) = tree.checked.workflow else {
        return Err(Failure {
            exit: Exit::NotReady,
            code: "findings",
            message: format!("the spec has {errors} error(s), and so no digest: `seatrial check` shows them"),
        });
    };
    let path = args.element.as_deref().map_or_else(ElementPath::root, ElementPath::new);
    let element = workflow.element(&path).ok_or_else(|| {
        Failure::usage(format!("the spec has no element `{}`; nothing was printed", crate::out::shown(path.as_str())))
    })?;
    out.json(&Answer {
        workflow: &workflow.name,
        element: &element.path,
        written: element.written,
        compiled: element.compiled,
    })?;
    if args.element.is_none() {
        out.line(element.written.to_string());
    } else {
        out.line(format!("written   {}", element.written));
        out.line(format!("compiled  {}", element.compiled));
    }
    Ok(Exit::Done)
}
