use super::*;
use seatrial_model::facts::{CheckKind, FindingResult, FoundSpan};
use seatrial_model::{ElementPath, Salt};

fn held(text: &str) -> Held {
    Held::Text { text: Untrusted::new(text), commitment: Commitment::of(&Salt([1; 32]), text.as_bytes()) }
}

fn shown(text: &str, about: About<'_>) -> Vec<Field> {
    match payload(&held(text), about) {
        Payload::Held { fields, .. } => fields,
        other => panic!("{other:?}"),
    }
}

fn found(part: &str, start: u64, end: u64) -> Finding {
    Finding {
        path: ElementPath::from("steps.a.forbid.b"),
        kind: CheckKind::Forbid,
        result: FindingResult::Violated,
        code: "email".into(),
        spans: vec![FoundSpan { part: part.into(), start, end }],
    }
}

#[test]
fn withheld_parts_are_said_to_be_so_and_their_neighbours_not() {
    let withheld = ["applicant.age".to_owned(), "items.tax".to_owned()];
    let about = About { withheld: &withheld, ..About::default() };
    let fields = shown(r#"{"applicant":{"age":71,"aged":1},"items":[{"tax":1,"name":"x"}],"age":3}"#, about);
    let hidden: Vec<&str> = fields.iter().filter(|f| f.withheld).map(|f| f.pointer.raw()).collect();
    assert_eq!(hidden, ["/applicant/age", "/items/0/tax"]);
}

#[test]
fn places_are_marked_in_the_part_they_were_found_in() {
    let findings = [found("/reason", 2, 5), found("/*", 0, 1)];
    let fields = shown(
        r#"{"reason":"a bcd","a/b":"x","deep":{"reason":"y"}}"#,
        About { findings: &findings, ..About::default() },
    );
    let marks: Vec<(&str, usize)> = fields.iter().map(|f| (f.pointer.raw(), f.marks.len())).collect();
    assert_eq!(marks, [("/reason", 2), ("/a~1b", 1), ("/deep/reason", 0)]);
    let whole = shown("not json", About { findings: &[found("", 0, 3)], ..About::default() });
    assert_eq!((whole.len(), whole[0].marks.len()), (1, 1));
}

#[test]
fn a_large_payload_is_cut_and_says_so() {
    let many: Vec<u32> = (0..1_000).collect();
    let fields = shown(&serde_json::to_string(&many).unwrap(), About::default());
    assert_eq!(fields.len(), FIELDS_MAX + 1);
    assert_eq!(fields.last().unwrap().value.raw(), "800 more parts are not shown");
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(shown(&deep, About::default()).len(), 1);
}
