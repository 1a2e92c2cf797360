//! The directory, the rota and single sign-on.

use crate::diagnostics::lines;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use seatrial_spec::diagnostic::to_human;
use seatrial_spec::workflow::FactorySpec;
use seatrial_spec::{MemoryFiles, check_factory, check_factory_with};

const HEAD: &str = "seatrial: 1\nfactory: bank\n";

const FILE: &str = "\
people:
  - { id: ana@x.example, name: Ana, side: receiving, roles: [owners], deputy: bo@x.example }
directory: people.csv
rota: rota.csv
";

const PEOPLE: &str = "\
id,name,side,roles,from,until,deputy,reviews_per_day,keys
bo@x.example,\"Bo, the second\",receiving,owners; clerks,2026-01-01,2027-01-31,ana@x.example,40,
dev@y.example,Dev,delivery,engineering,,,,,
";

const ROTA: &str = "\
id,from,until,stand_in
bo@x.example,2026-12-21,2027-01-03,ana@x.example
";

fn read(yaml: &str, people: &str, rota: &str) -> (Option<FactorySpec>, String) {
    let files = MemoryFiles::new([("people.csv", people), ("rota.csv", rota)]);
    let (factory, found, _) = check_factory_with(&format!("{HEAD}{yaml}"), &files);
    (factory, lines(&found))
}

fn says(yaml: &str, people: &str, rota: &str, expected: &Expect) {
    let (factory, said) = read(yaml, people, rota);
    expected.assert_eq(&said);
    assert_eq!(factory.is_none(), said.lines().any(|l| l.contains(" draft ")), "{said}");
}

#[test]
fn the_directory_and_the_rota_are_read() {
    let (factory, said) = read(FILE, PEOPLE, ROTA);
    assert_eq!(said, "");
    let factory = factory.unwrap();
    let ids: Vec<&str> = factory.people.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["ana@x.example", "bo@x.example", "dev@y.example"]);
    let bo = factory.person("bo@x.example").unwrap();
    assert_eq!(
        (bo.name.as_str(), bo.roles.as_slice()),
        ("Bo, the second", ["owners", "clerks"].map(String::from).as_slice())
    );
    assert_eq!((bo.reviews_per_day, bo.deputy.as_deref()), (Some(40), Some("ana@x.example")));
    let there = |on: &str| -> Vec<&str> {
        factory.present("owners", on.parse().unwrap()).map(|p| p.name.split(',').next().unwrap()).collect()
    };
    assert_eq!(there("2025-12-31"), ["Ana"], "not yet");
    assert_eq!(there("2026-12-20"), ["Ana", "Bo"]);
    assert_eq!(there("2026-12-21"), ["Ana"], "away");
    assert_eq!(there("2027-01-03"), ["Ana"], "away");
    assert_eq!(there("2027-01-31"), ["Ana", "Bo"]);
    assert_eq!(there("2027-02-01"), ["Ana"], "gone");
    // Alone, the file says who is in it.
    let (alone, found, _) = check_factory(&format!("{HEAD}{FILE}"));
    assert!(found.is_empty());
    assert_eq!(alone.unwrap().people.len(), 1);
}

#[test]
fn columns_may_come_in_any_order_and_from_a_spreadsheet() {
    let people = "\u{feff}roles,id,side,name\r\nowners,bo@x.example,receiving,Bo\r\n\r\n";
    let (factory, said) = read(FILE, people, "until,id,from\r\n2026-12-01,bo@x.example,2026-12-01\r\n");
    assert_eq!(said, "");
    assert_eq!(factory.unwrap().away.len(), 1);
}

#[test]
fn what_is_wrong_in_the_directory_is_shown_there() {
    let people = "\
id,name,side,roles,from,until,deputy,reviews_per_day,keys
BO@x.example,Bo,recieving,owners,tomorrow,,,many,
bo@x.example,Bo,receiving,Owners!,2027-01-31,2027-01-01,an@x.example,1,ssh-rsa nonsense
,Nobody,receiving,,,,,,
ana@x.example,Ana,receiving,owners,,,,,
";
    let yaml =
        "people:\n  - { id: ana@x.example, name: Ana, side: receiving, roles: [owners] }\ndirectory: people.csv\n";
    says(
        yaml,
        people,
        "",
        &expect![[r#"
        ST0104 2:1 draft people: `recieving` is not a side [did you mean `receiving`?]
        ST0105 2:1 draft people: `many` in `reviews_per_day` is no whole number from 0 to 100000
        ST0107 2:1 draft people: `tomorrow` in `from` is not a date [write a date as in `2027-01-31`]
        ST0002 3:1 draft people: the person `bo@x.example` stands twice [one person of the directory is one principal: capital letters make no other]
        ST0103 3:1 draft people: this key says `ssh-rsa` and holds something else [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`]
        ST0105 3:1 draft people: the last day 2027-01-01 lies before the first, 2027-01-31
        ST0109 3:1 draft people: `Owners!` cannot be the name of a role [use 1 to 64 lower-case letters, digits and `-`; separate roles with `;`]
        ST0213 3:1 draft people: there is no person `an@x.example` [did you mean `ana@x.example`?]
        ST0102 4:1 draft people: `id` is missing
        ST0002 5:1 draft people: the person `ana@x.example` stands twice [one person of the directory is one principal: capital letters make no other]
    "#]],
    );
}

#[test]
fn what_is_no_directory_is_refused() {
    says(
        FILE,
        "id;name;side;roles\nbo@x.example;Bo;receiving;owners\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0101 1:1 draft people: `id;name;side;roles` is not a column here [known here: `id`, `name`, `side`, `roles`, `from`, `until`, `deputy`, `reviews_per_day`, `keys`]
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "id,nmae,side,roles\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0101 1:1 draft people: `nmae` is not a column here [did you mean `name`?]
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "id,name,side\nbo@x.example,Bo,receiving\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0102 1:1 draft people: the column `roles` is missing [the first line names the columns: id,name,side,roles,from,until,deputy,reviews_per_day,keys]
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "id,name,side,roles,id\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0002 1:1 draft people: the column `id` stands twice
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "id,name,side,roles\nbo@x.example,Bo\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0001 2:1 draft people: this row has 2 field(s), the first line names 4
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0102 1:1 draft people: the column `id` is missing [the first line names the columns: id,name,side,roles,from,until,deputy,reviews_per_day,keys]
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
    says(
        FILE,
        "id,name,side,roles\n\"bo\u{7}@x.example\",Bo,receiving,owners\n",
        ROTA,
        &expect![[r#"
        ST0213 4:79 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
        ST0003 2:1 draft people: a field of this row is longer than 320 characters, or holds a control character
        ST0213 2:1 draft people: there is no person `bo@x.example` [did you mean `ana@x.example`?]
    "#]],
    );
}

#[test]
fn what_is_wrong_in_the_rota_is_shown_there() {
    let rota = "\
id,from,until,stand_in
bo@x.example,2026-12-21,2026-12-20,
ab@x.example,2026-12-21,2026-12-22,an@x.example
bo@x.example,2026-12-21,,
bo@x.example,2026-12-21,2026-12-21,bo@x.example
";
    says(
        FILE,
        PEOPLE,
        rota,
        &expect![[r#"
        ST0105 2:1 draft rota: the last day 2026-12-20 lies before the first, 2026-12-21
        ST0213 3:1 draft people: there is no person `ab@x.example` [did you mean `ana@x.example`?]
        ST0213 3:1 draft people: there is no person `an@x.example` [did you mean `ana@x.example`?]
        ST0102 4:1 draft rota: `until` is missing
        ST0103 5:1 draft rota: nobody stands in for themselves
    "#]],
    );
}

#[test]
fn files_are_beside_the_factory() {
    for path in ["../people.csv", "/people.csv", "people.xlsx", "a//b.csv", "none.csv", "C:people.csv"] {
        let (factory, said) = read(&format!("directory: \"{path}\"\n"), PEOPLE, "");
        assert!(factory.is_none() && !said.is_empty(), "{path}");
    }
    let files = MemoryFiles::new([("people.csv", vec![0xff, 0xfe, 0x00])]);
    let (factory, found, _) = check_factory_with(&format!("{HEAD}directory: people.csv\n"), &files);
    assert!(factory.is_none());
    assert!(lines(&found).contains("it is not UTF-8 text"));
}

#[test]
fn a_first_day_lies_before_the_last() {
    let yaml = "people:\n  - { id: a, name: A, side: receiving, roles: [], from: 2027-01-02, until: 2027-01-01 }\n  - { id: A, name: A, side: receiving, roles: [] }\n";
    says(
        yaml,
        "",
        "",
        &expect![[r#"
        ST0105 4:76 draft people: the last day 2027-01-01 lies before the first, 2027-01-02
        ST0002 5:11 draft people: the person `A` stands twice [one person of the directory is one principal: capital letters make no other]
    "#]],
    );
}

#[test]
fn single_sign_on_is_checked() {
    let people = "people:\n  - { id: a@x.example, name: A, side: receiving, roles: [owners] }\n";
    let good = "sign_in: { issuer: \"https://id.x.example/\", client_id: seatrial, client_secret: { env: SECRET }, address: \"https://s.x.example\", groups: { Owners of it: owners, all: [owners] } }\n";
    let (factory, said) = read(&format!("{people}{good}"), "", "");
    assert_eq!(said, "");
    let sign_in = factory.unwrap().sign_in.unwrap();
    assert_eq!((sign_in.issuer.as_str(), sign_in.groups_claim.as_str()), ("https://id.x.example", "groups"));
    assert!(sign_in.groups["Owners of it"].contains("owners"));
    for bad in [
        "{ issuer: \"http://id.x.example\", client_id: s, address: \"https://s.x.example\" }",
        "{ issuer: \"https://id.x.example\", client_id: s, address: \"http://s.x.example\" }",
        "{ issuer: \"https://id.x.example\", client_id: s, client_secret: hunter2, address: \"https://s.x.example\" }",
        "{ issuer: \"https://id.x.example\", address: \"https://s.x.example\" }",
        "{ issuer: \"https://id.x.example\", client_id: s, address: \"https://s.x.example\", groups: {} }",
        "{ issuer: \"https://id.x.example\", client_id: s, address: \"https://s.x.example\", groups: [owners] }",
        "{ issuer: \"https://id.x.example\", client_id: s, address: \"https://s.x.example\", group: { a: owners } }",
    ] {
        let (factory, said) = read(&format!("{people}sign_in: {bad}\n"), "", "");
        assert!(factory.is_none() && !said.contains("hunter2"), "{bad}: {said}");
    }
    let (factory, said) = read(&format!("{people}{}", good.replace("all: [owners]", "all: [ownres]")), "", "");
    assert!(factory.is_some() && said.contains("did you mean `owners`?"), "{said}");
    let local = "sign_in: { issuer: \"http://localhost:9000\", client_id: s, address: \"http://127.0.0.1:8080\" }\n";
    assert_eq!(read(&format!("{people}{local}"), "", "").1, "", "on this machine there is no TLS to ask for");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn hostile_files_never_panic(people in "[id,nameroles;\"\n\r\\PC]{0,300}", rota in "[id,fromuntil\"\n0-9-]{0,200}") {
        let both = [(people.clone(), rota.clone()), (format!("{PEOPLE}{people}"), format!("{ROTA}{rota}"))];
        for (people, rota) in both {
            let files = MemoryFiles::new([("people.csv", people), ("rota.csv", rota)]);
            let (factory, found, sources) = check_factory_with(&format!("{HEAD}{FILE}"), &files);
            let _ = to_human(&found, &sources, true);
            prop_assert!(factory.is_some() || !found.is_empty());
        }
    }
}
