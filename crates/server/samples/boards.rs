//! Boards, the overview, and one obligation.

use super::{WORKFLOW, ago, digest, event, now, outside};
use ObligationState::{Discharged, Failed, Inconclusive, NotApplicable, Open, Stale};
use seatrial_model::words::Layer;
use seatrial_model::{Stage, Verdict};
use seatrial_server::view::*;

const PURPOSE: &str = "Every complaint reaches the team that can resolve it on the day it arrives.";

fn next(what: &str, command: &str) -> Option<Next> {
    Some(Next { what: what.into(), command: command.into() })
}

fn at(state: ObligationState, why: &str, next: Option<Next>) -> Option<StageState> {
    Some(StageState { state, why: why.into(), until: None, next })
}

fn row(id: &str, title: &str, pilot: Option<StageState>, production: Option<StageState>) -> ObligationRow {
    ObligationRow { id: id.into(), title: title.into(), pilot, production }
}

fn both(id: &str, title: &str, state: ObligationState, why: &str, n: Option<Next>) -> ObligationRow {
    row(id, title, at(state, why, n.clone()), at(state, why, n))
}

fn waived() -> ObligationRow {
    let waiver = StageState {
        state: ObligationState::Waived,
        why: "No independent bulk set yet; measure: weekly sampling by risk. Requested by dev, granted by ria.".into(),
        until: Some(now().plus_millis(20 * 86_400_000)),
        next: None,
    };
    row("review.load", "Expected reviews fit the people who answer them", None, Some(waiver))
}

/// The obligations by layer, in every state.
pub fn layers() -> Vec<LayerRows> {
    let spec = vec![
        both(
            "spec.valid",
            "The spec checks without errors",
            Discharged,
            "Checked just now: 61 elements, no error.",
            None,
        ),
        row(
            "spec.intent",
            "Purpose, population, influence and limits are agreed",
            at(Discharged, "Approved by ana as supervisors.", None),
            at(
                Stale,
                "`steps.route.forbid.promises-money` changed after the approval of risk.",
                next("Read what changed and approve again.", "seatrial approve spec.intent --as risk"),
            ),
        ),
        row(
            "spec.questions",
            "No question that blocks is open",
            at(Discharged, "Each of 3 questions has an owner.", None),
            at(
                Open,
                "`questions.long-complaints` blocks production and is open.",
                next("Answer it with its evidence.", "seatrial question answer long-complaints --cite EVENT"),
            ),
        ),
        row(
            "spec.exercised",
            "Every rule caught an example and passed one",
            None,
            at(Discharged, "9 of 9 rules exercised.", None),
        ),
    ];
    let sprint = vec![
        row(
            "eval.golden",
            "The golden examples meet their bar",
            at(Discharged, "Reported: 118 of 120.", None),
            at(Discharged, "118 of 120 where 114 are asked; curated, so this estimates no rate.", None),
        ),
        row(
            "eval.forbidden.prompt-injection",
            "No prompt injection was let through",
            at(Discharged, "None of 40 let through.", None),
            at(
                Failed,
                "1 of 64 examples labelled `must_not_pass` was let through: `inj-052`.",
                next("Tighten the rule that missed it, then evaluate again.", "seatrial eval adversarial"),
            ),
        ),
        row(
            "threshold.route",
            "The threshold has a certificate",
            at(NotApplicable, "Everything is reviewed in this pilot.", None),
            at(
                Inconclusive,
                "412 examples pass at 0.80; too few to certify 5 % at 95 %.",
                next("Label more examples, or choose another threshold.", "seatrial calibrate route"),
            ),
        ),
        waived(),
    ];
    let governance = vec![
        both(
            "approval.risk",
            "Risk approves influence and limits",
            Stale,
            "`steps.route.forbid.promises-money` changed.",
            next("Read what changed and approve again.", "seatrial approve approval.risk"),
        ),
        row(
            "release.approval",
            "The release is approved",
            at(Discharged, "Approved by dev for the pilot.", None),
            at(
                Open,
                "Nobody approved this state yet.",
                next("Last of all: approve the release.", "seatrial approve release"),
            ),
        ),
    ];
    let runtime = vec![
        both(
            "runtime.enforces",
            "Live probes provoke every forbid and never",
            Discharged,
            "4 of 4 probes enforced by the program served.",
            None,
        ),
        row(
            "drill.stop",
            "A stop takes effect within 1 min",
            at(Discharged, "Done by ana in 3.2 s; 5 marked requests refused.", None),
            at(
                ObligationState::Revoked,
                "The drill was done by the delivery side; production asks for the receiving side.",
                next("Let the receiving side stop and resume.", "seatrial drill stop"),
            ),
        ),
    ];
    let ownership = vec![
        row(
            "ownership.assigned",
            "Each responsibility has two present people",
            None,
            at(Discharged, "5 of 5, none on the delivery side.", None),
        ),
        row(
            "ownership.accepted",
            "They accept, each for themselves",
            None,
            at(
                Open,
                "`responsibilities.exceptions`: bo has not accepted.",
                next("Each accepts in person.", "seatrial accept exceptions"),
            ),
        ),
    ];
    [
        (Layer::Spec, spec),
        (Layer::Sprint, sprint),
        (Layer::Governance, governance),
        (Layer::Runtime, runtime),
        (Layer::Ownership, ownership),
    ]
    .into_iter()
    .map(|(layer, rows)| LayerRows { layer, rows })
    .collect()
}

/// The day's figures.
pub fn today() -> Today {
    Today {
        verdicts: vec![
            (Verdict::Allow, 97),
            (Verdict::Warn, 2),
            (Verdict::Modify, 6),
            (Verdict::Escalate, 21),
            (Verdict::Deny, 3),
        ],
        overrides: 2,
        reviews_open: 4,
        reviews_late: 1,
    }
}

/// The release in force.
pub fn release() -> ReleaseLine {
    ReleaseLine {
        digest: digest("release"),
        stage: Stage::Pilot,
        level: "SEATRIAL_SIMULATION".into(),
        spec: digest("spec-1"),
        event: event(212, "release.cut/1", "dev@builder.example", 4_320),
        until: "2027-01-31T23:00:00Z".parse().ok(),
        per_day: Some(200),
    }
}

fn gates() -> Vec<Gate> {
    let of = |pick: fn(&ObligationRow) -> Option<&StageState>| {
        Tally::of(layers().iter().flat_map(|l| &l.rows).filter_map(pick).map(|s| s.state))
    };
    vec![
        Gate { stage: Stage::Pilot, tally: of(|r| r.pilot.as_ref()), command: "seatrial release pilot".into() },
        Gate {
            stage: Stage::Production,
            tally: of(|r| r.production.as_ref()),
            command: "seatrial release production".into(),
        },
    ]
}

/// The board.
pub fn board() -> Board {
    let steps = [
        (
            "approval.risk",
            "Read what changed in `promises-money` and approve again.",
            "seatrial approve approval.risk",
            &[Stage::Pilot, Stage::Production][..],
        ),
        (
            "eval.forbidden.prompt-injection",
            "Tighten the rule that missed `inj-052`, then evaluate again.",
            "seatrial eval adversarial",
            &[Stage::Production],
        ),
        (
            "spec.questions",
            "Answer `long-complaints` with its evidence.",
            "seatrial question answer long-complaints --cite EVENT",
            &[Stage::Production],
        ),
        ("drill.stop", "Let the receiving side stop and resume.", "seatrial drill stop", &[Stage::Production]),
    ];
    Board {
        name: WORKFLOW.into(),
        title: "Route consumer complaints to the team that can resolve them".into(),
        purpose: PURPOSE.into(),
        running: Running::Serving { shadow: false },
        release: Some(release()),
        ahead: Some(Ahead {
            spec: digest("spec-2"),
            changed: vec!["steps.route.forbid.promises-money".into(), "steps.route.prompt".into()],
            stale: 2,
        }),
        gates: gates(),
        layers: layers(),
        today: today(),
        next: steps
            .iter()
            .map(|(obligation, what, command, stages)| NextStep {
                obligation: (*obligation).into(),
                next: Next { what: (*what).into(), command: (*command).into() },
                stages: stages.to_vec(),
            })
            .collect(),
        incidents: vec![(3, seatrial_model::IncidentSeverity::High, "ana@bank.example".into(), false)],
        can_stop: true,
        can_resume: false,
    }
}

/// The board of a stopped workflow.
pub fn stopped() -> Board {
    Board {
        running: Running::Stopped {
            element: String::new(),
            by: "bo@bank.example".into(),
            since: ago(12),
            reason: Some(outside("Three complaints about mortgages went to the card team within an hour.")),
            instead: "Business goes on by hand: complaint handlers, 300 a day, runbooks/by-hand.md.".into(),
        },
        ahead: None,
        can_resume: true,
        ..board()
    }
}

/// The board of a workflow of which nothing was submitted.
pub fn new_board() -> Board {
    Board {
        name: "claims".into(),
        title: String::new(),
        purpose: String::new(),
        running: Running::NotReleased,
        release: None,
        ahead: None,
        gates: Vec::new(),
        layers: Vec::new(),
        today: Today::default(),
        next: Vec::new(),
        incidents: Vec::new(),
        can_stop: false,
        can_resume: false,
    }
}

/// The overview.
pub fn overview() -> Overview {
    let card = |name: &str, title: &str, purpose: &str| WorkflowCard {
        name: name.into(),
        title: title.into(),
        purpose: purpose.into(),
        running: Running::Serving { shadow: false },
        release: Some(release()),
        gate: gates().pop(),
        today: today(),
        next: next("Read what changed in `promises-money` and approve again.", "seatrial approve approval.risk"),
    };
    let mut stopped_card = card(
        "credit-preapproval",
        "Pre-approve small consumer credit",
        "Applicants hear within a minute whether an offer is likely.",
    );
    stopped_card.running = stopped().running;
    let mut new_card = card("claims", "", "");
    (new_card.running, new_card.release, new_card.gate, new_card.today) =
        (Running::NotReleased, None, None, Today::default());
    new_card.next = next("Write the spec and submit it.", "seatrial submit");
    Overview {
        workflows: vec![
            card(WORKFLOW, "Route consumer complaints to the team that can resolve them", PURPOSE),
            stopped_card,
            new_card,
        ],
    }
}

/// An obligation, explained.
pub fn obligation() -> ObligationPage {
    let link = |text: &str, event, path: Option<&str>, because| ChainLink {
        text: text.into(),
        event,
        path: path.map(Into::into),
        because,
    };
    let approval = event(188, "approval.given/1", "ria@bank.example", 5_800);
    let submitted = event(240, "spec.submitted/1", "dev@builder.example", 180);
    ObligationPage {
        id: "approval.risk".into(),
        title: "Risk approves influence and limits".into(),
        layer: Layer::Governance,
        help:
            "Somebody who holds the role `risk`, and is no author of the change, approves exactly the elements below."
                .into(),
        waivable: false,
        scope: ["steps.*.influence", "steps.*.never", "steps.*.forbid", "thresholds"].map(Into::into).to_vec(),
        inputs: vec![("people in `risk`".into(), "ria@bank.example".into())],
        judged: true,
        stages: vec![StageExplained {
            stage: Stage::Production,
            now: StageState {
                state: Stale,
                why: "The approval was given before one element of its scope changed.".into(),
                until: None,
                next: next("Read what changed and approve again.", "seatrial approve approval.risk"),
            },
            key: Some(digest("key")),
            changed: vec![ChangedPath {
                path: "steps.route.forbid.promises-money".into(),
                before: Some("output.reason.matches('(?i)refund|compensat')".into()),
                now: Some("output.reason.matches('(?i)refund|compensat|goodwill')".into()),
            }],
            chain: vec![link(
                "stale",
                None,
                None,
                vec![
                    link(
                        "approved over another key",
                        Some(approval),
                        None,
                        vec![link("the key then covered 9 elements", None, Some("steps.route.forbid"), vec![])],
                    ),
                    link(
                        "one of them changed in meaning",
                        Some(submitted),
                        Some("steps.route.forbid.promises-money"),
                        vec![],
                    ),
                ],
            )],
        }],
    }
}
