//! The people of the factory, by commands.

use crate::support::{DEV, HANA, Yard};

const SAM: &str = "sam@harbour.example";

fn factory_yaml(yard: &Yard, change: impl FnOnce(String) -> String) {
    let path = yard.path().join("factory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing was changed");
    std::fs::write(path, changed).unwrap();
}

#[test]
fn people_are_listed_imported_and_looked_through() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    let all = yard.run(&["people", "list", "--format", "json"]).exits(0).json();
    assert_eq!(all.as_array().unwrap().len(), 8);
    let credit = yard.run(&["people", "list", "--role", "credit"]).exits(0).out;
    assert_eq!(credit.lines().count(), 2, "{credit}");
    assert!(credit.contains("there") && credit.contains("deputy hugo@harbour.example"), "{credit}");

    // A directory is named first, then imported.
    let csv = format!("id,name,side,roles\n{SAM},Sam Ito,receiving,credit\n");
    std::fs::write(yard.path().join("export.csv"), &csv).unwrap();
    let refused = yard.run_as(HANA, &["people", "import", "export.csv"]).exits(2);
    assert!(refused.err.contains("names no directory"), "{}", refused.err);
    std::fs::write(yard.path().join("people.csv"), "id,name,side,roles\n").unwrap();
    factory_yaml(&yard, |text| format!("{text}directory: people.csv\n"));
    let dry = yard.run_as(HANA, &["people", "import", "export.csv", "--dry-run"]).exits(0).out;
    assert!(dry.contains(&format!("+ {SAM}: is new, on the receiving side: credit")), "{dry}");
    assert_eq!(yard.run(&["people", "list", "--role", "credit"]).exits(0).out.lines().count(), 2);
    yard.run_as(HANA, &["people", "import", "export.csv"]).exits(0);
    assert_eq!(std::fs::read_to_string(yard.path().join("people.csv")).unwrap(), csv);
    assert!(yard.run(&["people", "list", "--role", "credit"]).exits(0).out.contains(SAM));
    yard.run_as(SAM, &["people", "reload"]).exits(0);

    // What is wrong with a file is said where it stands, and nothing is written.
    std::fs::write(yard.path().join("bad.csv"), csv.replace("receiving", "recieving")).unwrap();
    let bad = yard.run_as(HANA, &["people", "import", "bad.csv"]).exits(2);
    assert!(bad.err.contains("people.csv:2: ST0104"), "{}", bad.err);
    let checked = yard.run(&["check"]).exits(0).out;
    assert!(!checked.contains("people.csv"), "{checked}");

    // Nobody is missed who accepted nothing.
    yard.run(&["people", "leaving", SAM]).exits(0);
    assert!(yard.run(&["people", "show", SAM]).exits(0).out.contains("nothing that an obligation looks at"));
    let unknown = yard.run(&["people", "show", "sma@harbour.example"]);
    assert_ne!(unknown.code, 0);
}

#[test]
fn a_colleague_of_a_real_factory_waits_for_an_approval() {
    let yard = Yard::new();
    factory_yaml(&yard, |text| text.replace("kind: simulation", "kind: real"));
    yard.run_as(DEV, &["submit"]).exits(0);
    let person = format!("  - {{ id: {SAM}, name: Sam, side: receiving, roles: [credit] }}\nproviders:\n");
    factory_yaml(&yard, |text| text.replace("providers:\n", &person));
    let list = yard.run(&["people", "list", "--role", "credit"]).exits(0).out;
    assert!(list.contains("waits: is new") && list.contains("seatrial people approve"), "{list}");
    assert_ne!(yard.run_as(SAM, &["people", "reload"]).code, 0, "nobody yet");
    let shown = yard.run(&["people", "approve", "--show", "--format", "json"]).exits(0).json();
    let digest = shown["shown"].as_str().unwrap();
    assert_ne!(yard.run_as(DEV, &["people", "approve"]).code, 0, "not by delivery");
    assert_ne!(yard.run_as(HANA, &["people", "approve"]).code, 0, "not by whoever holds the machine");
    let token = yard.run_as(HANA, &["token", "issue", "operator", HANA, "--format", "json"]).exits(0).json();
    let env = [("SEATRIAL_TOKEN", token["token"].as_str().unwrap())];
    let approved = yard.run_with(&env, &["people", "approve", SAM, "--seen", digest]).exits(0).out;
    assert!(approved.contains("approved by hana@harbour.example"), "{approved}");
    yard.run_as(SAM, &["people", "reload"]).exits(0);
}
