//! The released workflow at work: held-back applications, a changed rule, a population that shifts, a stop.

use super::deliver::passage;
use super::figures::{AlarmFigures, Change, HeldBack, StopFigures};
use super::story::Story;
use super::tell::{count, percent};
use super::yard::{THRESHOLD, WORKFLOW};
use crate::failure::Failure;
use futures_util::StreamExt as _;
use seatrial_factory::api::{Passed, Refused};
use seatrial_factory::{Progress as _, Released, TruthInput};
use seatrial_governance::State;
use seatrial_model::event::SplitSide;
use seatrial_model::{Stage, Verdict};
use seatrial_spec::workflow::Truth;
use seatrial_sprint::{Example, stats};
use serde_json::{Value, json};
use std::time::Instant;

/// How many applications are under way at once.
const IN_FLIGHT: usize = 64;

/// How many applications the shifted population sends.
const SHIFTED: usize = 600;

/// How many truths are recorded in one commit.
const TRUTHS_AT_ONCE: usize = 100;

/// Applications left for the person at the keyboard.
const LEFT_OPEN: usize = 6;

impl Story<'_> {
    /// 7: held-back applications at speed, against the promise.
    pub(super) async fn held_back(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Serve: held-back applications through the guard");
        let split = self.split()?;
        let examples: Vec<Example> =
            split.indexes(SplitSide::HeldBack).filter_map(|i| self.examples.get(i).cloned()).collect();
        let began = Instant::now();
        let results = self.send(&examples, "held", "applications").await?;
        let took = began.elapsed();
        let mut figures = HeldBack::default();
        for (example, passed) in examples.iter().zip(results) {
            figures.decided += 1;
            match passed.verdict {
                Verdict::Deny => figures.denied += 1,
                Verdict::Escalate => figures.escalated += 1,
                _ => {
                    figures.passed += 1;
                    figures.wrong += u64::from(turned_bad(example));
                    self.passed.push(passed.decision);
                }
            }
            self.truths.insert(passed.decision, example.expected.clone().unwrap_or_default());
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of a demo")]
        let rate = figures.decided as f64 / took.as_secs_f64();
        self.tell.figure(
            "decided",
            &format!("{} applications, each durable before it was answered ({rate:.0} a second)", figures.decided),
        );
        self.tell.figure(
            "passed",
            &format!("{} without a person ({})", figures.passed, percent(figures.passed, figures.decided)),
        );
        self.tell.figure("escalated", &format!("{} to a person; {} denied", figures.escalated, figures.denied));
        // Of nothing that passed nothing is known: the bound is 1.
        figures.bound = stats::upper_bound(figures.wrong, figures.passed, 0.05);
        if figures.passed > 0 {
            let promise = self.figures.certificate.max_wrong;
            let share = percent(figures.wrong, figures.passed);
            let text = format!(
                "{} of {} that passed defaulted ({share}; with 95 % assurance at most {:.1} %). Promised: {:.0} %",
                figures.wrong,
                figures.passed,
                figures.bound * 100.0,
                promise * 100.0
            );
            if super::tell::ratio(figures.wrong, figures.passed) <= promise {
                self.tell.good(&text);
            } else {
                self.tell.bad(&format!("{text}: the promise was broken on these."));
            }
            self.tell.aside(
                "The data knows now what the bank learns later. In the log this is unwatched until the truth matures.",
            );
        } else {
            self.tell.say("Nothing passes without a person: that is what was certified.");
        }
        self.figures.held_back = figures;
        let done = self.answer_all().await?;
        self.tell.figure(
            "answered",
            &format!(
                "{} by simulated underwriters; {} accepted the AI's, {} were their own",
                done.answered, done.agreed, done.own
            ),
        );
        Ok(())
    }

    /// Sends applications, several at once, and gives the answers in their order.
    async fn send(&self, examples: &[Example], prefix: &str, what: &str) -> Result<Vec<Passed>, Failure> {
        let shop = self.shop()?;
        let bar = self.tell.bar();
        let total = examples.len() as u64;
        let mut stream = futures_util::stream::iter(examples.iter().enumerate())
            .map(|(n, example)| {
                let passage = passage(example.input.clone(), format!("{prefix}-{n}-{}", example.id));
                self.yard.factory.pass(shop, passage)
            })
            .buffered(IN_FLIGHT);
        let mut results = Vec::with_capacity(examples.len());
        while let Some(passed) = stream.next().await {
            results.push(passed?);
            bar.done(what, results.len() as u64, total);
        }
        Ok(results)
    }

    /// 8: one rule changes; exactly what depended on it goes stale.
    pub(super) async fn change(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Change one rule");
        let before = self.yard.factory.standing(WORKFLOW, Stage::Production).await?;
        self.yard.replace("input.credit.amount > 2000", "input.credit.amount > 1500")?;
        self.tell.say("steps.assess.escalate.large: a head of credit decides from 1 500 on instead of 2 000.");
        let after = self.yard.factory.standing_of_work_tree(None, Stage::Production).await?;
        let stale: Vec<_> = after.states.iter().filter(|s| s.state == State::Stale).collect();
        self.figures.change = Change { obligations: after.states.len() as u64, stale: stale.len() as u64 };
        let settled = before.states.iter().filter(|s| s.state.is_settled()).count();
        self.tell.warn(&format!(
            "{} of {} obligations go stale ({settled} were settled):",
            stale.len(),
            after.states.len()
        ));
        for state in &stale {
            let paths: Vec<&str> = state.changed.iter().map(seatrial_model::ElementPath::as_str).collect();
            let inputs: Vec<&str> = state.changed_inputs.iter().map(|c| c.input.as_str()).collect();
            self.tell.figure(&state.obligation.id, &format!("by {}", [paths, inputs].concat().join(", ")));
        }
        let dev = self.yard.person("dev")?;
        self.yard.factory.submit(&dev, None).await?;
        match self.yard.factory.release(&self.yard.person("hana")?, WORKFLOW, Stage::Production, false).await? {
            Released::Missing(missing) => {
                self.tell.bad(&format!(
                    "A release of the new spec is refused: {} missing.",
                    count(missing.len() as u64, "obligation")
                ));
            }
            _ => return Err(Failure::failed("a changed spec was released although evidence was stale")),
        }
        let in_force = self.yard.factory.in_force(&before.workflow).await?;
        let served = in_force.filter(|r| r.spec == before.spec);
        let served = served.ok_or_else(|| Failure::failed("the old release is not in force any more"))?;
        let probe = self.examples.first().cloned().ok_or_else(|| Failure::failed("there are no applications"))?;
        let passed = self.send(std::slice::from_ref(&probe), "after-change", "application").await?;
        self.truths.extend(passed.iter().map(|p| (p.decision, probe.expected.clone().unwrap_or_default())));
        let same = passed.first().is_some_and(|p| p.release == Some(served.release));
        if !same {
            return Err(Failure::failed("something else than the release in force was served"));
        }
        self.tell
            .good(&format!("The old release {} keeps serving; the work tree is ahead of it.", served.release.short()));
        Ok(())
    }

    /// 9: the population shifts; the audit notices, and revokes.
    pub(super) async fn shift(&mut self) -> Result<(), Failure> {
        self.tell.chapter("The population shifts");
        self.tell.say("A dealer coaches applicants: incomes are overstated, earlier defaults and debts are hidden.");
        let examples = self.coached()?;
        let results = self.send(&examples, "shifted", "applications").await?;
        for (example, passed) in examples.iter().zip(&results) {
            self.truths.insert(passed.decision, example.expected.clone().unwrap_or_default());
            if passed.verdict < Verdict::Escalate {
                self.passed_shifted.push(passed.decision);
            }
        }
        self.tell.figure(
            "passed",
            &format!("{} of {} without a person; nobody notices yet", self.passed_shifted.len(), results.len()),
        );
        if self.passed.is_empty() && self.passed_shifted.is_empty() {
            self.tell.say("Nothing passed without a person, so there is nothing to audit.");
            return Ok(());
        }
        let matures = self.matures()?;
        let until = self.yard.factory.now().plus_millis(matures);
        self.tell.figure("watched", &format!("unwatched until {}: truth matures late", until.day()));
        self.yard.factory.advance_clock(u64::try_from(matures).unwrap_or(0) + 60_000).await?;
        self.tell.say(&format!(
            "The simulation's clock moves on to {} (an event in the factory's log).",
            self.yard.factory.now().day()
        ));
        self.lapse().await?;
        let (audits, revoked) = self.tell_truths().await?;
        self.figures.alarm = AlarmFigures { audits, revoked };
        if !revoked {
            self.tell.warn(&format!("{audits} truths came in, and the audit did not alarm."));
            return Ok(());
        }
        self.tell.bad(&format!(
            "Alarm after {audits} matured truths: the certificate of `{THRESHOLD}` is revoked, in the same commit."
        ));
        let ten = examples.get(..10).unwrap_or_default();
        let after = self.send(ten, "after-alarm", "applications").await?;
        for (example, passed) in ten.iter().zip(&after) {
            self.truths.insert(passed.decision, example.expected.clone().unwrap_or_default());
        }
        let escalated = after.iter().filter(|p| p.verdict >= Verdict::Escalate).count();
        if escalated != after.len() {
            return Err(Failure::failed("something passed although the certificate is revoked"));
        }
        self.tell.good(&format!(
            "{escalated} of {} applications after it escalate, without waiting for anybody.",
            after.len()
        ));
        Ok(())
    }

    fn matures(&self) -> Result<i64, Failure> {
        let spec = self.yard.factory.shown_spec(WORKFLOW)?;
        match spec.thresholds.get(THRESHOLD).and_then(|t| t.truth) {
            Some(Truth::Outcome { matures }) => Ok(matures.signed_millis()),
            _ => Err(Failure::failed("the example's truth is no outcome")),
        }
    }

    /// Records how every credit that passed turned out, in the order in which they were given.
    async fn tell_truths(&mut self) -> Result<(u64, bool), Failure> {
        let shop = self.shop()?.clone();
        let decisions: Vec<_> = self.passed.iter().chain(&self.passed_shifted).copied().collect();
        let truths: Vec<TruthInput> = decisions
            .into_iter()
            .filter_map(|decision| Some(TruthInput { decision, truth: self.truths.get(&decision)?.clone() }))
            .collect();
        let bar = self.tell.bar();
        let total = truths.len() as u64;
        let mut recorded = 0_u64;
        for chunk in truths.chunks(TRUTHS_AT_ONCE) {
            let done = self.yard.factory.truths(&shop, chunk.to_vec()).await?;
            recorded += done.recorded;
            bar.done("outcomes", recorded, total);
            if let Some(alarm) = done.alarm {
                return Ok((alarm.n, true));
            }
        }
        Ok((recorded, false))
    }

    /// Applications of a population that the model never saw: those that turned out bad, coached.
    fn coached(&mut self) -> Result<Vec<Example>, Failure> {
        let split = self.split()?;
        let mut examples: Vec<Example> =
            split.indexes(SplitSide::HeldBack).filter_map(|i| self.examples.get(i).cloned()).collect();
        self.draw.shuffle(&mut examples);
        examples.truncate(SHIFTED);
        for example in examples.iter_mut().filter(|e| turned_bad(e)) {
            coach(&mut example.input);
        }
        Ok(examples)
    }

    /// 10: stop, measure, resume by another.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Stop, measure, resume");
        let (una, ugo) = (self.yard.person("una")?, self.yard.person("ugo")?);
        let examples: Vec<Example> = self.examples.iter().take(400).cloned().collect();
        let shop = self.shop()?.clone();
        let factory = &self.yard.factory;
        let traffic = futures_util::stream::iter(examples.iter().enumerate())
            .map(|(n, example)| factory.pass(&shop, passage(example.input.clone(), format!("stop-{n}"))))
            .buffered(IN_FLIGHT)
            .collect::<Vec<_>>();
        let stop = async {
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            factory.stop(&una, WORKFLOW, None, "The audit alarmed: stop until credit risk has looked").await
        };
        let (traffic, stop) = tokio::join!(traffic, stop);
        let stop = stop?;
        let sent = traffic.len();
        let mut through = 0;
        for (result, example) in traffic.into_iter().zip(&examples) {
            match result {
                Ok(passed) if passed.code != "workflow_stopped" => {
                    through += 1;
                    self.truths.insert(passed.decision, example.expected.clone().unwrap_or_default());
                }
                Ok(_) | Err(Refused::Stopped { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.figures.stop = StopFigures { effective_ms: stop.effective_ms };
        self.tell
            .figure("stopped by", &format!("una, under load: {through} of {sent} requests were answered before it"));
        self.tell.figure("in force after", &format!("{} ms, on every answer", stop.effective_ms));
        match self.yard.factory.resume(&una, WORKFLOW, None, "I changed my mind").await {
            Err(Refused::Forbidden(why)) => self.tell.bad(&format!("una may not resume: {why}.")),
            _ => return Err(Failure::failed("the person who stopped could resume")),
        }
        self.yard.factory.resume(&ugo, WORKFLOW, None, "Everything escalates, so nothing passes unseen").await?;
        self.tell.good("ugo resumes it.");
        let done = self.answer_all().await?;
        self.tell.figure("backlog", &format!("{} reviews answered by simulated underwriters", done.answered));
        Ok(())
    }

    /// Reviews for the person at the keyboard: applications that the revoked threshold holds back.
    pub(super) async fn leave_reviews(&mut self) -> Result<(), Failure> {
        let split = self.split()?;
        let examples: Vec<Example> = split
            .indexes(SplitSide::Tune)
            .skip(200)
            .take(LEFT_OPEN)
            .filter_map(|i| self.examples.get(i).cloned())
            .collect();
        self.send(&examples, "yours", "applications").await?;
        Ok(())
    }
}

fn turned_bad(example: &Example) -> bool {
    example.expected.as_ref().and_then(|e| e.get("outcome")).and_then(Value::as_str) == Some("bad")
}

/// What a coached applicant writes: more income, no debt, no earlier default, a long time in the job.
fn coach(input: &mut Value) {
    let set = |object: &mut Value, name: &str, value: Value| {
        if let Some(map) = object.as_object_mut() {
            map.insert(name.to_owned(), value);
        }
    };
    if let Some(applicant) = input.get_mut("applicant") {
        set(applicant, "records", json!("no"));
        set(applicant, "seniority", json!(15));
        set(applicant, "job", json!("fixed"));
        set(applicant, "home", json!("owner"));
    }
    if let Some(finances) = input.get_mut("finances") {
        let stated = finances.get("income").and_then(Value::as_f64).unwrap_or(120.0);
        set(finances, "income", json!((stated * 2.0).max(220.0).round()));
        set(finances, "debt", json!(0));
        set(finances, "assets", json!(12_000));
    }
}
