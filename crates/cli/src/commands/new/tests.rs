use super::*;
use seatrial_spec::workflow::Workflow;

fn written(pair: Pair) -> (FactorySpec, Workflow) {
    let text = fill::factory("tryout", "my-desk", &pair, PROVIDER_DEFAULT, None);
    let (spec, findings, _) = check_factory(&text);
    assert!(findings.is_empty(), "{findings:?}\n{text}");
    let spec = spec.unwrap();
    let setting = Setting {
        name: "my-desk".to_owned(),
        provider: "model".to_owned(),
        model: "1: strange \"model\" #x".to_owned(),
        until: last_day().unwrap(),
        pair,
    };
    let inside = setting.workflow();
    assert!(inside.iter().all(|(_, text)| !text.contains("@owners") && !text.contains("@builders")));
    proved(&inside, &spec).unwrap();
    let files = MemoryFiles::new(inside.iter().map(|(path, text)| (*path, text.clone())));
    let checked = check(&inside[0].1, &files, Some(&spec));
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    (spec, checked.workflow.unwrap())
}

#[test]
fn what_is_written_has_no_findings() {
    let (spec, workflow) = written(people::pair(None, None, false).unwrap());
    assert_eq!(spec.workflows, ["workflows/my-desk"]);
    assert_eq!(spec.kind, seatrial_model::words::FactoryKind::Simulation);
    assert_eq!(workflow.name, "my-desk");
    assert_eq!(workflow.examples.len(), 3);
    let pair = people::pair(Some("ada.ray@x.example"), Some("No \"one\": #5 <b@x.example>"), false).unwrap();
    assert_eq!(pair.builder.name, "Ada Ray");
    let (spec, _) = written(pair);
    assert_eq!(spec.kind, seatrial_model::words::FactoryKind::Real);
    assert_eq!(spec.people[1].name, "No \"one\": #5");
}

#[test]
fn one_person_alone_can_only_play() {
    for (person, colleague, simulation) in [
        (Some("ada@x.example"), None, false),
        (None, Some("kim@x.example"), false),
        (Some("ada@x.example"), Some("ada@x.example"), false),
        (Some("ada"), Some("kim@x.example"), false),
        (Some("ada@x.example, kim: x"), Some("kim@x.example"), false),
        (Some("a@b@c"), Some("kim@x.example"), true),
    ] {
        let refused = people::pair(person, colleague, simulation).unwrap_err();
        assert!(refused.message.contains("nothing was written"), "{}", refused.message);
    }
    assert!(people::pair(Some("ada@x.example"), None, true).unwrap().simulation);
    assert!(people::pair(Some("ada@x.example"), Some("kim@x.example"), true).unwrap().simulation);
    assert!(!people::pair(Some("ada@x.example"), Some("kim@x.example"), false).unwrap().simulation);
}

const LISTS: [(&str, &str); 5] = [
    ("workflows: [workflows/a]   # here\n", "workflows: [workflows/a, workflows/b]   # here\n"),
    ("workflows: []\n", "workflows: [workflows/b]\n"),
    ("workflows:\n  - workflows/a # one\n", "workflows:\n  - workflows/a # one\n  - workflows/b\n"),
    ("workflows: [workflows/b/]\n", "workflows: [workflows/b/]\n"),
    ("", "workflows: [workflows/b]\n"),
];

#[test]
fn a_factory_gets_one_workflow_more_and_keeps_its_comments() {
    let head = "seatrial: 1 # a comment\nfactory: x\n";
    for (list, wanted) in LISTS {
        for tail in ["", "# the end\npolicies: []\n"] {
            let edited = register::with_workflow(&format!("{head}{list}{tail}"), "workflows/b");
            let wanted = match (list, tail) {
                ("", tail) => format!("{head}{tail}{wanted}"),
                (_, tail) => format!("{head}{wanted}{tail}"),
            };
            assert_eq!(edited.as_deref(), Some(wanted.as_str()), "{list:?} {tail:?}");
        }
    }
    for unreadable in ["", "seatrial: 1\nfactory: [", "seatrial: 1\nfactory: x\nworkflows: 5\n"] {
        assert_eq!(register::with_workflow(unreadable, "workflows/b"), None, "{unreadable:?}");
    }
}

#[test]
fn addresses_of_this_machine_need_no_key() {
    for here in ["http://127.0.0.1:8091/v1", "http://localhost/v1", "http://[::1]:80/v1"] {
        assert!(is_here(here), "{here}");
    }
    for there in ["https://models.example/v1", "http://127.0.0.1.example/v1", "http://localhosts:1/v1", ""] {
        assert!(!is_here(there), "{there}");
    }
}

#[test]
fn a_folder_gives_a_factory_its_name() {
    for (folder, name) in [("/x/My Desk", "my-desk"), ("/x/2026", "factory"), ("/", "factory"), ("/x/-a_b-", "a-b")] {
        assert_eq!(named_after(Path::new(folder)), name);
    }
}

use proptest::prelude::*;

proptest! {
    /// Whatever a person is called and wherever a model is: it reads back as it was said, or it is refused.
    #[test]
    fn what_is_said_reads_back(name in "\\PC{0,40}", url in "\\PC{0,40}", key in "\\PC{0,20}", factory in "\\PC{0,20}") {
        let Ok(pair) = people::pair(Some(&format!("{name} <a@x.example>")), Some("b@x.example"), false) else {
            return Ok(());
        };
        let text = fill::factory(&factory, "my-desk", &pair, &url, Some(&key));
        if let (Some(spec), _, _) = check_factory(&text) {
            prop_assert_eq!(&spec.people[0].name, &pair.builder.name);
            prop_assert_eq!(spec.name, factory);
            prop_assert_eq!(spec.people.len(), 2);
        }
    }

    #[test]
    fn any_factory_file_is_changed_rightly_or_not_at_all(text in "(seatrial: 1\nfactory: x\n)?(workflows:[ \n\\[\\]a-z,#-]{0,20})?\\PC{0,40}\n?") {
        if let Some(edited) = register::with_workflow(&text, "workflows/b") {
            let spec = check_factory(&edited).0.unwrap();
            prop_assert!(spec.workflows.iter().any(|w| w.trim_end_matches('/') == "workflows/b"));
        }
    }
}
