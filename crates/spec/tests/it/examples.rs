//! The complete examples of the workspace load, and without an error.

use seatrial_spec::{FileError, FileSource, Severity, check, check_factory, diagnostic::to_human};
use std::path::{Path, PathBuf};

struct Folder(PathBuf);

impl FileSource for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|e| FileError::Other(e.to_string()))
    }
}

#[test]
fn every_example_loads() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut loaded = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(folder.join("factory.yaml")) else { continue };
        let (factory, diagnostics, sources) = check_factory(&text);
        assert_eq!(diagnostics, [], "{}", to_human(&diagnostics, &sources, false));
        let factory = factory.unwrap();
        for workflow in &factory.workflows {
            let files = Folder(folder.join(workflow));
            let main = String::from_utf8(files.read("workflow.yaml").unwrap()).unwrap();
            let checked = check(&main, &files, Some(&factory));
            let said = to_human(&checked.diagnostics, &checked.sources, false);
            println!("{said}");
            assert!(!checked.diagnostics.iter().any(|d| d.severity == Severity::Error), "{said}");
            loaded += 1;
        }
    }
    assert!(loaded > 0, "there is no example at all");
}
