//! The authorisation matrix: every action by every kind of principal, from every side, with and without the role that
//! is asked for, author or not, at every assurance, for both stages, and with each other circumstance. What is
//! expected is written down here by itself, as rules for people; it knows nothing of Cedar.

use seatrial_governance::policy::{Action, ApprovalGrant, Circumstances, Grants, Policies, Request, StepGrants};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Principal, PrincipalKind, Side, Stage};
use std::collections::BTreeMap;

const KINDS: [PrincipalKind; 3] = [PrincipalKind::Person, PrincipalKind::Agent, PrincipalKind::Service];
const SIDES: [Side; 3] = [Side::Delivery, Side::Receiving, Side::Independent];
const ASSURANCES: [Assurance; 5] =
    [Assurance::Simulated, Assurance::Local, Assurance::Token, Assurance::Sso, Assurance::Signed];
const STAGES: [Stage; 3] = [Stage::Pilot, Stage::Production, Stage::Owned];

/// What roles somebody holds, as seen from what they want to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// The role that the action is for.
    Entitled,
    /// A role that is for something else, and they act in the one that is asked for.
    Another,
    /// A role that is for something else, and they say to act in that.
    AnotherNamed,
    /// None.
    None,
}

/// What is special about a request, one thing at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Special {
    Nothing,
    Own,
    Requester,
    Stopper,
    Rehearsal,
    Simulation,
    Ended,
    CallerListed,
    CallerUnlisted,
    CallerOwn,
    Reviewer,
    Operator,
    Ci,
}

const SPECIALS: [Special; 13] = [
    Special::Nothing,
    Special::Own,
    Special::Requester,
    Special::Stopper,
    Special::Rehearsal,
    Special::Simulation,
    Special::Ended,
    Special::CallerListed,
    Special::CallerUnlisted,
    Special::CallerOwn,
    Special::Reviewer,
    Special::Operator,
    Special::Ci,
];

#[derive(Clone, Copy, Debug)]
struct Case {
    action: Action,
    kind: PrincipalKind,
    side: Side,
    held: Held,
    author: bool,
    assurance: Assurance,
    stage: Stage,
    special: Special,
}

/// Who may do what.
fn expected(case: &Case) -> bool {
    use Action as A;
    let Case { action, kind, side, held, author, assurance, stage, special } = *case;
    let person = kind == PrincipalKind::Person;
    let service = kind == PrincipalKind::Service;
    let own = matches!(special, Special::Own | Special::CallerOwn);
    let simulation = special == Special::Simulation;
    let outsider = side == Side::Independent;
    if assurance == Assurance::Simulated && !simulation {
        return false;
    }
    // Whoever handed over looks on; and whoever hands over does not take over.
    if side == Side::Delivery && special == Special::Ended && action != A::Read {
        return false;
    }
    let of_the_gate = matches!(
        action,
        A::Approve | A::Withdraw | A::Reaffirm | A::Waive | A::GrantWaiver | A::EndWaiver | A::Release
    );
    if side == Side::Delivery && stage == Stage::Owned && of_the_gate {
        return false;
    }
    match special {
        Special::CallerListed | Special::CallerUnlisted | Special::CallerOwn => {
            return match action {
                A::Call | A::Decide | A::Admit => special == Special::CallerListed && !outsider,
                A::Read => own,
                _ => false,
            };
        }
        Special::Ci => return action == A::Evaluate && (service || !outsider),
        Special::Reviewer if !matches!(action, A::AnswerReview | A::Override | A::Audit | A::Read) => return false,
        _ => {}
    }
    let in_role = person && held == Held::Entitled;
    let production = matches!(stage, Stage::Production | Stage::Owned);
    let sure = !production || assurance >= Assurance::Token || simulation;
    match action {
        A::Approve | A::Reaffirm => in_role && !author && sure,
        A::GrantWaiver => in_role && !author && special != Special::Requester && sure,
        A::Withdraw => (in_role || (person && own)) && sure,
        A::EndWaiver => in_role || (person && own),
        A::Accept | A::EndRights | A::Acknowledge => in_role && side == Side::Receiving && sure,
        A::Waive | A::RollBack | A::Retire => in_role && !outsider && sure,
        A::Release => in_role && !outsider && sure && !(author && production),
        A::FileDocument | A::Audit | A::MeasureOutcome => in_role,
        A::Override | A::AnswerReview | A::Stop | A::Drill | A::OpenIncident | A::IssueToken => in_role && !outsider,
        A::HandleIncident | A::DecideIncident => (in_role || (person && own)) && !outsider,
        A::Resume => in_role && !outsider && special != Special::Stopper,
        A::BreakGlass | A::Admit => false,
        A::Call | A::Decide => person && special == Special::Rehearsal && !outsider,
        A::Evaluate | A::SubmitSpec | A::ImportExamples | A::Replay | A::ReportPilot => !service && !outsider,
        A::Note => !service,
        A::Read => person || own,
    }
}

/// The role that an action is for, and one that is for something else.
fn roles(action: Action, stage: Stage) -> (&'static str, &'static str) {
    use Action as A;
    match action {
        A::Approve | A::Withdraw | A::Reaffirm | A::GrantWaiver | A::EndWaiver => match stage {
            Stage::Production | Stage::Owned => ("risk", "lead"),
            _ => ("lead", "risk"),
        },
        A::Accept | A::EndRights | A::Acknowledge => ("owner", "lead"),
        A::Override | A::AnswerReview => ("officer", "auditor"),
        A::Audit => ("auditor", "officer"),
        A::FileDocument => ("scribe", "officer"),
        A::Waive => ("lead", "officer"),
        _ => ("lead", "risk"),
    }
}

fn grants() -> Grants {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let approval = |stage, role: &str| ApprovalGrant { stage, role: role.to_owned() };
    Grants {
        workflow: "credit".to_owned(),
        approvals: [
            approval(Stage::Pilot, "lead"),
            approval(Stage::Production, "risk"),
            approval(Stage::Owned, "risk"),
        ]
        .into(),
        steps: vec![StepGrants {
            step: "assess".to_owned(),
            overrides: set(&["officer"]),
            reviews: set(&["officer"]),
            audits: set(&["auditor"]),
        }],
        receiving: set(&["owner"]),
        operating: set(&["lead"]),
        exceptions: set(&["lead"]),
        filing: set(&["scribe"]),
    }
}

fn ask(policies: &Policies, case: &Case) -> bool {
    let (entitled, another) = roles(case.action, case.stage);
    let (holds, acts_as) = match case.held {
        Held::Entitled => (Some(entitled), entitled),
        Held::Another => (Some(another), entitled),
        Held::AnotherNamed => (Some(another), another),
        Held::None => (None, entitled),
    };
    let principal = Principal {
        id: "somebody@bank.example".to_owned(),
        kind: case.kind,
        side: case.side,
        roles: holds.into_iter().map(str::to_owned).collect(),
        assurance: case.assurance,
    };
    use Action as A;
    let on_step = matches!(case.action, A::Override | A::AnswerReview | A::Audit | A::Call | A::Decide | A::Admit);
    let token = match case.special {
        Special::CallerListed | Special::CallerUnlisted | Special::CallerOwn => Some(TokenKind::Caller),
        Special::Reviewer => Some(TokenKind::Reviewer),
        Special::Operator => Some(TokenKind::Operator),
        Special::Ci => Some(TokenKind::Ci),
        _ => None,
    };
    let listed = case.special == Special::CallerListed;
    let circumstances = Circumstances {
        stage: Some(case.stage),
        role: Some(acts_as.to_owned()),
        obligation: None,
        step: on_step.then(|| "assess".to_owned()),
        author: case.author,
        own: matches!(case.special, Special::Own | Special::CallerOwn),
        requester: case.special == Special::Requester,
        stopper: case.special == Special::Stopper,
        rehearsal: case.special == Special::Rehearsal,
        simulation: case.special == Special::Simulation,
        ended: case.special == Special::Ended,
        token,
        token_steps: if listed { vec!["credit/assess".to_owned()] } else { vec!["credit/other".to_owned()] },
    };
    let request = Request { principal: &principal, action: case.action, circumstances: &circumstances };
    policies.authorize(&request).is_allowed()
}

/// With nothing special: everything by everything, up to the assurance that suffices everywhere (those above it only
/// for who is entitled). Something special: for the entitled and for those without a role.
fn is_asked(case: &Case) -> bool {
    let Case { held, author, assurance, special, .. } = *case;
    match special {
        Special::Nothing => assurance <= Assurance::Token || (held == Held::Entitled && !author),
        Special::Simulation => {
            !author && held == Held::Entitled && matches!(assurance, Assurance::Simulated | Assurance::Local)
        }
        _ => !author && matches!(held, Held::Entitled | Held::None) && assurance == Assurance::Token,
    }
}

/// Every case.
fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for &action in Action::ALL {
        for kind in KINDS {
            for side in SIDES {
                for held in [Held::Entitled, Held::Another, Held::AnotherNamed, Held::None] {
                    for author in [false, true] {
                        for assurance in ASSURANCES {
                            for stage in STAGES {
                                for special in SPECIALS {
                                    let case = Case { action, kind, side, held, author, assurance, stage, special };
                                    all.extend(is_asked(&case).then_some(case));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_matrix_is_as_it_is_written_down() {
    let policies = Policies::new(&grants()).unwrap();
    let all = cases();
    let mut allowed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &all {
        let (is, should) = (ask(&policies, case), expected(case));
        if is {
            *allowed.entry(case.action.as_str()).or_default() += 1;
        }
        if is != should {
            wrong.push(format!("{case:?}: is {is}, should be {should}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong[..wrong.len().min(20)].join("\n"));
    // Each action but the one that only a factory opens is allowed to somebody, and to fewer than half.
    for action in Action::ALL {
        let n = allowed.get(action.as_str()).copied().unwrap_or_default();
        assert_eq!(n == 0, *action == Action::BreakGlass, "{action}: {n}");
        assert!(n * 2 < all.len() / Action::ALL.len(), "{action}: {n} is more than half");
    }
    println!("{} requests, {} allowed", all.len(), allowed.values().sum::<usize>());
}

/// Without a spec that grants anything, no role opens anything: what remains depends on no role.
#[test]
fn nothing_is_open_by_default() {
    let policies = Policies::new(&Grants { workflow: "credit".to_owned(), ..Grants::default() }).unwrap();
    for case in cases().into_iter().filter(|c| !c.author && c.assurance == Assurance::Token) {
        let without = Case { held: Held::None, ..case };
        assert_eq!(ask(&policies, &case), expected(&without), "{case:?}");
    }
}

/// What people alone do, no agent and no service does: not with any role, token, or factory policy.
#[test]
fn no_policy_of_a_factory_lets_a_machine_judge() {
    let everything = "permit (principal, action, resource);";
    let policies = Policies::with_factory(&grants(), everything).unwrap();
    use Action as A;
    let judgements = [
        A::Approve,
        A::Withdraw,
        A::Reaffirm,
        A::Accept,
        A::Waive,
        A::GrantWaiver,
        A::EndWaiver,
        A::FileDocument,
        A::Release,
        A::RollBack,
        A::Retire,
        A::Override,
        A::AnswerReview,
        A::Audit,
        A::Resume,
        A::BreakGlass,
        A::IssueToken,
        A::EndRights,
        A::Acknowledge,
    ];
    let machines = cases().into_iter().filter(|c| c.kind != PrincipalKind::Person && judgements.contains(&c.action));
    let mut asked = 0;
    for case in machines.filter(|c| c.held == Held::Entitled && c.assurance >= Assurance::Token) {
        asked += 1;
        assert!(!ask(&policies, &case), "{case:?}");
    }
    assert!(asked > 1_000, "{asked}");
}
