//! The story's state: who is who, what has happened so far.

use super::draw::Draw;
use super::figures::Figures;
use super::tell::Tell;
use super::yard::{STEP, THRESHOLD, WORKFLOW, Yard};
use crate::failure::Failure;
use seatrial_factory::api::Caller;
use seatrial_factory::{NewToken, Proposed};
use seatrial_model::event::TokenKind;
use seatrial_model::{DecisionId, EventId, Span, Time};
use seatrial_sprint::{Example, Split, parse_examples};
use serde_json::Value;
use std::collections::BTreeMap;

/// The story as it goes on.
pub(super) struct Story<'o> {
    pub(super) yard: Yard,
    pub(super) tell: Tell<'o>,
    pub(super) figures: Figures,
    pub(super) draw: Draw,
    seed: u64,
    /// The example's applications, with how each turned out.
    pub(super) examples: Vec<Example>,
    pub(super) proposed: Option<Proposed>,
    /// Evaluations that an answer can cite, and how many applications without an income they sent to a person.
    pub(super) cites: Vec<EventId>,
    pub(super) without_income: u64,
    /// What is known of a decision's application.
    pub(super) truths: BTreeMap<DecisionId, Value>,
    /// Decisions that passed without a person, in order: of the held-back applications, and of the shifted ones.
    pub(super) passed: Vec<DecisionId>,
    pub(super) passed_shifted: Vec<DecisionId>,
    /// When the pilot began, its cases, and how many of them something besides the pilot held back.
    pub(super) piloted_from: Option<Time>,
    pub(super) pilot_cases: Vec<String>,
    pub(super) pilot_waited: u64,
    shop: Option<Caller>,
}

impl<'o> Story<'o> {
    pub(super) fn new(yard: Yard, tell: Tell<'o>, seed: u64) -> Result<Self, Failure> {
        let tree = yard.factory.work_tree(None)?;
        let workflow = tree.checked.workflow.ok_or_else(|| Failure::failed("the example's spec has errors"))?;
        let set = workflow.thresholds.get(THRESHOLD).and_then(|t| t.examples.clone()).unwrap_or_default();
        let file = workflow.examples.get(&set).and_then(|s| workflow.files.get(&s.file));
        let file = file.ok_or_else(|| Failure::failed("the example has no applications"))?;
        let examples = parse_examples(&file.bytes).map_err(|errors| {
            Failure::failed(format!("the example's applications cannot be read: {} error(s)", errors.len()))
        })?;
        Ok(Self {
            yard,
            tell,
            figures: Figures { seed, ..Figures::default() },
            draw: Draw::new(seed),
            seed,
            examples,
            proposed: None,
            cites: Vec::new(),
            without_income: 0,
            truths: BTreeMap::new(),
            passed: Vec::new(),
            passed_shifted: Vec::new(),
            piloted_from: None,
            pilot_cases: Vec::new(),
            pilot_waited: 0,
            shop: None,
        })
    }

    /// The salt of the split: the seed, so that the same seed splits the same.
    pub(super) fn salt(&self) -> String {
        format!("{:016x}", self.seed)
    }

    pub(super) fn split(&self) -> Result<Split, Failure> {
        Split::of(&self.salt(), &self.examples).map_err(|e| Failure::failed(e.to_string()))
    }

    /// The calling service, with a token of its own.
    pub(super) fn shop(&self) -> Result<&Caller, Failure> {
        self.shop.as_ref().ok_or_else(|| Failure::failed("the calling service has no token yet"))
    }

    /// Issues the calling service's token.
    pub(super) async fn open_shop(&mut self) -> Result<(), Failure> {
        let hana = self.yard.person("hana")?;
        let token = NewToken {
            kind: TokenKind::Caller,
            principal: "point-of-sale".to_owned(),
            steps: vec![format!("{WORKFLOW}/{STEP}")],
            lives: Span::from_millis(300 * 86_400_000),
        };
        let text = self.yard.factory.issue_token(&hana, token).await?;
        self.shop = Some(self.yard.factory.authenticate(&text).await?);
        Ok(())
    }
}
