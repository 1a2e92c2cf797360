//! Documents that discharge an obligation: a report of the independent side, or what the factory asks for.

use super::{Claim, Fold, Outcome};
use crate::define::Obligation;
use crate::state::{Considered, State};
use seatrial_model::event::DocumentFiled;
use seatrial_model::{Body, PrincipalKind, Side};

impl<'a> Fold<'a> {
    /// A document by a holder of the role.
    pub(super) fn document(&self, role: &str, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let (newest, considered) = self.newest_document(obligation, claims, |claim| {
            let holds = claim.logged.event.actor.has_role(role);
            (!holds).then(|| format!("`{role}` was not a role of theirs"))
        });
        let mut out = match newest {
            Some((claim, filed)) => Outcome::new(State::Discharged, filed_by(&claim, filed)).on([claim.id()]),
            None => Outcome::new(State::Open, format!("no document by a holder of `{role}`")),
        };
        out.considered = considered;
        out
    }

    /// The independent side's report, and then its approval: one that is older than the report saw another report.
    pub(super) fn validated(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        let (newest, mut considered) = self.newest_document(obligation, claims, |claim| {
            let independent = claim.logged.event.actor.side == Side::Independent;
            (!independent).then(|| "only the independent side validates".to_owned())
        });
        let Some((report, filed)) = newest else {
            let mut out = Outcome::new(State::Open, "no report of the independent side");
            out.considered = considered;
            return out;
        };
        let since: Vec<Claim<'a>> = claims.iter().filter(|c| c.logged.index > report.logged.index).copied().collect();
        let approvals = self.approvals(obligation, &since, None);
        let missing = if approvals.on_side(Side::Independent) {
            Vec::new()
        } else {
            vec!["one person of the independent side, over the report".to_owned()]
        };
        let mut out = approvals.outcome(missing);
        out.why = format!("{}; {}", filed_by(&report, filed), out.why);
        considered.append(&mut out.considered);
        considered.sort_by_key(|c| c.index);
        out.considered = considered;
        if out.state == State::Discharged { out.on([report.id()]) } else { out }
    }

    fn newest_document(
        &self,
        obligation: &Obligation,
        claims: &[Claim<'a>],
        refused: impl Fn(&Claim<'a>) -> Option<String>,
    ) -> (Option<(Claim<'a>, &'a DocumentFiled)>, Vec<Considered>) {
        let (mut newest, mut considered) = (None, Vec::new());
        for claim in claims {
            let Body::DocumentFiled(filed) = &claim.logged.event.body else { continue };
            let refusal = if !claim.current {
                Some(claim.outdated("what it is about has changed"))
            } else if filed.obligation != obligation.id {
                Some(format!("it was filed for `{}`", filed.obligation))
            } else if claim.logged.event.actor.kind != PrincipalKind::Person {
                Some("agents and services file no evidence of judgement".to_owned())
            } else {
                refused(claim).or_else(|| self.too_unsure(&claim.logged.event))
            };
            let named = || format!("`{}`, {} bytes, {}", filed.name, filed.bytes, filed.document.short());
            considered.push(claim.considered(refusal.is_none(), refusal.clone().unwrap_or_else(named)));
            if refusal.is_none() {
                newest = Some((*claim, filed));
            }
        }
        (newest, considered)
    }
}

fn filed_by(claim: &Claim<'_>, filed: &DocumentFiled) -> String {
    format!("`{}` filed by {}", filed.name, claim.logged.event.actor.id)
}
