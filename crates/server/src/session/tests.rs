use super::*;
use seatrial_model::principal::{Assurance, PrincipalKind};
use seatrial_model::{Principal, Side};

fn ana() -> Person {
    let principal = Principal {
        id: "ana@bank.example".into(),
        kind: PrincipalKind::Person,
        side: Side::Receiving,
        roles: std::collections::BTreeSet::new(),
        assurance: Assurance::Token,
    };
    Person { principal, name: "Ana".into(), token: None, sso: false }
}

fn at(ms: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + ms)
}

#[test]
fn a_link_works_once_and_not_for_long() {
    let sessions = Sessions::new().unwrap();
    let token = sessions.issue_link(ana(), at(0)).unwrap();
    assert_eq!(sessions.redeem_link("guess", at(1)), None);
    assert_eq!(sessions.redeem_link(&token, at(1)), Some(ana()));
    assert_eq!(sessions.redeem_link(&token, at(2)), None);
    let late = sessions.issue_link(ana(), at(0)).unwrap();
    assert_eq!(sessions.redeem_link(&late, at(LINK_MS_MAX)), None);
}

#[test]
fn a_session_ends_when_idle_when_old_and_when_closed() {
    let sessions = Sessions::new().unwrap();
    let idle = sessions.open(ana(), at(0)).unwrap();
    assert!(sessions.find(&idle, at(IDLE_MS_MAX - 1)).is_some());
    assert!(sessions.find(&idle, at(2 * IDLE_MS_MAX - 1)).is_none());

    let old = sessions.open(ana(), at(0)).unwrap();
    let step = IDLE_MS_MAX / 2;
    let lived = (1..100).take_while(|i| sessions.find(&old, at(i * step)).is_some()).count();
    assert_eq!(i64::try_from(lived).unwrap() * step, SESSION_MS_MAX - step);

    let closed = sessions.open(ana(), at(0)).unwrap();
    sessions.close(&closed);
    assert!(sessions.find(&closed, at(1)).is_none());

    let left = sessions.open(ana(), at(0)).unwrap();
    let link = sessions.issue_link(ana(), at(0)).unwrap();
    sessions.close_all_of("ana@bank.example");
    assert!(sessions.find(&left, at(1)).is_none());
    assert!(sessions.redeem_link(&link, at(1)).is_none());
}

#[test]
fn the_time_shown_cannot_be_made_up() {
    let sessions = Sessions::new().unwrap();
    let one = sessions.open(ana(), at(0)).unwrap();
    let two = sessions.open(ana(), at(0)).unwrap();
    let (one, two) = (sessions.find(&one, at(1)).unwrap(), sessions.find(&two, at(1)).unwrap());
    let proof = sessions.shown(&one, "rev_1", at(1_000));
    assert_eq!(sessions.shown_ms(&one, "rev_1", &proof, at(49_000)), Some(48_000));
    assert_eq!(sessions.shown_ms(&one, "rev_2", &proof, at(49_000)), None);
    assert_eq!(sessions.shown_ms(&two, "rev_1", &proof, at(49_000)), None);
    let earlier = proof.replacen(&at(1_000).as_millis().to_string(), &at(-90_000).as_millis().to_string(), 1);
    for forged in [earlier.as_str(), "", ".", "1.", "1.zz", "1.00"] {
        assert_eq!(sessions.shown_ms(&one, "rev_1", forged, at(49_000)), None, "{forged}");
    }
}

#[test]
fn forms_need_their_sessions_token() {
    let sessions = Sessions::new().unwrap();
    let cookie = sessions.open(ana(), at(0)).unwrap();
    let session = sessions.find(&cookie, at(1)).unwrap();
    assert!(session.accepts(&session.csrf));
    assert!(!session.accepts(""));
    assert!(!session.accepts("x"));
    assert_ne!(cookie, session.csrf);
}

#[test]
fn the_maps_stay_bounded() {
    let mut map: HashMap<[u8; 32], Time> = HashMap::new();
    for i in 0..i64::try_from(KEPT_MAX).unwrap() {
        map.insert(key(&i.to_string()), at(i));
    }
    make_room(&mut map, |t| *t);
    assert_eq!(map.len(), KEPT_MAX - 1);
    assert!(!map.contains_key(&key("0")));
}
