use super::*;
use crate::define::Duty;
use crate::fixture::{Log, changed, now, principal};
use crate::status::{HandoverNow, LiveToken, TransferBar, TransferNow};
use seatrial_model::event::{
    DrillDone, LogKeyRotated, PackAcknowledged, PackGenerated, ReleaseCut, RightsKept, SpecSubmitted,
};
use seatrial_model::{Digest, EventId, LogPoint, Span};
use seatrial_spec::workflow::{Bar, BarOp};

const OWNED: Stage = Stage::Owned;

fn released(log: &mut Log, who: &str, stage: Stage, spec: Digest) -> EventId {
    let cut = ReleaseCut {
        workflow: "credit".to_owned(),
        stage,
        spec,
        state: Digest::of(b"state"),
        obligations: Digest::of(b"obligations"),
        level: "SEATRIAL_PRODUCTION".to_owned(),
        models: Default::default(),
        until: None,
        per_day: None,
        pilot: None,
        waivers: vec![],
    };
    on(log, spec, |log| log.append(principal(who), vec![], Body::ReleaseCut(cut)))
}

/// Does something under another spec's digest.
fn on<T>(log: &mut Log, spec: Digest, act: impl FnOnce(&mut Log) -> T) -> T {
    let was = std::mem::replace(&mut log.workflow.digest, spec);
    let done = act(log);
    log.workflow.digest = was;
    done
}

fn submitted(log: &mut Log, who: &str, spec: Digest) -> EventId {
    let body = SpecSubmitted {
        files: Default::default(),
        elements: Digest::of(b"elements"),
        element_count: 1,
        previous: Some(Digest::of(b"before")),
        added: vec![],
        removed: vec![],
        changed: vec![],
    };
    on(log, spec, |log| log.append(principal(who), vec![], Body::SpecSubmitted(body)))
}

fn approved(log: &mut Log, who: &str, spec: Digest) -> EventId {
    let body = crate::fixture::approval(&principal(who), Stage::Pilot);
    on(log, spec, |log| log.append(principal(who), vec![], body))
}

fn point() -> LogPoint {
    LogPoint { size: 1, root: Digest::of(b"root") }
}

fn ended(log: &mut Log, who: &str, days: i64, tokens: &[&str]) -> EventId {
    let tokens = tokens.iter().map(|t| (*t).to_owned()).collect();
    let from = log.now.plus_millis(days * 86_400_000);
    log.append(principal(who), vec![], Body::RightsEnded(RightsEnded { side: Side::Delivery, from, tokens }))
}

fn rotated(log: &mut Log, holder: &str) -> EventId {
    let rotated: LogKeyRotated = serde_json::from_value(serde_json::json!({
        "old": "old", "new": "new", "holder": format!("{holder}@bank.example"), "point": point(), "line": "" }))
    .unwrap();
    log.append(principal("ana"), vec![], Body::LogKeyRotated(rotated))
}

fn restored(log: &mut Log, who: &str, found: bool) -> EventId {
    let drill = DrillDone {
        control: "restore".to_owned(),
        effective_ms: 900,
        allowed_ms: None,
        refused: 0,
        events: vec![],
        runbooks: vec![],
        finished: 0,
        restored: found.then(point),
    };
    log.append(principal(who), vec![], Body::DrillDone(drill))
}

fn in_force(log: &Log) -> InForceNow {
    InForceNow {
        release: Digest::of(b"production"),
        index: 1,
        stage: Stage::Production,
        spec: log.workflow.digest,
        until: Some(now().plus_millis(30 * 86_400_000)),
        lost: Vec::new(),
    }
}

fn transfer(receiving: u64, delivery: u64, value: f64) -> TransferNow {
    let bar = Bar { op: BarOp::AtLeast, value };
    let over = Span::from_millis(30 * DAY_MS);
    let bar = TransferBar { bar, over, fixed_by: Some(40), lowered_to: None, dropped: false };
    TransferNow { receiving, delivery, since: now().day(), bar }
}

/// Everything that production asks for, and a production release in force.
fn in_production() -> Log {
    let mut log = Log::complete();
    let (build, spec) = (Digest::of(b"build"), log.workflow.digest);
    released(&mut log, "dev", Stage::Pilot, build);
    released(&mut log, "ana", Stage::Production, spec);
    let release = in_force(&log);
    log.running.handover =
        Some(HandoverNow { in_force: Some(release), transfer: Some(transfer(19, 1, 0.9)), ..HandoverNow::default() });
    log
}

fn facts(log: &mut Log) -> &mut HandoverNow {
    log.running.handover.as_mut().unwrap()
}

#[track_caller]
fn is(log: &Log, id: &str, state: State, says: &str) {
    let (is, why) = log.is(OWNED, id);
    assert!(is == state && why.contains(says), "{id} is {is}: {why}");
}

#[test]
fn what_is_owned_answers_for_all_of_production_and_for_the_handover() {
    let log = in_production();
    let production = log.states(Stage::Production);
    let owned = log.states(OWNED);
    for state in production.iter().filter(|s| s.obligation.duty != Duty::Release) {
        let same = owned.iter().find(|s| s.obligation.id == state.obligation.id).unwrap();
        assert_eq!(
            (same.state, same.key, &same.events),
            (state.state, state.key, &state.events),
            "{}",
            same.obligation.id
        );
    }
    let more: Vec<&str> = owned
        .iter()
        .filter(|o| !production.iter().any(|p| p.obligation.id == o.obligation.id))
        .map(|s| s.obligation.id.as_str())
        .collect();
    assert_eq!(more, ["ownership.unaided", "ownership.access", "ownership.pack", "ownership.index"]);
    assert!(owned.iter().all(|s| !s.obligation.id.starts_with("ownership.") || !s.obligation.waivable));
}

#[test]
fn a_change_is_unaided_where_nobody_of_delivery_acted_on_its_spec() {
    let spec = Digest::of(b"change");
    let mut log = in_production();
    is(&log, "ownership.unaided", State::Open, "the delivery side acted on it");
    submitted(&mut log, "ana", spec);
    let mut unapproved = in_production();
    submitted(&mut unapproved, "ana", spec);
    released(&mut unapproved, "bo", Stage::Pilot, spec);
    is(&unapproved, "ownership.unaided", State::Open, "nobody approved anything of it");
    approved(&mut log, "ria", spec);
    let mut cut_by_others = in_production();
    submitted(&mut cut_by_others, "ana", spec);
    approved(&mut cut_by_others, "ria", spec);
    released(&mut cut_by_others, "dev", Stage::Pilot, spec);
    is(&cut_by_others, "ownership.unaided", State::Open, "who cut it, is not of the receiving side");
    let cut = released(&mut log, "bo", Stage::Pilot, spec);
    is(&log, "ownership.unaided", State::Discharged, "for pilot");
    assert_eq!(log.state(OWNED, "ownership.unaided").events, [cut]);
    // What happens to it afterwards undoes nothing, and neither does a later change that was helped with.
    approved(&mut log, "dev", spec);
    released(&mut log, "dev", Stage::Pilot, Digest::of(b"another"));
    assert_eq!(log.state(OWNED, "ownership.unaided").events, [cut]);
}

#[test]
fn one_hand_of_delivery_before_the_cut_is_help() {
    let spec = Digest::of(b"change");
    for by in ["submission", "approval"] {
        let mut log = in_production();
        submitted(&mut log, if by == "submission" { "dev" } else { "ana" }, spec);
        approved(&mut log, if by == "approval" { "dev" } else { "ria" }, spec);
        released(&mut log, "bo", Stage::Pilot, spec);
        is(&log, "ownership.unaided", State::Open, "`dev@bank.example` of the delivery side acted on it");
    }
}

#[test]
fn the_first_release_and_the_same_spec_again_are_no_change() {
    let mut log = Log::complete();
    let spec = Digest::of(b"first");
    submitted(&mut log, "ana", spec);
    approved(&mut log, "ria", spec);
    released(&mut log, "bo", Stage::Pilot, spec);
    released(&mut log, "bo", Stage::Production, spec);
    is(&log, "ownership.unaided", State::Open, "no change was released after the first release");
}

#[test]
fn access_says_which_of_the_four_is_missing() {
    let mut log = in_production();
    let (_, why) = log.is(OWNED, "ownership.access");
    for part in ["rights of the delivery side do not end", "opened with", "never restored"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    ended(&mut log, "ana", 10, &[]);
    rotated(&mut log, "dev");
    restored(&mut log, "ana", false);
    restored(&mut log, "dev", true);
    is(&log, "ownership.access", State::Open, "held by `dev@bank.example`");
    rotated(&mut log, "ana");
    is(&log, "ownership.access", State::Open, "never restored");
    restored(&mut log, "bo", true);
    is(&log, "ownership.access", State::Discharged, "end on");
    log.days(11);
    is(&log, "ownership.access", State::Discharged, "ended on");
    log.now = now().plus_millis(366 * 86_400_000);
    is(&log, "ownership.access", State::Open, "more than 365 days ago");
}

fn handed(log: &mut Log) {
    rotated(log, "ana");
    restored(log, "ana", true);
}

#[test]
fn the_rights_end_in_time_by_the_receiving_sides_word_and_may_be_taken_back() {
    let mut log = in_production();
    handed(&mut log);
    let end = ended(&mut log, "ana", 30, &[]);
    is(&log, "ownership.access", State::Discharged, "");
    let kept = Body::RightsKept(RightsKept { ended: end });
    log.append(principal("ana"), vec![], kept.clone());
    is(&log, "ownership.access", State::Open, "do not end");
    ended(&mut log, "ana", 31, &[]);
    is(&log, "ownership.access", State::Open, "after hypercare's end");
    facts(&mut log).in_force.as_mut().unwrap().until = None;
    is(&log, "ownership.access", State::Discharged, "");
    // Taking back another end than the one in force takes nothing back.
    log.append(principal("ana"), vec![], kept);
    is(&log, "ownership.access", State::Discharged, "");
    ended(&mut log, "dev", 1, &[]);
    is(&log, "ownership.access", State::Open, "was not said by the receiving side");
    log.running.handover = None;
    is(&log, "ownership.access", State::Open, "not known");
}

#[test]
fn no_token_of_theirs_outlives_their_rights() {
    let mut log = in_production();
    handed(&mut log);
    let token = |name: &str, days: i64| LiveToken {
        token: name.to_owned(),
        principal: "dev@bank.example".to_owned(),
        expires: now().plus_millis(days * 86_400_000),
    };
    ended(&mut log, "ana", 10, &["listed"]);
    facts(&mut log).tokens = vec![token("short", 10), token("listed", 90)];
    is(&log, "ownership.access", State::Discharged, "");
    facts(&mut log).tokens.push(token("later", 11));
    is(&log, "ownership.access", State::Open, "`later` of dev@bank.example");
    facts(&mut log).tokens.pop();
    // At that time what was named is revoked: one that is still good is missing.
    log.days(10);
    is(&log, "ownership.access", State::Open, "`listed` of dev@bank.example");
    facts(&mut log).elsewhere = vec!["claims".to_owned()];
    is(&log, "ownership.access", State::Discharged, "they go on in claims");
}

fn generate(log: &mut Log, page: &[u8]) -> (EventId, Digest) {
    let page = Digest::of(page);
    let body = PackGenerated { page, log: point(), missing: vec![], manifest: None };
    (log.append(principal("dev"), vec![], Body::PackGenerated(body)), page)
}

fn acknowledge(log: &mut Log, who: &str, role: &str, (pack, shown): (EventId, Digest)) {
    let body = PackAcknowledged { pack, shown, role: role.to_owned() };
    log.add(principal(who), &["ownership.pack"], Body::PackAcknowledged(body));
}

#[test]
fn the_pack_is_of_what_is_in_production_and_taken_over_its_page() {
    let mut before = Log::complete();
    let early = generate(&mut before, b"early");
    let spec = before.workflow.digest;
    released(&mut before, "ana", Stage::Production, spec);
    acknowledge(&mut before, "ana", "officers", early);
    is(&before, "ownership.pack", State::Open, "no pack was generated since");
    assert!(before.state(OWNED, "ownership.pack").considered[0].why.contains("older than the production release"));
    let mut log = in_production();
    let pack = generate(&mut log, b"page");
    is(&log, "ownership.pack", State::Open, "was not acknowledged");
    acknowledge(&mut log, "ria", "risk", pack);
    acknowledge(&mut log, "dev", "engineering", pack);
    acknowledge(&mut log, "ana", "risk", pack);
    acknowledge(&mut log, "ana", "officers", (pack.0, Digest::of(b"another")));
    let considered = log.state(OWNED, "ownership.pack").considered;
    let whys: Vec<&str> = considered.iter().map(|c| c.why.as_str()).collect();
    assert!(considered.iter().all(|c| !c.counts), "{whys:?}");
    assert!(whys[3].contains("not the pack's page"), "{whys:?}");
    acknowledge(&mut log, "bo", "officers", pack);
    is(&log, "ownership.pack", State::Discharged, "acknowledged by bo@bank.example");
    // Another spec is another pack, and the path that changed is named.
    let changed = changed(|w| w.purpose = "Something else.".to_owned());
    let log = log.with(changed);
    let state = log.state(OWNED, "ownership.pack");
    assert_eq!(
        (state.state, state.changed.iter().map(|p| p.as_str()).collect::<Vec<_>>()),
        (State::Stale, vec!["purpose"])
    );
}

#[test]
fn the_index_meets_the_bar_misses_it_or_tells_nothing() {
    let mut log = in_production();
    is(&log, "ownership.index", State::Discharged, "19 of 20");
    facts(&mut log).transfer = Some(transfer(17, 3, 0.9));
    is(&log, "ownership.index", State::Failed, "the bar is `>= 0.9`");
    facts(&mut log).transfer = Some(transfer(18, 1, 0.9));
    is(&log, "ownership.index", State::Inconclusive, "fewer than 20");
    facts(&mut log).transfer = Some(transfer(0, 0, 0.9));
    is(&log, "ownership.index", State::Inconclusive, "");
    facts(&mut log).transfer = Some(transfer(500, 0, f64::NAN));
    is(&log, "ownership.index", State::Failed, "");
    let mut lowered = transfer(17, 3, 0.9);
    lowered.bar.lowered_to = Some(Bar { op: BarOp::AtLeast, value: 0.5 });
    facts(&mut log).transfer = Some(lowered);
    is(&log, "ownership.index", State::Failed, "a bar lowered after production was released (entry 40) does not count");
    let mut dropped = transfer(19, 1, 0.9);
    dropped.bar.dropped = true;
    facts(&mut log).transfer = Some(dropped);
    is(&log, "ownership.index", State::Discharged, "dropped after production was released (entry 40) still holds");
    facts(&mut log).transfer = None;
    is(&log, "ownership.index", State::Open, "no bar was written");
}

#[test]
fn the_handover_is_approved_by_those_who_take_over_and_by_risk_over_what_stands() {
    let mut log = in_production();
    let build = Digest::of(b"change");
    submitted(&mut log, "bo", build);
    approved(&mut log, "ria", build);
    released(&mut log, "bo", Stage::Pilot, build);
    handed(&mut log);
    ended(&mut log, "ana", 10, &[]);
    let pack = generate(&mut log, b"page");
    acknowledge(&mut log, "ana", "officers", pack);
    log.approve_release("dev", OWNED);
    is(&log, "release.approval", State::Open, "one person of the receiving side");
    let refused = log.state(OWNED, "release.approval").considered;
    assert!(refused[0].why.contains("does not take over"), "{}", refused[0].why);
    // Bo submitted a spec since the last handover: an author of what is handed over.
    log.approve_release("bo", OWNED);
    log.approve_release("ria", OWNED);
    is(&log, "release.approval", State::Open, "one person of the receiving side");
    log.approve_release("ana", OWNED);
    is(&log, "release.approval", State::Discharged, "ana@bank.example");
    assert!(log.states(OWNED).iter().all(|s| s.state.is_settled()), "{}", crate::fixture::table(&log.states(OWNED)));
    // Only what is in production and stands is handed over.
    facts(&mut log).in_force.as_mut().unwrap().lost = vec!["hypercare".to_owned()];
    is(&log, "release.approval", State::Open, "the one in force lapsed (hypercare)");
    facts(&mut log).in_force.as_mut().unwrap().spec = build;
    is(&log, "release.approval", State::Open, "a production release of this spec");
    facts(&mut log).in_force = None;
    is(&log, "release.approval", State::Open, "a production release in force");
}

#[test]
fn production_approvals_count_for_what_is_owned_and_waivers_with_them() {
    let mut log = in_production();
    log.running.oversight = None;
    let waiver = log.ask_waiver("ana", "oversight.efficacy", Stage::Production, 10, None);
    log.grant_waiver("ria", waiver, "risk");
    is(&log, "oversight.efficacy", State::Waived, "");
    is(&log, "approval.risk", State::Discharged, "ria@bank.example");
    let for_owned = log.ask_waiver("ana", "runtime.trace", OWNED, 10, None);
    assert!(!crate::status::waivers(&log.input(OWNED, &[])).iter().any(|w| w.request == for_owned));
}
