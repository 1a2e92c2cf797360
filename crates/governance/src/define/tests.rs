use super::*;
use crate::fixture::{changed, factory, workflow};
use expect_test::expect;
use seatrial_model::{Influence, Tier};

fn listed(workflow: &Workflow) -> String {
    let line = |o: &Obligation| {
        let stages: Vec<&str> = o.stages.iter().map(|s| s.as_str()).collect();
        let applies = o.not_applicable.iter().map(|(s, why)| format!(" [not {s}: {why}]"));
        format!("{:<24} {:<10} {} `{}`{}\n", o.id, o.layer, stages.join("+"), o.command, applies.collect::<String>())
    };
    obligations(workflow, &factory()).iter().map(line).collect()
}

#[test]
fn the_table() {
    expect![[r#"
        spec.valid               spec       pilot+production+owned `seatrial check credit`
        spec.intent              spec       pilot+production+owned `seatrial approve spec.intent`
        spec.questions           spec       pilot+production+owned `seatrial question answer NAME --cites EVENT ANSWER`
        spec.exercised           spec       production+owned `seatrial eval`
        eval.golden              sprint     pilot+production+owned `seatrial eval golden`
        eval.forbidden.injection sprint     pilot+production+owned `seatrial eval adversarial`
        threshold.assess         sprint     pilot+production+owned `seatrial calibrate assess --certify` [not pilot: everything is reviewed in the pilot: nothing passes on it]
        pilot.findings           sprint     production+owned `seatrial approve pilot.findings --stage production`
        review.load              sprint     production+owned `seatrial status --stage production`
        risk.register            governance pilot+production+owned `seatrial approve risk.register`
        approval.officers        governance pilot `seatrial approve approval.officers --stage pilot`
        approval.risk            governance production+owned `seatrial approve approval.risk --stage production`
        validation.independent   governance production+owned `seatrial file validation.independent FILE` [not production: the tier is not high: independent validation is for the high tier] [not owned: the tier is not high: independent validation is for the high tier]
        runtime.enforces         runtime    pilot+production+owned `seatrial rehearse`
        runtime.trace            runtime    pilot+production+owned `seatrial rehearse`
        runtime.complete         runtime    production+owned `seatrial reconcile FILE --from TIME --until TIME`
        drill.stop               runtime    pilot+production+owned `seatrial drill stop --resumed-by PERSON`
        drill.override           runtime    pilot+production+owned `seatrial drill override`
        drill.escalation         runtime    pilot+production+owned `seatrial drill escalation`
        drill.degraded           runtime    pilot+production+owned `seatrial drill degraded`
        drill.incident           runtime    production+owned `seatrial drill incident --resumed-by PERSON`
        oversight.efficacy       runtime    production+owned `seatrial seed SET`
        evidence.witnessed       runtime    production+owned `seatrial log witness --now`
        ownership.assigned       ownership  production+owned `seatrial status --stage production`
        ownership.accepted       ownership  production+owned `seatrial accept RESPONSIBILITY`
        ownership.runbooks       ownership  production+owned `seatrial drill incident --resumed-by PERSON` [not production: the spec names no runbook] [not owned: the spec names no runbook]
        ownership.drills         ownership  production+owned `seatrial drill stop --resumed-by PERSON`
        ownership.unaided        ownership  owned `seatrial submit`
        ownership.access         ownership  owned `seatrial handover end-rights --from DATE --reason REASON`
        ownership.pack           ownership  owned `seatrial handover acknowledge`
        ownership.index          ownership  owned `seatrial handover index`
        release.approval         governance pilot `seatrial approve release.approval --stage pilot`
        release.approval         governance production `seatrial approve release.approval --stage production`
        release.approval         governance owned `seatrial approve release.approval --stage owned`
    "#]].assert_eq(&listed(&workflow()));
}

#[test]
fn a_summary_does_not_carry_the_burden_of_an_act() {
    let inform = changed(|w| {
        w.steps[0].influence = Influence::Inform;
        w.steps[0].forbid.clear();
        w.steps[0].never.clear();
        w.risks.tier = Tier::Minimal;
        w.risks.items.clear();
    });
    let not: Vec<String> = obligations(&inform, &factory())
        .into_iter()
        .filter(|o| o.not_applicable.contains_key(&Stage::Production))
        .map(|o| o.id)
        .collect();
    expect![[r#"
        [
            "spec.exercised",
            "pilot.findings",
            "risk.register",
            "validation.independent",
            "runtime.enforces",
            "runtime.complete",
            "drill.override",
            "drill.degraded",
            "drill.incident",
            "oversight.efficacy",
            "ownership.runbooks",
        ]
    "#]]
    .assert_debug_eq(&not);
}

#[test]
fn sealed_and_training_examples_are_not_evaluated_by_themselves() {
    let ids: Vec<String> = obligations(&workflow(), &factory()).into_iter().map(|o| o.id).collect();
    assert!(!ids.contains(&"eval.labelled".to_owned()));
}

#[test]
fn production_asks_neither_author_nor_delivery_to_approve() {
    assert!(approving_roles(&workflow(), Stage::Pilot).contains("engineering"));
    assert!(!approving_roles(&workflow(), Stage::Production).contains("engineering"));
}

#[test]
fn a_set_that_brings_its_outputs_blocks_no_pilot() {
    let with = |rows: &str| {
        let bytes: std::sync::Arc<[u8]> = rows.as_bytes().into();
        let workflow = changed(|w| {
            let golden = w.examples["golden"].clone();
            w.examples.insert("probes".to_owned(), golden);
            let blob = Digest::of(&bytes);
            w.files.insert("examples.jsonl".to_owned(), seatrial_spec::workflow::SpecFile { bytes, blob });
        });
        let probes = obligations(&workflow, &factory()).into_iter().find(|o| o.id == "eval.probes").unwrap();
        probes.not_applicable.contains_key(&Stage::Pilot)
    };
    assert!(with("{\"id\":\"a\",\"output\":\"x\"}\n\n{\"output\":\"\"}\n"));
    assert!(!with("{\"id\":\"a\",\"output\":\"x\"}\n{\"id\":\"b\"}\n"));
    assert!(!with("{\"id\":\"a\",\"output\":null}\n"));
    assert!(!with("not json\n") && !with("\n"));
}

/// A workflow that has one of every kind of obligation, in every tier's table.
fn everything() -> (Workflow, FactorySpec) {
    let mut factory = factory();
    let workflow = changed(|w| {
        let target = seatrial_spec::workflow::Bar { op: seatrial_spec::workflow::BarOp::AtMost, value: 0.5 };
        let outcome = seatrial_spec::workflow::Outcome { measure: "…".to_owned(), today: None, target };
        w.outcomes.insert("name".to_owned(), outcome);
        w.responsibilities.get_mut("exceptions").unwrap().runbook = Some("runbook.md".to_owned());
    });
    factory.profile = "regulated".to_owned();
    (workflow, factory)
}

/// The names of the fixture as placeholders.
fn general(text: &str) -> String {
    let names = [
        ("eval.forbidden.injection", "eval.forbidden.<category>"),
        ("eval.golden", "eval.<set>"),
        ("threshold.assess", "threshold.<name>"),
        ("thresholds.assess", "thresholds.<name>"),
        ("outcome.name", "outcome.<name>"),
        ("approval.officers", "approval.<role>"),
        ("approval.risk", "approval.<role>"),
        ("steps.assess", "steps.<step>"),
        ("types.Application", "types.<input>"),
        ("types.Assessment", "types.<output>"),
        ("examples.golden", "examples.<set>"),
        ("examples.labelled", "examples.<set>"),
        ("examples.adversarial", "examples.<set>"),
        ("model.assess", "model.<step>"),
        ("people.officers", "people.<role>"),
    ];
    names.iter().fold(text.to_owned(), |text, (name, placeholder)| text.replace(name, placeholder))
}

/// The part of `docs/reference/obligations.md` that is written from the code.
fn reference() -> String {
    use std::fmt::Write as _;
    let (workflow, mut factory) = everything();
    let age = |obligations: &[Obligation], id: &str| {
        obligations
            .iter()
            .find(|o| o.id == id)
            .and_then(|o| o.max_age)
            .map_or_else(|| "–".to_owned(), |a| a.to_string())
    };
    let regulated = obligations(&workflow, &factory);
    factory.profile = "standard".to_owned();
    let standard = obligations(&workflow, &factory);
    let mut out = String::from(
        "| id | layer | stages | basis | waivable | ages: standard, regulated |\n|---|---|---|---|---|---|\n",
    );
    let basis = |b: Basis| match b {
        Basis::Judgement => "judged",
        Basis::Measurement => "measured",
        Basis::Computed => "computed",
    };
    let mut seen = BTreeSet::new();
    let rows: Vec<&Obligation> = standard.iter().filter(|o| seen.insert(general(&o.id))).collect();
    for o in &rows {
        let id = general(&o.id);
        let stages: BTreeSet<Stage> =
            standard.iter().filter(|x| general(&x.id) == id).flat_map(|x| x.stages.clone()).collect();
        let stages = stages.into_iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
        let waivable = match (o.waivable, o.basis) {
            (false, _) => "no",
            (true, Basis::Measurement) => "yes, unless missed",
            (true, _) => "yes",
        };
        let ages = (age(&standard, &o.id), age(&regulated, &o.id));
        let _ = writeln!(
            out,
            "| `{id}` | {} | {stages} | {} | {waivable} | {}, {} |",
            o.layer,
            basis(o.basis),
            ages.0,
            ages.1
        );
    }
    depends(&rows, &mut out);
    rules(&mut out);
    out
}

fn depends(rows: &[&Obligation], out: &mut String) {
    use std::fmt::Write as _;
    out.push_str("\n## What each depends on\n\n| id | elements | read | inputs |\n|---|---|---|---|\n");
    for o in rows {
        let list = |texts: Vec<String>| if texts.is_empty() { "–".to_owned() } else { texts.join(" ") };
        let scope = o.scope.iter().map(|p| match p.as_str() {
            "" => "all".to_owned(),
            p => format!("`{}`", general(p)),
        });
        let scope = match &o.duty {
            Duty::Approval { .. } => "what the gate says".to_owned(),
            _ => list(scope.collect()),
        };
        let read = match (o.which, o.closed) {
            (Which::Written, true) => "as written, with what they refer to",
            (Which::Written, false) => "as written",
            (Which::Compiled, _) => "as compiled",
        };
        let input = |i: &Input| match i {
            Input::Model(step) => format!("`model.{step}`"),
            Input::Checks => "`checks`".to_owned(),
            Input::People(role) => format!("`people.{role}`"),
            Input::State => "`state`".to_owned(),
            Input::Report => "`report`".to_owned(),
            Input::Key(id) => format!("`key.{id}`"),
        };
        let mut inputs: Vec<String> = o.inputs.iter().map(|i| general(&input(i))).collect();
        inputs.extend(o.parameters.keys().map(|p| format!("{p} (parameter)")));
        inputs.dedup();
        let _ = writeln!(out, "| `{}` | {scope} | {read} | {} |", general(&o.id), list(inputs));
    }
}

fn rules(out: &mut String) {
    use std::fmt::Write as _;
    out.push_str("\n## When one does not apply\n\nThe first that fits gives the reason.\n\n| ids | stages | because |\n|---|---|---|\n");
    for (ids, stages, why) in applies::rules() {
        let ids: Vec<String> =
            ids.iter().map(|id| if id.ends_with('.') { format!("`{id}…`") } else { format!("`{id}`") }).collect();
        let stages: Vec<&str> = stages.iter().map(|s| s.as_str()).collect();
        let _ = writeln!(out, "| {} | {} | {why} |", ids.join(" "), stages.join(", "));
    }
}

#[test]
fn the_reference_is_what_the_code_says() {
    const BEGIN: &str = "<!-- from the code: `SEATRIAL_UPDATE=1 cargo test -p seatrial-governance reference` -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/obligations.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once(BEGIN).unwrap();
    let expected = format!("{head}{BEGIN}\n\n{}", reference());
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(path, &expected).unwrap();
    } else {
        assert_eq!(page, expected, "run the command that the page names");
    }
}
