use super::*;
use crate::fixture::{principal, workflow};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Principal, PrincipalKind, Side, Stage};
use std::fmt::Write as _;

fn policies() -> Policies {
    Policies::new(&Grants::of(&workflow())).unwrap()
}

fn actors() -> Vec<(&'static str, Principal)> {
    let of = |name: &str, kind: PrincipalKind| Principal { kind, ..principal(name) };
    vec![
        ("receiving", principal("ana")),
        ("independent", principal("ria")),
        ("delivery", principal("dev")),
        ("agent", of("ana", PrincipalKind::Agent)),
        ("service", of("ana", PrincipalKind::Service)),
        ("local", Principal { assurance: Assurance::Local, ..principal("ana") }),
        ("simulated", Principal { assurance: Assurance::Simulated, ..principal("ana") }),
    ]
}

/// The circumstances in which a holder of the role could do it, but for what the case changes.
fn fair(action: Action, role: &str) -> Circumstances {
    let on_step =
        matches!(action, Action::Override | Action::AnswerReview | Action::Audit | Action::Call | Action::Decide);
    Circumstances {
        stage: Some(Stage::Production),
        role: Some(role.to_owned()),
        step: on_step.then(|| "assess".to_owned()),
        ..Circumstances::default()
    }
}

#[test]
fn the_matrix() {
    let policies = policies();
    let mut out = format!("{:<16}", "");
    for (name, _) in actors() {
        let _ = write!(out, " {name:<11}");
    }
    out.push('\n');
    for action in Action::ALL {
        let _ = write!(out, "{:<16}", action.as_str());
        for (_, actor) in actors() {
            let role = actor.roles.iter().next().cloned().unwrap_or_default();
            let answer = policies.authorize(&Request {
                principal: &actor,
                action: *action,
                circumstances: &fair(*action, &role),
            });
            let _ = write!(out, " {:<11}", if answer.is_allowed() { "yes" } else { "-" });
        }
        out.push('\n');
    }
    let lines: String = out.lines().map(|l| format!("{}\n", l.trim_end())).collect();
    expect_test::expect![[r#"
                         receiving   independent delivery    agent       service     local       simulated
        approve          yes         yes         -           -           -           -           -
        withdraw         yes         yes         -           -           -           -           -
        reaffirm         yes         yes         -           -           -           -           -
        accept           yes         -           -           -           -           -           -
        waive            yes         -           yes         -           -           -           -
        grant_waiver     yes         yes         -           -           -           -           -
        end_waiver       yes         yes         -           -           -           yes         -
        file_document    yes         yes         yes         -           -           yes         -
        release          yes         -           yes         -           -           -           -
        roll_back        yes         -           yes         -           -           -           -
        retire           yes         -           yes         -           -           -           -
        override         yes         -           -           -           -           yes         -
        answer_review    yes         -           -           -           -           yes         -
        audit            yes         -           -           -           -           yes         -
        stop             yes         -           yes         -           -           yes         -
        resume           yes         -           yes         -           -           yes         -
        break_glass      -           -           -           -           -           -           -
        call             -           -           -           -           -           -           -
        decide           -           -           -           -           -           -           -
        admit            -           -           -           -           -           -           -
        evaluate         yes         -           yes         yes         -           yes         -
        import_examples  yes         -           yes         yes         -           yes         -
        replay           yes         -           yes         yes         -           yes         -
        measure_outcome  yes         -           yes         -           -           yes         -
        report_pilot     yes         -           yes         yes         -           yes         -
        note             yes         yes         yes         yes         -           yes         -
        submit_spec      yes         -           yes         yes         -           yes         -
        drill            yes         -           yes         -           -           yes         -
        open_incident    yes         -           yes         -           -           yes         -
        handle_incident  yes         -           yes         -           -           yes         -
        decide_incident  yes         -           yes         -           -           yes         -
        issue_token      yes         -           yes         -           -           yes         -
        end_rights       yes         -           -           -           -           -           -
        acknowledge      yes         -           -           -           -           -           -
        read             yes         yes         yes         -           -           yes         -
    "#]]
    .assert_eq(&lines);
}

/// Every combination of the circumstances: what must never be allowed is not, whatever else holds.
#[test]
fn what_nothing_can_lift() {
    let policies = Policies::with_factory(&Grants::of(&workflow()), "permit (principal, action, resource);").unwrap();
    let kinds = [PrincipalKind::Person, PrincipalKind::Agent, PrincipalKind::Service];
    let tokens =
        [None, Some(TokenKind::Caller), Some(TokenKind::Reviewer), Some(TokenKind::Operator), Some(TokenKind::Ci)];
    let (mut allowed, mut turn) = (0, 0_u32);
    for who in ["ana", "ria", "dev"] {
        for kind in kinds {
            for assurance in [Assurance::Simulated, Assurance::Local, Assurance::Signed] {
                for token in tokens {
                    // A thirty-second of the circumstances for each actor, another one each time: 8 000 requests in all.
                    turn += 1;
                    for bits in (0..128_u32).filter(|bits| (bits + turn * 5) % 32 == 0) {
                        let bit = |i: u32| bits & (1 << i) != 0;
                        let actor = Principal { kind, assurance, ..principal(who) };
                        let circumstances = Circumstances {
                            stage: Some(if bit(0) { Stage::Production } else { Stage::Pilot }),
                            role: actor.roles.first().cloned(),
                            step: Some("assess".to_owned()),
                            author: bit(1),
                            obligation: None,
                            own: bit(2),
                            requester: bit(2),
                            stopper: bit(3),
                            rehearsal: false,
                            simulation: bit(4),
                            ended: bit(6),
                            token,
                            token_steps: if bit(5) { vec!["credit/assess".to_owned()] } else { vec![] },
                        };
                        for action in Action::ALL {
                            let request = Request { principal: &actor, action: *action, circumstances: &circumstances };
                            if policies.authorize(&request).is_allowed() {
                                allowed += 1;
                                assert_invariants(&actor, *action, &circumstances, bit(5));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(allowed > 500, "the factory's permit for all lets the rest through: {allowed}");
}

fn assert_invariants(actor: &Principal, action: Action, c: &Circumstances, listed: bool) {
    use Action::{
        Accept, Admit, AnswerReview, Approve, BreakGlass, Call, Decide, DecideIncident, Drill, EndWaiver, FileDocument,
        GrantWaiver, HandleIncident, OpenIncident, Override, Reaffirm, Release, Resume, Retire, RollBack, Stop, Waive,
        Withdraw,
    };
    let what = format!("{action} by {actor:?} under {c:?}");
    assert!(!(c.ended && actor.side == Side::Delivery) || action == Action::Read, "{what}");
    if actor.side != Side::Receiving {
        assert!(!matches!(action, Action::EndRights | Action::Acknowledge), "{what}");
    }
    if actor.kind != PrincipalKind::Person {
        assert!(!matches!(action, Approve | Override | Accept | Release | AnswerReview | Resume), "{what}");
        assert!(!matches!(action, Reaffirm | Waive | GrantWaiver | EndWaiver | RollBack | Retire), "{what}");
        assert!(!matches!(action, FileDocument | BreakGlass), "{what}");
        assert!(!matches!(action, OpenIncident | HandleIncident | DecideIncident), "{what}");
    }
    assert!(!(c.author && matches!(action, Approve | Reaffirm | GrantWaiver)), "{what}");
    assert!(!(c.requester && action == GrantWaiver), "{what}");
    assert!(action != BreakGlass, "a permit for everything does not break the glass: {what}");
    assert!(!(c.stopper && action == Resume), "{what}");
    if actor.side == Side::Independent {
        assert!(
            !matches!(
                action,
                Stop | Resume | Call | Decide | Admit | Override | AnswerReview | Release | Accept | Drill
            ),
            "{what}"
        );
        assert!(!matches!(action, RollBack | Retire | Waive), "{what}");
        assert!(!matches!(action, OpenIncident | HandleIncident | DecideIncident), "{what}");
    }
    let production = c.stage == Some(Stage::Production) && !c.simulation;
    if production && actor.assurance < Assurance::Token {
        assert!(!matches!(action, Approve | Withdraw | Release | Accept), "{what}");
        assert!(!matches!(action, Reaffirm | Waive | GrantWaiver | RollBack | Retire), "{what}");
    }
    assert!(actor.assurance != Assurance::Simulated || c.simulation, "{what}");
    match c.token {
        Some(TokenKind::Caller) => {
            assert!((matches!(action, Call | Decide | Admit) && listed) || (action == Action::Read && c.own), "{what}");
        }
        Some(TokenKind::Ci) => assert_eq!(action, Action::Evaluate, "{what}"),
        Some(TokenKind::Reviewer) => {
            assert!(matches!(action, AnswerReview | Override | Action::Audit | Action::Read), "{what}");
        }
        _ => {}
    }
}

#[test]
fn a_refusal_says_why_and_who_could() {
    let policies = policies();
    let why = |who: &str, action: Action, change: &dyn Fn(&mut Circumstances)| {
        let actor = principal(who);
        let mut circumstances = fair(action, &actor.roles.first().cloned().unwrap_or_default());
        change(&mut circumstances);
        match policies.authorize(&Request { principal: &actor, action, circumstances: &circumstances }) {
            Authorization::Allowed => "allowed".to_owned(),
            Authorization::Refused { why } => why,
        }
    };
    expect_test::expect!["`approve` was not done for `ana@bank.example`: an author never approves their own change: ask another holder of the role"].assert_eq(&why("ana", Action::Approve, &|c| c.author = true));
    expect_test::expect![
        "`override` was not done for `dev@bank.example`: it is for people who hold `officers`, in step `assess`"
    ]
    .assert_eq(&why("dev", Action::Override, &|_| {}));
    expect_test::expect!["`stop` was not done for `ria@bank.example`: the independent side challenges, approves, vetoes and witnesses; it never operates or owns"].assert_eq(&why("ria", Action::Stop, &|_| {}));
}

#[test]
fn a_caller_calls_its_listed_steps_only() {
    let policies = policies();
    let service = Principal { kind: PrincipalKind::Service, roles: [].into(), ..principal("dev") };
    let call = |steps: &[&str]| {
        let circumstances = Circumstances {
            step: Some("assess".to_owned()),
            token: Some(TokenKind::Caller),
            token_steps: steps.iter().map(|s| (*s).to_owned()).collect(),
            ..Circumstances::default()
        };
        policies
            .authorize(&Request { principal: &service, action: Action::Call, circumstances: &circumstances })
            .is_allowed()
    };
    assert!(call(&["credit/assess"]) && call(&["credit/*"]) && call(&["*"]));
    assert!(!call(&[]) && !call(&["credit/other"]) && !call(&["other/assess"]) && !call(&["credit"]));
}

#[test]
fn a_reviewer_answers_for_the_role_that_was_asked() {
    let policies = policies();
    let answer = |who: &str, role: &str| {
        let circumstances = fair(Action::AnswerReview, role);
        policies
            .authorize(&Request {
                principal: &principal(who),
                action: Action::AnswerReview,
                circumstances: &circumstances,
            })
            .is_allowed()
    };
    assert!(answer("ana", "officers"));
    assert!(!answer("dev", "officers"), "the role is not held");
    assert!(!answer("dev", "engineering"), "the step asks no such role");
}

#[test]
fn broken_policies_of_a_factory_are_refused_whole() {
    let grants = Grants::of(&workflow());
    assert!(matches!(Policies::with_factory(&grants, "permit ("), Err(PolicyError::Syntax(_))));
    let wrong = r#"permit (principal, action == Action::"fly", resource);"#;
    assert!(matches!(Policies::with_factory(&grants, wrong), Err(PolicyError::Invalid(_))));
    let long = " ".repeat(EXTRA_BYTES_MAX + 1);
    assert!(matches!(Policies::with_factory(&grants, &long), Err(PolicyError::TooLong(_))));
}

#[test]
fn hostile_names_stay_names() {
    let mut grants = Grants::of(&workflow());
    grants.receiving.insert("x\"}; permit(principal, action, resource); //\u{202e}\n".to_owned());
    let policies = Policies::new(&grants).unwrap();
    let nobody = Principal { roles: [].into(), ..principal("ana") };
    let circumstances = fair(Action::Accept, "officers");
    assert!(
        !policies
            .authorize(&Request { principal: &nobody, action: Action::Accept, circumstances: &circumstances })
            .is_allowed()
    );
}

fn file(text: &str) -> PolicyFile {
    PolicyFile { path: "policies/own.cedar".to_owned(), text: text.to_owned() }
}

#[test]
fn a_factorys_policies_are_told_by_their_file() {
    let grants = Grants::of(&workflow());
    let why = |text: &str| Policies::with_files(&grants, &[file(text)]).unwrap_err().to_string();
    assert!(why("permit (").contains("`policies/own.cedar`"));
    assert!(why(r#"permit (principal, action == Action::"fly", resource);"#).contains("`policies/own.cedar`"));
    assert!(why(r#"permit (principal == ?principal, action, resource);"#).contains("template"));
    // A comment without an end of line swallows nothing of the next file.
    let files = [file("// a remark"), file(r#"forbid (principal, action == Action::"stop", resource);"#)];
    let policies = Policies::with_files(&grants, &files).unwrap();
    let actor = principal("ana");
    let c = fair(Action::Stop, "officers");
    let request = Request { principal: &actor, action: Action::Stop, circumstances: &c };
    let explained = policies.explain(&request);
    assert!(!explained.allowed);
    assert_eq!(explained.forbids.len(), 1);
    assert_eq!(explained.forbids[0].origin, Origin::Factory);
}

#[test]
fn broken_policies_permit_nothing_and_say_so() {
    let policies = Policies::closed("credit", "the factory's policies do not parse");
    let actor = principal("ana");
    for action in Action::ALL {
        let c = fair(*action, "officers");
        match policies.authorize(&Request { principal: &actor, action: *action, circumstances: &c }) {
            Authorization::Allowed => panic!("{action}"),
            Authorization::Refused { why } => assert!(why.contains("do not parse"), "{why}"),
        }
    }
}

#[test]
fn an_answer_names_the_policies_that_decided() {
    let policies = policies();
    let actor = principal("ana");
    let explain = |action: Action, change: &dyn Fn(&mut Circumstances)| {
        let mut c = fair(action, "officers");
        change(&mut c);
        policies.explain(&Request { principal: &actor, action, circumstances: &c })
    };
    let yes = explain(Action::Approve, &|_| {});
    assert!(yes.allowed && yes.forbids.is_empty() && yes.missing.is_empty());
    assert_eq!((yes.permits.len(), yes.permits[0].origin), (1, Origin::Spec));
    assert_eq!(yes.permits[0].says, "people who hold `officers`, for production");
    let author = explain(Action::Reaffirm, &|c| c.author = true);
    assert_eq!((author.allowed, author.forbids.len(), author.forbids[0].origin), (false, 1, Origin::Base));
    assert!(author.forbids[0].says.contains("an author never approves"));
    let other = explain(Action::GrantWaiver, &|c| c.role = Some("engineering".to_owned()));
    assert!(!other.allowed && other.forbids.is_empty());
    assert!(other.missing.contains(&"people who hold `officers`, for production".to_owned()), "{:?}", other.missing);
}

#[test]
fn the_glass_is_broken_only_by_a_policy_that_names_it() {
    let grants = Grants::of(&workflow());
    let ask = |extra: &str, action: Action| {
        let policies = Policies::with_factory(&grants, extra).unwrap();
        let actor = principal("ana");
        let c = Circumstances { stopper: true, ..fair(action, "officers") };
        policies.explain(&Request { principal: &actor, action, circumstances: &c })
    };
    let named = r#"permit (principal in Role::"officers", action == Action::"break_glass", resource);"#;
    assert!(!ask("", Action::BreakGlass).allowed);
    assert!(!ask("permit (principal, action, resource);", Action::BreakGlass).allowed);
    let broken = ask(named, Action::BreakGlass);
    assert!(broken.allowed);
    assert_eq!(broken.permits[0].origin, Origin::Factory);
    // It opens nothing else: whoever stopped still does not simply resume.
    assert!(!ask(named, Action::Resume).allowed);
    let list = r#"permit (principal, action in [Action::"break_glass", Action::"stop"], resource);"#;
    assert!(ask(list, Action::BreakGlass).allowed);
}
