mod theatre;

use crate::Standing::{Contradicted, Evidenced, NoEvidence, Partly};
use crate::fixture::{HOUR, History};
use crate::{Assessment, Served};
use expect_test::expect;
use seatrial_model::event::{PackGenerated, QuestionSettled, Share, SprintNoted};
use seatrial_model::{Body, Digest, LogPoint, Stage};

fn table(assessment: &Assessment) -> String {
    let line = |i: &crate::Item| {
        let reasons: Vec<String> = i
            .reasons
            .iter()
            .map(|r| format!("{} {:?}", r.text, r.cites.iter().map(|c| c.index).collect::<Vec<_>>()))
            .collect();
        format!("{:<28} {:<12} {}\n", i.id, i.standing.as_str(), reasons.join(" | "))
    };
    assessment.items().map(line).collect()
}

/// A delivery as it should be, over some weeks.
fn good() -> History {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.wait(HOUR);
    h.approve("ana", "spec.intent", Stage::Pilot, 120_000);
    for number in 1..=2 {
        h.wait(100 * HOUR);
        h.sprint(number, "open", "discharged", |h| {
            h.evaluate(Share { k: 18, n: 20 });
            h.submit("dev", &["steps.assess.never.declines"], &["examples.golden", "steps.assess.never"]);
            let element = Digest::of(b"question");
            let measured = h.events.iter().rev().find(|e| matches!(e.event.body, Body::EvaluationRecorded(_)));
            let cites = vec![measured.unwrap().event.id];
            h.add(
                "dev",
                &[],
                Body::QuestionSettled(QuestionSettled {
                    question: "questions.q".into(),
                    element,
                    withdrawn: false,
                    cites,
                }),
            );
        });
    }
    h.wait(50 * HOUR);
    h.approve("ria", "spec.intent", Stage::Production, 200_000);
    h.wait(HOUR);
    h.approve("ana", "spec.intent", Stage::Production, 200_000);
    h.wait(HOUR);
    for (hours, responsibility) in
        ["workflow", "changes", "exceptions", "behaviour", "evolution"].into_iter().enumerate()
    {
        h.wait(hours as i64 * HOUR + 120_000);
        h.accept("ana", responsibility);
        h.accept("bo", responsibility);
    }
    h.drill("bo");
    h.wait(HOUR);
    let release = h.release("ana", Stage::Pilot);
    h.add(
        "ana",
        &[],
        Body::PackGenerated(PackGenerated {
            page: Digest::of(b"page"),
            log: LogPoint { size: 1, root: Digest::of(b"root") },
            missing: vec![],
            manifest: None,
        }),
    );
    h.wait(200 * HOUR);
    h.drill("ana");
    h.running.decisions = 100;
    h.running.reviews_answered = 40;
    h.running.reviews_changed = 3;
    h.running.changed_example = Some((8, h.events[0].event.id));
    let example = (9, h.events[0].event.id);
    h.running.served = vec![Served { release: Some(release), spec: Some(h.workflow.digest), decisions: 100, example }];
    h
}

#[test]
fn nothing_happened_and_nothing_is_claimed() {
    let history = History::new();
    let assessment = history.assess();
    assert!(
        assessment.items().all(|i| i.standing != Evidenced && i.standing != Contradicted),
        "{}",
        table(&assessment)
    );
    expect![[r#"
        cto.requirements             no evidence  0 spec(s) submitted, 0 with a difference in meaning [] | 0 question(s) settled, 0 in the spec []
        cto.governance               no evidence  0 approval(s) given [] | 0 of 3 approvals that production asks for stand today []
        cto.controls                 no evidence  `runtime.enforces` is open: not probed yet [] | `runtime.trace` is open: no decision was reconstructed yet [] | `drill.stop` is open: not exercised yet []
        cto.ownership                no evidence  `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more [] | 0 drill(s) by the receiving side [] | 0 handover pack(s) generated []
        cto.stages                   no evidence  0 pilot release(s) [] | 0 production release(s) [] | 18 of 24 obligations stand between here and production []
        founder.learning             no evidence  no sprint was closed []
        founder.ownership            no evidence  not launched yet [] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more [] | 0 operating act(s) of the receiving side since []
        founder.operation            no evidence  0 pilot and 0 production release(s) [] | 0 decision(s) outside rehearsal []
        founder.discipline           no evidence  nothing that was shown has gone stale, failed or was revoked since the release []
        flag.velocity                no evidence  0 of 0 closed sprint(s) neither changed the spec nor settled a question []
        flag.governance-after-build  no evidence  0 of 0 spec(s) before the first release were submitted before anything was approved, settled, filed or granted []
        flag.controls-after-launch   no evidence  0 submission(s) after the first release to production added a control that nothing had taught []
        flag.responsibilities        no evidence  `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more []
        flag.pilot-evidence          no evidence  0 release(s) to production rest on nothing beneath production's parameters []
        flag.artifacts               no evidence  0 artifact(s) in the log that can be looked up [] | 0 of 0 answers and findings cite nothing that can be looked up []
        theatre.reading-time         no evidence  0 of 0 approvals with a known time were faster than 80 characters a second; of 0 the time is not known []
        theatre.bulk                 no evidence  0 of 0 approvals and acceptances were among 3 or more by one person within a minute []
        theatre.producer             no evidence  0 of 0 approvals came from somebody who had changed what they approved []
        theatre.no-rejection         no evidence  0 review(s) answered, 0 of them changed or rejected, 0 override(s); 0 approval(s) given, 0 withdrawn or waivers ended []
        theatre.last-day             no evidence  0 of 0 release(s) rest on evidence of the last 24 hours alone []
        theatre.moved-bar            no evidence  0 submission(s) lowered a bar that one of 0 results had missed, 0 moved one nobody can tell which way []
        theatre.examples             no evidence  0 submission(s) changed steps or thresholds, 0 changed examples []
        theatre.waivers              no evidence  0 waiver(s) asked for, 0 renewed, 0 of them without anything about the obligation in between []
        theatre.served-digest        no evidence  0 of 0 decision(s) were made under another digest than a released one []
        theatre.drills               no evidence  0 drill(s), 0 by the delivery side; 0 since the first release to production []
        theatre.simulated            no evidence  0 of 0 approvals, acceptances and releases are simulated; they count in a simulation only []
        assumption.requirements      no evidence  0 submission(s) changed what is asked for after the first behaviour was seen [] | 0 result(s) missed something []
        assumption.governance        no evidence  0 of 0 judgement(s) and notes of the independent side came before the first release []
        assumption.velocity          no evidence  the spec changed in no closed sprint []
        assumption.ownership         no evidence  0 of 5 responsibilities were accepted before the first release []
    "#]].assert_eq(&table(&assessment));
}

#[test]
fn a_delivery_as_it_should_be() {
    let assessment = good().assess();
    assert!(assessment.theatre.iter().all(|i| i.standing != Contradicted), "{}", table(&assessment));
    expect![[r#"
        cto.requirements             evidenced    3 spec(s) submitted, 2 with a difference in meaning [0, 4, 9] | 2 question(s) settled, 0 in the spec [5, 10]
        cto.governance               partly       3 approval(s) given, some before the spec was final [1, 12, 13] | 1 of 3 approvals that production asks for stand today []
        cto.controls                 partly       `runtime.enforces` is open: not probed yet [] | `runtime.trace` is open: no decision was reconstructed yet [] | `drill.stop` is discharged: by ana@bank.example: effective after 900 ms, 3 request(s) refused [27]
        cto.ownership                evidenced    `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is discharged: everybody who takes over accepted for themselves [14, 15, 16, 17, 18, 19, 20, 21, 22, 23] | 2 drill(s) by the receiving side [24, 27] | 1 handover pack(s) generated [26]
        cto.stages                   partly       1 pilot release(s) [25] | 0 production release(s) [] | 14 of 24 obligations stand between here and production []
        founder.learning             evidenced    sprint 1: discharged 0 → 1, 1 question(s) settled, 1 spec(s) submitted [2, 6, 5] | sprint 2: discharged 0 → 1, 1 question(s) settled, 1 spec(s) submitted [7, 11, 10]
        founder.ownership            evidenced    launched [25] | `ownership.accepted` is discharged: everybody who takes over accepted for themselves [14, 15, 16, 17, 18, 19, 20, 21, 22, 23] | 1 operating act(s) of the receiving side since [27]
        founder.operation            partly       1 pilot and 0 production release(s) [25] | 100 decision(s) outside rehearsal []
        founder.discipline           evidenced    nothing that was shown has gone stale, failed or was revoked since the release [25]
        flag.velocity                evidenced    0 of 2 closed sprint(s) neither changed the spec nor settled a question [4, 5, 9, 10]
        flag.governance-after-build  evidenced    1 of 3 spec(s) before the first release were submitted before anything was approved, settled, filed or granted [1, 0, 4, 9]
        flag.controls-after-launch   no evidence  0 submission(s) after the first release to production added a control that nothing had taught []
        flag.responsibilities        evidenced    `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is discharged: everybody who takes over accepted for themselves [14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
        flag.pilot-evidence          no evidence  0 release(s) to production rest on nothing beneath production's parameters []
        flag.artifacts               evidenced    4 artifact(s) in the log that can be looked up [3, 8, 24, 27] | 0 of 2 answers and findings cite nothing that can be looked up [5, 10]
        theatre.reading-time         evidenced    0 of 3 approvals with a known time were faster than 80 characters a second; of 0 the time is not known [1, 12, 13] | `officers`: 0 of 2 too fast, median 1 characters a second [] | `risk`: 0 of 1 too fast, median 0 characters a second []
        theatre.bulk                 evidenced    0 of 13 approvals and acceptances were among 3 or more by one person within a minute [1, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
        theatre.producer             evidenced    0 of 3 approvals came from somebody who had changed what they approved [1, 12, 13]
        theatre.no-rejection         evidenced    40 review(s) answered, 3 of them changed or rejected, 0 override(s); 3 approval(s) given, 0 withdrawn or waivers ended [8]
        theatre.last-day             evidenced    0 of 1 release(s) rest on evidence of the last 24 hours alone [25]
        theatre.moved-bar            evidenced    0 submission(s) lowered a bar that one of 2 results had missed, 0 moved one nobody can tell which way [3, 8]
        theatre.examples             evidenced    2 submission(s) changed steps or thresholds, 2 changed examples [4, 9, 4, 9]
        theatre.waivers              no evidence  0 waiver(s) asked for, 0 renewed, 0 of them without anything about the obligation in between []
        theatre.served-digest        evidenced    0 of 100 decision(s) were made under another digest than a released one [9]
        theatre.drills               evidenced    2 drill(s), 0 by the delivery side; 0 since the first release to production [24, 27]
        theatre.simulated            evidenced    0 of 14 approvals, acceptances and releases are simulated; they count in a simulation only [1, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
        assumption.requirements      evidenced    2 submission(s) changed what is asked for after the first behaviour was seen [3, 4, 9] | 2 result(s) missed something [3, 8]
        assumption.governance        evidenced    1 of 1 judgement(s) and notes of the independent side came before the first release [25, 12]
        assumption.velocity          evidenced    sprint 1: 1 obligation(s) gained, 0 lost, 1 question(s) settled [2, 6] | sprint 2: 1 obligation(s) gained, 0 lost, 1 question(s) settled [7, 11]
        assumption.ownership         evidenced    5 of 5 responsibilities were accepted before the first release [14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
    "#]].assert_eq(&table(&assessment));
}

/// A demo's history shows its own theatre, and says why.
#[test]
fn a_demo() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.wait(20_000);
    h.approve("ana", "spec.intent", Stage::Production, 40);
    h.approve("ria", "spec.intent", Stage::Production, 40);
    h.approve("ria", "risk.register", Stage::Production, 40);
    h.approve("ria", "approval.risk", Stage::Production, 40);
    h.drill("dev");
    h.wait(20_000);
    h.release("ana", Stage::Production);
    h.running.decisions = 60;
    h.running.reviews_answered = 40;
    h.running.served = vec![Served { release: None, spec: None, decisions: 60, example: (4, h.events[0].event.id) }];
    h.simulate();
    expect![[r#"
        cto.requirements             partly       1 spec(s) submitted, 0 with a difference in meaning [0] | 0 question(s) settled, 0 in the spec []
        cto.governance               evidenced    4 approval(s) given [1, 2, 3, 4] | 3 of 3 approvals that production asks for stand today []
        cto.controls                 contradicted `runtime.enforces` is open: not probed yet [] | `runtime.trace` is open: no decision was reconstructed yet [] | `drill.stop` is failed: the drill does not count: production needs a person of the receiving side [5]
        cto.ownership                contradicted `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more [] | 0 drill(s) by the receiving side [] | 0 handover pack(s) generated []
        cto.stages                   partly       0 pilot release(s) [] | 1 production release(s) [6] | 13 of 24 obligations stand between here and production []
        founder.learning             no evidence  no sprint was closed []
        founder.ownership            contradicted launched [6] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more [] | 0 operating act(s) of the receiving side since []
        founder.operation            partly       0 pilot and 1 production release(s) [6] | 60 decision(s) outside rehearsal []
        founder.discipline           partly       `drill.stop` failed, `ownership.drills` failed [5]
        flag.velocity                no evidence  0 of 0 closed sprint(s) neither changed the spec nor settled a question []
        flag.governance-after-build  no evidence  1 of 1 spec(s) before the first release were submitted before anything was approved, settled, filed or granted [1, 0]
        flag.controls-after-launch   evidenced    0 submission(s) after the first release to production added a control that nothing had taught [6]
        flag.responsibilities        contradicted `ownership.assigned` is discharged: all five resolve to present people of the receiving side [] | `ownership.accepted` is open: not accepted: `workflow` by ana@bank.example, `workflow` by bo@bank.example, `changes` by ana@bank.example, `changes` by bo@bank.example, and 6 more []
        flag.pilot-evidence          contradicted 1 event(s) on which production was released: drilled by the delivery side [5]
        flag.artifacts               evidenced    1 artifact(s) in the log that can be looked up [5] | 0 of 0 answers and findings cite nothing that can be looked up []
        theatre.reading-time         contradicted 4 of 4 approvals with a known time were faster than 80 characters a second; of 0 the time is not known [1, 2, 3, 4] | `officers`: 1 of 1 too fast, median 4725 characters a second [] | `risk`: 3 of 3 too fast, median 1125 characters a second []
        theatre.bulk                 contradicted 3 of 4 approvals and acceptances were among 3 or more by one person within a minute [2, 3, 4]
        theatre.producer             evidenced    0 of 4 approvals came from somebody who had changed what they approved [1, 2, 3, 4]
        theatre.no-rejection         contradicted 40 review(s) answered, 0 of them changed or rejected, 0 override(s); 4 approval(s) given, 0 withdrawn or waivers ended [1, 2, 3, 4]
        theatre.last-day             evidenced    0 of 1 release(s) rest on evidence of the last 24 hours alone [6]
        theatre.moved-bar            no evidence  0 submission(s) lowered a bar that one of 0 results had missed, 0 moved one nobody can tell which way []
        theatre.examples             no evidence  0 submission(s) changed steps or thresholds, 0 changed examples []
        theatre.waivers              no evidence  0 waiver(s) asked for, 0 renewed, 0 of them without anything about the obligation in between []
        theatre.served-digest        contradicted 60 of 60 decision(s) were made under another digest than a released one [4]
        theatre.drills               contradicted 1 drill(s), 1 by the delivery side; 0 since the first release to production [5]
        theatre.simulated            contradicted 5 of 5 approvals, acceptances and releases are simulated; they count in a simulation only [1, 2, 3, 4, 6] | 4 of them came within a minute of the one before: nobody judged [2, 3, 4, 6] | the release to production is a simulation's, and says so for ever [6]
        assumption.requirements      no evidence  0 submission(s) changed what is asked for after the first behaviour was seen [] | 0 result(s) missed something []
        assumption.governance        evidenced    3 of 3 judgement(s) and notes of the independent side came before the first release [6, 2, 3, 4]
        assumption.velocity          no evidence  the spec changed in no closed sprint []
        assumption.ownership         contradicted 0 of 5 responsibilities were accepted before the first release [6]
    "#]].assert_eq(&table(&h.assess()));
}

#[test]
fn what_is_not_evidenced_says_how_to_get_better() {
    for history in [History::new(), good()] {
        for item in history.assess().items() {
            assert_eq!(item.better.is_none(), item.standing == Evidenced, "{}", item.id);
            assert!(!item.reasons.is_empty() && item.reasons.iter().all(|r| !r.text.is_empty()), "{}", item.id);
        }
    }
}

#[test]
fn what_is_evidenced_cites_its_events() {
    let assessment = good().assess();
    for item in assessment.items().filter(|i| i.standing == Evidenced) {
        assert!(item.reasons.iter().any(|r| !r.cites.is_empty()), "{}", item.id);
    }
    assert!(assessment.count(Evidenced) > 12, "{}", table(&assessment));
}

#[test]
fn controls_that_came_after_launch() {
    let mut h = good();
    assert_eq!(h.stands("flag.controls-after-launch").0, NoEvidence);
    h.release("ana", Stage::Production);
    let launch = h.events.len() as u64 - 1;
    assert_eq!(h.stands("flag.controls-after-launch").0, Evidenced);
    h.submit("ana", &["steps.assess.forbid.promises"], &[]);
    assert_eq!(h.stands("flag.controls-after-launch"), (Contradicted, vec![launch, launch + 1]));
}

/// What operation taught is no control that was missing.
#[test]
fn a_control_learned_from_operation() {
    let mut h = good();
    h.release("ana", Stage::Production);
    let cites = vec![h.events[0].event.id];
    let sprint = Some("spr_01939000-0000-7000-8000-000000000009".parse().unwrap());
    let noted = SprintNoted { sprint, finding: true, element: None, cites };
    h.add("ana", &[], Body::SprintNoted(noted));
    h.submit("ana", &["steps.assess.forbid.promises"], &[]);
    assert_eq!(h.stands("flag.controls-after-launch").0, Evidenced);
}

#[test]
fn a_claim_that_cites_talk_only() {
    let mut h = good();
    assert_eq!(h.stands("flag.artifacts").0, Evidenced);
    let settled = QuestionSettled {
        question: "questions.late".into(),
        element: Digest::of(b"question"),
        withdrawn: false,
        cites: vec![h.events[0].event.id],
    };
    h.add("dev", &[], Body::QuestionSettled(settled));
    assert_eq!(h.stands("flag.artifacts").0, Partly);
}

#[test]
fn a_definition_has_its_line() {
    let mut h = good();
    h.release("ana", Stage::Production);
    h.submit("ana", &["steps.assess.never.declines"], &[]);
    let assessment = h.assess();
    let item = assessment.fired().find(|i| i.id == "flag.controls-after-launch").unwrap();
    let line = item.elements[0].line.unwrap();
    let text = h.workflow.files["workflow.yaml"].bytes.to_vec();
    assert!(String::from_utf8(text).unwrap().lines().nth(line - 1).unwrap().trim_start().starts_with("declines:"));
}

#[test]
fn governance_after_the_build() {
    let mut h = History::new();
    for _ in 0..3 {
        h.submit("dev", &[], &["steps"]);
    }
    h.approve("ana", "spec.intent", Stage::Pilot, 90_000);
    assert_eq!(h.stands("flag.governance-after-build").0, Contradicted);
    h.submit("dev", &[], &["steps"]);
    assert_eq!(h.stands("flag.governance-after-build").0, Evidenced);
}

#[test]
fn sprints_that_learn_nothing() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.sprint(1, "open", "open", |_| {});
    assert_eq!((h.stands("flag.velocity").0, h.stands("founder.learning").0), (Contradicted, Contradicted));
    h.sprint(2, "open", "discharged", |h| h.submit("dev", &[], &["purpose"]));
    assert_eq!((h.stands("flag.velocity").0, h.stands("founder.learning").0), (Partly, Partly));
}

#[test]
fn it_is_json_and_says_what_it_is() {
    let json = serde_json::to_value(good().assess()).unwrap();
    assert_eq!(json["cto"].as_array().unwrap().len(), 5);
    assert_eq!(json["founder"].as_array().unwrap().len(), 4);
    assert!(json["caveat"].as_str().unwrap().contains("proves nothing"));
    assert_eq!(json["theatre"][0]["standing"], "evidenced");
}

#[test]
fn the_reference_of_detectors_is_what_the_code_says() {
    const BEGIN: &str = "<!-- from the code: `SEATRIAL_UPDATE=1 cargo test -p seatrial-assessment detectors` -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/detectors.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once(BEGIN).unwrap();
    let expected = format!("{head}{BEGIN}\n\n{}", crate::reference());
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(path, &expected).unwrap();
    } else {
        assert_eq!(page, expected, "run the command that the page names");
    }
}

/// Ids are named once, and a group's definitions say everything that a reader needs.
#[test]
fn definitions_are_whole() {
    let ids: std::collections::BTreeSet<&str> = crate::definitions().map(|d| d.id).collect();
    assert_eq!(ids.len(), crate::definitions().count());
    for d in crate::definitions() {
        for text in [d.statement, d.reads, d.rule, d.limits, d.better] {
            assert!(!text.is_empty(), "{}", d.id);
        }
        assert!(d.command.starts_with("seatrial "), "{}", d.id);
        assert!(d.thresholds.iter().all(|t| !t.why.is_empty() && t.value > 0), "{}", d.id);
        assert_eq!(d.id.split('.').next() == Some("cto") || d.id.starts_with("founder."), !d.detects(), "{}", d.id);
    }
}
