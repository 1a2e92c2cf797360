//! The specs of a log, compiled again from their blobs.

use seatrial_guard::Program;
use seatrial_model::Digest;
use seatrial_model::event::SpecSubmitted;
use seatrial_spec::MemoryFiles;
use seatrial_spec::check::WORKFLOW_FILE;
use std::collections::HashMap;

/// Programs by the digest of their spec, or why there is none.
#[derive(Default)]
pub(super) struct Specs(HashMap<Digest, Result<Program, String>>);

impl Specs {
    /// Compiles a submitted spec from its blobs.
    pub(super) fn submitted(
        &mut self,
        spec: Option<Digest>,
        submitted: &SpecSubmitted,
        blob: impl FnMut(&Digest) -> Option<Vec<u8>>,
    ) -> Result<(), String> {
        let spec = spec.ok_or("it submits a spec and names none")?;
        let compiled = compile(&spec, submitted, blob);
        let result = compiled.as_ref().map(|_| ()).map_err(Clone::clone);
        // The first submission stands: the same spec again compiles to the same.
        self.0.entry(spec).or_insert(compiled);
        result
    }

    /// Whether the spec was submitted.
    pub(super) fn is_known(&self, spec: &Digest) -> bool {
        self.0.contains_key(spec)
    }

    /// The program of a spec that was submitted before.
    pub(super) fn program(&self, spec: &Digest) -> Result<&Program, String> {
        match self.0.get(spec) {
            None => Err(format!("the spec `{spec}` was not submitted before it: its verdict was not recomputed")),
            Some(Err(_)) => Err(format!("the spec `{spec}` does not compile: its verdict was not recomputed")),
            Some(Ok(program)) => Ok(program),
        }
    }
}

fn compile(
    spec: &Digest,
    submitted: &SpecSubmitted,
    mut blob: impl FnMut(&Digest) -> Option<Vec<u8>>,
) -> Result<Program, String> {
    let mut files = MemoryFiles::default();
    for (path, digest) in &submitted.files {
        let bytes = blob(digest).ok_or_else(|| format!("the spec's file `{path}` is not held: it was not compiled"))?;
        files.0.insert(path.clone(), bytes);
    }
    let main = files.0.get(WORKFLOW_FILE).ok_or_else(|| format!("the spec has no `{WORKFLOW_FILE}`"))?;
    let main = String::from_utf8(main.clone()).map_err(|_| format!("the spec's `{WORKFLOW_FILE}` is not UTF-8"))?;
    let checked = seatrial_spec::check(&main, &files, None);
    let workflow = checked.workflow.ok_or_else(|| {
        let first = checked.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
        format!("the spec is not one that this verifier's language accepts: {first}")
    })?;
    if workflow.digest != *spec {
        return Err(format!("its files make the spec `{}`, and it says `{spec}`", workflow.digest));
    }
    Program::compile(&workflow).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        format!("the spec does not compile: {first}")
    })
}
