//! `seatrial digest`: identity by meaning. Needs no store.

use crate::args::DigestArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::Asked;
use crate::place;
use seatrial_model::{Digest, ElementPath};
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
    let workflow = place::checked(&asked.start, named, "nothing was read")?;
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
