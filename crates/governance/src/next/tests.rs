use super::*;
use crate::fixture::{Log, now};
use expect_test::expect;

fn steps(log: &Log) -> Vec<NextStep> {
    let states = [Stage::Pilot, Stage::Production].map(|stage| (stage, log.states(stage))).into();
    next(&log.workflow, &log.factory, now(), &states)
}

fn shown(steps: &[NextStep]) -> String {
    let line = |s: &NextStep| {
        let after = if s.after.is_empty() { String::new() } else { format!(" after {}", s.after.join(", ")) };
        format!("{:<24} {:<10} unblocks {:>2}, {} people{after}\n", s.obligation, s.stage, s.unblocks, s.people.len())
    };
    steps.iter().map(line).collect()
}

#[test]
fn from_the_beginning() {
    expect![[r#"
        runtime.enforces         pilot      unblocks 11, 3 people
        eval.golden              pilot      unblocks 10, 3 people
        eval.forbidden.injection pilot      unblocks 10, 3 people
        spec.intent              pilot      unblocks  5, 4 people
        runtime.trace            pilot      unblocks  5, 3 people
        spec.exercised           production unblocks  5, 3 people
        spec.questions           production unblocks  2, 1 people
        risk.register            production unblocks  1, 1 people
        evidence.witnessed       production unblocks  1, 3 people
        drill.stop               pilot      unblocks  6, 3 people after runtime.enforces
        drill.override           pilot      unblocks  6, 3 people after runtime.enforces
        drill.escalation         pilot      unblocks  6, 3 people after runtime.enforces
        drill.degraded           pilot      unblocks  6, 3 people after runtime.enforces
        approval.officers        pilot      unblocks  5, 2 people after eval.golden, eval.forbidden.injection
        threshold.assess         production unblocks  4, 3 people after eval.golden, eval.forbidden.injection, spec.exercised
        drill.incident           production unblocks  2, 2 people after runtime.enforces
        release.approval         pilot      unblocks  4, 4 people after spec.intent, eval.golden, eval.forbidden.injection, approval.officers, runtime.enforces, runtime.trace, drill.stop, drill.override, drill.escalation, drill.degraded
        review.load              production unblocks  1, 3 people after threshold.assess
        approval.risk            production unblocks  1, 1 people after eval.golden, eval.forbidden.injection, spec.questions, spec.exercised, threshold.assess
        ownership.accepted       production unblocks  1, 2 people after threshold.assess
        ownership.drills         production unblocks  1, 2 people after drill.stop, drill.override, drill.escalation, drill.degraded, drill.incident
        pilot.findings           production unblocks  1, 2 people after release.approval
        runtime.complete         production unblocks  1, 3 people after release.approval
        oversight.efficacy       production unblocks  1, 3 people after release.approval
        release.approval         production unblocks  0, 3 people after spec.intent, eval.golden, eval.forbidden.injection, runtime.enforces, runtime.trace, drill.stop, drill.override, drill.escalation, drill.degraded, spec.questions, spec.exercised, threshold.assess, pilot.findings, review.load, risk.register, approval.risk, runtime.complete, drill.incident, oversight.efficacy, evidence.witnessed, ownership.accepted, ownership.drills
    "#]].assert_eq(&shown(&steps(&Log::new())));
}

#[test]
fn what_comes_first_stands_first_and_the_release_last() {
    let steps = steps(&Log::new());
    let place = |id: &str, stage: Stage| steps.iter().position(|s| s.obligation == id && s.stage == stage).unwrap();
    let mut seen: BTreeSet<(&str, Stage)> = BTreeSet::new();
    for step in &steps {
        for first in &step.after {
            let known = seen.iter().any(|(id, stage)| id == first && *stage <= step.stage);
            assert!(known, "{} stands before {first}", step.obligation);
        }
        seen.insert((&step.obligation, step.stage));
    }
    assert_eq!(place("release.approval", Stage::Production), steps.len() - 1);
    assert!(place("release.approval", Stage::Pilot) < place("pilot.findings", Stage::Production));
    assert!(place("eval.golden", Stage::Pilot) < place("threshold.assess", Stage::Production));
}

#[test]
fn one_thing_for_two_stages_stands_once() {
    let steps = steps(&Log::new());
    let of = |id: &str| steps.iter().filter(|s| s.obligation == id).count();
    assert_eq!(of("drill.stop"), 1);
    assert_eq!(of("release.approval"), 2, "two states are approved");
}

#[test]
fn nothing_is_left_where_everything_is_shown() {
    let mut log = Log::complete();
    for stage in [Stage::Pilot, Stage::Production] {
        log.approve_release("ana", stage);
        log.approve_release("ria", stage);
    }
    assert_eq!(steps(&log), []);
}

#[test]
fn who_can_do_it_is_who_is_there_and_may() {
    let mut log = Log::new();
    let people = |log: &Log, id: &str| {
        steps(log).into_iter().find(|s| s.obligation == id && s.stage == Stage::Production).unwrap().people
    };
    assert_eq!(people(&log, "approval.risk"), ["ria@bank.example"]);
    assert_eq!(people(&log, "drill.incident"), ["ana@bank.example", "bo@bank.example"]);
    log.factory.people[1].until = "2026-11-01".parse().ok();
    assert_eq!(people(&log, "drill.incident"), ["ana@bank.example"]);
}
