//! Decisions and reviews.

use super::{ago, commitment, decision_id, digest, event, now, outside, review_id};
use seatrial_model::facts::{CheckKind, FindingResult};
use seatrial_model::{Action, Answer, Stage, Verdict};
use seatrial_server::view::*;

/// The list.
pub fn decisions() -> Decisions {
    let rows = [
        ("C-20931", Verdict::Escalate, Action::Escalate, 0.611, "steps.route.escalate.unsure", 2),
        ("C-20930", Verdict::Allow, Action::Allow, 0.962, "", 4),
        ("C-20929", Verdict::Modify, Action::Modify, 0.911, "steps.route.forbid.personal-data", 6),
        ("C-20928", Verdict::Deny, Action::Block, 0.887, "steps.route.forbid.promises-money", 9),
        ("C-20927\u{202e}<script>alert(1)</script>", Verdict::Allow, Action::Allow, 0.948, "", 11),
        ("C-20926", Verdict::Warn, Action::Allow, 0.874, "steps.route.require.says-why", 16),
    ];
    let rows = rows.iter().enumerate().map(|(i, (case, verdict, action, confidence, because, minutes))| DecisionRow {
        decision: decision_id(i as u64 + 1),
        index: 300 - i as u64,
        time: ago(*minutes),
        case: (i != 5).then(|| outside(case)),
        step: "route".into(),
        verdict: *verdict,
        action: *action,
        pending: *verdict == Verdict::Escalate,
        confidence: *confidence,
        because: because.split_whitespace().map(Into::into).collect(),
        overridden: i == 3,
        rehearsal: i == 4,
        blind: false,
    });
    Decisions {
        steps: vec!["route".into(), "summarise".into()],
        filter: DecisionFilter::default(),
        rows: rows.collect(),
        older: Some(295),
        total: Some(1_284),
    }
}

fn field(pointer: &str, value: &str) -> Field {
    Field { pointer: outside(pointer), value: outside(value), withheld: false, marks: Vec::new() }
}

fn input() -> Payload {
    let mut age = field("/customer/age", "71");
    age.withheld = true;
    Payload::Held {
        fields: vec![
            field(
                "/text",
                "I was charged twice for my card in October and nobody answers.\n<b>Please</b> call me.\u{200b}",
            ),
            field("/amount", "182.40"),
            field("/customer/since", "2014-03-01"),
            age,
        ],
        commitment: commitment("input"),
    }
}

fn output(marks: bool) -> Payload {
    let text = "Charged twice for a card; the customer asks to be called at +34 600 123 456 or bo@mail.example.";
    let mut reason = field("/reason", text);
    let find = |needle: &str, code: &str| {
        let start = text.find(needle).unwrap_or(0) as u64;
        Mark {
            start,
            end: start + needle.len() as u64,
            path: "steps.route.forbid.personal-data".into(),
            code: code.into(),
        }
    };
    if marks {
        reason.marks = vec![find("+34 600 123 456", "phone"), find("bo@mail.example", "email")];
    }
    Payload::Held {
        fields: vec![field("/team", "cards"), field("/action", "route"), reason, field("/confidence", "0.611")],
        commitment: commitment("output"),
    }
}

fn finding(
    path: &str,
    kind: CheckKind,
    result: FindingResult,
    code: &str,
    rule: &str,
    reason: &str,
    places: u64,
) -> FindingLine {
    FindingLine { path: path.into(), kind, result, code: code.into(), rule: rule.into(), reason: reason.into(), places }
}

fn findings() -> Vec<FindingLine> {
    vec![
        finding(
            "steps.route.forbid.personal-data",
            CheckKind::Forbid,
            FindingResult::Violated,
            "email",
            "detect: email, card-number, iban, phone in output.reason",
            "",
            2,
        ),
        finding("types.Routing", CheckKind::Schema, FindingResult::Met, "", "", "", 0),
        finding(
            "steps.route.require.says-why",
            CheckKind::Require,
            FindingResult::Met,
            "",
            "size(output.reason) >= 20",
            "Handlers must see the reason",
            0,
        ),
        finding(
            "steps.route.forbid.promises-money",
            CheckKind::Forbid,
            FindingResult::Met,
            "",
            "output.reason.matches('(?i)refund|compensat')",
            "Only finance may promise",
            0,
        ),
        finding(
            "steps.route.never.closes-a-complaint",
            CheckKind::Never,
            FindingResult::Met,
            "",
            "output.action == 'close'",
            "",
            0,
        ),
    ]
}

fn confidence() -> ConfidenceLine {
    ConfidenceLine {
        source: "output.confidence".into(),
        value: 0.611,
        present: true,
        threshold: Some(("thresholds.route".into(), 0.8)),
        certificate: Some("certified".into()),
    }
}

fn because() -> Vec<Because> {
    vec![
        Because {
            path: "steps.route.escalate.unsure".into(),
            text: "confidence < thresholds.route, to handlers".into(),
        },
        Because { path: "steps.route.forbid.personal-data".into(), text: "modify: redact before it leaves".into() },
    ]
}

/// A decision that a person answered.
pub fn decision() -> DecisionPage {
    let answer = AnswerLine {
        answer: Answer::Edit,
        by: "ana@bank.example".into(),
        at: ago(1),
        reason: Some(outside("Right team, but the phone number must not be in the reason.")),
        usable: true,
        shown_ms: Some(48_000),
    };
    DecisionPage {
        decision: decision_id(1),
        event: event(300, "decision.made/1", "web-form", 2),
        case: Payload::Held { fields: vec![field("", "C-20931")], commitment: commitment("case") },
        step: "route".into(),
        entry: "run".into(),
        stage: Stage::Pilot,
        release: Some(digest("release")),
        spec: Some(digest("spec-1")),
        rehearsal: false,
        shadow: false,
        model: Some("some-model-2026-08-01".into()),
        attempts: 2,
        input: input(),
        output: output(true),
        released: Some(Payload::Held {
            fields: vec![
                field("/team", "cards"),
                field("/action", "route"),
                field("/reason", "Charged twice for a card; the customer asks for a call."),
            ],
            commitment: commitment("released"),
        }),
        uninspected: vec!["choices.0.reasoning".into()],
        findings: findings(),
        confidence: confidence(),
        whens: vec![
            WhenLine {
                path: "steps.route.escalate.unsure".into(),
                rule: "confidence < thresholds.route".into(),
                holds: true,
                failed: false,
            },
            WhenLine {
                path: "steps.route.escalate.large".into(),
                rule: "input.amount > 10000.0".into(),
                holds: false,
                failed: false,
            },
        ],
        verdict: Verdict::Escalate,
        action: Action::Escalate,
        because: because(),
        review: Some(ReviewLine {
            review: review_id(1),
            to: "handlers".into(),
            due: Some(now().plus_millis(14_000_000)),
            answer: Some(answer),
        }),
        overridden: Some(OverrideLine {
            by: "ana@bank.example".into(),
            at: ago(0),
            reason: "wrong-team".into(),
            note: Some(outside("Belongs to disputes after all.")),
            action: Action::Modify,
        }),
        outcome: Some(OutcomeLine {
            at: ago(0),
            wrong: true,
            matured: false,
            truth: Payload::Held { fields: vec![field("/team", "disputes")], commitment: commitment("truth") },
        }),
        audit: Some(AuditLine { blind: true, answered: None, by: None }),
        inclusion: Inclusion {
            index: 300,
            size: 304,
            root: digest("root"),
            signed: true,
            command: "seatrial log verify --workflow complaint-routing".into(),
        },
        followed_by: vec![
            event(301, "review.answered/1", "ana@bank.example", 1),
            event(303, "decision.overridden/1", "ana@bank.example", 0),
        ],
    }
}

/// A decision whose payloads were erased.
pub fn erased() -> DecisionPage {
    let gone = |name: &str| Payload::Erased {
        on: ago(3_000),
        by: "ria@bank.example".into(),
        commitment: Some(commitment(name)),
    };
    DecisionPage {
        case: gone("case"),
        input: gone("input"),
        output: gone("output"),
        released: None,
        review: None,
        overridden: None,
        outcome: None,
        audit: None,
        verdict: Verdict::Deny,
        action: Action::Block,
        ..decision()
    }
}

/// The queue.
pub fn reviews() -> Reviews {
    let row = |n: u64, kind, case: &str, to: &str, opened: i64, due: i64, because: &str| ReviewRow {
        review: review_id(n),
        kind,
        case: Some(outside(case)),
        step: "route".into(),
        to: to.into(),
        opened: ago(opened),
        due: Some(now().plus_millis(due * 60_000)),
        claimed_by: (n == 2).then(|| "bo@bank.example".into()),
        because: vec![because.into()],
        rehearsal: n == 4,
    };
    Reviews {
        roles: vec!["handlers".into(), "supervisors".into()],
        role: None,
        rows: vec![
            row(3, ReviewKind::Own, "C-20877", "supervisors", 281, -41, "steps.route.never.closes-a-complaint"),
            row(1, ReviewKind::Review, "C-20931", "handlers", 2, 238, "steps.route.escalate.unsure"),
            row(2, ReviewKind::BlindAudit, "C-20930", "supervisors", 30, 1_410, "steps.route.audit"),
            row(4, ReviewKind::Review, "C-20925", "supervisors", 40, 2_000, "steps.route.escalate.large"),
        ],
        more: 0,
        answered_today: 17,
    }
}

fn edit(empty: bool) -> Vec<EditField> {
    let of = |list: &[&str]| EditKind::Choice { of: list.iter().map(|s| (*s).to_owned()).collect() };
    let field = |name: &str, label: &str, kind, value: &str, required| EditField {
        name: name.into(),
        label: label.into(),
        kind,
        value: outside(if empty { "" } else { value }),
        required,
    };
    vec![
        field(
            "team",
            "The product team that can resolve it",
            of(&["cards", "disputes", "mortgages", "accounts"]),
            "cards",
            true,
        ),
        field("action", "", of(&["route", "ask", "close"]), "route", true),
        field(
            "reason",
            "What the handler sees",
            EditKind::Text,
            "Charged twice for a card; asks to be called.\u{200b}",
            true,
        ),
        field("urgent", "", EditKind::Boolean, "false", false),
    ]
}

/// A review.
pub fn review() -> ReviewPage {
    ReviewPage {
        review: review_id(1),
        decision: decision_id(1),
        kind: ReviewKind::Review,
        step: "route".into(),
        does: "Assign the complaint to one product team".into(),
        to: "handlers".into(),
        opened: ago(2),
        due: Some(now().plus_millis(14_000_000)),
        claimed_by: None,
        case: Payload::Held { fields: vec![field("", "C-20931")], commitment: commitment("case") },
        input: input(),
        proposal: Some(Proposal {
            output: output(true),
            redacted: None,
            confidence: confidence(),
            findings: findings(),
        }),
        because: because(),
        seen: commitment("output"),
        answers: vec![Answer::Accept, Answer::Edit, Answer::Reject],
        barred: None,
        edit: edit(false),
        answered: None,
        next: Some(review_id(2)),
        previous: Some(review_id(3)),
        rehearsal: false,
        seeded: None,
    }
}

/// A review in which a `never` was violated.
pub fn own_review() -> ReviewPage {
    ReviewPage {
        kind: ReviewKind::Own,
        because: vec![Because {
            path: "steps.route.never.closes-a-complaint".into(),
            text: "output.action == 'close'".into(),
        }],
        answers: vec![Answer::Own, Answer::Reject],
        edit: edit(true),
        due: Some(ago(41)),
        ..review()
    }
}

/// A blind audit.
pub fn blind_audit() -> ReviewPage {
    ReviewPage {
        kind: ReviewKind::BlindAudit,
        proposal: None,
        because: vec![Because { path: "steps.route.audit".into(), text: "2 % of allowed decisions".into() }],
        answers: vec![Answer::Own],
        edit: edit(true),
        ..review()
    }
}
