//! What is to be done in a drill, before it is done: its steps, and the runbooks that are followed.

use crate::api::Refused;
use crate::factory::Factory;
use seatrial_model::{ElementPath, Untrusted};
use seatrial_spec::Workflow;
use serde::Serialize;

/// How a control is exercised.
#[derive(Clone, Debug, Serialize)]
pub struct DrillGuide {
    /// The control.
    pub control: String,
    /// What is done, in order.
    pub steps: Vec<&'static str>,
    /// The runbooks that it follows.
    pub runbooks: Vec<Runbook>,
}

/// A runbook of the spec.
#[derive(Clone, Debug, Serialize)]
pub struct Runbook {
    /// The element that names it.
    pub element: ElementPath,
    /// Its file.
    pub file: String,
    /// What it says.
    pub text: Untrusted,
}

impl Factory {
    /// How a control is exercised, with the runbooks that the newest submitted spec names for it.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted, or there is no such control.
    pub fn drill_guide(&self, workflow: &str, control: &str) -> Result<DrillGuide, Refused> {
        let (_, served) = self.submitted(workflow)?;
        let steps = steps(control)
            .ok_or_else(|| Refused::NotFound("there is no such drill; `seatrial drill` lists them".to_owned()))?;
        Ok(DrillGuide {
            control: control.to_owned(),
            steps: steps.to_vec(),
            runbooks: runbooks(&served.workflow, control),
        })
    }
}

/// The steps of a control's drill.
pub(super) fn steps(control: &str) -> Option<&'static [&'static str]> {
    Some(match control {
        "stop" => &[
            "Marked requests are sent through the guard, as cases are.",
            "You stop them: the real switch, at the reach of marked requests. Cases go on.",
            "What was in flight is cut, and every marked request after it is refused.",
            "Another person resumes.",
            "Where time is given for it, the people of the fallback finish the refused cases by hand.",
        ],
        "override" => &[
            "A marked case is decided, and its output may leave.",
            "You take it back, with a reason that the spec lists.",
            "Nothing of it can be had any more.",
        ],
        "escalation" => &[
            "A marked case escalates, and waits for the role that the rule names.",
            "Somebody of that role claims and answers it, through the review queue.",
            "The drill is recorded over the answer, with the time that it took.",
        ],
        "degraded" => &[
            "Marked cases are sent as if their model could not be reached.",
            "The people of the step's fallback finish them by hand, as its runbook says.",
            "The drill is recorded over their answers, with the time that it took.",
        ],
        "incident" => &[
            "A marked decision stands for one that should not have left.",
            "You open an incident, a drill, and decide to stop: marked requests are stopped, cases go on.",
            "You take the decision back, as the runbook says.",
            "Another person resumes.",
            "The incident is resolved and reviewed.",
        ],
        "restore" => &[
            "The log is exported with its payloads.",
            "It is restored into a fresh factory, and compared: entries, indexes, states, signatures.",
        ],
        "key-rotation" => &[
            "A new signing key is made, under the person who will hold it.",
            "The checkpoint over the change is signed by both keys; from then on the new one signs.",
        ],
        _ => return None,
    })
}

fn runbooks(workflow: &Workflow, control: &str) -> Vec<Runbook> {
    let mut named: Vec<(ElementPath, &String)> = Vec::new();
    if matches!(control, "stop" | "degraded") {
        let with = workflow.steps.iter().filter_map(|s| s.fallback.as_ref()?.runbook.as_ref().map(|file| (s, file)));
        named.extend(with.map(|(s, file)| (ElementPath::new(format!("steps.{}.fallback", s.name)), file)));
    }
    if matches!(control, "incident" | "stop") {
        let exceptions = workflow.responsibilities.get("exceptions").and_then(|r| r.runbook.as_ref());
        named.extend(exceptions.map(|file| (ElementPath::new("responsibilities.exceptions"), file)));
    }
    let text = |file: &String| {
        let bytes = workflow.files.get(file).map(|f| String::from_utf8_lossy(&f.bytes).into_owned());
        Untrusted::new(bytes.unwrap_or_default())
    };
    named.into_iter().map(|(element, file)| Runbook { element, text: text(file), file: file.clone() }).collect()
}
