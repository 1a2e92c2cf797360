//! People come and go while the factory is open.

use crate::support::{Only, WORKFLOW, Yard};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{NewToken, PersonState, SsoSubject};
use seatrial_governance::State;
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Body, LogName, Side, Stage};
use seatrial_spec::workflow::RESPONSIBILITIES;
use std::path::Path;

const DAY_MS: u64 = 86_400_000;

fn edit(root: &Path, change: impl FnOnce(String) -> String) {
    let path = root.join("factory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing was changed");
    std::fs::write(path, changed).unwrap();
}

/// The line of a person is taken out.
fn without(text: String, id: &str) -> String {
    text.lines().filter(|line| !line.contains(&format!("id: {id}"))).map(|line| format!("{line}\n")).collect()
}

fn with(text: String, person: &str) -> String {
    text.replace("providers:\n", &format!("  - {person}\nproviders:\n"))
}

const SAM: &str = "{ id: sam@harbour.example, name: \"Sam Ito\", side: receiving, roles: [credit, underwriters] }";

async fn state(yard: &Yard, obligation: &str) -> (State, String) {
    let standing = yard.factory.standing(WORKFLOW, Stage::Production).await.unwrap();
    let found = standing.states.into_iter().find(|s| s.obligation.id == obligation).unwrap();
    (found.state, found.why)
}

/// A real factory with the example submitted: nobody is simulated.
async fn real() -> Yard {
    let yard = Yard::with(Only(None), |root| edit(root, |text| text.replace("kind: simulation", "kind: real"))).await;
    let dev = yard.who("dev");
    yard.factory.submit(&dev, Some(WORKFLOW)).await.unwrap();
    yard
}

async fn with_token(yard: &Yard, name: &str) -> Caller {
    let principal = format!("{name}@harbour.example");
    let new = NewToken { kind: TokenKind::Operator, principal, steps: vec![], lives: "1d".parse().unwrap() };
    let token = yard.factory.issue_token(&yard.who("hana"), new).await.unwrap();
    yard.factory.authenticate(&token).await.unwrap()
}

fn forbidden<T: std::fmt::Debug>(got: Result<T, Refused>, why: &str) {
    assert!(matches!(&got, Err(Refused::Forbidden(said)) if said.contains(why)), "{got:?}");
}

#[tokio::test]
async fn a_key_person_leaves_and_a_successor_accepts() {
    let yard = Yard::production().await;
    assert_eq!(state(&yard, "ownership.assigned").await.0, State::Discharged);
    edit(&yard.root, |text| without(text, "hana@harbour.example"));
    yard.factory.tick().await;
    // At once, without a restart: no rights any more.
    assert!(yard.factory.local("hana@harbour.example").is_err());
    let (held, why) = state(&yard, "ownership.accepted").await;
    assert_eq!(held, State::Discharged, "{why}");
    assert!(
        why.contains(
            "grace until 2026-12-07: hana@harbour.example left `credit` on 2026-11-23; deputy hugo@harbour.example"
        ),
        "{why}"
    );
    // The tenth working day after Monday, 2026-11-23, is Monday, 2026-12-07.
    yard.factory.advance_clock(15 * DAY_MS).await.unwrap();
    for id in ["ownership.assigned", "ownership.accepted"] {
        assert_eq!(state(&yard, id).await.0, State::Stale, "{id}");
    }
    // What she approved while she was entitled to is what it was.
    for id in ["spec.intent", "approval.credit"] {
        assert_eq!(state(&yard, id).await.0, State::Discharged, "{id}");
    }
    yard.factory.tick().await;
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    let lapse = in_force.lapsed.expect("the release lost what it stood on");
    assert!(lapse.lost.contains_key("ownership.assigned"), "{lapse:?}");
    // A simulation notes who comes; nobody has to approve it.
    edit(&yard.root, |text| with(text, SAM));
    assert!(yard.factory.reread().await.unwrap().pending.is_empty());
    assert_eq!(state(&yard, "ownership.assigned").await.0, State::Discharged);
    let (waiting, why) = state(&yard, "ownership.accepted").await;
    assert_eq!(waiting, State::Stale);
    assert!(why.contains("by sam@harbour.example"), "{why}");
    let sam = yard.who("sam");
    for name in RESPONSIBILITIES {
        let role = yard.factory.shown_spec(WORKFLOW).unwrap().responsibilities[name].receiving.clone().unwrap();
        if sam.principal.has_role(&role) {
            yard.factory.accept(&sam, WORKFLOW, name).await.unwrap();
        }
    }
    let (done, why) = state(&yard, "ownership.accepted").await;
    assert_eq!(done, State::Discharged, "{why}");
    // The log says what changed, and another process reads it there.
    let yard = yard.reopened().await;
    assert_eq!(state(&yard, "ownership.accepted").await.0, State::Discharged);
    assert!(yard.factory.spec().departures.iter().any(|d| d.person == "hana@harbour.example" && d.role == "credit"));
    let (now, did) = yard.factory.person_of("hana@harbour.example").await.unwrap();
    assert!(now.is_none() && did.iter().any(|d| d.obligation == "spec.intent" && d.counts));
}

#[tokio::test]
async fn who_would_leave_is_told_beforehand() {
    let yard = Yard::production().await;
    let entries = yard.factory.store().logs().await.unwrap();
    let found = yard.factory.people_leaving("hana@harbour.example").await.unwrap();
    assert_eq!(found.grace.map(|d| d.to_string()).as_deref(), Some("2026-12-07"));
    let lost: Vec<&str> = found.loses.iter().flat_map(|l| &l.stale).map(|(id, _)| id.as_str()).collect();
    assert!(lost.contains(&"ownership.assigned") && lost.contains(&"ownership.accepted"), "{found:?}");
    assert!(found.loses.iter().all(|l| !l.in_grace.is_empty()));
    let nothing = yard.factory.people_leaving("dev@shipyard.example").await.unwrap();
    assert!(nothing.loses.is_empty(), "{nothing:?}");
    assert!(yard.factory.people_leaving("nobody").await.is_err());
    assert_eq!(yard.factory.store().logs().await.unwrap(), entries, "nothing was recorded");
}

#[tokio::test]
async fn what_adds_rights_waits_for_the_receiving_side() {
    let yard = real().await;
    edit(&yard.root, |text| with(text, SAM).replace("roles: [engineering, delivery-lead]", "roles: [engineering]"));
    let reread = yard.factory.reread().await.unwrap();
    assert_eq!(reread.pending.len(), 1);
    assert_eq!(reread.pending[0].person, "sam@harbour.example");
    assert!(yard.factory.local("sam@harbour.example").is_err(), "nobody yet");
    assert_eq!(yard.who("lena").principal.roles.len(), 1, "what takes away holds at once");
    let waits = yard.factory.people(Some("credit")).await;
    assert!(waits.iter().any(|p| p.id == "sam@harbour.example" && p.state == PersonState::Pending));
    // It waits in the log: another process waits as well, and says nothing twice.
    let log = |yard: &Yard| yard.factory.store().clone();
    let before = log(&yard).logs().await.unwrap();
    let yard = yard.reopened().await;
    assert_eq!(log(&yard).logs().await.unwrap(), before);
    assert!(yard.factory.local("sam@harbour.example").is_err());
    // Not by delivery, not by risk, not at the machine alone, not for something else.
    let sam = ["sam@harbour.example".to_owned()];
    forbidden(yard.factory.approve_people(&yard.who("dev"), &sam, None).await, "receiving side");
    let ria = with_token(&yard, "ria").await;
    forbidden(yard.factory.approve_people(&ria, &sam, None).await, "hana@harbour.example");
    assert!(yard.factory.approve_people(&yard.who("hana"), &sam, None).await.is_err(), "production asks for a token");
    let hana = with_token(&yard, "hana").await;
    let other = seatrial_model::Digest::of(b"something else");
    assert!(matches!(yard.factory.approve_people(&hana, &sam, Some(other)).await, Err(Refused::Conflict { .. })));
    let (_, shown) = yard.factory.pending_people(&[]).await.unwrap();
    yard.factory.approve_people(&hana, &[], Some(shown)).await.unwrap();
    assert!(yard.who("sam").principal.has_role("credit"));
    assert!(yard.factory.pending_people(&[]).await.is_err());
    let yard = yard.reopened().await;
    assert!(yard.who("sam").principal.has_role("credit"), "and it stays so");
    let events = yard.factory.store().clone();
    let last = events.logs().await.unwrap().into_iter().find(|l| l.log == LogName::factory()).unwrap().size;
    use seatrial_store::ReaderExt as _;
    let mut kinds = Vec::new();
    for index in 0..last {
        let event = events.event(&LogName::factory(), index).await.unwrap().unwrap();
        if matches!(event.body, Body::PeopleChanged(_) | Body::PeopleApproved(_)) {
            kinds.push(event.body.kind());
        }
    }
    assert_eq!(kinds, ["people.changed/1", "people.approved/1"]);
}

#[tokio::test]
async fn nobody_approves_what_they_are_given_themselves() {
    let yard = real().await;
    edit(&yard.root, |text| {
        text.replace(
            "name: \"Hana Okafor\", side: receiving, roles: [credit, underwriters]",
            "name: \"Hana Okafor\", side: receiving, roles: [credit, underwriters, risk]",
        )
    });
    assert_eq!(yard.factory.reread().await.unwrap().pending.len(), 1);
    let (hana, hugo) = (with_token(&yard, "hana").await, with_token(&yard, "hugo").await);
    forbidden(yard.factory.approve_people(&hana, &[], None).await, "never approves");
    yard.factory.approve_people(&hugo, &[], None).await.unwrap();
    assert!(yard.who("hana").principal.has_role("risk"));
}

#[tokio::test]
async fn a_person_of_another_side_holds_nothing_until_it_is_approved() {
    let yard = real().await;
    edit(&yard.root, |text| {
        text.replace("name: \"Dev Marin\", side: delivery", "name: \"Dev Marin\", side: receiving")
    });
    yard.factory.reread().await.unwrap();
    let dev = yard.who("dev").principal;
    assert_eq!((dev.side, dev.roles.len()), (Side::Delivery, 0));
}

#[tokio::test]
async fn a_broken_file_changes_nothing() {
    let yard = Yard::new().await;
    edit(&yard.root, |text| text.replace("side: independent", "side: indepndent"));
    assert!(yard.factory.reread().await.is_err());
    yard.factory.tick().await;
    assert_eq!(yard.who("ria").principal.side, Side::Independent);
    edit(&yard.root, |text| text.replace("side: indepndent", "side: independent").replace("harbour-bank", "another"));
    assert!(yard.factory.reread().await.is_err(), "a factory's name is for ever");
}

#[tokio::test]
async fn the_directory_and_the_rota_are_noted_and_kept() {
    let people =
        "id,name,side,roles,from,until,deputy,reviews_per_day,keys\nkim@harbour.example,Kim,receiving,credit,,,,,\n";
    let yard = Yard::with(Only(None), |root| {
        std::fs::write(root.join("people.csv"), people).unwrap();
        std::fs::write(root.join("rota.csv"), "id,from,until\nkim@harbour.example,2026-11-23,2026-11-23\n").unwrap();
        edit(root, |text| format!("{text}directory: people.csv\nrota: rota.csv\n"));
    })
    .await;
    let kim = |people: Vec<seatrial_factory::PersonLook>| {
        people.into_iter().find(|p| p.id == "kim@harbour.example").unwrap().state
    };
    assert_eq!(kim(yard.factory.people(None).await), PersonState::Away);
    std::fs::write(yard.root.join("rota.csv"), "id,from,until\nkim@harbour.example,2026-11-24,2026-11-24\n").unwrap();
    assert!(yard.factory.reread().await.unwrap().changed);
    assert!(!yard.factory.reread().await.unwrap().changed, "once");
    assert_eq!(kim(yard.factory.people(None).await), PersonState::There);
    std::fs::write(yard.root.join("people.csv"), people.replace(",credit,,,", ",credit,,2026-11-22,")).unwrap();
    yard.factory.reread().await.unwrap();
    assert!(yard.factory.local("kim@harbour.example").is_err(), "her time is over");
    std::fs::remove_file(yard.root.join("people.csv")).unwrap();
    assert!(yard.factory.reread().await.is_err(), "a directory that is gone is no empty one");
    std::fs::write(yard.root.join("people.csv"), people).unwrap();
    let yard = yard.reopened().await;
    assert_eq!(kim(yard.factory.people(None).await), PersonState::There);
}

#[tokio::test]
async fn a_subject_of_the_provider_is_one_person_with_the_roles_that_their_groups_allow() {
    const SIGN_IN: &str = "sign_in: { issuer: \"https://id.harbour.example\", client_id: s, address: \"https://s.harbour.example\", groups: { owners: [credit], people: [underwriters, engineering] } }\n";
    let yard = Yard::with(Only(None), |root| {
        edit(root, |text| text.replace("kind: simulation", "kind: real") + SIGN_IN);
    })
    .await;
    let subject = |subject: &str, email: Option<&str>, groups: &[&str]| SsoSubject {
        subject: subject.to_owned(),
        email: email.map(str::to_owned),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
    };
    let hana =
        yard.factory.by_single_sign_on(&subject("0c7f", Some("Hana@Harbour.example"), &["owners", "x"])).unwrap();
    assert_eq!(hana.principal.id, "hana@harbour.example");
    assert_eq!(hana.principal.assurance, Assurance::Sso);
    assert_eq!(hana.principal.roles.iter().collect::<Vec<_>>(), ["credit"], "no other group, no other role");
    let both = yard.factory.by_single_sign_on(&subject("hana@harbour.example", None, &["owners", "people"])).unwrap();
    assert_eq!(both.principal.roles.len(), 2, "and never one that the factory does not give: engineering");
    for (who, why) in [
        (subject("0c7f", None, &["owners"]), "no verified address"),
        (subject("0c7f", Some("eve@harbour.example"), &["owners"]), "no person of this factory"),
        (subject("hana@harbour.example", Some("hugo@harbour.example"), &["owners"]), "two people"),
        (subject("0c7f", Some("hana@harbour.example"), &["strangers"]), "in no group"),
    ] {
        forbidden(yard.factory.by_single_sign_on(&who), why);
    }
}
