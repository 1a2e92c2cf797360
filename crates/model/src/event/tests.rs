//! A decision's event reads back from its leaf, whatever stands in it: there are so many of them that a running factory
//! does not read each back before it is written.

use super::*;
use crate::facts::{
    Bounds, CertificateState, CheckKind, Confidence, Facts, Finding, FindingResult, FoundSpan, Inspected, OnLapse,
    ReviewAll, SliceFact, ThresholdFact, When,
};
use crate::{
    Action, Assurance, Commitment, PrincipalKind, Protocol, ReviewId, Side, Stage, StreamEnd, Verdict, canonical,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z.-]{1,12}",
        "([\\x00-\\x7f]|[€😀\u{fb33}\u{2028}\u{feff}]){0,8}",
        any::<String>()
    ]
}

fn path() -> impl Strategy<Value = ElementPath> {
    text().prop_map(ElementPath::new)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn uuid() -> impl Strategy<Value = uuid::Uuid> {
    any::<u128>().prop_map(uuid::Uuid::from_u128)
}

/// What a count or a length can be: others are refused.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), 0..=1u64 << 53]
}

fn number() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![Just(0.0), Just(-0.0), Just(1.0), 0.0..1.0, POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO]
}

fn finding() -> impl Strategy<Value = Finding> {
    use CheckKind::{Forbid, Never, RefuseInput, Require, Schema};
    use FindingResult::{Met, NotRun, Violated};
    let span = (text(), count(), count()).prop_map(|(part, start, end)| FoundSpan { part, start, end });
    let kind = select(vec![RefuseInput, Schema, Require, Forbid, Never]);
    (path(), kind, select(vec![Met, Violated, NotRun]), text(), vec(span, 0..3))
        .prop_map(|(path, kind, result, code, spans)| Finding { path, kind, result, code, spans })
}

fn state() -> impl Strategy<Value = CertificateState> {
    select(vec![CertificateState::Certified, CertificateState::None, CertificateState::Revoked])
}

fn facts() -> impl Strategy<Value = Facts> {
    let head = (any::<[u32; 4]>(), select(Stage::ALL.to_vec()), any::<[bool; 4]>());
    let stands = (
        select(vec![Bounds::Within, Bounds::Ceiling, Bounds::Ended]),
        of(select(vec![OnLapse::Warn, OnLapse::Escalate, OnLapse::Stop])),
        of(select(vec![ReviewAll::Before, ReviewAll::After])),
    );
    let found = (vec(finding(), 0..3), vec(finding(), 0..3), of(vec(finding(), 0..2)), of(text()));
    let confidence = (text(), number(), any::<bool>());
    let confidence = confidence.prop_map(|(source, value, present)| Confidence { source, value, present });
    let when = (path(), any::<bool>(), any::<bool>()).prop_map(|(path, holds, failed)| When { path, holds, failed });
    let threshold = (path(), state()).prop_map(|(path, state)| ThresholdFact { path, state });
    let slice = (path(), state(), any::<bool>()).prop_map(|(path, state, failed)| SliceFact { path, state, failed });
    let looked = (text(), vec(path(), 0..3)).prop_map(|(part, by)| Inspected { part, by });
    let weighed = (confidence, vec(when, 0..3), vec(threshold, 0..3), vec(slice, 0..2), number(), vec(looked, 0..3));
    (head, stands, found, weighed).prop_map(|(head, stands, found, weighed)| {
        let ([v, decide, checks, attempts], stage, [rehearsal, shadow, stopped, acts]) = head;
        let (bounds, lapsed, review_all) = stands;
        let (input, findings, after_modify, no_candidate) = found;
        let (confidence, whens, thresholds, slices, draw, inspected) = weighed;
        Facts {
            v,
            decide,
            checks,
            stage,
            rehearsal,
            shadow,
            stopped,
            bounds,
            lapsed,
            review_all,
            acts,
            input,
            no_candidate,
            findings,
            after_modify,
            attempts,
            confidence,
            whens,
            thresholds,
            slices,
            draw,
            inspected,
        }
    })
}

fn used() -> impl Strategy<Value = Option<Usage>> {
    of((count(), count()).prop_map(|(input, output)| Usage { input, output }))
}

fn review() -> impl Strategy<Value = Option<ReviewOpened>> {
    let review = (uuid(), text(), any::<bool>(), of(count()), any::<bool>());
    of(review.prop_map(|(review, to, own, within_ms, seeded)| ReviewOpened {
        review: ReviewId::new(review),
        to,
        own,
        within_ms,
        seeded,
    }))
}

fn made() -> impl Strategy<Value = DecisionMade> {
    let names = (uuid(), text(), text(), text(), of(text()), of(uuid()));
    let words = (
        select(vec![Entry::Run, Entry::Proxy, Entry::Decide]),
        select(Verdict::ALL.to_vec()),
        select(Action::ALL.to_vec()),
        of(select(Protocol::ALL.to_vec())),
        any::<bool>(),
    );
    let why = (text(), vec(path(), 0..3), of(text()), review(), facts());
    let opened = (uuid(), count(), select(StreamEnd::ALL.to_vec()));
    let opened = opened.prop_map(|(id, released, end)| StreamReleased { opened: EventId::new(id), released, end });
    let cost = (count(), text()).prop_map(|(micros, currency)| Cost { micros, currency });
    let costs = (of(text()), used(), count(), of(opened), count(), of(text()), of(cost), used());
    (names, words, why, costs).prop_map(|(names, words, why, costs)| {
        let (decision, step, case, ask, question, behalf) = names;
        let (entry, verdict, action, protocol, audit) = words;
        let (code, because, certificate, review, facts) = why;
        let (model, usage, requests, stream, samples, fallback, cost, unreported) = costs;
        DecisionMade {
            decision: DecisionId::new(decision),
            step,
            case,
            ask,
            entry,
            facts,
            verdict,
            action,
            code,
            because,
            certificate,
            review,
            audit,
            model,
            usage,
            protocol,
            requests,
            behalf: behalf.map(DecisionId::new),
            stream,
            samples,
            fallback,
            cost,
            unreported,
            question,
        }
    })
}

fn actor() -> impl Strategy<Value = Principal> {
    use Assurance::{Local, Signed, Simulated, Sso, Token};
    let kind = select(vec![PrincipalKind::Person, PrincipalKind::Agent, PrincipalKind::Service]);
    let side = select(vec![Side::Delivery, Side::Receiving, Side::Independent]);
    (text(), kind, side, btree_set(text(), 0..3), select(vec![Simulated, Local, Token, Sso, Signed]))
        .prop_map(|(id, kind, side, roles, assurance)| Principal { id, kind, side, roles, assurance })
}

fn event() -> impl Strategy<Value = Event> {
    let head = (any::<u32>(), uuid(), any::<i64>(), "[a-z][a-z0-9-]{0,63}", any::<bool>(), actor());
    let subject = (of(path()), of(uuid().prop_map(DecisionId::new)), of(digest()));
    let subject = subject.prop_map(|(element, decision, release)| Subject { element, decision, release });
    let evidence = (text(), digest(), btree_map(text(), text(), 0..2));
    let evidence = evidence.prop_map(|(obligation, key, inputs)| Evidence { obligation, key, inputs });
    let people = (count(), digest()).prop_map(|(size, root)| LogPoint { size, root });
    let payloads = btree_map(text(), digest().prop_map(Commitment), 0..5);
    let about = (subject, of(digest()), of(digest()), vec(evidence, 0..2), payloads, of(people));
    (head, about, made()).prop_map(|(head, about, made)| {
        let (v, id, time, log, simulation, actor) = head;
        let (subject, spec, release, evidence, payloads, people) = about;
        Event {
            v,
            id: EventId::new(id),
            time: Time::from_millis(time),
            log: log.parse().unwrap(),
            simulation,
            actor,
            subject,
            spec,
            release,
            evidence,
            payloads,
            people,
            body: Body::DecisionMade(made),
        }
    })
}

proptest! {
    #[test]
    fn a_decision_reads_back_from_its_leaf(event in event()) {
        let leaf = event.leaf().unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Event>(&leaf).unwrap(), &event);
        // By way of a value, as other languages read it, the bytes are the same.
        let value: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
        if let Ok(again) = canonical(&value) {
            prop_assert_eq!(String::from_utf8(again), String::from_utf8(leaf));
        }
    }

    #[test]
    fn a_decision_with_a_number_that_is_none_has_no_leaf(event in event(), none in select(vec![f64::NAN, f64::INFINITY])) {
        for place in 0..2 {
            let mut event = event.clone();
            let Body::DecisionMade(made) = &mut event.body else { unreachable!() };
            *(if place == 0 { &mut made.facts.draw } else { &mut made.facts.confidence.value }) = none;
            prop_assert_eq!(event.leaf(), Err(crate::CanonicalError::NotFinite));
        }
    }
}
