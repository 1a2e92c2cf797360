//! The workspace's own example, through the real checker: what it promotes compiles here and does what it says.

use seatrial_guard::{Candidate, Program, decide};
use seatrial_model::facts::{CertificateState, FindingResult};
use seatrial_model::{Facts, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::files::{FileError, FileSource};
use serde_json::{Value, json};
use std::path::PathBuf;

struct Folder(PathBuf);

impl FileSource for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|_| FileError::NotFound)
    }
}

fn workflow() -> (Workflow, Folder) {
    let folder = "../../examples/credit-preapproval/workflows/credit-preapproval";
    let folder = Folder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder));
    let text = String::from_utf8(folder.read("workflow.yaml").unwrap()).unwrap();
    let checked = seatrial_spec::check::check(&text, &folder, None);
    (checked.workflow.ok_or(checked.diagnostics).unwrap(), folder)
}

fn first_input(folder: &Folder, file: &str) -> Value {
    let lines = String::from_utf8(folder.read(file).unwrap()).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    line.get("input").unwrap().clone()
}

#[test]
fn the_example_decides_as_its_spec_reads() {
    let (workflow, folder) = workflow();
    let program = Program::compile(&workflow).unwrap();
    let step = program.step("assess").unwrap();
    let mut input = first_input(&folder, "examples/applications.jsonl");
    input["finances"] = json!({ "income": 200, "expenses": 50 });
    input["credit"]["amount"] = json!(900);
    input["credit"]["price"] = json!(1_000);
    let findings = step.check_input(&input);
    assert!(findings.iter().all(|f| !f.objects()), "{findings:#?}");
    assert!(step.withhold(&input)["applicant"].get("age").is_none());

    let decided = |output: &Value, input: &Value, change: &dyn Fn(&mut Facts)| {
        let judgement = step.judge(input, &Candidate::value(output));
        let mut facts = crate::fixture::facts(&judgement, step.check_input(input));
        change(&mut facts);
        decide(step.plan(), &facts)
    };
    let good = json!({ "decision": "pre-approve", "confidence": 0.97 });
    // `at: none`: no number to compare with, so nothing passes without a person.
    let decision = decided(&good, &input, &|_| ());
    assert_eq!(decision.verdict, Verdict::Escalate);
    assert_eq!(decision.because.iter().map(|p| p.name()).collect::<Vec<_>>(), ["unsure"]);
    // Once there is one, the rest of the spec decides.
    let sure = |f: &mut Facts| {
        for when in f.whens.iter_mut().filter(|w| w.path.name() == "unsure") {
            (when.holds, when.failed) = (false, false);
        }
    };
    assert_eq!(decided(&good, &input, &sure).verdict, Verdict::Allow);
    let revoked = decided(&good, &input, &|f| {
        sure(f);
        f.thresholds[0].state = CertificateState::Revoked;
    });
    assert_eq!(revoked.because.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["thresholds.approve"]);
    let declines = decided(&json!({ "decision": "decline", "confidence": 0.97 }), &input, &sure);
    assert!(declines.review.unwrap().own);
    let mut large = input.clone();
    large["credit"]["amount"] = json!(2_001);
    large["credit"]["price"] = json!(3_000);
    assert_eq!(decided(&good, &large, &sure).review.unwrap().to, "credit");
    let mut no_income = input.clone();
    no_income["finances"].as_object_mut().unwrap().remove("income");
    let decision = decided(&good, &no_income, &sure);
    assert_eq!(decision.because.iter().map(|p| p.name()).collect::<Vec<_>>(), ["missing-income"]);
    large["credit"]["price"] = json!(1_000);
    let refused = decided(&good, &large, &sure);
    assert_eq!((refused.verdict, refused.code), (Verdict::Deny, "input_denied"));
}

#[test]
fn wrong_and_slices_evaluate_on_every_application() {
    let (workflow, folder) = workflow();
    let program = Program::compile(&workflow).unwrap();
    let step = program.step("assess").unwrap();
    let lines = String::from_utf8(folder.read("examples/applications.jsonl").unwrap()).unwrap();
    let output = json!({ "decision": "pre-approve", "confidence": 0.9 });
    let (mut all, mut bad, mut wrong) = (0, 0, 0);
    for line in lines.lines().take(500) {
        let example: Value = serde_json::from_str(line).unwrap();
        let (input, expected) = (&example["input"], &example["expected"]);
        let findings = step.check_input(input);
        assert!(findings.iter().all(|f| f.result != FindingResult::NotRun), "{line}: {findings:#?}");
        for slice in workflow.slices.keys() {
            step.in_slice(slice, input).unwrap_or_else(|e| panic!("{slice}: {e}: {line}"));
        }
        all += 1;
        bad += i32::from(expected["outcome"] == "bad");
        wrong += i32::from(step.wrong("approve", input, &output, expected).unwrap());
    }
    assert!(all > 0 && bad > 0 && bad < all, "{bad} of {all}");
    assert_eq!(wrong, bad);
}
