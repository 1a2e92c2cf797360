use super::case_of_form;
use proptest::prelude::*;

/// The classes of its characters: what one sees at a glance.
fn form(text: &str) -> String {
    let class = |c: char| match c {
        '0'..='9' => '9',
        'a'..='f' => 'a',
        'A'..='F' => 'A',
        other => other,
    };
    text.chars().map(class).collect()
}

#[test]
fn ids_are_made_like_those_of_callers() {
    for known in ["APP-2026-104233", "3f2b8c10-77aa-4d1e-9c30-b1f0a2e4d5c6", "loan/00017/ES", "Antrag № 12"] {
        let made = case_of_form(known).unwrap().unwrap();
        assert_ne!(made, known);
        assert_eq!(form(&made), form(known));
    }
    assert_eq!(&case_of_form("APP-2026-104233").unwrap().unwrap()[..4], "APP-", "words stay words");
    assert_eq!(case_of_form("case_00ff").unwrap(), None, "Seatrial makes its own again");
}

proptest! {
    #[test]
    fn any_id_has_a_likeness(text in "\\PC{1,60}") {
        if let Some(made) = case_of_form(&text).unwrap() {
            prop_assert_eq!(form(&made), form(&text));
        }
    }
}
