//! Waivers: a person's acceptance, until a date, that one obligation is not discharged.

use super::Fold;
use crate::state::ObligationState;

impl Fold<'_> {
    /// Turns what is not settled into `waived` where a waiver in force covers it.
    #[expect(clippy::unused_self, reason = "the fold follows")]
    pub(super) fn mark_waived(&self, _out: &mut ObligationState) {}
}
