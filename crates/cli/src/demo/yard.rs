//! The demo's factory: the example that ships with the binary, in a folder of its own.

use crate::failure::Failure;
use rust_embed::RustEmbed;
use seatrial_factory::Factory;
use seatrial_factory::api::Caller;
use std::path::{Path, PathBuf};

/// The example, as it stands in the repository.
#[derive(RustEmbed)]
#[folder = "../../examples/credit-preapproval"]
#[exclude = ".seatrial/*"]
struct Example;

/// The workflow of the example.
pub(super) const WORKFLOW: &str = "credit-preapproval";

/// The example's only AI step.
pub(super) const STEP: &str = "assess";

/// The example's only threshold.
pub(super) const THRESHOLD: &str = "approve";

/// Writes the example into a new folder.
pub(super) fn lay_out(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    let dir = match dir {
        Some(dir) => dir.to_owned(),
        None => own_folder()?,
    };
    let taken = std::fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::file(format!(
            "`{}` is not empty; nothing was written. The demo wants a new folder",
            dir.display()
        )));
    }
    for name in Example::iter() {
        let Some(file) = Example::get(&name) else { continue };
        let path = dir.join(name.as_ref());
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &file.data));
        written.map_err(|e| Failure::file(format!("`{}` cannot be written: {e}", path.display())))?;
    }
    dir.canonicalize().map_err(|e| Failure::file(format!("`{}` cannot be entered: {e}", dir.display())))
}

fn own_folder() -> Result<PathBuf, Failure> {
    let random = seatrial_factory::random::<6>().map_err(|e| Failure::failed(e.to_string()))?;
    let name = format!("seatrial-demo-{}", seatrial_model::digest::hex(&random));
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir(&dir).map_err(|e| Failure::file(format!("`{}` cannot be made: {e}", dir.display())))?;
    Ok(dir)
}

/// The factory and its simulated people.
pub(super) struct Yard {
    pub(super) factory: Factory,
    pub(super) root: PathBuf,
}

impl Yard {
    /// One of the simulated people of `factory.yaml`, by the first part of their id.
    pub(super) fn person(&self, name: &str) -> Result<Caller, Failure> {
        let spec = self.factory.spec();
        let found = spec.people.iter().find(|p| p.id.split('@').next() == Some(name));
        let found = found.ok_or_else(|| Failure::failed(format!("the example has no person `{name}`")))?;
        Ok(self.factory.local(&found.id)?)
    }

    pub(super) fn spec_file(&self) -> PathBuf {
        self.root.join("workflows").join(WORKFLOW).join("workflow.yaml")
    }

    /// Changes a text of `workflow.yaml`, as an engineer would in an editor.
    pub(super) fn edit(&self, change: impl FnOnce(&str) -> Result<String, Failure>) -> Result<(), Failure> {
        let path = self.spec_file();
        let failed = |e: std::io::Error| Failure::file(format!("`{}`: {e}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let changed = change(&text)?;
        std::fs::write(&path, changed).map_err(failed)
    }

    /// Replaces the first place of a text; it must be there.
    pub(super) fn replace(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.edit(|text| {
            if !text.contains(from) {
                return Err(Failure::failed(format!("the example's spec has no `{from}` any more")));
            }
            Ok(text.replacen(from, to, 1))
        })
    }
}
