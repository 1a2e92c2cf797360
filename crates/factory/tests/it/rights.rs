//! Tokens, and who may approve: nobody their own change, no program anything.

use crate::support::{SALT, WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{ApprovalInput, NewToken, Quiet};
use seatrial_model::event::TokenKind;
use seatrial_model::{PrincipalKind, Span, Stage};

fn token(kind: TokenKind, principal: &str, steps: &[&str]) -> NewToken {
    let steps = steps.iter().map(|s| (*s).to_owned()).collect();
    NewToken { kind, principal: principal.to_owned(), steps, lives: "30d".parse::<Span>().unwrap() }
}

async fn issue(yard: &Yard, new: NewToken) -> Caller {
    let text = yard.factory.issue_token(&yard.who("hana"), new).await.unwrap();
    yard.factory.authenticate(&text).await.unwrap()
}

fn approval(stage: Stage, obligation: &str, role: &str) -> ApprovalInput {
    let (obligation, role) = (obligation.to_owned(), Some(role.to_owned()));
    ApprovalInput { stage, obligation, role, key: None, shown_ms: None }
}

fn forbidden(done: Result<impl std::fmt::Debug, Refused>, says: &str) {
    match done {
        Err(Refused::Forbidden(why)) if why.contains(says) => {}
        other => panic!("`{says}` was expected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_never_say_why() {
    let yard = Yard::production().await;
    let new = token(TokenKind::Caller, "kiosk", &["credit-preapproval/assess"]);
    let text = yard.factory.issue_token(&yard.who("hana"), new.clone()).await.unwrap();
    let kiosk = yard.factory.authenticate(&text).await.unwrap();
    assert_eq!((kiosk.principal.id.as_str(), kiosk.token), ("kiosk", Some(TokenKind::Caller)));
    yard.factory.pass(&kiosk, run(application(900))).await.unwrap();
    // Wrong in any way: one answer.
    let mut flipped = text.clone().into_bytes();
    let last = flipped.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let other = yard.factory.issue_token(&yard.who("hana"), new.clone()).await.unwrap();
    let name = |t: &str| t.strip_prefix("seatrial_").unwrap()[..12].to_owned();
    let swapped = other.replace(&name(&other), &name(&text));
    for wrong in [
        "",
        "seatrial_",
        "seatrial_0123456789ab_x",
        &flipped,
        &swapped,
        &text[9..],
        &format!("{text} "),
        "seatrial_\u{202e}_x",
    ] {
        let refused = yard.factory.authenticate(wrong).await.unwrap_err();
        assert!(matches!(refused, Refused::Unauthenticated), "{wrong}");
    }
    // Revoked: only that one, at once, and in another process too.
    yard.factory.revoke_token(&yard.who("hana"), &text).await.unwrap();
    assert!(matches!(yard.factory.authenticate(&text).await, Err(Refused::Unauthenticated)));
    yard.factory.authenticate(&other).await.unwrap();
    let yard = yard.reopened().await;
    assert!(matches!(yard.factory.authenticate(&text).await, Err(Refused::Unauthenticated)));
    yard.factory.authenticate(&other).await.unwrap();
    // Expired: by the factory's clock, to the millisecond it was given for.
    yard.factory.advance_clock(30 * 86_400_000).await.unwrap();
    assert!(matches!(yard.factory.authenticate(&other).await, Err(Refused::Unauthenticated)));
    // No token's text stands in the log or in the store's rows.
    let events = yard.factory.store().check_rows(&seatrial_model::LogName::factory()).await.unwrap();
    assert!(events.identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_by_people_for_what_there_is() {
    let yard = Yard::production().await;
    let hana = yard.who("hana");
    for (new, says) in [
        (token(TokenKind::Caller, "kiosk", &[]), "lists its steps"),
        (token(TokenKind::Caller, "hana@harbour.example", &["*"]), "belongs to a service"),
        (token(TokenKind::Ci, "Build Server", &[]), "belongs to a service"),
        (NewToken { lives: "0s".parse().unwrap(), ..token(TokenKind::Caller, "kiosk", &["*"]) }, "lives between"),
        (NewToken { lives: "400d".parse().unwrap(), ..token(TokenKind::Caller, "kiosk", &["*"]) }, "lives between"),
    ] {
        let refused = yard.factory.issue_token(&hana, new).await.unwrap_err();
        assert!(matches!(&refused, Refused::Invalid(why) if why.contains(says)), "{says}: {refused}");
    }
    let nobody = yard.factory.issue_token(&hana, token(TokenKind::Reviewer, "eve@harbour.example", &[])).await;
    assert!(matches!(nobody, Err(Refused::NotFound(_))));
    let reviewer = issue(&yard, token(TokenKind::Reviewer, "una@harbour.example", &[])).await;
    let refused = yard.factory.issue_token(&reviewer, token(TokenKind::Caller, "kiosk", &["*"])).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)));
    forbidden(
        yard.factory.issue_token(&shop("shop"), token(TokenKind::Caller, "kiosk", &["*"])).await,
        "only a person",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_token_is_for_one_kind_of_thing() {
    let yard = Yard::production().await;
    // A caller: its listed steps, its own decisions.
    let kiosk = issue(&yard, token(TokenKind::Caller, "kiosk", &["credit-preapproval/assess"])).await;
    let elsewhere = issue(&yard, token(TokenKind::Caller, "mill", &["mill/grind", "credit-preapproval/assign"])).await;
    forbidden(yard.factory.pass(&elsewhere, run(application(900))).await, "listed steps");
    let own = yard.factory.pass(&kiosk, run(application(900))).await.unwrap();
    yard.factory.decision(&kiosk, own.decision).await.unwrap();
    let others = yard.factory.decision(&shop("shop"), own.decision).await.unwrap_err();
    let unknown = yard
        .factory
        .decision(&shop("shop"), serde_json::from_str("\"dec_01a20817-55b3-7000-a701-80b242f89e1b\"").unwrap())
        .await
        .unwrap_err();
    assert!(matches!((&others, &unknown), (Refused::NotFound(_), Refused::NotFound(_))), "{others} {unknown}");
    // The same words as for one that is not there.
    let without_id = |r: &Refused| {
        r.to_string().split('`').enumerate().filter(|(i, _)| i % 2 == 0).map(|(_, s)| s.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(without_id(&others), without_id(&unknown));
    forbidden(yard.factory.stop(&kiosk, WORKFLOW, None, "for fun").await, "");
    assert!(yard.factory.reviews(&kiosk, Default::default()).await.is_err());
    // A reviewer: reviews and overrides, as the person it is; nothing that governs.
    let reviewer = issue(&yard, token(TokenKind::Reviewer, "hana@harbour.example", &[])).await;
    yard.factory.claim(&reviewer, own.review.unwrap()).await.unwrap();
    forbidden(yard.factory.stop(&reviewer, WORKFLOW, None, "for fun").await, "`reviewer` token");
    let given =
        yard.factory.approve(&reviewer, WORKFLOW, approval(Stage::Production, "approval.credit", "credit")).await;
    forbidden(given, "`reviewer` token");
    // CI: evaluations, nothing else.
    let ci = issue(&yard, token(TokenKind::Ci, "pipeline", &[])).await;
    forbidden(yard.factory.decision(&ci, own.decision).await, "evaluations and nothing else");
    forbidden(yard.factory.pass(&ci, run(application(900))).await, "");
    forbidden(yard.factory.release(&ci, WORKFLOW, Stage::Production, false).await, "`ci` token");
    // An operator: what the person may, and still no more.
    let operator = issue(&yard, token(TokenKind::Operator, "hana@harbour.example", &[])).await;
    yard.factory.stop(&operator, WORKFLOW, None, "an exercise").await.unwrap();
    forbidden(yard.factory.resume(&yard.who("hana"), WORKFLOW, None, "over").await, "whoever stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_authors_approve_nothing() {
    let yard = Yard::new().await;
    let lena = yard.who("lena");
    yard.factory.propose(&lena, None, "approve", Some(SALT.to_owned()), &Quiet).await.unwrap();
    // Lena submitted the spec: she is its author, whatever else she is.
    let own = yard.factory.approve(&lena, WORKFLOW, approval(Stage::Pilot, "release.approval", "engineering")).await;
    forbidden(own, "an author never approves their own change");
    for kind in [PrincipalKind::Agent, PrincipalKind::Service] {
        let mut program = yard.who("hana");
        program.principal.kind = kind;
        let given = yard.factory.approve(&program, WORKFLOW, approval(Stage::Pilot, "approval.credit", "credit")).await;
        forbidden(given, "agents and services never do");
        forbidden(yard.factory.accept(&program, WORKFLOW, "workflow").await, "agents and services never do");
        forbidden(
            yard.factory
                .release(&program, WORKFLOW, Stage::Pilot, false)
                .await
                .map(|r| match r {
                    seatrial_factory::Released::Missing(_) => Err(()),
                    other => Ok(other),
                })
                .and_then(|r| r.map_err(|()| Refused::Forbidden("missing".to_owned()))),
            "missing",
        );
    }
    // A role that somebody does not hold, and one that the obligation does not ask for.
    let hugo = yard.who("hugo");
    forbidden(
        yard.factory.approve(&hugo, WORKFLOW, approval(Stage::Pilot, "approval.credit", "risk")).await,
        "it is for",
    );
    forbidden(
        yard.factory.approve(&yard.who("una"), WORKFLOW, approval(Stage::Pilot, "approval.credit", "credit")).await,
        "it is for",
    );
    let none = yard.factory.approve(&hugo, WORKFLOW, approval(Stage::Pilot, "approval.sales", "credit")).await;
    assert!(matches!(none, Err(Refused::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_what_was_shown() {
    let yard = Yard::production().await;
    let shown = yard.standing(Stage::Production).await;
    let key = shown.states.iter().find(|s| s.obligation.id == "approval.credit").unwrap().key;
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let outdated = ApprovalInput { key: Some(key), ..approval(Stage::Production, "approval.credit", "credit") };
    let refused = yard.factory.approve(&yard.who("hugo"), WORKFLOW, outdated.clone()).await.unwrap_err();
    let now = yard.standing(Stage::Production).await;
    let now = now.states.iter().find(|s| s.obligation.id == "approval.credit").unwrap().key;
    let Refused::Changed { now: said, changed, message } = &refused else { panic!("{refused:?}") };
    assert_eq!(*said, now.to_string(), "it says what stands now");
    assert_eq!(*changed, ["steps.assess.escalate.large"], "and what changed");
    assert!(message.contains("`steps.assess.escalate.large`"), "{message}");
    assert_ne!(now, key);
    let current = ApprovalInput { key: Some(now), ..outdated };
    let given = yard.factory.approve(&yard.who("hugo"), WORKFLOW, current).await.unwrap();
    assert!(!yard.missing(Stage::Production).await.iter().any(|m| m.starts_with("approval.credit")));
    // Taken back by whoever gave it, and by nobody else.
    forbidden(yard.factory.withdraw(&yard.who("ria"), WORKFLOW, given).await, "");
    yard.factory.withdraw(&yard.who("hugo"), WORKFLOW, given).await.unwrap();
    let missing = yard.missing(Stage::Production).await;
    assert!(missing.iter().any(|m| m.starts_with("approval.credit revoked")), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_judgements_at_once_do_not_pass_each_other() {
    let yard = Yard::production().await;
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2500");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (factory, hugo) = (yard.factory.clone(), yard.who("hugo"));
        racing.spawn(async move {
            factory.approve(&hugo, WORKFLOW, approval(Stage::Production, "approval.credit", "credit")).await
        });
    }
    let done = racing.join_all().await;
    assert!(done.iter().any(Result::is_ok));
    for refused in done.into_iter().filter_map(Result::err) {
        let Refused::Conflict { message, .. } = &refused else { panic!("{refused}") };
        assert!(message.contains("approval.given"), "{message}");
    }
}
