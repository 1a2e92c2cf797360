//! The log, a certificate, a sprint, an assessment.

use super::{ago, digest, event, now, outside};
use seatrial_model::event::{Certificate, Share, SliceResult};
use seatrial_model::{Stage, Time};
use seatrial_server::view::*;
use seatrial_sprint::clarity::{LayerCount, Look, Moment, layer_of, points, svg};

/// The log.
pub fn log() -> LogPage {
    let row = |index, kind: &str, actor: &str, minutes, says: &str| {
        let event = event(index, kind, actor, minutes);
        let json = serde_json::json!({"id": event.id, "kind": kind, "time": event.time, "actor": {"id": actor}});
        LogRow {
            leaf: digest(&index.to_string()),
            json: serde_json::to_string_pretty(&json).unwrap_or_default(),
            event,
            says: says.into(),
        }
    };
    LogPage {
        origin: "simulation/example-bank/complaint-routing".into(),
        entries: 304,
        size: 303,
        root: digest("root"),
        signed_at: Some(ago(0)),
        key: "simulation/example-bank/complaint-routing+5f1c2d3e+AWd1cGYxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAx"
            .into(),
        witnesses: Vec::new(),
        rows: vec![
            row(303, "decision.overridden/1", "ana@bank.example", 0, "another output, wrong-team"),
            row(301, "review.answered/1", "ana@bank.example", 1, "edited, shown for 48 s"),
            row(300, "decision.made/1", "web-form", 2, "route: escalate, confidence 0.611"),
            row(240, "spec.submitted/1", "dev@builder.example", 180, "61 elements, 2 changed"),
            row(212, "release.cut/1", "dev@builder.example", 4_320, "pilot"),
        ],
        older: Some(212),
        verify: "seatrial log verify export/ --key origin+5f1c2d3e+AWd1…".into(),
        export: "seatrial log export export/".into(),
    }
}

/// A certificate that is watched.
pub fn certificate() -> CertificatePage {
    let certificate = Certificate {
        threshold: "thresholds.route".into(),
        at: Some(0.8),
        max_wrong: 0.05,
        assurance: 0.95,
        delta: 0.05,
        attempt: 1,
        attempts: 1,
        left_out: 0,
        thinned: 0,
        withheld: false,
        sequence: Vec::new(),
        remainder: None,
        method: "split".into(),
        examples: 412,
        errors: 11,
        bound: 0.0438,
        p: 0.0127,
        grid: Vec::new(),
        required: std::collections::BTreeMap::new(),
        sealed: digest("sealed"),
        model: "sha256:4f1f…/some-model-2026-08-01".into(),
        confidence: "output.confidence".into(),
        curve: digest("curve"),
        reviewed: Share { k: 138, n: 550 },
        slices: [
            ("long".to_owned(), SliceResult { passed: Share { k: 61, n: 92 }, wrong: Share { k: 5, n: 61 } }),
            ("short".to_owned(), SliceResult { passed: Share { k: 351, n: 458 }, wrong: Share { k: 6, n: 351 } }),
        ]
        .into(),
    };
    let points = (0..=40)
        .map(|i| {
            let coverage = 1.0 - f64::from(i) / 42.0;
            let risk = 0.008 + 0.11 * coverage.powf(5.0);
            CurvePoint {
                at: (0.5 + f64::from(i) * 0.0306).min(1.0),
                coverage,
                risk,
                bound: risk + 0.012 + 0.008 / coverage.max(0.1),
            }
        })
        .collect();
    let walk = [0.0, -0.05, -0.1, 0.38, 0.33, 0.28, 0.22, 0.17, 0.64, 0.59, 0.53, 0.48, 0.43, 0.37, 0.32, 0.27];
    CertificatePage {
        name: "route".into(),
        at: Some(0.8),
        wrong_when: "output.team != expected.team".into(),
        standing: Standing::Certified,
        certificate: Some(certificate),
        event: Some(event(171, "threshold.tested/1", "ci", 6_000)),
        curve: Curve::Points { points },
        watch: Watch::Watched { audited: 15, wrong: 2, log_e: 0.27, log_alarm: 2.996, path: walk.to_vec() },
        reviews_per_day: Some(87.4),
        attempts: vec![(1, 0.05, true, event(171, "threshold.tested/1", "ci", 6_000))],
        command: "seatrial calibrate route --certify".into(),
    }
}

/// One that no truth reached yet.
pub fn unwatched() -> CertificatePage {
    CertificatePage {
        standing: Standing::None,
        certificate: None,
        event: None,
        curve: Curve::None,
        watch: Watch::UnwatchedUntil {
            until: Some(now().plus_millis(60 * 86_400_000)),
            truth: "recorded outcomes, 90 days after the decision".into(),
        },
        ..certificate()
    }
}

fn figure(what: &str, value: &str, speaks: Option<bool>, index: u64) -> SprintFigure {
    let cites = vec![event(index, "spec.submitted/1", "dev@builder.example", 180)];
    SprintFigure { what: what.into(), value: value.into(), speaks, cites }
}

/// A closed sprint.
pub fn sprint() -> SprintPage {
    SprintPage {
        sprint: Some(SprintHead {
            id: "spr_0193f2a0-7c1d-7000-8000-000000000002".parse().expect("an id"),
            number: 2,
            goal: Some(outside("Find out whether routing is reliable above 2 000 words, and certify the threshold.")),
            opened: event(140, "sprint.opened/1", "dev@builder.example", 20_160),
            closed: Some(event(290, "sprint.closed/1", "dev@builder.example", 30)),
        }),
        questions: vec![
            QuestionLine {
                name: "long-complaints".into(),
                ask: "Is routing reliable above 2 000 words?".into(),
                owner: "engineering".into(),
                blocks: Some("production".into()),
                state: "open".into(),
                text: None,
                cites: Vec::new(),
            },
            QuestionLine {
                name: "two-teams".into(),
                ask: "Which team takes a complaint about two products?".into(),
                owner: "supervisors".into(),
                blocks: None,
                state: "answered".into(),
                text: Some(outside("The team of the larger amount; handlers may pass it on.")),
                cites: vec![event(160, "evaluation.recorded/1", "ci", 7_000)],
            },
        ],
        obligations: vec![
            SprintObligation {
                id: "threshold.route".into(),
                start: Some(ObligationState::Open),
                now: Some(ObligationState::Discharged),
            },
            SprintObligation {
                id: "approval.risk".into(),
                start: Some(ObligationState::Discharged),
                now: Some(ObligationState::Stale),
            },
            SprintObligation {
                id: "eval.forbidden.prompt-injection".into(),
                start: None,
                now: Some(ObligationState::Failed),
            },
        ],
        backlog: vec![
            BacklogItem {
                what: "stale: `steps.route.forbid.promises-money` changed after the approval of risk.".into(),
                from: "obligation".into(),
                subject: "approval.risk".into(),
                unblocks: 2,
                people: vec!["ria@bank.example".into()],
                cites: vec![],
                stages: vec![Stage::Pilot, Stage::Production],
                command: "seatrial approve approval.risk".into(),
            },
            BacklogItem {
                what: "people overrode it 6 times for the reason `wrong-team`".into(),
                from: "overrides".into(),
                subject: "steps.route.escalate.disputes".into(),
                unblocks: 0,
                people: vec![],
                cites: vec![event(288, "decision.made/1", "shop", 90)],
                stages: vec![],
                command: String::new(),
            },
        ],
        answers: vec![
            SprintAnswer {
                question: "Did the team clarify the workflow’s boundary?".into(),
                answer: "Mixed: some figures moved that way, some the other.".into(),
                figures: vec![
                    figure("questions answered", "1", Some(true), 160),
                    figure("questions raised", "1", None, 240),
                    figure("rules widened", "1", Some(false), 240),
                ],
            },
            SprintAnswer {
                question: "Did the system become easier to review?".into(),
                answer: "Yes: everything that moved, moved that way.".into(),
                figures: vec![figure("median time with a case", "1 min 52 s, then 48 s", Some(true), 301)],
            },
        ],
        notes: vec![finding()],
        clarity: Some(clarity()),
        others: vec![(1, "spr_0193f2a0-7c1d-7000-8000-000000000001".parse().expect("an id"))],
    }
}

fn finding() -> NoteLine {
    NoteLine {
        event: Some(event(270, "sprint.noted/1", "dev@builder.example", 120)),
        by: "dev@builder.example".into(),
        finding: true,
        element: Some("steps.route".into()),
        text: Some(outside("Disputes about <fees> read like complaints about cards.")),
        cites: vec![event(171, "evaluation.recorded/1", "ci", 6_000)],
    }
}

/// Operating clarity over twenty days.
pub fn clarity() -> ClarityPicture {
    let words = |done: usize, waived: usize, total: usize, id: &str| {
        let state = move |i| {
            if i < done {
                "discharged"
            } else if i < done + waived {
                "waived"
            } else {
                "open"
            }
        };
        (0..total).map(move |i| (format!("{id}.{i}"), state(i).to_owned())).collect::<Vec<_>>()
    };
    let moment = |day: i64, what: &str, done: [usize; 5], waived: usize, total: [usize; 5]| Moment {
        time: Time::from_millis(now().as_millis() - (20 - day) * 86_400_000),
        what: what.to_owned(),
        states: ["spec", "eval", "approval", "drill", "ownership"]
            .iter()
            .zip(done.iter().zip(total))
            .flat_map(|(id, (d, t))| words(*d, if *id == "eval" { waived } else { 0 }, t, id))
            .collect(),
    };
    let points = points(
        &[
            moment(0, "sprint 1 opened", [1, 0, 0, 0, 0], 0, [4, 5, 4, 3, 4]),
            moment(5, "sprint 1 closed", [3, 2, 0, 1, 0], 0, [4, 6, 4, 3, 4]),
            moment(6, "sprint 2 opened", [3, 2, 0, 1, 0], 0, [4, 6, 4, 3, 4]),
            moment(16, "sprint 2 closed", [4, 4, 2, 3, 2], 1, [4, 6, 4, 3, 3]),
            moment(19, "production released", [4, 5, 4, 3, 3], 1, [4, 6, 4, 3, 3]),
            moment(20, "now", [3, 5, 2, 3, 3], 1, [5, 6, 4, 3, 3]),
        ],
        layer_of,
    );
    let count = |n: &LayerCount| ClarityCount {
        discharged: n.discharged,
        waived: n.waived,
        total: n.total,
        added: n.added,
        removed: n.removed,
    };
    let moments = points.iter().map(|p| ClarityMoment {
        time: p.time,
        what: p.what.clone(),
        layers: p.layers.iter().map(|(layer, n)| (*layer, count(n))).collect(),
    });
    ClarityPicture { moments: moments.collect(), svg: svg(&points, Look::Within, &|at| at.day().to_string()) }
}

/// A workflow without a sprint.
pub fn no_sprint() -> SprintPage {
    SprintPage {
        sprint: None,
        questions: Vec::new(),
        obligations: Vec::new(),
        backlog: Vec::new(),
        answers: Vec::new(),
        notes: Vec::new(),
        clarity: None,
        others: Vec::new(),
    }
}

/// An assessment.
pub fn assessment() -> AssessmentPage {
    let q = |question: &str, support, answer: &str, cites: Vec<EventRef>, better: &str| Assessed {
        question: question.into(),
        support,
        answer: answer.into(),
        cites,
        better: better.into(),
    };
    AssessmentPage {
        size: 304,
        groups: vec![
            QuestionGroup {
                title: "What a CTO should ask".into(),
                questions: vec![
                    q(
                        "How do evolving requirements stay structured?",
                        Support::Evidenced,
                        "7 specs were submitted; 12 changed elements made 9 pieces of evidence stale, and 8 were made again.",
                        vec![event(240, "spec.submitted/1", "dev@builder.example", 180)],
                        "",
                    ),
                    q(
                        "How is ownership transferred?",
                        Support::Partly,
                        "Each responsibility is assigned; 4 of 5 are accepted.",
                        vec![event(230, "responsibility.accepted/1", "ana@bank.example", 400)],
                        "Let bo accept `exceptions`.",
                    ),
                    q(
                        "What changes between pilot and production?",
                        Support::NoEvidence,
                        "No production release exists.",
                        vec![],
                        "Discharge production’s obligations.",
                    ),
                ],
            },
            QuestionGroup {
                title: "What a founder should ask".into(),
                questions: vec![q(
                    "Is the speed discipline, or deferred complexity?",
                    Support::Contradicted,
                    "5 of 6 approvals were given within 10 s of being shown.",
                    vec![event(188, "approval.given/1", "ria@bank.example", 5_800)],
                    "Read before approving; the log tells the difference.",
                )],
            },
        ],
        flags: vec![
            Flag {
                title: "Velocity without specification change".into(),
                raised: Some(false),
                detail: String::new(),
                cites: vec![],
                better: String::new(),
            },
            Flag {
                title: "Approvals faster than the text can be read".into(),
                raised: Some(true),
                detail: "5 of 6 approvals, the fastest in 2 s for 1 840 words. The approvers are simulated.".into(),
                cites: vec![event(188, "approval.given/1", "ria@bank.example", 5_800)],
                better: "Have people approve, and take the time.".into(),
            },
            Flag {
                title: "No rejection ever".into(),
                raised: None,
                detail: "Fewer than 30 reviews were answered.".into(),
                cites: vec![],
                better: String::new(),
            },
        ],
    }
}
