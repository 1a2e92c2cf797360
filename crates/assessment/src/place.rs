//! Where an element stands in `workflow.yaml`.

use seatrial_model::ElementPath;
use seatrial_spec::Workflow;
use seatrial_spec::yaml::{Node, Value, parse};

/// The file that elements stand in.
pub(crate) const FILE: &str = "workflow.yaml";

/// The lines of a spec's file.
pub(crate) struct Lines {
    text: String,
    root: Option<Node>,
}

impl Lines {
    pub(crate) fn of(workflow: &Workflow) -> Self {
        let text = workflow.files.get(FILE).map(|f| String::from_utf8_lossy(&f.bytes).into_owned()).unwrap_or_default();
        let root = parse(&text).0;
        Self { text, root }
    }

    /// The line of an element, from 1.
    pub(crate) fn line(&self, path: &ElementPath) -> Option<usize> {
        let mut node = self.root.as_ref()?;
        let mut at = None;
        for segment in path.segments() {
            let Value::Map(entries) = &node.value else { break };
            let entry = entries.iter().find(|e| e.key == segment)?;
            at = Some(entry.key_range.start);
            node = &entry.value;
        }
        let before = self.text.get(..at?)?;
        Some(before.matches('\n').count() + 1)
    }
}
