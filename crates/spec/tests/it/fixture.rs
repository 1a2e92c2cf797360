//! Credit pre-approval: a customer asks for a consumer credit; AI may pre-approve and never declines.

use seatrial_spec::{FactorySpec, FileError, FileSource, MemoryFiles, Workflow, check, check_factory};

pub const WORKFLOW: &str = include_str!("../fixtures/credit/workflow.yaml");
pub const FACTORY: &str = include_str!("../fixtures/credit/factory.yaml");

pub fn files() -> MemoryFiles {
    MemoryFiles::new([
        ("schemas/application.json", include_str!("../fixtures/credit/schemas/application.json")),
        ("schemas/assessment.json", include_str!("../fixtures/credit/schemas/assessment.json")),
        ("prompts/assess.md", include_str!("../fixtures/credit/prompts/assess.md")),
        ("runbooks/by-hand.md", include_str!("../fixtures/credit/runbooks/by-hand.md")),
        ("examples/applications.jsonl", include_str!("../fixtures/credit/examples/applications.jsonl")),
        ("examples/hostile.jsonl", include_str!("../fixtures/credit/examples/hostile.jsonl")),
    ])
}

pub fn factory() -> FactorySpec {
    let (factory, diagnostics, sources) = check_factory(FACTORY);
    assert_eq!(diagnostics, [], "{}", seatrial_spec::diagnostic::to_human(&diagnostics, &sources, false));
    factory.unwrap()
}

/// The fixture with one text replaced by another.
pub fn changed(from: &str, to: &str) -> String {
    edited(WORKFLOW, &[(from, to)])
}

/// A fixture with some texts replaced, one after the other.
pub fn edited(fixture: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(fixture.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the fixture does not contain `{from}`");
        text.replacen(from, to, 1)
    })
}

pub fn load(text: &str) -> Workflow {
    let checked = check(text, &files(), Some(&factory()));
    let said = seatrial_spec::diagnostic::to_human(&checked.diagnostics, &checked.sources, false);
    checked.workflow.unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn the_fixture_is_clean() {
    let checked = check(WORKFLOW, &files(), Some(&factory()));
    let said = seatrial_spec::diagnostic::to_human(&checked.diagnostics, &checked.sources, false);
    assert_eq!(said, "no findings\n");
    let w = checked.workflow.unwrap();
    assert_eq!(w.files.len(), 6, "the main file and every file that it names: {:?}", w.files.keys());
    let assess = w.step("assess").unwrap();
    assert_eq!(assess.escalate[0].when.promoted, "input.amount > 5000.0");
    assert_eq!(assess.escalate[1].thresholds, ["thresholds.approve".into()]);
    assert_eq!(
        assess.refuse_input[0].check,
        seatrial_spec::workflow::Check::Rule(seatrial_spec::workflow::Expr {
            source: "has(input.income) && input.income != null && input.income < 1".to_owned(),
            promoted: "has(input.income) && input.income != null && input.income < 1.0".to_owned(),
        })
    );
    assert!(w.element(&"steps.assess.forbid.personal-data".into()).is_some());
    assert!(w.element(&"thresholds.approve.at".into()).is_some());
    assert!(w.element(&"gates.pilot".into()).is_some());
}

#[test]
fn a_file_that_leaves_is_an_error_whatever_the_source_says() {
    struct Leaky;
    impl FileSource for Leaky {
        fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
            assert!(!path.contains(".."), "the checker asked for `{path}`");
            files().read(path)
        }
    }
    for path in ["../x.md", "/etc/passwd", "a/../../x", "C:/x", "a\\\\b", "./x", "a//b", "workflow.yaml"] {
        let text = changed("within: 5s", &format!("prompt: \"{path}\""));
        let checked = check(&text, &Leaky, None);
        assert!(checked.workflow.is_none(), "{path}");
        assert!(checked.diagnostics.iter().any(|d| d.code.as_str() == "ST0208"), "{path}: {:?}", checked.diagnostics);
    }
}
