//! What changed between the key that was shown and the one that stands now.

use super::look::{Changed, is_over_states, others};
use crate::api::Refused;
use crate::factory::{Factory, internal};
use crate::standing::Gathered;
use seatrial_governance::ObligationState;
use seatrial_model::{Body, Digest, LogName};
use std::collections::BTreeMap;

/// How far back a key is looked for, in specs and in entries of delivery: what was shown was shown lately.
const LOOKED_BACK_MAX: usize = 64;

/// The most changes that a message names; the answer's data hold all.
const NAMED_MAX: usize = 6;

impl Factory {
    /// Refuses a key that does not stand any more, with what changed.
    pub(crate) async fn conflict(
        &self,
        log: &LogName,
        gathered: &Gathered,
        states: &[ObligationState],
        state: &ObligationState,
        shown: Digest,
    ) -> Refused {
        let (found, changes) = match self.changes_since(log, gathered, states, state, shown).await {
            Ok(Some(changes)) => (true, changes),
            Ok(None) => (false, Vec::new()),
            Err(refused) => return refused,
        };
        let named: Vec<String> = changes.iter().take(NAMED_MAX).map(|c| format!("`{}`", c.name)).collect();
        let more = changes.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = match (found, named.is_empty()) {
            (true, false) => format!("; changed since: {}{more}", named.join(", ")),
            (true, true) => "; an input outside the spec changed since".to_owned(),
            (false, _) => format!("; no spec that was submitted lately gives that key to `{}`", state.obligation.id),
        };
        Refused::Changed {
            message: format!("what was shown (key {}) is not what stands now{what}; look again", shown.short()),
            now: state.key.to_string(),
            changed: changes.into_iter().map(|c| c.name).collect(),
        }
    }

    /// What changed since a key was the obligation's; none where nothing is known that gave that key.
    async fn changes_since(
        &self,
        log: &LogName,
        gathered: &Gathered,
        states: &[ObligationState],
        state: &ObligationState,
        shown: Digest,
    ) -> Result<Option<Vec<Changed>>, Refused> {
        if is_over_states(state) {
            return self.states_since(log, gathered, states, state, shown).await;
        }
        // Evidence that was given under this key tells the inputs of then.
        let recorded = gathered.events.iter().rev().find_map(|logged| {
            let evidence =
                logged.event.evidence.iter().find(|e| e.key == shown && e.obligation == state.obligation.id)?;
            Some((logged.event.spec, evidence.inputs.clone()))
        });
        if let Some((spec, inputs)) = recorded {
            let mut changes = match spec.filter(|spec| *spec != gathered.workflow.digest) {
                Some(spec) => {
                    let (old, _) = self.load_spec(log, spec).await.map_err(internal)?;
                    self.element_changes(gathered, &old, state)
                }
                None => Vec::new(),
            };
            changes.extend(Changed::between("input", &inputs, &state.inputs));
            return Ok(Some(changes));
        }
        let specs = gathered.events.iter().rev().filter(|e| matches!(e.event.body, Body::SpecSubmitted(_)));
        for spec in specs.filter_map(|e| e.event.spec).take(LOOKED_BACK_MAX) {
            let (old, findings) = self.load_spec(log, spec).await.map_err(internal)?;
            let then = gathered.with(std::sync::Arc::new(old), findings, Vec::new());
            let states = self.states(&then, state.stage);
            if states.iter().any(|s| s.obligation.id == state.obligation.id && s.key == shown) {
                return Ok(Some(self.element_changes(gathered, &then.workflow, state)));
            }
        }
        Ok(None)
    }

    /// For an approval over the state of the others: which of them stood otherwise when the key was shown.
    async fn states_since(
        &self,
        log: &LogName,
        gathered: &Gathered,
        states: &[ObligationState],
        state: &ObligationState,
        shown: Digest,
    ) -> Result<Option<Vec<Changed>>, Refused> {
        let id = state.obligation.id.as_str();
        let mut spec = Some(gathered.workflow.digest);
        for logged in gathered.events.iter().rev().take(LOOKED_BACK_MAX) {
            // Before a submission stood the spec that it names as the one before.
            if let Body::SpecSubmitted(submitted) = &logged.event.body {
                spec = submitted.previous;
            }
            let Some(spec) = spec else { return Ok(None) };
            let then = self.states_when(log, gathered, state.stage, logged.index, Some(spec)).await?;
            if then.iter().any(|s| s.obligation.id == id && s.key == shown) {
                let of = |states: &[ObligationState]| -> BTreeMap<String, String> {
                    let evidence = |s: &ObligationState| format!("{} {} {:?}", s.state, s.key, s.events);
                    let settled = states.iter().filter(|s| s.obligation.id != id);
                    settled.map(|s| (s.obligation.id.clone(), evidence(s))).collect()
                };
                let mut changes = Changed::between("obligation", &of(&then), &of(states));
                let (was, now) = (others(&then, id), others(states, id));
                for change in &mut changes {
                    change.was = was.get(&change.name).cloned();
                    change.now = now.get(&change.name).cloned();
                }
                return Ok(Some(changes));
            }
        }
        Ok(None)
    }
}
