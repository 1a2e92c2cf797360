mod approvals;
mod measured;
mod people;
mod witnessed;

use crate::fixture::{Log, approval, changed, principal, table};
use crate::release::can_release;
use crate::state::State;
use crate::status::CheckFinding;
use expect_test::{Expect, expect};
use seatrial_model::event::{ApprovalWithdrawn, Share};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Assurance, Body, Digest, PrincipalKind, Stage};
use seatrial_spec::Workflow;

fn check(log: &Log, stage: Stage, expect: &Expect) {
    expect.assert_eq(&table(&log.states(stage)));
}

#[test]
fn nothing_shown_is_nothing_green() {
    check(
        &Log::new(),
        Stage::Pilot,
        &expect![[r#"
            spec.valid               discharged     the checker finds nothing that blocks this stage
            spec.intent              open           nobody approved it; missing: one sign-off
            spec.questions           discharged     1 question(s), none that blocks is open
            eval.golden              open           not evaluated with outputs that the engine obtained itself
            eval.forbidden.injection open           not evaluated with outputs that the engine obtained itself: `adversarial`
            threshold.assess         not_applicable everything is reviewed in the pilot: nothing passes on it
            risk.register            discharged     the tier is named: limited
            approval.officers        open           nobody approved it; missing: a holder of `officers`
            runtime.enforces         open           not probed yet
            runtime.trace            open           no decision was reconstructed yet
            drill.stop               open           not exercised yet
            drill.override           open           not exercised yet
            drill.escalation         open           not exercised yet
            drill.degraded           open           not exercised yet
            release.approval         open           nobody approved it; missing: one person who is no author; first discharge the 10 other(s)
        "#]],
    );
    check(
        &Log::new(),
        Stage::Production,
        &expect![[r#"
            spec.valid               discharged     the checker finds nothing that blocks this stage
            spec.intent              open           nobody approved it; missing: one person of the receiving side, one person of the independent side
            spec.questions           open           open, and blocking production: `questions.thin-files`
            spec.exercised           open           no evaluation of this spec
            eval.golden              open           not evaluated with outputs that the engine obtained itself
            eval.forbidden.injection open           not evaluated with outputs that the engine obtained itself: `adversarial`
            threshold.assess         open           no certificate for 0.8
            pilot.findings           open           no pilot was reported: `seatrial pilot report`
            review.load              open           the expected reviews a day are not known: volume, certificate or capacity is missing
            risk.register            open           nobody approved it; missing: a holder of `risk`
            approval.risk            open           nobody approved it; missing: a holder of `risk`
            validation.independent   not_applicable the tier is not high: independent validation is for the high tier
            runtime.enforces         open           not probed yet
            runtime.trace            open           no decision was reconstructed yet
            runtime.complete         open           `cases` were not reconciled
            drill.stop               open           not exercised yet
            drill.override           open           not exercised yet
            drill.escalation         open           not exercised yet
            drill.degraded           open           not exercised yet
            drill.incident           open           not exercised yet
            oversight.efficacy       open           no seeded known-bad item was reviewed
            evidence.witnessed       open           not cosigned yet by `auditor`
            ownership.assigned       discharged     all five resolve to present people of the receiving side
            ownership.accepted       open           not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more
            ownership.runbooks       not_applicable the spec names no runbook
            ownership.drills         open           `drill.stop` is open, `drill.override` is open, `drill.escalation` is open, `drill.degraded` is open, and 1 more
            release.approval         open           nobody approved it; missing: one person of the receiving side, one person of the independent side; first discharge the 22 other(s)
        "#]],
    );
}

#[test]
fn everything_shown_can_be_released() {
    let mut log = Log::complete();
    check(
        &log,
        Stage::Production,
        &expect![[r#"
            spec.valid               discharged     the checker finds nothing that blocks this stage
            spec.intent              discharged     approved by ana@bank.example, ria@bank.example
            spec.questions           discharged     1 question(s), none that blocks is open
            spec.exercised           discharged     4 rule(s), each caught an example and passed one
            eval.golden              discharged     20 of 20 passed; the bar is >= 0.9
            eval.forbidden.injection discharged     none of 5 was let through
            threshold.assess         discharged     certified: 3 wrong of 200 at 0.8, at most 0.0383 with assurance 0.95
            pilot.findings           discharged     pilot 1, 500 decision(s): approved by ana@bank.example
            review.load              discharged     80.0 expected a day, 120.0 can be answered
            risk.register            discharged     approved by ria@bank.example
            approval.risk            discharged     approved by ria@bank.example
            validation.independent   not_applicable the tier is not high: independent validation is for the high tier
            runtime.enforces         discharged     2 rule(s) provoked and enforced by program 1310ca2c8932
            runtime.trace            discharged     10 of 10 verdicts and 10 findings recompute
            runtime.complete         discharged     500 cases there, 500 here, none unrecorded
            drill.stop               discharged     by bo@bank.example: effective after 900 ms, 12 request(s) refused
            drill.override           discharged     by bo@bank.example: done after 900 ms, in 1 event(s)
            drill.escalation         discharged     by bo@bank.example: done after 900 ms, in 1 event(s)
            drill.degraded           discharged     by bo@bank.example: done after 900 ms, in 1 event(s)
            drill.incident           discharged     by bo@bank.example: done after 900 ms, in 1 event(s)
            oversight.efficacy       discharged     58 of 60 caught, at least 0.9000; the bar is 0.8
            evidence.witnessed       discharged     cosigned within the last day by `auditor` (independent side)
            ownership.assigned       discharged     all five resolve to present people of the receiving side
            ownership.accepted       discharged     everybody who takes over accepted for themselves
            ownership.runbooks       not_applicable the spec names no runbook
            ownership.drills         discharged     exercised: `drill.stop`, `drill.override`, `drill.escalation`, `drill.degraded`, and 1 more
            release.approval         open           nobody approved it; missing: one person of the receiving side, one person of the independent side
        "#]],
    );
    assert!(can_release(Stage::Production, &log.states(Stage::Production)).is_err());
    log.approve_release("ana", Stage::Production);
    log.approve_release("ria", Stage::Production);
    assert_eq!(can_release(Stage::Production, &log.states(Stage::Production)), Ok(()));
    // The same approvals say nothing about a pilot.
    assert!(can_release(Stage::Pilot, &log.states(Stage::Pilot)).is_err());
}

#[test]
fn a_changed_state_makes_the_releases_approval_stale() {
    let mut log = Log::complete();
    log.approve_release("ana", Stage::Production);
    log.approve_release("ria", Stage::Production);
    log.drill("ana", 500, 3, vec![]);
    let state = log.state(Stage::Production, "release.approval");
    assert_eq!(state.state, State::Stale);
    assert_eq!(state.changed_inputs.iter().map(|c| c.input.as_str()).collect::<Vec<_>>(), ["state"]);
}

/// Each change of the spec or of an input, and exactly what it stales in a complete history.
fn stales(change: impl FnOnce(&mut Workflow)) -> Vec<(String, Vec<String>)> {
    let log = Log::complete().with(changed(change));
    let stale = log.states(Stage::Production).into_iter().filter(|s| s.state == State::Stale);
    let paths = |s: &crate::ObligationState| s.changed.iter().map(ToString::to_string).collect();
    stale.map(|s| (s.obligation.id.clone(), paths(&s))).collect()
}

fn check_stales(change: impl FnOnce(&mut Workflow), expect: &Expect) {
    let lines = stales(change).into_iter().map(|(id, paths)| format!("{id}: {}\n", paths.join(", ")));
    expect.assert_eq(&lines.collect::<String>());
}

#[test]
fn a_changed_purpose() {
    check_stales(
        |w| w.purpose.push('!'),
        &expect![[r#"
        spec.intent: purpose
        ownership.accepted: purpose
    "#]],
    );
}

#[test]
fn a_changed_reason_is_for_people_to_judge_and_measures_nothing() {
    check_stales(
        |w| w.steps[0].forbid[0].because = Some("another".to_owned()),
        &expect![[r#"
        spec.intent: steps.assess.forbid.promises
        approval.risk: steps.assess.forbid.promises
        ownership.accepted: steps.assess.forbid.promises
    "#]],
    );
}

#[test]
fn a_changed_rule() {
    check_stales(
        |w| {
            w.steps[0].forbid[0] = crate::fixture::rule(
                "forbid",
                "promises",
                "output.reason.contains('promise')",
                seatrial_spec::workflow::Else::Deny,
            )
        },
        &expect![[r#"
            spec.intent: steps.assess.forbid.promises
            spec.exercised: steps.assess.forbid.promises
            eval.golden: steps.assess.forbid.promises
            eval.forbidden.injection: steps.assess.forbid.promises
            threshold.assess: steps.assess.forbid.promises
            approval.risk: steps.assess.forbid.promises
            runtime.enforces: steps.assess.forbid.promises
            runtime.trace: steps.assess.forbid.promises
            ownership.accepted: steps.assess.forbid.promises
        "#]],
    );
}

#[test]
fn a_removed_rule() {
    check_stales(
        |w| w.steps[0].never.clear(),
        &expect![[r#"
        spec.intent: steps.assess.never.declines
        spec.exercised: steps.assess.never.declines
        eval.golden: steps.assess.never.declines
        eval.forbidden.injection: steps.assess.never.declines
        threshold.assess: steps.assess.never.declines
        approval.risk: steps.assess.never.declines
        runtime.enforces: steps.assess.never.declines
        runtime.trace: steps.assess.never.declines
        ownership.accepted: steps.assess.never.declines
    "#]],
    );
}

#[test]
fn a_changed_threshold() {
    check_stales(
        |w| w.thresholds.get_mut("assess").unwrap().at = Some(0.7),
        &expect![[r#"
        spec.exercised: thresholds.assess.at
        eval.golden: thresholds.assess.at
        eval.forbidden.injection: thresholds.assess.at
        threshold.assess: thresholds.assess.at
        approval.risk: thresholds.assess.at
        ownership.accepted: thresholds.assess.at
    "#]],
    );
}

#[test]
fn how_a_threshold_is_watched_is_no_matter_of_its_certificate() {
    check_stales(
        |w| w.thresholds.get_mut("assess").unwrap().detect_within = Some("30d".parse().unwrap()),
        &expect![[r#"
            approval.risk: thresholds.assess.detect_within
            ownership.accepted: thresholds.assess.detect_within
        "#]],
    );
}

#[test]
fn changed_examples() {
    check_stales(
        |w| w.examples.get_mut("golden").unwrap().digest = Digest::of(b"other"),
        &expect![[r#"
        spec.exercised: examples.golden
        eval.golden: examples.golden
    "#]],
    );
    check_stales(
        |w| w.examples.get_mut("labelled").unwrap().digest = Digest::of(b"other"),
        &expect![[r#"
        spec.exercised: examples.labelled
        threshold.assess: examples.labelled
        approval.risk: examples.labelled
        ownership.accepted: examples.labelled
    "#]],
    );
}

#[test]
fn a_changed_model_reference_schema_fallback_limit() {
    check_stales(
        |w| w.steps[0].model.as_mut().unwrap().name = "other".to_owned(),
        &expect![[r#"
            spec.exercised: steps.assess.model
            eval.golden: steps.assess.model
            eval.forbidden.injection: steps.assess.model
            threshold.assess: steps.assess.model
            pilot.findings: steps.assess.model
        "#]],
    );
    check_stales(
        |w| {
            w.types.get_mut("Assessment").unwrap().schema =
                std::sync::Arc::new(serde_json::json!({ "type": "object", "required": ["reason"] }))
        },
        &expect![[r#"
            spec.exercised: types.Assessment
            eval.golden: types.Assessment
            eval.forbidden.injection: types.Assessment
            threshold.assess: types.Assessment
            runtime.enforces: types.Assessment
            runtime.trace: types.Assessment
        "#]],
    );
    check_stales(
        |w| w.steps[0].fallback.as_mut().unwrap().per_day = Some(7),
        &expect![[r#"
            drill.stop: steps.assess.fallback
            drill.degraded: steps.assess.fallback
            ownership.accepted: steps.assess.fallback
            ownership.drills: steps.assess.fallback
        "#]],
    );
    check_stales(|w| w.steps[0].limits.per_minute = Some(7), &expect![[""]]);
    check_stales(|w| w.title.push('!'), &expect![[""]]);
    check_stales(
        |w| w.responsibilities.get_mut("evolution").unwrap().challenged_by = Some("risk".to_owned()),
        &expect![[r#"
            ownership.accepted: responsibilities.evolution
        "#]],
    );
}

#[test]
fn a_bar_is_applied_to_the_figures_and_stales_none() {
    let set = |value: f64| {
        move |w: &mut Workflow| {
            w.gates.production.as_mut().unwrap().evaluation.get_mut("golden").unwrap().value = value;
        }
    };
    check_stales(set(0.95), &expect![[""]]);
    let mut log = Log::new();
    log.evaluate("golden", |e| e.passed = Share { k: 18, n: 20 });
    assert_eq!(log.is(Stage::Production, "eval.golden").0, State::Discharged);
    assert_eq!(log.with(changed(set(0.95))).is(Stage::Production, "eval.golden").0, State::Failed);
}

#[test]
fn another_model_or_checker_stales_what_was_measured_on_it() {
    let mut log = Log::complete();
    log.inputs.models.get_mut("assess").unwrap().text = "sha256:model-2".to_owned();
    let stale = |log: &Log| -> Vec<String> {
        log.states(Stage::Production)
            .into_iter()
            .filter(|s| s.state == State::Stale)
            .map(|s| format!("{}: {}", s.obligation.id, s.why))
            .collect()
    };
    expect![[r#"
        [
            "eval.golden: shown by entry 1 on 2026-11-23; changed since: the input `model.assess`",
            "eval.forbidden.injection: shown by entry 2 on 2026-11-23; changed since: the input `model.assess`",
            "threshold.assess: shown by entry 3 on 2026-11-23; changed since: the input `model.assess`",
            "pilot.findings: shown by entry 18 on 2026-11-23; changed since: the input `model.assess`",
        ]
    "#]]
    .assert_debug_eq(&stale(&log));
    let mut log = Log::complete();
    log.inputs.checks = 2;
    expect![[r#"
        [
            "spec.exercised: shown by entry 2 on 2026-11-23; changed since: the input `checks`",
            "eval.golden: shown by entry 1 on 2026-11-23; changed since: the input `checks`",
            "eval.forbidden.injection: shown by entry 2 on 2026-11-23; changed since: the input `checks`",
            "threshold.assess: shown by entry 3 on 2026-11-23; changed since: the input `checks`",
            "runtime.enforces: shown by entry 10 on 2026-11-23; changed since: the input `checks`",
            "runtime.trace: shown by entry 11 on 2026-11-23; changed since: the input `checks`",
        ]
    "#]]
    .assert_debug_eq(&stale(&log));
}

#[test]
fn the_way_back_makes_it_green_again() {
    let log = Log::complete().with(changed(|w| w.purpose.push('!'))).with(crate::fixture::workflow());
    assert_eq!(log.is(Stage::Production, "spec.intent").0, State::Discharged);
}

#[test]
fn without_the_old_table_it_is_stale_all_the_same() {
    let mut log = Log::complete().with(changed(|w| w.purpose.push('!')));
    log.tables.clear();
    let (state, why) = log.is(Stage::Production, "spec.intent");
    assert_eq!(state, State::Stale);
    assert!(why.contains("not at hand"), "{why}");
}
