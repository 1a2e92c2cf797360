//! Grids, audits in time, metrics, and what a factory adds of its own.

use crate::diagnostics::{brief, lines};
use crate::fixture::{FACTORY, changed};
use expect_test::expect;
use seatrial_spec::check_factory;
use seatrial_spec::workflow::{FactoryDuty, FactoryObligation};

#[test]
fn a_grid_is_declared_as_it_is_tested() {
    let grid = |grid: &str| changed("method: split", &format!("method: fixed-sequence\n    grid: {grid}"));
    brief(&grid("[0.97, 0.93, 0.9]"), expect![[""]]);
    brief(
        &grid("[0.97, 0.97, 0]"),
        expect![[r#"
        ST0105 68:18 draft thresholds.approve: the number `0.97` does not come after 0.97 [write the grid strictest first, each confidence lower than the one before]
        ST0105 68:24 draft thresholds.approve: the number `0` lets everything pass; a grid has confidences above 0 [write the grid strictest first, each confidence lower than the one before]
    "#]],
    );
    brief(
        &grid("[0.97, 0.9]"),
        expect![[r#"
        ST0105 62:5 draft thresholds.approve: `at: 0.93` is not on the grid, so no test can certify it [write one of the grid, or `at: none`]
    "#]],
    );
    brief(
        &grid("[]"),
        expect![[r#"
            ST0113 68:5 draft thresholds.approve: a grid has at least one confidence
        "#]],
    );
    brief(
        &changed("method: split", "method: fixed-sequence"),
        expect![[r#"
        ST0102 67:5 draft thresholds.approve: `grid` is missing: fixed-sequence testing needs the confidences to test, in their order [add `grid: [0.99, 0.95, 0.9]`, the strictest first]
    "#]],
    );
    brief(
        &changed("method: split", "method: split\n    grid: [0.93]"),
        expect![[r#"
        ST0101 68:5 draft thresholds.approve: `grid` belongs to `method: fixed-sequence`; `split` tests one confidence [remove `grid`, or write `method: fixed-sequence`]
    "#]],
    );
    brief(
        &changed("method: split", "method: fixed-sequense"),
        expect![[r#"
        ST0104 67:13 draft thresholds.approve: `fixed-sequense` is none of `split`, `fixed-sequence` [did you mean `fixed-sequence`?]
    "#]],
    );
}

#[test]
fn an_error_must_be_noticed_in_time() {
    let blind = changed("truth: { from: outcome, matures: 90d }", "truth: { from: blind-review }");
    let within = |days: &str| blind.replacen("detect_within: 120d", &format!("detect_within: {days}"), 1);
    brief(&within("6d"), expect![[""]]);
    brief(
        &within("5d"),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 audits to notice; in 5d the sample brings 75 at best, where every case passes [audit at least 0.058 of the cases, or allow more time in `detect_within`]
    "#]],
    );
    brief(
        &within("5d").replacen("per_day: 300", "per_day: 10", 1),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 audits to notice; in 5d the sample brings 2 at best, where every case passes [auditing every case is not enough either: `detect_within` is at least 9d]
    "#]],
    );
    brief(
        &changed("    per_day: 300\n", ""),
        expect![[r#"
        ST0411 68:5 production thresholds.approve.detect_within: whether an error is noticed within 120d cannot be told: `assess` does not say how many cases a day it expects [add `per_day: N` to `steps.assess`]
    "#]],
    );
    brief(
        &changed("detect_within: 120d", "detect_within: 60d"),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: outcomes are known after 90d, so none can tell of an error within 60d [write at least `detect_within: 91d`]
    "#]],
    );
    brief(
        &changed("detect_within: 120d", "detect_within: 91d").replacen("per_day: 300", "per_day: 30", 1),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 outcomes to notice; in 91d, of which 90d pass before one is known, there are 30 at best [write at least `detect_within: 93d`]
    "#]],
    );
    brief(&changed("at: 0.93", "at: none").replacen("    per_day: 300\n", "", 1), expect![[""]]);
}

#[test]
fn cases_a_day_belong_to_ai() {
    brief(
        &changed("actor: system\n", "actor: system\n    per_day: 3\n"),
        expect![[r#"
        ST0101 59:5 draft steps.offer: `per_day` belongs to a step whose actor is `ai`; it would do nothing here [remove it]
    "#]],
    );
    brief(
        &changed("per_day: 300\n    input", "per_day: 0\n    input"),
        expect![[r#"
            ST0105 26:14 draft steps.assess: the number `0` is out of range [write a whole number from 1 to 1000000000]
            ST0411 69:5 production thresholds.approve.detect_within: whether an error is noticed within 120d cannot be told: `assess` does not say how many cases a day it expects [add `per_day: N` to `steps.assess`]
        "#]],
    );
}

#[test]
fn metrics_are_a_list() {
    let gate = |e: &str| changed("metrics.agreement >= 0.85 && metrics.reviewed >= 500", e);
    let all: Vec<String> = seatrial_spec::METRICS.iter().map(|m| format!("metrics.{} >= 0.5", m.name)).collect();
    brief(&gate(&all.join(" && ")), expect![[""]]);
    brief(
        &gate("metrics.agrement >= 0.85"),
        expect![[r#"
        ST0304 102:19 draft gates.pilot.continue_if: `metrics` has no field `agrement` [did you mean `agreement`?]
    "#]],
    );
    brief(
        &gate("metrics.override_rate > 2"),
        expect![[r#"
        ST0310 102:18 production gates.pilot.continue_if: it can never hold, whatever happens
    "#]],
    );
    brief(
        &changed("metrics.per_day <= 400", "metrics.perday <= 400"),
        expect![[r#"
        ST0304 87:64 draft assumptions.volume: `metrics` has no field `perday` [did you mean `per_day`?]
    "#]],
    );
}

#[test]
fn a_factory_adds_of_its_own() {
    let of = |text: &str| {
        let (factory, diagnostics, _) = check_factory(&format!("{FACTORY}{text}"));
        (factory, lines(&diagnostics))
    };
    let (factory, said) = of(
        "obligations:\n  works-council: { title: \"The works council has agreed\", stages: [production, pilot], scope: [purpose, \"steps.*.influence\"], approver: heads, age: 1y, waivable: true }\n  dpia: { title: \"Data protection impact assessment\", stages: [production], scope: [steps], document: true, filed_by: risk, layer: spec }\npolicies: [policies/house.cedar]\n",
    );
    assert_eq!(said, "");
    let factory = factory.unwrap();
    expect![[r#"
        (
            [
                FactoryObligation {
                    id: "works-council",
                    title: "The works council has agreed",
                    stages: [
                        Pilot,
                        Production,
                    ],
                    layer: Governance,
                    scope: [
                        PathPattern(
                            "purpose",
                        ),
                        PathPattern(
                            "steps.*.influence",
                        ),
                    ],
                    by: Approval {
                        role: "heads",
                    },
                    max_age: Some(
                        365d,
                    ),
                    waivable: true,
                },
                FactoryObligation {
                    id: "dpia",
                    title: "Data protection impact assessment",
                    stages: [
                        Production,
                    ],
                    layer: Spec,
                    scope: [
                        PathPattern(
                            "steps",
                        ),
                    ],
                    by: Document {
                        role: "risk",
                    },
                    max_age: None,
                    waivable: false,
                },
            ],
            [
                "policies/house.cedar",
            ],
        )
    "#]]
    .assert_debug_eq(&(factory.obligations, factory.policies));
}

#[test]
fn what_a_factory_cannot_add() {
    let of = |text: &str| lines(&check_factory(&format!("{FACTORY}{text}")).1);
    let said = of(concat!(
        "obligations:\n",
        "  eval: { title: A, stages: [draft], scope: [stepz], approver: heads }\n",
        "  a: { title: A, stages: [], scope: [], approver: heads, document: true }\n",
        "  b: { title: A, stages: [pilot], scope: [steps], document: true }\n",
        "  c: { title: A, stages: [pilot], scope: [steps], approver: haeds }\n",
        "  d.e: { title: A, stages: [pilot], scope: [steps], approver: heads }\n",
        "  f: { stages: [pilot], scope: [steps], layer: law, age: old }\n",
        "policies: [../x.cedar, /x.cedar, x.txt, a//b.cedar, \"C:x.cedar\", p.cedar, p.cedar]\n",
    ));
    expect![[r#"
        ST0109 17:3 draft obligations.eval: `eval` is what built-in obligations are called [choose another name]
        ST0104 17:30 draft obligations.eval: `draft` is none of `pilot`, `production`
        ST0207 17:46 draft obligations.eval: `stepz` matches no element: there is no `stepz` [did you mean `steps`?]
        ST0103 18:8 draft obligations.a: an obligation is discharged by an approval, a document or an attestation [write `approver: ROLE`, or `document: true` and `filed_by: ROLE`, or `attestation: { … }` and `filed_by: ROLE`]
        ST0113 18:18 draft obligations.a: an obligation that no stage needs obliges nobody [write `stages: [production]`]
        ST0113 18:37 draft obligations.a: an obligation over nothing would never be stale [name elements, as in `[purpose, "steps.*.influence"]`]
        ST0102 19:51 draft obligations.b: `filed_by` is missing: nobody files the document [add `filed_by: ROLE`]
        ST0402 20:61 pilot obligations.c: nobody has the role `haeds` [did you mean `heads`?]
        ST0109 21:3 draft obligations: `d.e` is not a name [use 1 to 64 lower-case letters, digits and `-`, starting with a letter]
        ST0102 22:8 draft obligations.f: `title` is missing [add `title`]
        ST0103 22:8 draft obligations.f: an obligation is discharged by an approval, a document or an attestation [write `approver: ROLE`, or `document: true` and `filed_by: ROLE`, or `attestation: { … }` and `filed_by: ROLE`]
        ST0104 22:48 draft obligations.f: `law` is none of `spec`, `sprint`, `governance`, `runtime`, `ownership`
        ST0106 22:58 draft obligations.f: the text `old` is not a length of time [write a whole number and one of `ms`, `s`, `min`, `h`, `d`, `w`, `y`, as in `4h`]
        ST0208 23:12 draft policies: `../x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0208 23:24 draft policies: `/x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0103 23:34 draft policies: `x.txt` is not a file of Cedar policies [name a file that ends in `.cedar`]
        ST0208 23:41 draft policies: `a//b.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0208 23:53 draft policies: `C:x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0002 23:75 draft policies: `p.cedar` stands twice
    "#]].assert_eq(&said);
}

/// Not a real key: 32 bytes of zero.
const ATTESTOR: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn a_factory_asks_others_to_attest() {
    let text = format!(
        "{FACTORY}obligations:\n  scanned: {{ title: Scanned, attestation: {{ predicate: \"https://x.example/scan/v1\", keys: [\"{ATTESTOR}\"] }}, filed_by: risk, age: 90d }}\n  image: {{ title: Built, stages: [pilot], scope: [steps], attestation: {{ predicate: \"https://slsa.dev/provenance/v1\", keys: [\"{ATTESTOR}\"], subject: \"sha256:{}\", time: runDetails.metadata.finishedOn }}, filed_by: risk }}\n  file: {{ title: Read, attestation: {{ predicate: \"urn:x:y\", keys: [\"{ATTESTOR}\"], subject: {{ file: prompts/a.md }} }}, filed_by: risk }}\n",
        "0".repeat(64)
    );
    let (factory, diagnostics, _) = check_factory(&text);
    assert_eq!(lines(&diagnostics), "");
    let of = |o: &FactoryObligation| match &o.by {
        FactoryDuty::Attestation { role, asked } => {
            format!(
                "{} {:?} {} {role} {} {:?} {:?}\n",
                o.id,
                o.stages,
                o.scope.len(),
                asked.predicate,
                asked.subject,
                asked.time
            )
        }
        other => format!("{other:?}"),
    };
    expect![[r#"
        scanned [Production] 0 risk https://x.example/scan/v1 Spec None
        image [Pilot] 1 risk https://slsa.dev/provenance/v1 Digest(Digest(000000000000)) Some("runDetails.metadata.finishedOn")
        file [Production] 0 risk urn:x:y File("prompts/a.md") None
    "#]].assert_eq(&factory.unwrap().obligations.iter().map(of).collect::<String>());
}

#[test]
fn what_nobody_can_attest() {
    let of = |text: &str| lines(&check_factory(&format!("{FACTORY}{text}")).1);
    let good = format!("predicate: \"urn:x:y\", keys: [\"{ATTESTOR}\"]");
    let said = of(&[
        "obligations:\n".to_owned(),
        format!("  a: {{ title: A, attestation: {{ {good} }} }}\n"),
        format!("  b: {{ title: A, attestation: {{ {good} }}, filed_by: risk, approver: heads }}\n"),
        format!("  c: {{ title: A, attestation: {{ {good}, subject: release }}, filed_by: risk }}\n"),
        format!("  d: {{ title: A, attestation: {{ {good}, subject: speck }}, filed_by: risk }}\n"),
        format!("  e: {{ title: A, attestation: {{ {good}, subject: {{ file: ../x }} }}, filed_by: risk }}\n"),
        format!("  f: {{ title: A, attestation: {{ {good}, time: \"a..b\" }}, filed_by: risk }}\n"),
        "  g: { title: A, attestation: { predicate: scan, keys: [] }, filed_by: risk }\n".to_owned(),
        format!("  h: {{ title: A, attestation: {{ predicate: \"a b:c\", keys: [\"{ATTESTOR}\", \"{ATTESTOR} again\", x] }}, filed_by: risk }}\n"),
        format!("  i: {{ title: A, attestation: {{ {good}, max_age: 90d }}, filed_by: risk }}\n"),
        "  j: { title: A, attestation: {}, filed_by: risk }\n".to_owned(),
    ]
    .concat());
    expect![[r#"
        ST0102 17:18 draft obligations.a: `filed_by` is missing: nobody adds the attestation [add `filed_by: ROLE`]
        ST0103 18:8 draft obligations.b: an obligation is discharged in one way, and this one names two [write `attestation` and `filed_by: ROLE` alone]
        ST0103 19:156 draft obligations.c: a release is cut when its obligations are discharged: none of them can wait for an attestation of it [write `subject: spec`: the spec is what a release puts in force]
        ST0103 20:156 draft obligations.d: `speck` is nothing that an attestation can be about here [write `spec`, `{ file: PATH }` for a file of the spec, or `sha256:` and 64 hexadecimal digits]
        ST0208 21:164 draft obligations.e: `../x` is not a file of the spec's folder [name it relative to `workflow.yaml`]
        ST0103 22:153 draft obligations.f: `a..b` is no place in a predicate [write the names on the way to it, as in `runDetails.metadata.finishedOn`]
        ST0103 23:44 draft obligations.g: `scan` is not the type of a predicate [write its address, as in `https://slsa.dev/provenance/v1`]
        ST0113 23:56 draft obligations.g: a signature by anybody at all would show nothing [name the public keys of those whose word counts]
        ST0103 24:44 draft obligations.h: `a b:c` is not the type of a predicate [write its address, as in `https://slsa.dev/provenance/v1`]
        ST0002 24:144 draft obligations.h: the key 722abd12e99a stands twice
        ST0103 24:234 draft obligations.h: `x` is not an Ed25519 public key: write it as PEM (`-----BEGIN PUBLIC KEY-----`), as a line of OpenSSH (`ssh-ed25519 AAAA…`) or as a verifier key (`<name>+<8 hexadecimal digits>+<base64>`) [keys of other kinds, and certificates, are not read; a private key never stands here]
        ST0101 25:147 draft obligations.i: there is no key `max_age` here [known here: `predicate`, `keys`, `subject`, `time`]
        ST0102 26:31 draft obligations.j: `predicate` is missing [add `predicate`]
        ST0102 26:31 draft obligations.j: `keys` is missing [add `keys`]
    "#]].assert_eq(&said);
}

#[test]
fn keys_of_people_are_public_keys_of_one_person() {
    // Not a real key: 32 bytes of zero.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let with = |keys: &str| {
        let text = FACTORY.replacen("roles: [underwriters] }", &format!("roles: [underwriters], keys: {keys} }}"), 1);
        let (factory, diagnostics, _) = check_factory(&text);
        (factory, lines(&diagnostics))
    };
    let (factory, said) = with(&format!("[\"{key} uwe@laptop\"]"));
    assert_eq!(said, "");
    assert_eq!(factory.unwrap().person("uwe@bank.example").unwrap().keys, [key]);
    let (_, said) = with(&format!(
        "[\"{key}\", \"{key} again\", \"ssh-ed25519 AAAA\", \"ssh-ed25519 %%\", \"ssh-dss AAAA\", \"{}\", \"-----BEGIN OPENSSH PRIVATE KEY-----\", 7]",
        key.replacen("ssh-ed25519", "ssh-rsa", 1)
    ));
    expect![[r#"
        ST0002 7:171 draft people: this key stands twice; it is `uwe@bank.example` who has it already
        ST0103 7:261 draft people: this key says `ssh-ed25519` and holds something else [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:281 draft people: what follows the type of this key is not base64 [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:299 draft people: `ssh-dss` is not the type of an SSH public key [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:315 draft people: this key says `ssh-rsa` and holds something else [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:395 draft people: `-----BEGIN` is not the type of an SSH public key [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:434 draft people: a text is wanted here, found the number `7` [put it in quotes]
    "#]].assert_eq(&said);
    let twice = FACTORY
        .replacen("roles: [underwriters] }", &format!("roles: [underwriters], keys: [\"{key}\"] }}"), 1)
        .replacen("roles: [risk] }", &format!("roles: [risk], keys: [\"{key}\"] }}"), 1);
    expect![[r#"
        ST0002 8:81 draft people: this key stands twice; it is `uwe@bank.example` who has it already
    "#]]
    .assert_eq(&lines(&check_factory(&twice).1));
}

#[test]
fn a_log_is_opened_to_the_public_in_so_many_words() {
    let of = |text: &str| {
        let (factory, diagnostics, _) = check_factory(&format!("{FACTORY}{text}"));
        (factory.is_some_and(|f| f.log_public), lines(&diagnostics))
    };
    assert_eq!(of(""), (false, String::new()));
    assert_eq!(of("log: { public: true }\n"), (true, String::new()));
    assert_eq!(of("log: { public: false }\n"), (false, String::new()));
    // What cannot be read opens nothing, and is told.
    for wrong in ["log: public\n", "log: {}\n", "log: { public: yes-please }\n", "log: { public: true, to: all }\n"] {
        let (public, said) = of(wrong);
        assert!(!said.is_empty(), "{wrong}");
        assert!(!public || wrong.contains("to:"), "{wrong}: {said}");
    }
}
