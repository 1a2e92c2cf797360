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
        spec.valid               spec       pilot+production `seatrial check credit`
        spec.intent              spec       pilot+production `seatrial approve spec.intent`
        spec.questions           spec       pilot+production `seatrial question answer NAME --cites EVENT ANSWER`
        spec.exercised           spec       production `seatrial eval`
        eval.golden              sprint     pilot+production `seatrial eval golden`
        eval.forbidden.injection sprint     pilot+production `seatrial eval adversarial`
        threshold.assess         sprint     pilot+production `seatrial calibrate assess --certify` [not pilot: everything is reviewed in the pilot: nothing passes on it]
        pilot.findings           sprint     production `seatrial approve pilot.findings --stage production`
        review.load              sprint     production `seatrial status --stage production`
        risk.register            governance pilot+production `seatrial approve risk.register`
        approval.officers        governance pilot `seatrial approve approval.officers --stage pilot`
        approval.risk            governance production `seatrial approve approval.risk --stage production`
        validation.independent   governance production `seatrial file validation.independent FILE` [not production: the tier is not high: independent validation is for the high tier]
        runtime.enforces         runtime    pilot+production `seatrial rehearse`
        runtime.trace            runtime    pilot+production `seatrial rehearse`
        runtime.complete         runtime    production `seatrial reconcile FILE --from TIME --until TIME`
        drill.stop               runtime    pilot+production `seatrial drill stop --resumed-by PERSON`
        drill.override           runtime    pilot+production `seatrial drill override`
        drill.escalation         runtime    pilot+production `seatrial drill escalation`
        drill.degraded           runtime    pilot+production `seatrial drill degraded`
        drill.incident           runtime    production `seatrial drill incident --resumed-by PERSON`
        oversight.efficacy       runtime    production `seatrial status --stage production`
        evidence.witnessed       runtime    production `seatrial status --stage production` [not production: no witness is configured: nobody outside cosigns this log's checkpoints]
        ownership.assigned       ownership  production `seatrial status --stage production`
        ownership.accepted       ownership  production `seatrial accept RESPONSIBILITY`
        ownership.runbooks       ownership  production `seatrial drill incident --resumed-by PERSON` [not production: the spec names no runbook]
        ownership.drills         ownership  production `seatrial drill stop --resumed-by PERSON`
        release.approval         governance pilot `seatrial approve release.approval --stage pilot`
        release.approval         governance production `seatrial approve release.approval --stage production`
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
            "evidence.witnessed",
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
            let blob = seatrial_model::Digest::of(&bytes);
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
