//! From the spec to two releases.

use super::figures::{CertificateFigures, ReleaseFigures};
use super::story::Story;
use super::tell::{count, percent, ratio};
use super::yard::{STEP, THRESHOLD, WORKFLOW};
use crate::edit;
use crate::failure::Failure;
use crate::simulated;
use futures_util::StreamExt as _;
use seatrial_factory::api::{Again, Caller, Passage, PassageEntry, ReviewView};
use seatrial_factory::{ApprovalInput, EvaluateOptions, Progress as _, Released, ReviewFilter};
use seatrial_model::event::SplitSide;
use seatrial_model::{Answer, EventId, Stage};

/// How many simulated answers are under way at once.
const ANSWERS_AT_ONCE: usize = 32;

/// How often each example of the curated sets is asked.
const REPEATS: u64 = 3;

/// What the simulated underwriters answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answered {
    pub(super) answered: u64,
    pub(super) agreed: u64,
    pub(super) own: u64,
}

impl Story<'_> {
    /// 1: the spec is checked and submitted; a sprint opens.
    pub(super) async fn check(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Check the spec");
        let tree = self.yard.factory.work_tree(None)?;
        let workflow = tree.checked.workflow.ok_or_else(|| Failure::failed("the example's spec has errors"))?;
        let found = count(tree.checked.diagnostics.len() as u64, "finding");
        self.tell.good(&format!(
            "workflow.yaml: {found}, {} elements, spec {}",
            workflow.elements.len(),
            workflow.digest.short()
        ));
        self.tell.say(&format!(
            "AI may `{}`; it never {}.",
            workflow.steps.first().map_or("", |s| s.influence.as_str()),
            workflow.steps.iter().flat_map(|s| &s.never).map(|r| r.name.clone()).collect::<Vec<_>>().join(", ")
        ));
        let dev = self.yard.person("dev")?;
        self.yard.factory.submit(&dev, None).await?;
        let goal = "Earn a threshold that lets clear applications pass without an underwriter";
        let questions = vec!["missing-income".to_owned()];
        let obligations = vec!["threshold.approve".to_owned(), "runtime.enforces".to_owned()];
        let (_, number) = self.yard.factory.open_sprint(&dev, None, goal, questions, obligations).await?;
        self.tell.say(&format!("Sprint {number} opens: {goal}."));
        Ok(())
    }

    /// 2: the embedded model, trained on its side of the examples and evaluated on others.
    pub(super) async fn evaluate(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Train and evaluate the embedded model");
        let dev = self.yard.person("dev")?;
        let bar = self.tell.bar();
        // The salt is sealed with the first work on the examples; the demo's comes from its seed.
        let proposed = self.yard.factory.propose(&dev, None, THRESHOLD, Some(self.salt()), &bar).await?;
        let sets = ["applications".to_owned()];
        let evaluated = self.yard.factory.evaluate(&dev, None, &sets, &bar).await?;
        drop(bar);
        self.proposed = Some(proposed);
        let split = self.split()?;
        for (side, what) in [
            (SplitSide::Train, "training"),
            (SplitSide::Tune, "tuning"),
            (SplitSide::Certify, "certification (sealed)"),
            (SplitSide::HeldBack, "held back"),
        ] {
            let n = split.indexes(side).count();
            self.tell.figure(what, &format!("{n} applications"));
        }
        for done in &evaluated {
            let declined = done.body.rules.iter().find(|(path, _)| path.name() == "declines").map(|(_, r)| *r);
            if let Some(rule) = declined {
                let seen = rule.caught + rule.passed;
                self.tell.figure(
                    "on tuning examples",
                    &format!(
                        "the model would pre-approve {} of {seen} and decline {}; `never` hands those to a person",
                        rule.passed, rule.caught
                    ),
                );
            }
        }
        Ok(())
    }

    /// 3: a threshold is proposed, written, and tested on the sealed side, once.
    pub(super) async fn certify(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Earn the threshold");
        let Some(proposed) = self.proposed.clone() else { return Err(Failure::failed("nothing was proposed")) };
        let dev = self.yard.person("dev")?;
        let at = match proposed.body.at {
            Some(at) => at,
            None => {
                self.tell
                    .warn("No threshold has a chance to be certified: `at: none` stays, and everything escalates.");
                return self.uncertified().await;
            }
        };
        self.tell.say(&format!(
            "Proposed: confidence of at least {at}. On {} known applications {} would pass, {} of them bad.",
            proposed.body.tuned_on, proposed.body.wrong.n, proposed.body.wrong.k
        ));
        self.tell.say(&format!(
            "Its chance to be certified on {} sealed ones: {:.0} %.",
            proposed.certify_on,
            proposed.body.power * 100.0
        ));
        self.yard.edit(|text| edit::set_threshold(text, THRESHOLD, at).map_err(|e| Failure::failed(e.to_string())))?;
        let bar = self.tell.bar();
        let outcome = self.yard.factory.certify(&dev, None, THRESHOLD, &bar).await?;
        drop(bar);
        let c = &outcome.body.certificate;
        self.figures.certificate = CertificateFigures {
            threshold: c.at,
            max_wrong: c.max_wrong,
            assurance: c.assurance,
            examples: c.examples,
            errors: c.errors,
            bound: c.bound,
            certified: outcome.body.certified,
        };
        self.curve(&outcome)?;
        let figures = format!(
            "{} of {} that pass are bad; with {:.0} % assurance at most {:.1} % (promised: {:.0} %)",
            c.errors,
            c.examples,
            c.assurance * 100.0,
            c.bound * 100.0,
            c.max_wrong * 100.0
        );
        if outcome.body.certified {
            self.tell.good(&format!("Certified. {figures}."));
        } else {
            self.tell.bad(&format!("Not certified. {figures}."));
            self.tell.say(
                "A threshold that is not earned is not used: `at: none`, everything escalates, and the story goes on.",
            );
            return self.uncertified().await;
        }
        self.slices(c);
        Ok(())
    }

    async fn uncertified(&mut self) -> Result<(), Failure> {
        let settings = self.yard.factory.shown_spec(WORKFLOW)?.thresholds.get(THRESHOLD).cloned();
        self.figures.certificate.certified = false;
        if let Some(settings) = settings {
            self.figures.certificate.max_wrong = settings.max_wrong.unwrap_or_default();
            self.figures.certificate.assurance = settings.assurance.unwrap_or_default();
        }
        if let Some(at) = self.figures.certificate.threshold {
            self.yard.replace(&format!("at: {at}"), "at: none")?;
            self.yard.factory.submit(&self.yard.person("dev")?, None).await?;
        }
        Ok(())
    }

    fn curve(&mut self, outcome: &seatrial_factory::CertifiedOutcome) -> Result<(), Failure> {
        let file = self.yard.root.join("curve.svg");
        std::fs::write(&file, &outcome.curve).map_err(|e| Failure::file(format!("`{}`: {e}", file.display())))?;
        let Some(at) = outcome.body.certificate.at else { return Ok(()) };
        self.tell.row("confidence ≥   pass without a person                    bad among them");
        for point in &outcome.points {
            let width = (ratio(point.coverage.k, point.coverage.n) * 30.0).round();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 30")]
            let bar = "█".repeat(width as usize);
            let mark = if (point.at - at).abs() < 1e-9 { "◀ the threshold" } else { "" };
            self.tell.row(&format!(
                "{:>6.3}         {bar:<30} {:>7}  {:>7} {mark}",
                point.at,
                percent(point.coverage.k, point.coverage.n),
                percent(point.wrong.k, point.wrong.n)
            ));
        }
        self.tell.aside(&format!("The whole curve: {}", file.display()));
        Ok(())
    }

    fn slices(&mut self, certificate: &seatrial_model::event::Certificate) {
        self.tell.aside("Age and marital status are withheld from the model; pre-approval rates by slice (reported, they gate nothing):");
        for (name, slice) in &certificate.slices {
            self.tell.figure(
                name,
                &format!(
                    "{} of {} pass ({}), {} of these bad",
                    slice.passed.k,
                    slice.passed.n,
                    percent(slice.passed.k, slice.passed.n),
                    slice.wrong.k
                ),
            );
        }
        let rate =
            |name: &str| certificate.slices.get(name).map(|s| ratio(s.passed.k, s.passed.n)).filter(|r| *r > 0.0);
        for (one, other) in [("under-30", "over-50"), ("not-married", "married")] {
            if let (Some(a), Some(b)) = (rate(one), rate(other)) {
                let lesser = a.min(b) / a.max(b);
                let text = format!("{one} to {other}: {lesser:.2}");
                if lesser < 0.8 {
                    self.tell
                        .warn(&format!("{text}: below four fifths. A finding for the owner, not a number to hide."));
                } else {
                    self.tell.figure("ratio of rates", &text);
                }
            }
        }
    }

    /// 4: the first try to release is refused, with what is missing.
    pub(super) async fn refused(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Try to release the pilot");
        let lena = self.yard.person("lena")?;
        self.yard.factory.submit(&self.yard.person("dev")?, None).await?;
        match self.yard.factory.release(&lena, WORKFLOW, Stage::Pilot, false).await? {
            Released::Missing(missing) => {
                self.tell.bad(&format!("Refused: {} missing.", count(missing.len() as u64, "obligation")));
                for m in &missing {
                    self.tell.figure(&m.obligation, &format!("{}: {}", m.state, first_clause(&m.why)));
                }
                Ok(())
            }
            _ => Err(Failure::failed("the pilot was released although nothing had been shown")),
        }
    }

    /// 5: rehearsal, drills, approvals; then the pilot.
    pub(super) async fn pilot(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Rehearse, discharge, and release the pilot");
        let dev = self.yard.person("dev")?;
        let bar = self.tell.bar();
        // Each is asked several times: what the pilot says of variability rests on it.
        let options = EvaluateOptions { repeats: REPEATS, ..EvaluateOptions::default() };
        let evaluated = self.yard.factory.evaluate_with(&dev, None, &[], options, &bar).await?;
        let rehearsed = self.yard.factory.rehearse(&dev, None, &bar).await?;
        drop(bar);
        for done in &evaluated {
            let b = &done.body;
            let text = match (b.passed.n, b.let_through.n) {
                (0, 0) => format!("{} probes of the rules", b.verdicts.values().sum::<u64>()),
                (0, n) => format!("{} of {n} that must not pass were let through", b.let_through.k),
                (n, _) => format!("{} of {n} as expected", b.passed.k),
            };
            self.tell.figure(&format!("eval {}", b.set), &text);
            let without_income = b.rules.iter().find(|(path, _)| path.name() == "missing-income");
            if let Some((_, exercise)) = without_income.filter(|(_, e)| e.caught > 0) {
                self.without_income += exercise.caught;
                self.cites.push(done.event);
            }
        }
        self.tell.figure(
            "rehearsal",
            &format!(
                "{} marked requests; {} rules provoked and enforced; {} of {} decisions recompute",
                rehearsed.decisions,
                rehearsed.enforced.len(),
                rehearsed.recomputed.verdicts,
                rehearsed.recomputed.sampled
            ),
        );
        self.drills().await?;
        self.approve("hana", Stage::Pilot, "spec.intent").await?;
        self.approve("hana", Stage::Pilot, "approval.credit").await?;
        self.approve("lena", Stage::Pilot, "release.approval").await?;
        self.release("lena", Stage::Pilot).await?;
        self.run_pilot().await
    }

    /// Simulated underwriters answer every open review by what they know of the application; audits are left for the
    /// person at the keyboard.
    pub(super) async fn answer_all(&mut self) -> Result<Answered, Failure> {
        let people = [self.yard.person("una")?, self.yard.person("ugo")?, self.yard.person("hana")?];
        let [_, _, hana] = &people;
        let bar = self.tell.bar();
        let mut all = Answered::default();
        loop {
            let filter = ReviewFilter { workflow: Some(WORKFLOW.to_owned()), roles: Vec::new(), limit: 500 };
            let open = self.yard.factory.reviews(hana, filter).await?;
            let open: Vec<ReviewView> = open.into_iter().filter(|r| !r.rehearsal && !r.audit).collect();
            if open.is_empty() {
                return Ok(all);
            }
            let before = all.answered;
            let mut answers = futures_util::stream::iter(open.iter().enumerate())
                .map(|(n, review)| self.answer_one(&people, n, review))
                .buffer_unordered(ANSWERS_AT_ONCE);
            while let Some(answer) = answers.next().await {
                let Some(answer) = answer? else { continue };
                all.answered += 1;
                all.agreed += u64::from(answer == Answer::Accept);
                all.own += u64::from(answer == Answer::Own);
                bar.done("simulated answers", all.answered, before + open.len() as u64);
            }
            if all.answered == before {
                return Err(Failure::failed("open reviews could not be answered by anybody"));
            }
        }
    }

    pub(super) async fn answer_one(
        &self,
        people: &[Caller],
        n: usize,
        review: &ReviewView,
    ) -> Result<Option<Answer>, Failure> {
        let fitting: Vec<&Caller> = people.iter().filter(|p| p.principal.has_role(&review.to)).collect();
        let Some(person) = fitting.get(n % fitting.len().max(1)) else { return Ok(None) };
        let chain = self.yard.factory.decision(person, review.decision).await?;
        // Of a drill's case nothing is known: it is declined.
        let right =
            self.truths.get(&review.decision).cloned().unwrap_or_else(|| serde_json::json!({ "decision": "decline" }));
        let spec = self.yard.factory.shown_spec(WORKFLOW)?;
        let Some(input) = simulated::answer(&spec, review, &chain, Some(&right), None) else { return Ok(None) };
        let answer = input.answer;
        self.yard.factory.answer(person, review.review, input).await?;
        Ok(Some(answer))
    }

    /// 6: what production needs besides; then production.
    pub(super) async fn production(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Release production");
        let hana = self.yard.person("hana")?;
        let cites = self.cites.clone();
        let text = format!(
            "No. Each of the {} evaluated applications without an income went to an underwriter, and it stays so.",
            self.without_income
        );
        self.yard.factory.settle_question(&hana, WORKFLOW, "missing-income", &text, cites, false).await?;
        self.tell.good("The question that blocked production is answered by its owner, citing the evaluations:");
        self.tell.aside(&format!("“{text}”"));
        for (who, obligation) in [
            ("ria", "spec.intent"),
            ("hana", "spec.intent"),
            ("hana", "risk.register"),
            ("ria", "risk.register"),
            ("hugo", "approval.credit"),
            ("rex", "approval.risk"),
        ] {
            self.approve(who, Stage::Production, obligation).await?;
        }
        self.findings().await?;
        self.independent().await?;
        let accepted = self.accept_all().await?;
        self.tell.figure(
            "approvals",
            "intent, risks, both gates: by business and by risk, none by an author (all simulated)",
        );
        self.tell.figure("acceptances", &format!("{accepted}, each person for themselves"));
        self.approve("hana", Stage::Production, "release.approval").await?;
        self.approve("ria", Stage::Production, "release.approval").await?;
        self.release("hana", Stage::Production).await
    }

    async fn accept_all(&self) -> Result<u64, Failure> {
        let spec = self.yard.factory.shown_spec(WORKFLOW)?;
        let mut accepted = 0;
        for (name, responsibility) in &spec.responsibilities {
            let Some(role) = &responsibility.receiving else { continue };
            for person in self.yard.factory.spec().people.iter().filter(|p| p.roles.contains(role)) {
                let caller = self.yard.factory.local(&person.id)?;
                self.yard.factory.accept(&caller, WORKFLOW, name).await?;
                accepted += 1;
            }
        }
        Ok(accepted)
    }

    pub(super) async fn approve(&self, who: &str, stage: Stage, obligation: &str) -> Result<EventId, Failure> {
        let input = ApprovalInput { stage, obligation: obligation.to_owned(), role: None, key: None, shown_ms: None };
        Ok(self.yard.factory.approve(&self.yard.person(who)?, WORKFLOW, input).await?)
    }

    async fn release(&mut self, who: &str, stage: Stage) -> Result<(), Failure> {
        match self.yard.factory.release(&self.yard.person(who)?, WORKFLOW, stage, false).await? {
            Released::Cut { release, body, .. } => {
                let until = body.until.map(|t| format!(", until {}", t.day())).unwrap_or_default();
                let per_day = body.per_day.map(|n| format!(", at most {n} a day")).unwrap_or_default();
                self.tell.good(&format!("Released for {stage}: {} ({}{until}{per_day}).", release.short(), body.level));
                self.figures.releases.push(ReleaseFigures { stage: stage.to_string(), digest: release.to_string() });
                Ok(())
            }
            Released::Missing(missing) => {
                let each: Vec<String> = missing.iter().map(|m| format!("{}: {}", m.obligation, m.why)).collect();
                Err(Failure::failed(format!("{stage} could not be released: {}", each.join("; "))))
            }
            Released::Ready { .. } => Err(Failure::failed("nothing was cut")),
        }
    }
}

/// A request to decide an application.
pub(super) fn passage(input: serde_json::Value, case: String) -> Passage {
    Passage {
        workflow: WORKFLOW.to_owned(),
        step: STEP.to_owned(),
        entry: PassageEntry::Run { input },
        case: Some(case),
        rehearsal: false,
        again: Again::default(),
    }
}

/// The first clause of a reason: the board has the rest.
fn first_clause(why: &str) -> String {
    let clause = why.split(';').next().unwrap_or(why);
    let short: String = clause.chars().take(90).collect();
    if short.len() < clause.len() { format!("{short}…") } else { short }
}
