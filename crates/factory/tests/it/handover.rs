//! From production to owned: the four things that a handover asks for, one after the other; and what becomes of a
//! production release that nobody takes over.

use crate::simulated;
use crate::support::{WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{NewToken, Released};
use seatrial_governance::State;
use seatrial_governance::policy::Circumstances;
use seatrial_model::event::{DrillDone, ENVELOPE_VERSION, Event, LogKeyRotated, Subject, TokenKind};
use seatrial_model::{Assurance, Body, Digest, LogPoint, Span, Stage};
use seatrial_store::{Batch, StoreExt as _};

const DAY_MS: u64 = 86_400_000;
const OWNED: Stage = Stage::Owned;

async fn state(yard: &Yard, id: &str) -> (State, String) {
    let standing = yard.standing(OWNED).await;
    let found = standing.states.into_iter().find(|s| s.obligation.id == id).unwrap();
    (found.state, found.why)
}

async fn expect(yard: &Yard, id: &str, wanted: State, says: &str) {
    let (is, why) = state(yard, id).await;
    assert!(is == wanted && why.contains(says), "{id} is {is}: {why}");
}

/// An event as a person of the receiving side would have it recorded.
fn event(yard: &Yard, who: &Caller, n: u64, body: Body) -> Event {
    Event {
        v: ENVELOPE_VERSION,
        id: format!("evt_01a20817-55b3-7000-a701-{n:012x}").parse().unwrap(),
        time: yard.factory.now(),
        log: yard.log(),
        simulation: true,
        actor: who.principal.clone(),
        subject: Subject::default(),
        spec: None,
        release: None,
        evidence: Vec::new(),
        payloads: Default::default(),
        people: None,
        body,
    }
}

async fn point(yard: &Yard) -> LogPoint {
    let logs = yard.factory.store().logs().await.unwrap();
    let log = logs.into_iter().find(|l| l.log == yard.log()).unwrap();
    LogPoint { size: log.size, root: log.root }
}

/// The log's key changes hands, and the log was restored: through the store, as the commands for it do.
async fn key_and_restore(yard: &Yard, holder: &str) {
    let (store, hana) = (yard.factory.store(), yard.who("hana"));
    let old = store.logs().await.unwrap().into_iter().find(|l| l.log == yard.log()).unwrap().key;
    let new = store.stage_key(&yard.log(), None).await.unwrap();
    let point = point(yard).await;
    let rotated = serde_json::json!({ "old": old, "new": new, "holder": holder, "point": point, "line": "" });
    let rotated: LogKeyRotated = serde_json::from_value(rotated).unwrap();
    let n = point.size;
    store.append(&yard.log(), Batch::of(event(yard, &hana, n, Body::LogKeyRotated(rotated)))).await.unwrap();
    let drill =
        serde_json::json!({ "control": "restore", "effective_ms": 900, "refused": 0, "events": [], "restored": point });
    let drill: DrillDone = serde_json::from_value(drill).unwrap();
    store.append(&yard.log(), Batch::of(event(yard, &hana, n + 1, Body::DrillDone(drill)))).await.unwrap();
}

/// The residual of a risk is another: risk and credit accept it, the independent side looks again. By the receiving side,
/// or with the delivery side's hand in it.
async fn change(yard: &Yard, was: &str, is: &str, submitter: &str) {
    yard.edit(was, is);
    yard.factory.submit(&yard.who(submitter), None).await.unwrap();
    let (ria, production) = (yard.who("ria"), Stage::Production);
    yard.approve("hana", production, "risk.register", Some("credit")).await;
    yard.approve("ria", production, "risk.register", Some("risk")).await;
    let standing = yard.standing(production).await;
    let stale: Vec<String> = standing.missing().map(|s| s.obligation.id.clone()).collect();
    if stale.iter().any(|id| id == "validation.independent") {
        let text = b"Validated again: the residual risk was raised.".to_vec();
        let filed = yard.factory.file_document(&ria, WORKFLOW, production, "validation.independent", "v.txt", text);
        filed.await.unwrap();
        yard.approve("rex", production, "validation.independent", None).await;
    }
    yard.approve("hana", production, "release.approval", Some("credit")).await;
    yard.approve("rex", production, "release.approval", Some("risk")).await;
    let missing = yard.missing(production).await;
    assert!(missing.is_empty(), "{missing:#?}");
}

async fn cut(yard: &Yard, who: &str, stage: Stage) -> seatrial_model::event::ReleaseCut {
    match yard.factory.release(&yard.who(who), WORKFLOW, stage, false).await.unwrap() {
        Released::Cut { body, .. } => *body,
        other => panic!("{other:?}"),
    }
}

/// Cases that go to a person, and their answers: operating actions of whoever answers.
async fn operate(yard: &Yard, who: &str, n: u64) {
    for i in 0..n {
        let passed = yard.pass(application(5_000 + i)).await;
        let review = yard.factory.review(passed.review.expect("a large credit goes to a person")).await.unwrap();
        let who = yard.who(who);
        yard.factory.claim(&who, review.review).await.unwrap();
        simulated::answer(&yard.factory, &who, &review).await.unwrap();
    }
}

async fn token(yard: &Yard, principal: &str, lives: &str) -> String {
    let lives = lives.parse::<Span>().unwrap();
    let new = NewToken { kind: TokenKind::Operator, principal: principal.to_owned(), steps: Vec::new(), lives };
    yard.factory.issue_token(&yard.who("hana"), new).await.unwrap()
}

/// The pack is written and sealed; the digest of its page.
async fn pack(yard: &Yard) -> Digest {
    let hana = yard.who("hana");
    let draft = yard.factory.draft_pack(&hana, WORKFLOW).await.unwrap();
    yard.factory.seal_pack(&hana, WORKFLOW, &draft, Digest::of(b"MANIFEST")).await.unwrap();
    Digest::of(draft.parts.page.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn production_becomes_owned_by_those_who_take_it_over() {
    let yard = Yard::production().await;
    let hana = yard.who("hana");
    // What production needs stands; what the handover needs is missing, each with its reason.
    let missing = yard.missing(OWNED).await;
    assert_eq!(missing.len(), 5, "{missing:#?}");
    expect(&yard, "ownership.unaided", State::Open, "no change was released after the first release").await;
    expect(&yard, "ownership.access", State::Open, "do not end").await;
    expect(&yard, "ownership.pack", State::Open, "no pack was generated").await;
    let hypercare = yard.standing(OWNED).await.hypercare.unwrap();
    assert_eq!(hypercare.left_ms.unwrap() / DAY_MS, 299, "the example has 300 days");
    // A change that the delivery side had a hand in is none of theirs.
    change(&yard, "residual: low", "residual: medium", "dev").await;
    let ends = cut(&yard, "hana", Stage::Production).await.until;
    expect(&yard, "ownership.unaided", State::Open, "`dev@shipyard.example` of the delivery side acted on it").await;
    // The build is over and out of the window; from now on the receiving side operates.
    yard.factory.advance_clock(31 * DAY_MS).await.unwrap();
    expect(&yard, "ownership.index", State::Inconclusive, "fewer than 20").await;
    change(&yard, "residual: medium", "residual: low", "hugo").await;
    let production = cut(&yard, "hana", Stage::Production).await;
    assert_eq!(production.until, ends, "nobody took it over yet, and another release puts nothing off");
    expect(&yard, "ownership.unaided", State::Discharged, "hana@harbour.example").await;
    operate(&yard, "hana", 20).await;
    expect(&yard, "ownership.index", State::Discharged, ">= 0.9").await;
    access(&yard, &hana).await;
    // The pack is of what is in production, over its page, by somebody who takes over.
    let page = pack(&yard).await;
    expect(&yard, "ownership.pack", State::Open, "was not acknowledged").await;
    for (who, shown, says) in [
        ("dev", page, "does not take over"),
        ("ria", page, "it never operates or owns"),
        ("hana", Digest::of(b"another"), "no pack"),
    ] {
        let refused = yard.factory.acknowledge_pack(&yard.who(who), WORKFLOW, shown).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{who}: {refused}");
    }
    let taken = yard.factory.acknowledge_pack(&hana, WORKFLOW, page).await.unwrap();
    assert_eq!(taken.role, "credit");
    expect(&yard, "ownership.pack", State::Discharged, "hana@harbour.example").await;
    owned(&yard).await;
}

/// The end of the rights, counted down and taken back; tokens that do not outlive it; the key, the restore.
async fn access(yard: &Yard, hana: &Caller) {
    token(yard, "dev@shipyard.example", "90d").await;
    let at = |days: i64| yard.factory.now().plus_millis(days * 86_400_000);
    for (who, from, says) in
        [("dev", at(10), "does not take over"), ("ria", at(10), "never operates or owns"), ("hana", at(-1), "passed")]
    {
        let refused = yard.factory.end_rights(&yard.who(who), WORKFLOW, from, "done").await.unwrap_err();
        assert!(refused.to_string().contains(says), "{who}: {refused}");
    }
    yard.factory.end_rights(hana, WORKFLOW, at(400), "much later").await.unwrap();
    expect(yard, "ownership.access", State::Open, "after hypercare's end").await;
    yard.factory.keep_rights(hana, WORKFLOW, "that was too late").await.unwrap();
    expect(yard, "ownership.access", State::Open, "do not end").await;
    let look = yard.factory.end_rights(hana, WORKFLOW, at(10), "the handover is done").await.unwrap();
    assert_eq!((look.tokens.len(), look.ended), (1, false), "{look:?}");
    let again = yard.factory.end_rights(hana, WORKFLOW, at(12), "again").await.unwrap_err();
    assert!(matches!(again, Refused::Conflict { .. }), "{again}");
    let (_, why) = state(yard, "ownership.access").await;
    assert!(why.contains("the key that it was opened with") && why.contains("never restored"), "{why}");
    key_and_restore(yard, "dev@shipyard.example").await;
    expect(yard, "ownership.access", State::Open, "is held by `dev@shipyard.example`").await;
    key_and_restore(yard, "hana@harbour.example").await;
    expect(yard, "ownership.access", State::Discharged, "end on").await;
    // A new token of theirs ends with their rights, whatever it was given for.
    token(yard, "lena@shipyard.example", "90d").await;
    expect(yard, "ownership.access", State::Discharged, "end on").await;
}

async fn owned(yard: &Yard) {
    let production = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    // Approved anew by the receiving side and by risk, never by delivery or by an author.
    for (who, role, says) in
        [("lena", "engineering", "does not take over"), ("hugo", "credit", "an author never approves their own change")]
    {
        let input = seatrial_factory::ApprovalInput {
            stage: OWNED,
            obligation: "release.approval".to_owned(),
            role: Some(role.to_owned()),
            key: None,
            shown_ms: None,
        };
        let refused = yard.factory.approve(&yard.who(who), WORKFLOW, input).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{who}: {refused}");
    }
    yard.approve("hana", OWNED, "release.approval", Some("credit")).await;
    expect(yard, "release.approval", State::Open, "one person of the independent side").await;
    yard.approve("rex", OWNED, "release.approval", Some("risk")).await;
    let missing = yard.missing(OWNED).await;
    assert!(missing.is_empty(), "{missing:#?}");
    let refused = yard.factory.release(&yard.who("lena"), WORKFLOW, OWNED, false).await.unwrap_err();
    assert!(refused.to_string().contains("does not take over"), "{refused}");
    let dry = yard.factory.release(&yard.who("lena"), WORKFLOW, OWNED, true).await.unwrap();
    assert!(matches!(dry, Released::Ready { .. }), "{dry:?}");
    let body = cut(yard, "hana", OWNED).await;
    assert_eq!((body.stage, body.until, body.spec), (OWNED, None, production.spec));
    let now = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert!(now.owned && now.stage == OWNED && now.until.is_none(), "{now:?}");
    assert!(yard.factory.standing(WORKFLOW, OWNED).await.unwrap().hypercare.is_none());
    // It is served as production is, and hypercare's old end is nobody's business any more.
    let passed = yard.pass(application(5_000)).await;
    assert_eq!(passed.release, Some(now.release));
    let ticked = yard.factory.tick().await;
    assert!(ticked.lapsed.is_empty() && ticked.failed.is_empty(), "{ticked:?}");
    afterwards(yard).await;
    assert!(yard.factory.store().check_rows(&yard.log()).await.unwrap().identical());
}

/// Ten days on: the rights have ended by themselves. What those who own the workflow release has no hypercare.
async fn afterwards(yard: &Yard) {
    let (dev, bearer) = (yard.who("dev"), token(yard, "dev@shipyard.example", "90d").await);
    yard.factory.advance_clock(9 * DAY_MS).await.unwrap();
    yard.factory.tick().await;
    yard.factory.authenticate(&bearer).await.expect("never before its time");
    let drift = || yard.factory.may_govern(&dev, WORKFLOW);
    drift().unwrap();
    yard.factory.advance_clock(DAY_MS + 3_600_000).await.unwrap();
    // By the policies at once, before anybody looked; the token by the next look.
    refused_all(yard, &dev).await;
    yard.factory.tick().await;
    assert!(matches!(yard.factory.authenticate(&bearer).await, Err(Refused::Unauthenticated)));
    drift().expect("whoever handed over may look on");
    let hana = yard.who("hana");
    let lives = "30d".parse::<Span>().unwrap();
    let kind = TokenKind::Operator;
    let new = NewToken { kind, principal: "dev@shipyard.example".to_owned(), steps: Vec::new(), lives };
    let refused = yard.factory.issue_token(&hana, new).await.unwrap_err();
    assert!(refused.to_string().contains("ended"), "{refused}");
    let whom = seatrial_factory::Whom::Person("dev@shipyard.example".to_owned());
    let act = seatrial_governance::policy::Action::SubmitSpec;
    let can = yard.factory.can(WORKFLOW, &whom, Assurance::Token, act, &Circumstances::default()).await.unwrap();
    assert!(!can.explained.allowed && can.refusal.unwrap().contains("it may only read"));
    // Another change of the owners: production, owned, and without a hypercare.
    change(yard, "residual: low", "residual: medium", "hugo").await;
    let body = cut(yard, "hana", Stage::Production).await;
    assert_eq!((body.stage, body.until), (Stage::Production, None));
    let now = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert!(now.owned && now.stage == Stage::Production, "{now:?}");
}

/// Everything that somebody of the delivery side may try after the end.
async fn refused_all(yard: &Yard, dev: &Caller) {
    let factory = &yard.factory;
    let mut refusals = Vec::new();
    refusals.push(factory.stop(dev, WORKFLOW, None, "halt").await.map(drop).unwrap_err());
    refusals.push(factory.evaluate(dev, None, &[], &seatrial_factory::Quiet).await.map(drop).unwrap_err());
    refusals.push(factory.rehearse(dev, None, &seatrial_factory::Quiet).await.map(drop).unwrap_err());
    let cites = Vec::new();
    refusals.push(
        factory.settle_question(dev, WORKFLOW, "missing-income", "No.", cites, false).await.map(drop).unwrap_err(),
    );
    let rollback = factory.rollback(dev, WORKFLOW, None, "back").await.map(drop);
    refusals.extend(rollback.err());
    // Whether anything is missing is a question that anybody may ask; cutting is not.
    let cut = factory.release(dev, WORKFLOW, Stage::Production, false).await;
    assert!(!matches!(cut, Ok(Released::Cut { .. })), "{cut:?}");
    let passed = yard.pass(application(5_000)).await;
    let truth =
        seatrial_factory::TruthInput { decision: passed.decision, truth: serde_json::json!({"decision": "approve"}) };
    refusals.push(factory.truths(dev, vec![truth]).await.map(drop).unwrap_err());
    yard.edit("residual: low", "residual: high");
    refusals.push(factory.submit(dev, None).await.map(drop).unwrap_err());
    yard.edit("residual: high", "residual: low");
    for refused in refusals {
        assert!(matches!(refused, Refused::Forbidden(_)) || matches!(refused, Refused::NotFound(_)), "{refused}");
    }
    factory.pass(&shop("shop"), run(application(5_000))).await.expect("callers are not of the delivery side");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_over_lapses_with_its_hypercare() {
    let yard = Yard::production().await;
    yard.factory.advance_clock(301 * DAY_MS).await.unwrap();
    let ticked = yard.factory.tick().await;
    assert_eq!(ticked.lapsed.len(), 1, "{ticked:?}");
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert!(in_force.lapsed.unwrap().lost.contains_key("hypercare"));
    let hypercare = yard.standing(OWNED).await.hypercare.unwrap();
    assert_eq!((hypercare.left_ms, hypercare.reaction), (None, seatrial_model::facts::OnLapse::Escalate));
    let passed = yard.pass(application(900)).await;
    assert!(passed.because.iter().any(|p| p.as_str() == "gates.production.on_lapse"), "{:?}", passed.because);
    // Handed over is what stands.
    expect(&yard, "release.approval", State::Open, "the one in force lapsed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_lowered_after_production_does_not_count() {
    let yard = Yard::production().await;
    let index = yard.factory.transfer(WORKFLOW, None).await.unwrap();
    let (bar, measured) = (index.bar.unwrap(), index.measured.unwrap());
    assert_eq!((bar.bar.value, bar.lowered_to, bar.fixed_by.is_some()), (0.9, None, true));
    assert_eq!(index.index.sides, measured.sides, "all of it lies in the window");
    // Marked cases, drills and services are no operation: four reviews of the pilot were answered, and nothing stopped.
    let kinds = &index.index.kinds;
    let of = |kind: seatrial_ownership::ActionKind| kinds[&kind];
    assert_eq!(of(seatrial_ownership::ActionKind::Review).receiving, 4);
    assert_eq!(of(seatrial_ownership::ActionKind::Stop).all(), 0);
    assert_eq!(of(seatrial_ownership::ActionKind::Override).all(), 0);
    assert_eq!(
        (of(seatrial_ownership::ActionKind::Release).delivery, of(seatrial_ownership::ActionKind::Release).receiving),
        (1, 1)
    );
    assert!(of(seatrial_ownership::ActionKind::Approval).independent > 0);
    yard.edit(
        "handover: { transfer_index: \">= 0.9\", over: 30d }",
        "handover: { transfer_index: \">= 0.1\", over: 30d }",
    );
    yard.factory.submit(&yard.who("hugo"), None).await.unwrap();
    let index = yard.factory.transfer(WORKFLOW, None).await.unwrap();
    let bar = index.bar.unwrap();
    assert_eq!((bar.bar.value, bar.lowered_to.map(|b| b.value)), (0.9, Some(0.1)));
    let (_, why) = state(&yard, "ownership.index").await;
    assert!(why.contains("a bar lowered after production was released") && why.contains("does not count"), "{why}");
    let ahead = yard.factory.transfer(WORKFLOW, Some("2999-01-01".parse().unwrap())).await.unwrap_err();
    assert!(matches!(ahead, Refused::Invalid(_)), "{ahead}");
}
