//! Operating actions, counted by day, kind and side: what the transfer index is computed from. Marked cases, drills and
//! seeded items are no operation, and what a service or the system does is nobody's action.

use super::{DecisionRec, Fold, ReviewRec, RightsRec};
use seatrial_model::{Body, PrincipalKind, Side, Time};
use seatrial_ownership::{ActionCount, ActionKind};
use seatrial_store::ProjectError;

/// Counts of operating actions.
pub(crate) const ACTED: &str = "acted";

/// The end of the delivery side's rights, while it stands.
pub(crate) const RIGHTS: &str = "rights";

/// The one row of [`RIGHTS`].
pub(crate) const DELIVERY: &[u8] = b"delivery";

impl Fold<'_> {
    /// Counts the event where it is an operating action. Before the rest of the fold: what it is about is looked at as it
    /// stood before it.
    pub(super) fn operating_action(&mut self) -> Result<(), ProjectError> {
        let actor = &self.event.actor;
        if actor.kind == PrincipalKind::Service {
            return Ok(());
        }
        let Some(kind) = self.action_kind()? else { return Ok(()) };
        let key = acted_key(self.event.time, kind, actor.side);
        let count: u64 = self.get(ACTED, key.as_bytes())?.unwrap_or(0);
        self.put(ACTED, key.as_bytes(), &count.saturating_add(1))
    }

    fn action_kind(&self) -> Result<Option<ActionKind>, ProjectError> {
        Ok(match &self.event.body {
            Body::ReviewAnswered(body) if body.usable => {
                let review: Option<ReviewRec> = self.get("review", body.review.uuid().as_bytes())?;
                review.filter(|r| !r.rehearsal && r.seeded_by.is_none()).map(|_| ActionKind::Review)
            }
            Body::DecisionOverridden(body) => {
                let rec: Option<DecisionRec> = self.get("decision", body.decision.uuid().as_bytes())?;
                rec.filter(|r| !r.rehearsal && !r.seeded).map(|_| ActionKind::Override)
            }
            Body::WorkflowStopped(body) if !body.marked => Some(ActionKind::Stop),
            Body::WorkflowResumed(body) if !body.marked => Some(ActionKind::Stop),
            Body::ApprovalGiven(_) => Some(ActionKind::Approval),
            Body::SpecSubmitted(_) => {
                // The same spec again changes nothing.
                let spec = self.event.spec.map(|digest| digest.hex()).unwrap_or_default();
                let known = self.rows.get("spec", spec.as_bytes())?.is_some();
                (!known).then_some(ActionKind::Change)
            }
            Body::ReleaseCut(_) | Body::ReleaseRolledBack(_) | Body::WorkflowRetired(_) => Some(ActionKind::Release),
            _ => None,
        })
    }

    /// The end of the delivery side's rights, and its being taken back.
    pub(super) fn rights(&mut self) -> Result<(), ProjectError> {
        match &self.event.body {
            Body::RightsEnded(body) if body.side == Side::Delivery => {
                let rec = RightsRec {
                    event: self.event.id,
                    at: self.event.time,
                    by: self.event.actor.id.clone(),
                    from: body.from,
                    tokens: body.tokens.clone(),
                };
                self.put(RIGHTS, DELIVERY, &rec)
            }
            Body::RightsKept(body) => {
                let rec: Option<RightsRec> = self.get(RIGHTS, DELIVERY)?;
                if rec.is_some_and(|rec| rec.event == body.ended) {
                    self.rows.delete(RIGHTS, DELIVERY)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn acted_key(at: Time, kind: ActionKind, side: Side) -> String {
    format!("{}/{}/{}", at.day(), kind.as_str(), seatrial_governance::people::side(side))
}

/// Reads a row back.
pub(crate) fn acted(key: &[u8], count: u64) -> Option<ActionCount> {
    let key = std::str::from_utf8(key).ok()?;
    let mut parts = key.split('/');
    let day = parts.next()?.parse().ok()?;
    let kind = ActionKind::named(parts.next()?)?;
    let side = match parts.next()? {
        "receiving" => Side::Receiving,
        "delivery" => Side::Delivery,
        "independent" => Side::Independent,
        _ => return None,
    };
    Some(ActionCount { day, kind, side, count })
}
