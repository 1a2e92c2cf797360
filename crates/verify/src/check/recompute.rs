//! What recomputes: verdicts from facts and the spec in force, findings from payloads still held. The rest is counted
//! by the source on whose word it stands.

mod specs;
mod state;

use super::held::Holdings;
use crate::report::Verified;
use crate::source::{Held, Source};
use seatrial_guard::candidate::{INPUT_PART, payload_of};
use seatrial_guard::{CHECKS_VERSION, Candidate, DECIDE_VERSION, Decision, StepProgram, decide, draw};
use seatrial_model::event::{DecisionMade, ReleaseCut, ReviewOpened};
use seatrial_model::facts::Bounds;
use seatrial_model::{Body, Digest, Event, Stage};
use serde_json::Value;
use specs::Specs;
use state::State;
use std::collections::HashMap;

/// Sources of confidence that the payloads cannot show again: the word of a caller, of a provider, of other calls.
const ON_TRUST: [&str; 4] = ["caller", "logprobs", "agreement", "judge"];

/// The specs and releases that the log has named so far.
#[derive(Default)]
pub(super) struct Recompute {
    specs: Specs,
    releases: HashMap<Digest, ReleaseCut>,
    state: State,
}

impl Recompute {
    /// Takes note of specs and releases, and recomputes decisions.
    pub(super) fn visit<S: Source + ?Sized>(
        &mut self,
        place: &str,
        event: &Event,
        held: &HashMap<String, Held>,
        holdings: &mut Holdings<'_, S>,
        report: &mut Verified,
    ) {
        self.state.visit(event);
        let wrong = match &event.body {
            Body::SpecSubmitted(submitted) => {
                self.specs.submitted(event.spec, submitted, |digest| holdings.blob(digest, report)).err()
            }
            Body::ReleaseCut(cut) => {
                if let Ok(digest) = Digest::of_canonical(cut) {
                    self.releases.insert(digest, cut.clone());
                }
                (!self.specs.is_known(&cut.spec)).then(|| format!("it releases a spec not submitted: `{}`", cut.spec))
            }
            Body::DecisionMade(made) => {
                report.decisions += 1;
                self.decision(place, event, made, held, report).err()
            }
            _ => None,
        };
        if let Some(what) = wrong {
            report.problem(place, what);
        }
    }

    fn decision(
        &self,
        place: &str,
        event: &Event,
        made: &DecisionMade,
        held: &HashMap<String, Held>,
        report: &mut Verified,
    ) -> Result<(), String> {
        count_trust(made, report);
        for what in [self.check_release(event, made), self.state.check(made)].into_iter().filter_map(Result::err) {
            report.problem(place, what);
        }
        let spec = event.spec.ok_or("its decision names no spec: nothing was recomputed")?;
        let program = self.specs.program(&spec)?;
        let step = program.step(&made.step).ok_or_else(|| format!("the spec in force has no step `{}`", made.step))?;
        if made.facts.decide > DECIDE_VERSION {
            let version = made.facts.decide;
            return Err(format!("its verdict is by version `{version}` of `decide`: a newer verifier knows it"));
        }
        check_draw(event, made, step)?;
        compare_verdict(made, &decide(step.plan(), &made.facts))?;
        report.verdicts_recomputed += 1;
        if made.facts.checks != CHECKS_VERSION {
            report.other_engine += 1;
            return Ok(());
        }
        if compare_findings(event, made, step, held)? {
            report.findings_recomputed += 1;
        } else {
            report.findings_not_held += 1;
        }
        Ok(())
    }

    /// The release that a decision names was cut before, for that spec and stage.
    fn check_release(&self, event: &Event, made: &DecisionMade) -> Result<(), String> {
        let Some(release) = event.release else {
            // Without a release nothing is served but in rehearsal, which is `draft`; the verdict denies all else.
            return match made.facts.stage {
                Stage::Draft => Ok(()),
                stage => Err(format!("its facts say `{stage}`, and it names no release")),
            };
        };
        let cut =
            self.releases.get(&release).ok_or_else(|| format!("its release `{release}` was not cut before it"))?;
        if Some(cut.spec) != event.spec {
            return Err(format!("its release `{release}` is of another spec"));
        }
        if made.facts.stage != cut.stage {
            return Err(format!("its facts say `{}`, and its release is for `{}`", made.facts.stage, cut.stage));
        }
        let ended = cut.stage == Stage::Pilot && cut.until.is_some_and(|until| event.time > until);
        if ended && made.facts.bounds == Bounds::Within {
            return Err(format!(
                "its facts say that the pilot had not ended, and its release `{release}` says when it did"
            ));
        }
        Ok(())
    }
}

/// Counts a confidence that nobody can recompute.
fn count_trust(made: &DecisionMade, report: &mut Verified) {
    let confidence = &made.facts.confidence;
    let source = confidence.source.split(':').next().unwrap_or_default();
    if confidence.present && ON_TRUST.contains(&source) {
        *report.on_trust.entry(source.to_owned()).or_default() += 1;
    }
}

/// Anybody can draw again: from the release, the audit's element and the decision.
fn check_draw(event: &Event, made: &DecisionMade, step: &StepProgram) -> Result<(), String> {
    let (Some(release), Some(audit)) = (event.release, &step.plan().audit) else { return Ok(()) };
    let drawn = draw(&release, &audit.path, &made.decision);
    if made.facts.stage == Stage::Draft || drawn.to_bits() == made.facts.draw.to_bits() {
        Ok(())
    } else {
        Err(format!("its sampling draw is `{}`, and comes to `{drawn}`", made.facts.draw))
    }
}

fn compare_verdict(made: &DecisionMade, again: &Decision) -> Result<(), String> {
    let differs = |what: &str, was: &dyn std::fmt::Display, is: &dyn std::fmt::Display| {
        Err(format!("its {what} `{was}` does not follow from its facts under the spec in force, which give `{is}`"))
    };
    if made.verdict != again.verdict {
        return differs("verdict", &made.verdict, &again.verdict);
    }
    if made.action != again.action {
        return differs("action", &made.action, &again.action);
    }
    if made.code != again.code {
        return differs("code", &made.code, &again.code);
    }
    if made.audit != again.audit {
        return differs("audit", &made.audit, &again.audit);
    }
    if made.because != again.because {
        let list = |paths: &[seatrial_model::ElementPath]| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        return differs("list of reasons", &list(&made.because), &list(&again.because));
    }
    let asked = |r: &ReviewOpened| (r.to.clone(), r.own, r.within_ms);
    let was = made.review.as_ref().map(asked);
    let is = again.review.as_ref().map(|r| (r.to.clone(), r.own, r.within_ms));
    if was != is {
        let role = |r: Option<(String, bool, Option<u64>)>| r.map_or_else(|| "none".to_owned(), |(to, ..)| to);
        return differs("review", &role(was), &role(is));
    }
    Ok(())
}

/// Judges the payloads again; says whether they were held.
fn compare_findings(
    event: &Event,
    made: &DecisionMade,
    step: &StepProgram,
    held: &HashMap<String, Held>,
) -> Result<bool, String> {
    let facts = &made.facts;
    let Some(input) = held.get("input") else { return Ok(false) };
    let input: Value = serde_json::from_slice(&input.bytes).map_err(|_| "its payload `input` is not JSON")?;
    let differ = |what: &str| Err(format!("its findings on {what} do not recompute from its payloads"));
    if step.check_input(&input) != facts.input {
        return differ("the input");
    }
    let slices: Vec<_> = facts.slices.iter().map(|s| (s.path.clone(), s.failed)).collect();
    if step.guaranteed_slices(&input) != slices {
        return Err("the slices that it says its input lies in do not recompute from its payloads".to_owned());
    }
    if facts.inspected.is_empty() && facts.findings.is_empty() {
        // Denied by its input, or without an answer of the model: there was nothing to judge.
        return Ok(true);
    }
    let Some(output) = held.get("output") else { return Ok(false) };
    let aside = held.get("aside");
    if aside.is_none() && event.payloads.contains_key("aside") {
        return Ok(false);
    }
    let names: Vec<&str> = facts.inspected.iter().map(|i| i.part.as_str()).collect();
    let mut candidate = Candidate::rebuild(&names, &output.bytes, aside.map(|held| held.bytes.as_slice()))?;
    candidate.confidence =
        (facts.confidence.present && facts.confidence.source == "caller").then_some(facts.confidence.value);
    let judged = step.judge(&input, &candidate);
    if judged.findings != facts.findings {
        return differ("the output");
    }
    if judged.after_modify != facts.after_modify {
        return differ("the output after redaction");
    }
    if let Some(released) = held.get("released")
        && judged.modified.as_ref().map(|m| payload_of(&m.parts).into_bytes()) != Some(released.bytes.clone())
    {
        return Err("its payload `released` is not what the redaction leaves of its output".to_owned());
    }
    // What of the call was not inspected stands behind the parts of the answer.
    let own = facts.inspected.iter().filter(|i| !i.part.starts_with(INPUT_PART));
    if !judged.inspected.iter().eq(own) {
        return Err("what it says was inspected does not recompute from its payloads".to_owned());
    }
    // With a confidence that is on trust and not among the payloads, the outcomes that read it cannot be shown again.
    let shown = !facts.confidence.source.starts_with("logprobs");
    if shown && (judged.confidence != facts.confidence || judged.whens != facts.whens) {
        return Err("its confidence, or an outcome of a `when`, does not recompute from its payloads".to_owned());
    }
    Ok(true)
}
