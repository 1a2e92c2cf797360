//! The example workflow, as the checker reads it, to be edited.

use seatrial_governance::{CheckFinding, Inputs, ModelIdentity};
use seatrial_spec::{FactorySpec, MemoryFiles, Workflow, check, check_factory};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows of an example set that are kept: the checker reads them all, for every edit.
const ROWS_MAX: usize = 40;

/// The example's files and people.
#[derive(Clone)]
pub struct Example {
    /// The files beside `workflow.yaml`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// `workflow.yaml`.
    pub text: String,
    /// The people.
    pub factory: FactorySpec,
}

impl Example {
    /// As it is delivered, with fewer rows.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/credit-preapproval");
        let (factory, problems, _) = check_factory(&std::fs::read_to_string(root.join("factory.yaml")).unwrap());
        let factory = factory.unwrap_or_else(|| panic!("{problems:?}"));
        let folder = root.join("workflows/credit-preapproval");
        let mut files = BTreeMap::new();
        for sub in ["", "examples", "runbooks", "schemas"] {
            for entry in std::fs::read_dir(folder.join(sub)).unwrap().flatten().filter(|e| e.path().is_file()) {
                let path = entry.path();
                let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                let mut bytes = std::fs::read(&path).unwrap();
                if name.ends_with(".jsonl") {
                    bytes = bytes.split_inclusive(|b| *b == b'\n').take(ROWS_MAX).flatten().copied().collect();
                }
                files.insert(name, bytes);
            }
        }
        let text = String::from_utf8(files.remove("workflow.yaml").unwrap()).unwrap();
        Self { files, text, factory }
    }

    /// With a number in the threshold, as it stands after a calibration.
    pub fn calibrated() -> Self {
        let mut example = Self::read();
        example.replace("    at: none ", "    at: 0.94 ");
        example
    }

    /// Replaces what stands exactly once.
    pub fn replace(&mut self, was: &str, is: &str) {
        assert_eq!(self.text.matches(was).count(), 1, "{was:?} stands once in workflow.yaml");
        self.text = self.text.replace(was, is);
    }

    /// The spec as data.
    pub fn value(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap()
    }

    /// As the checker reads it; none where it has errors.
    pub fn checked(&self) -> Option<Workflow> {
        self.checked_with_findings().ok().map(|(workflow, _)| workflow)
    }

    /// The same, with what blocks a stage.
    pub fn checked_with_findings(&self) -> Result<(Workflow, Vec<CheckFinding>), String> {
        let checked = check(&self.text, &MemoryFiles(self.files.clone()), Some(&self.factory));
        let findings = CheckFinding::of(&checked.diagnostics);
        checked.workflow.map(|w| (w, findings)).ok_or_else(|| format!("{:?}", checked.diagnostics))
    }
}

/// External inputs as they stand.
pub fn inputs() -> Inputs {
    let model = ModelIdentity { text: "sha256:model-1".to_owned(), alias: false };
    Inputs { models: BTreeMap::from([("assess".to_owned(), model)]), checks: 1, decide: 1 }
}
