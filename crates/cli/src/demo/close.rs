//! The end of the story: the sprint's answers, the handover, the assessment, the log.

use super::figures::LogFigures;
use super::story::Story;
use super::tell::count;
use super::yard::WORKFLOW;
use crate::failure::Failure;
use crate::source::StoreSource;
use seatrial_ledger::VerifierKey;
use seatrial_model::LogName;
use seatrial_store::ReaderExt as _;
use seatrial_verify::{Trust, Verified, verify};

/// Gaps that are printed; the pack has all.
const GAPS_SHOWN: usize = 8;

impl Story<'_> {
    /// 11: the sprint closes with its four answers.
    pub(super) async fn close_sprint(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Close the sprint");
        let closed = self.yard.factory.close_sprint(&self.yard.person("dev")?, WORKFLOW).await?;
        for answer in &closed.report.answers {
            self.tell.say(&answer.question);
            let figures: Vec<String> = answer.figures.iter().map(|f| format!("{} {}", f.what, f.value)).collect();
            let reading = serde_json::to_value(answer.reading).ok();
            let reading = reading.as_ref().and_then(|v| v.as_str()).unwrap_or_default().replace('_', " ");
            self.tell.figure(&reading, &figures.join("; "));
        }
        Ok(())
    }

    /// 12: the handover pack, and what is missing for it.
    pub(super) async fn hand_over(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Hand over");
        let dir = self.yard.root.join("handover");
        let caller = self.yard.person("hana")?;
        let pack = crate::commands::handover::write(&self.yard.factory, &caller, WORKFLOW, &dir, false).await?;
        self.tell.figure("pack", &dir.join("index.html").display().to_string());
        self.tell.figure("verify", &format!("seatrial-verify {} --key '{}'", dir.display(), pack.key));
        self.tell.warn(&format!("Still missing for the handover: {}.", count(pack.missing.len() as u64, "thing")));
        for gap in pack.missing.iter().take(GAPS_SHOWN) {
            let why: String = gap.why.chars().take(88).collect();
            self.tell.figure(&gap.obligation, &why);
        }
        if pack.missing.len() > GAPS_SHOWN {
            self.tell.aside(&format!("… and {} more in the pack", pack.missing.len() - GAPS_SHOWN));
        }
        Ok(())
    }

    /// 13: the assessment reads behaviour, its own included.
    pub(super) async fn assess(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Assess: is any of it real?");
        let assessment = self.yard.factory.assess(WORKFLOW).await?;
        let word = |s: seatrial_assessment::Standing| {
            serde_json::to_value(s).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
        };
        for (who, items) in [("A CTO asks", &assessment.cto), ("A founder asks", &assessment.founder)] {
            self.tell.aside(who);
            for item in items {
                self.tell.figure(&word(item.standing), item.question);
            }
        }
        self.tell.aside("Red flags and signatures of theatre that stand against this very demo");
        let raised = assessment.red_flags.iter().chain(&assessment.theatre);
        let raised: Vec<_> = raised.filter(|i| i.standing == seatrial_assessment::Standing::Contradicted).collect();
        for item in &raised {
            let why = item.reasons.first().map(|r| r.text.as_str()).unwrap_or_default();
            self.tell.bad(&format!("{}: {why}", item.id));
        }
        if raised.is_empty() {
            return Err(Failure::failed("the assessment did not see that the demo's approvers are simulated"));
        }
        self.tell.aside("A detector prompts an inquiry; it proves nothing.");
        Ok(())
    }

    /// 14: the log verifies.
    pub(super) async fn verify_log(&mut self) -> Result<(), Failure> {
        self.tell.chapter("Verify the log");
        let log: LogName = WORKFLOW.parse().map_err(|e| Failure::failed(format!("{e}")))?;
        let store = self.yard.factory.store();
        let checkpoint = store.sign_now(&log).await?;
        let identity = self.yard.factory.log_identity(&log).await?;
        let key: VerifierKey = identity.key.parse().map_err(|e| Failure::failed(format!("the log's key: {e}")))?;
        let verified: Verified = store
            .read_with(&log, move |view| {
                let trust = Trust { key: Some(key), ..Trust::default() };
                Ok(verify(&StoreSource::new(view, Some(checkpoint)), &trust))
            })
            .await?;
        let rows = store.check_rows(&log).await?;
        let on_trust: u64 = verified.on_trust.values().sum();
        self.figures.log = LogFigures {
            size: verified.size,
            root: verified.root.map(|r| r.to_string()).unwrap_or_default(),
            verified: verified.verified && rows.identical(),
            verdicts_recomputed: verified.verdicts_recomputed,
            findings_recomputed: verified.findings_recomputed,
            on_trust,
        };
        self.tell.figure("log", &format!("{} entries, origin {}", verified.size, verified.origin));
        self.tell.figure(
            "recomputed",
            &format!(
                "{} verdicts from their facts, {} findings from payloads; {on_trust} facts on trust",
                verified.verdicts_recomputed, verified.findings_recomputed
            ),
        );
        if self.figures.log.verified {
            self.tell.good("Every leaf, tile, checkpoint, blob, payload and projection row is what it should be.");
            return Ok(());
        }
        for problem in verified.problems.iter().take(10) {
            self.tell.bad(&format!("{}: {}", problem.place, problem.what));
        }
        Err(Failure::failed("the log does not verify"))
    }
}
