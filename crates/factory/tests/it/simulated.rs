//! What the example's simulated people do besides measuring and approving: drills, a small pilot, and what production
//! wants of it. Over a factory alone, so that other crates' helpers use it as well.
#![allow(dead_code, reason = "each helper uses a part")]

use seatrial_factory::api::{
    Again, Caller, DecisionChain, Held, Passage, PassageEntry, Refused, ReviewAnswerInput, ReviewView,
};
use seatrial_factory::{ApprovalInput, Factory, OutcomeInput, ReconcileInput, ReviewFilter, WaiverInput};
use seatrial_model::event::TokenKind;
use seatrial_model::{Answer, Assurance, Principal, PrincipalKind, ReviewId, Side, Stage};
use serde_json::{Value, json};

/// The criterion of the example's pilot, and the one that a handful of applications can meet.
pub const CRITERION: (&str, &str) = ("metrics.agreement >= 0.7 && metrics.reviewed >= 100", "metrics.reviewed >= 3");

/// The workflow of the example.
const WORKFLOW: &str = "credit-preapproval";

/// How many applications the small pilot sees.
const PILOT: u64 = 4;

/// How long the example's waivers run, in days.
const WAIVED_DAYS: i64 = 80;

/// A person of the example, by the first part of their id.
pub fn person(factory: &Factory, name: &str) -> Result<Caller, Refused> {
    let spec = factory.spec();
    let found = spec.people.iter().find(|p| p.id.split('@').next() == Some(name));
    let id = found.map(|p| p.id.clone()).unwrap_or_else(|| name.to_owned());
    factory.local(&id)
}

/// A service that calls, as if it held a token for every step.
fn caller() -> Caller {
    Caller {
        principal: Principal {
            id: "pilot-shop".to_owned(),
            kind: PrincipalKind::Service,
            side: Side::Receiving,
            roles: Default::default(),
            assurance: Assurance::Token,
        },
        token: Some(TokenKind::Caller),
        steps: vec!["*".to_owned()],
    }
}

/// Every control but the stop is exercised: what a pilot needs, and production of the receiving side.
pub async fn drills(factory: &Factory) -> Result<(), Refused> {
    let (hana, una, flow) = (person(factory, "hana")?, person(factory, "una")?, Some(WORKFLOW));
    factory.drill_override(&una, flow).await?;
    factory.drill_incident(&una, &hana, flow).await?;
    for control in ["escalation", "degraded"] {
        let opened = match control {
            "escalation" => factory.open_escalation_drill(&hana, flow).await?,
            _ => factory.open_degraded_drill(&hana, flow).await?,
        };
        let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
        for review in &reviews {
            let view = factory.review(*review).await?;
            let holder = holder(factory, &view.to)?;
            factory.claim(&holder, *review).await?;
            answer(factory, &holder, &view).await?;
        }
        factory.close_drill(&hana, flow, control, &reviews).await?;
    }
    Ok(())
}

/// Somebody present who holds a role.
fn holder(factory: &Factory, role: &str) -> Result<Caller, Refused> {
    let spec = factory.spec();
    let found = spec.people.iter().find(|p| p.roles.iter().any(|r| r == role));
    factory.local(found.map_or(role, |p| p.id.as_str()))
}

/// Answers as a careful person would: their own decision where only that is possible, else what the AI said.
pub async fn answer(factory: &Factory, who: &Caller, review: &ReviewView) -> Result<(), Refused> {
    let chain: DecisionChain = factory.decision(who, review.decision).await?;
    let shown = if matches!(chain.output, Held::None) { &chain.input } else { &chain.output };
    let (Held::Text { commitment, .. } | Held::Hidden { commitment }) = shown else { return Ok(()) };
    let own = json!({ "decision": "decline", "confidence": 1.0 }).to_string();
    let blind = matches!(chain.output, Held::Hidden { .. });
    let (answer, output) = if review.own || blind { (Answer::Own, Some(own)) } else { (Answer::Accept, None) };
    let input =
        ReviewAnswerInput { answer, output, reason: "simulated".to_owned(), shown_ms: Some(20_000), seen: *commitment };
    factory.answer(who, review.review, input).await.map(drop)
}

/// A small pilot: some applications, each answered by a person before anything leaves. Gives their case ids.
pub async fn pilot(factory: &Factory) -> Result<Vec<String>, Refused> {
    let mut cases = Vec::new();
    for n in 0..PILOT {
        let case = format!("pilot-{n}");
        let input: Value = json!({
            "applicant": {"seniority": 14, "records": "no"}, "finances": {"income": 240, "expenses": 60},
            "credit": {"amount": 900 + n, "price": 1_500, "months": 36},
        });
        let passage = Passage {
            workflow: WORKFLOW.to_owned(),
            step: "assess".to_owned(),
            entry: PassageEntry::Run { input },
            case: Some(case.clone()),
            rehearsal: false,
            again: Again::default(),
        };
        factory.pass(&caller(), passage).await?;
        cases.push(case);
    }
    let una = person(factory, "una")?;
    let filter = ReviewFilter { workflow: Some(WORKFLOW.to_owned()), roles: Vec::new(), limit: 500 };
    for review in factory.reviews(&una, filter).await?.iter().filter(|r| !r.rehearsal) {
        answer(factory, &una, review).await?;
    }
    Ok(cases)
}

/// What production wants that only a pilot can show, and what the independent side has to say.
pub async fn after_pilot(factory: &Factory, cases: Vec<String>) -> Result<(), Refused> {
    let (hana, ria, rex) = (person(factory, "hana")?, person(factory, "ria")?, person(factory, "rex")?);
    let (now, production) = (factory.now(), Stage::Production);
    let from = now.plus_millis(-86_400_000);
    let measured = OutcomeInput {
        outcome: "waiting".to_owned(),
        value: 0.6,
        from,
        until: now,
        cases: Some(cases.len() as u64),
        note: "the queue of the simulated branch".to_owned(),
    };
    factory.measure(&hana, WORKFLOW, measured).await?;
    let until = now.plus_millis(60_000);
    factory.reconcile(&hana, WORKFLOW, ReconcileInput { ids: cases, from, until }).await?;
    factory.pilot_report(&person(factory, "lena")?, WORKFLOW, None, true).await?;
    let validation = b"Validated: simulated, on the certification examples and the pilot.".to_vec();
    let wanted = ["validation.independent", "pilot.findings", "oversight.efficacy"];
    let standing = factory.standing(WORKFLOW, production).await?;
    let listed: Vec<&str> =
        wanted.into_iter().filter(|id| standing.states.iter().any(|s| s.obligation.id == *id)).collect();
    if listed.contains(&"validation.independent") {
        factory
            .file_document(&ria, WORKFLOW, production, "validation.independent", "validation.txt", validation)
            .await?;
        approve(factory, &rex, "validation.independent").await?;
    }
    if listed.contains(&"pilot.findings") {
        approve(factory, &hana, "pilot.findings").await?;
    }
    if listed.contains(&"oversight.efficacy") {
        waive(factory, "oversight.efficacy").await?;
    }
    Ok(())
}

async fn approve(factory: &Factory, who: &Caller, obligation: &str) -> Result<(), Refused> {
    let input = ApprovalInput {
        stage: Stage::Production,
        obligation: obligation.to_owned(),
        role: None,
        key: None,
        shown_ms: Some(60_000),
    };
    factory.approve(who, WORKFLOW, input).await.map(drop)
}

/// Waives an obligation of production: the head of credit asks, risk grants.
pub async fn waive(factory: &Factory, obligation: &str) -> Result<(), Refused> {
    let input = WaiverInput {
        stage: Stage::Production,
        obligation: obligation.to_owned(),
        reason: "the volume is too low to seed known-bad items yet".to_owned(),
        measure: "risk reads twenty answers a week".to_owned(),
        until: factory.now().plus_millis(WAIVED_DAYS * 86_400_000).day(),
        renews: None,
        key: None,
    };
    let waiver = factory.request_waiver(&person(factory, "hana")?, WORKFLOW, input).await?;
    factory.grant_waiver(&person(factory, "ria")?, WORKFLOW, waiver, None).await.map(drop)
}
