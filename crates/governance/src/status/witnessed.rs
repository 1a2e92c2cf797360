//! Whether somebody outside the delivery side vouches that the log has one history.

use super::{Fold, Outcome};
use crate::state::State;
use seatrial_model::{Side, Span};

/// How old the newest cosignature may be: a day.
pub const COSIGNED_AGE_MAX_MS: i64 = 86_400_000;

/// From here on a clock that runs ahead of ours is not taken for a fresh cosignature.
const AHEAD_MS_MAX: i64 = 300_000;

const HOUR_MS: i64 = 3_600_000;

impl Fold<'_> {
    /// The newest cosignature by the key of a witness that is configured today, and that the delivery side does not hold.
    /// A cosignature is no event of delivery: it comes daily, and must disturb no approval under way.
    pub(super) fn witnessed(&self) -> Outcome {
        let named: Vec<_> = self.input.factory.witnesses.iter().filter(|w| w.side != Side::Delivery).collect();
        if named.is_empty() {
            return Outcome::new(
                State::Open,
                "no witness is configured: name one under `witnesses` in factory.yaml, with a key that the delivery side \
                 does not hold",
            );
        }
        let age = |at: seatrial_model::Time| self.input.now.millis_since(at);
        let known = named.iter().filter_map(|witness| {
            let last = self.input.running.cosigned.iter().find(|c| c.witness == witness.key)?;
            (age(last.at) >= -AHEAD_MS_MAX).then_some((witness, last))
        });
        let Some((witness, last)) = known.max_by_key(|(_, last)| last.at) else {
            let names: Vec<String> = named.iter().map(|w| format!("`{}`", w.name)).collect();
            return Outcome::new(State::Open, format!("not cosigned yet by {}", super::name_some(&names)));
        };
        let name = &witness.name;
        let side = if witness.side == Side::Receiving { "receiving" } else { "independent" };
        let age = age(last.at).max(0);
        if age <= COSIGNED_AGE_MAX_MS {
            return Outcome::new(State::Discharged, format!("cosigned within the last day by `{name}` ({side} side)"));
        }
        let hours = Span::from_millis(u64::try_from(age / HOUR_MS * HOUR_MS).unwrap_or(0));
        Outcome::new(State::Stale, format!("last cosigned {hours} ago by `{name}`; at most a day may pass"))
    }
}
