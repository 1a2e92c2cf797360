use super::*;
use crate::report::fixture::{id, log};
use seatrial_model::event::*;
use seatrial_model::facts::OnLapse;
use seatrial_model::{Digest, Time};

fn revoked(threshold: &str) -> Body {
    let certificate: EventId = id("evt_", 900);
    // From JSON, as a log of today keeps it: fields that come later have their defaults.
    let body = serde_json::json!({
        "threshold": threshold, "certificate": certificate, "reason": "change",
        "audits": { "k": 7, "n": 60 }, "log_e": 0.0, "log_change": 3.1,
    });
    Body::CertificateRevoked(serde_json::from_value(body).unwrap())
}

fn certified(threshold: &str) -> Body {
    Body::ThresholdTested(ThresholdTested {
        certificate: crate::report::fixture::certificate(threshold),
        certified: true,
    })
}

fn lapsed_body() -> Body {
    Body::ReleaseLapsed(ReleaseLapsed {
        release: Digest::of(b"r"),
        lost: [("threshold.a".to_owned(), "revoked".to_owned())].into(),
        reaction: OnLapse::Warn,
    })
}

fn assumption(holds: bool) -> Body {
    Body::AssumptionChecked(AssumptionChecked {
        assumption: "assumptions.volume".into(),
        element: Digest::of(b""),
        holds,
        from: Time::from_millis(0),
        until: Time::from_millis(1),
        metrics: [("per_day".to_owned(), 912.0)].into(),
    })
}

fn found(bodies: Vec<Body>, operation: &Operation) -> Vec<BacklogItem> {
    let events = log(bodies);
    let events: Vec<&Event> = events.iter().collect();
    backlog(&BacklogInput { steps: &[], events: &events, operation, questions: &[], findings: &[] })
}

fn subjects(items: &[BacklogItem]) -> Vec<(Source, &str)> {
    items.iter().map(|i| (i.source, i.subject.as_str())).collect()
}

#[test]
fn an_alarm_leaves_the_list_with_the_next_certificate() {
    let none = Operation::default();
    let alarmed = found(vec![revoked("thresholds.a"), revoked("thresholds.b"), certified("thresholds.a")], &none);
    assert_eq!(subjects(&alarmed), [(Source::Alarm, "thresholds.b")]);
    assert_eq!(alarmed[0].command.as_deref(), Some("seatrial calibrate b"));
    assert_eq!(alarmed[0].events, [id::<EventId>("evt_", 1)]);
    assert!(alarmed[0].what.contains("7 of 60"), "{}", alarmed[0].what);
}

#[test]
fn a_lapse_stands_until_it_is_settled() {
    let none = Operation::default();
    let standing = found(vec![lapsed_body()], &none);
    assert_eq!(subjects(&standing), [(Source::Release, "threshold.a")]);
    let restored = Body::ReleaseRestored(ReleaseRestored { release: Digest::of(b"r") });
    assert!(found(vec![lapsed_body(), restored], &none).is_empty());
}

#[test]
fn the_newest_check_of_an_assumption_counts() {
    let none = Operation::default();
    assert!(found(vec![assumption(false), assumption(true)], &none).is_empty());
    let broken = found(vec![assumption(true), assumption(false)], &none);
    assert_eq!(subjects(&broken), [(Source::Assumption, "assumptions.volume")]);
    assert!(broken[0].what.contains("per_day 912"));
}

#[test]
fn clusters_are_counted_and_chance_is_left_out() {
    let cluster = |rule: &str, reason: &str| Cluster { rule: rule.into(), reason: reason.to_owned() };
    let events = |n: usize| (0..n).map(|i| id("evt_", i)).collect::<Vec<EventId>>();
    let operation = Operation {
        decisions: 200,
        overrides: [
            (cluster("steps.a.escalate.large", "wrong-data"), events(3)),
            (cluster("steps.a.forbid.x", "exception"), events(30)),
            (cluster("steps.a.forbid.y", "exception"), events(2)),
        ]
        .into(),
        escalations: [("steps.a.escalate.large".into(), 40), ("steps.a.escalate.rare".into(), 9)].into(),
        audits_missed: [("thresholds.a".into(), 4)].into(),
    };
    let items = found(vec![], &operation);
    assert_eq!(
        subjects(&items),
        [
            (Source::Audits, "thresholds.a"),
            (Source::Overrides, "steps.a.forbid.x"),
            (Source::Overrides, "steps.a.escalate.large"),
            (Source::Escalations, "steps.a.escalate.large"),
        ]
    );
    assert_eq!((items[1].count, items[1].events.len()), (Some(30), CITED_MAX));
    // 9 of 200 is under the least count, 12 of 1 000 is under the share.
    let many = Operation { decisions: 1_000, escalations: [("r".into(), 12)].into(), ..Operation::default() };
    assert!(found(vec![], &many).is_empty());
}

#[test]
fn steps_come_first_and_questions_last() {
    let steps = [item(Source::Obligation, "spec.intent", "not approved yet".to_owned())];
    let questions = [("questions.q".into(), "Is it so?".to_owned())];
    let findings = [(id("evt_", 5), Some("steps.a".into()), "Names are misread.".to_owned())];
    let operation = Operation { audits_missed: [("thresholds.a".into(), 1)].into(), ..Operation::default() };
    let input =
        BacklogInput { steps: &steps, events: &[], operation: &operation, questions: &questions, findings: &findings };
    let sources: Vec<Source> = backlog(&input).iter().map(|i| i.source).collect();
    assert_eq!(sources, [Source::Obligation, Source::Audits, Source::Finding, Source::Question]);
}
