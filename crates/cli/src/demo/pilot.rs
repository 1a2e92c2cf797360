//! The pilot: drills before it, its applications, what it showed, and what production wants of that.

use super::deliver::{Answered, passage};
use super::figures::PilotFigures;
use super::story::Story;
use super::tell::{count, percent, ratio};
use super::yard::WORKFLOW;
use crate::failure::Failure;
use jiff::ToSpan as _;
use seatrial_factory::api::ReviewView;
use seatrial_factory::{OutcomeInput, ReconcileInput, WaiverInput};
use seatrial_model::event::SplitSide;
use seatrial_model::{Day, ReviewId, Stage};

/// How many applications the pilot sees: more than its criterion wants to have reviewed.
const PILOT: usize = 180;

/// How long the demo's waiver runs.
const WAIVED_DAYS: i64 = 60;

/// The outcome that the example is for.
const OUTCOME: &str = "waiting";

impl Story<'_> {
    /// Every control is exercised on marked requests, by the people who will use it.
    pub(super) async fn drills(&mut self) -> Result<(), Failure> {
        let (hana, hugo, una) = (self.yard.person("hana")?, self.yard.person("hugo")?, self.yard.person("una")?);
        let factory = self.yard.factory.clone();
        let stop = factory.drill_stop(&hana, &hugo, None).await?;
        self.tell.figure(
            "stop drill",
            &format!(
                "in force after {} ms; {} requests refused; resumed by another person",
                stop.effective_ms, stop.refused
            ),
        );
        let taken = factory.drill_override(&una, None).await?;
        let incident = factory.drill_incident(&una, &hana, None).await?;
        self.tell.figure(
            "override, incident",
            &format!(
                "a marked decision taken back within {} ms; stopped and taken back within {} ms",
                taken.effective_ms, incident.effective_ms
            ),
        );
        for control in ["escalation", "degraded"] {
            let opened = match control {
                "escalation" => factory.open_escalation_drill(&hana, None).await?,
                _ => factory.open_degraded_drill(&hana, None).await?,
            };
            let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
            for review in &reviews {
                let view = factory.review(*review).await?;
                self.answer_marked(&view).await?;
            }
            let done = factory.close_drill(&hana, None, control, &reviews).await?;
            let what =
                if control == "degraded" { "finished by hand without the model" } else { "claimed and answered" };
            let cases = count(done.answered, "marked case");
            self.tell.figure(control, &format!("{cases} {what} within {} ms (simulated)", done.effective_ms));
        }
        Ok(())
    }

    /// Somebody who holds the role claims a marked review and answers it.
    async fn answer_marked(&self, review: &ReviewView) -> Result<(), Failure> {
        let spec = self.yard.factory.spec();
        let holder = spec.people.iter().find(|p| p.roles.contains(&review.to));
        let holder = holder.ok_or_else(|| Failure::failed(format!("nobody of the example holds `{}`", review.to)))?;
        let holder = self.yard.factory.local(&holder.id)?;
        self.yard.factory.claim(&holder, review.review).await?;
        let people = [holder];
        self.answer_one(&people, 0, review).await?;
        Ok(())
    }

    /// The pilot's applications: every one goes to an underwriter first.
    pub(super) async fn run_pilot(&mut self) -> Result<(), Failure> {
        let shop = self.shop()?.clone();
        let split = self.split()?;
        let examples: Vec<_> =
            split.indexes(SplitSide::Tune).take(PILOT).filter_map(|i| self.examples.get(i).cloned()).collect();
        self.piloted_from = Some(self.yard.factory.now());
        for example in &examples {
            let case = format!("pilot-{}", example.id);
            let passed = self.yard.factory.pass(&shop, passage(example.input.clone(), case.clone())).await?;
            self.truths.insert(passed.decision, example.expected.clone().unwrap_or_default());
            self.pilot_cases.push(case);
            // What a pilot alone holds back would have left in production.
            self.pilot_waited += u64::from(passed.because.iter().any(|p| p.as_str() != "gates.pilot.review"));
        }
        let Answered { answered, agreed, own } = self.answer_all().await?;
        self.tell.figure("pilot", &format!(
            "{} applications, all reviewed before anything left: {answered} answers (simulated), {agreed} accepted the AI's, {own} were decisions of their own",
            examples.len()
        ));
        Ok(())
    }

    /// What the pilot showed, measured and reconciled; its findings are approved over exactly that report.
    pub(super) async fn findings(&mut self) -> Result<(), Failure> {
        let (hana, lena) = (self.yard.person("hana")?, self.yard.person("lena")?);
        let factory = self.yard.factory.clone();
        let (from, until) = (self.piloted_from.unwrap_or_else(|| factory.now()), factory.now().plus_millis(1));
        let cases = self.pilot_cases.len() as u64;
        let waiting = (ratio(self.pilot_waited, cases) * 10_000.0).round() / 10_000.0;
        let input = OutcomeInput {
            outcome: OUTCOME.to_owned(),
            value: waiting,
            from,
            until: factory.now(),
            cases: Some(cases),
            note: "from the pilot's decisions: those that something besides the pilot held back".to_owned(),
        };
        let measured = factory.measure(&hana, WORKFLOW, input).await?;
        let today = measured.today.map_or_else(String::new, |t| format!(", today {t}"));
        let text = format!(
            "{} of the pilot's applications would wait for an underwriter{today}",
            percent(self.pilot_waited, cases)
        );
        if measured.met {
            self.tell.good(&format!("{text}: the target is met."));
        } else {
            self.tell.warn(&format!("{text}: the target is missed, and the business accepts that."));
            self.approve("hana", Stage::Production, &format!("outcome.{OUTCOME}")).await?;
        }
        let ids = self.pilot_cases.clone();
        let reconciled = factory.reconcile(&hana, WORKFLOW, ReconcileInput { ids, from, until }).await?.done;
        self.tell.figure(
            "reconciled",
            &format!(
                "{} cases at the shop, {} recorded, {} missing",
                reconciled.theirs, reconciled.ours, reconciled.unrecorded
            ),
        );
        let reported = factory.pilot_report(&lena, WORKFLOW, None, true).await?;
        for finding in &reported.report.findings {
            self.tell.figure(finding.answer.as_str(), &format!("{} {}", finding.question, finding.says));
        }
        self.figures.pilot = PilotFigures {
            decisions: reported.report.decisions,
            waiting,
            waiting_met: measured.met,
            agreement: reported.metrics.get("agreement").copied().unwrap_or_default(),
            continues: reported.report.continues,
        };
        self.approve("hana", Stage::Production, "pilot.findings").await.map(drop)
    }

    /// The independent side's report, and a waiver for what needs more volume than a demo has.
    pub(super) async fn independent(&mut self) -> Result<(), Failure> {
        let (ria, hana) = (self.yard.person("ria")?, self.yard.person("hana")?);
        let factory = self.yard.factory.clone();
        let f = &self.figures;
        let report = format!(
            "Challenge of {WORKFLOW} (simulated)\n\nCertificate: {} of {} wrong. Pilot: agreement {:.3} over {} decisions.\n",
            f.certificate.errors, f.certificate.examples, f.pilot.agreement, f.pilot.decisions
        );
        let (stage, id) = (Stage::Production, "validation.independent");
        factory.file_document(&ria, WORKFLOW, stage, id, "challenge.txt", report.into_bytes()).await?;
        self.approve("rex", stage, id).await?;
        self.tell.figure("validation", "risk files its report, and another of them approves it (simulated)");
        let until = factory.now().day().0.checked_add(WAIVED_DAYS.days());
        let until = Day(until.map_err(|e| Failure::failed(e.to_string()))?);
        let input = WaiverInput {
            stage,
            obligation: "oversight.efficacy".to_owned(),
            reason: "no known-bad items were seeded among the pilot's reviews".to_owned(),
            measure: "credit risk reads twenty answers of underwriters a week".to_owned(),
            until,
            renews: None,
            key: None,
        };
        let waiver = factory.request_waiver(&hana, WORKFLOW, input).await?;
        factory.grant_waiver(&ria, WORKFLOW, waiver, None).await?;
        self.tell.warn(&format!(
            "oversight.efficacy is waived until {until}: asked for by hana, granted by ria. It stays on the board."
        ));
        Ok(())
    }

    /// Says where the release has lapsed, and what that means.
    pub(super) async fn lapse(&mut self) -> Result<(), Failure> {
        self.yard.factory.tick().await;
        let log = WORKFLOW.parse().map_err(|e| Failure::failed(format!("{e}")))?;
        let in_force = self.yard.factory.in_force(&log).await?;
        let Some(lapse) = in_force.and_then(|r| r.lapsed) else {
            return Err(Failure::failed("a waiver ended, and the release did not lapse"));
        };
        let lost: Vec<String> = lapse.lost.iter().map(|(id, state)| format!("{id} is {state}")).collect();
        self.figures.lapsed = lapse.lost.keys().cloned().collect();
        self.tell.bad(&format!("The release lapsed: {}. The spec says: escalate everything.", lost.join("; ")));
        Ok(())
    }
}
