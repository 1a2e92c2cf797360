//! Finding events by what they are about: a payload's commitment, a case, whatever a projector names.
//!
//! What is kept is a hash and an event's index. Whoever looks something up looks at the event: a hash may be shared, and
//! an entry that leads nowhere is passed over. So entries only ever add up, and writing one twice changes nothing.

use seatrial_model::Commitment;
use sha2::{Digest as _, Sha256};

/// The name of payloads' cases, as [`about`](crate::View::about) takes it.
pub const CASE: &str = "case";

/// What a lookup goes by. Keys are commitments and HMACs: nobody chooses two that meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) struct Lookup(pub(crate) i64);

impl Lookup {
    /// Of a name and a key.
    pub(crate) fn of(name: &str, key: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(key);
        Self::first(&hasher.finalize())
    }

    /// Of a commitment, which is a hash already.
    pub(crate) fn of_payload(commitment: &Commitment) -> Self {
        Self::first(commitment.0.as_bytes())
    }

    fn first(bytes: &[u8]) -> Self {
        Self(bytes.first_chunk().map_or(0, |first| i64::from_be_bytes(*first)))
    }
}

/// What an event can be found by, as its projector says.
pub(crate) fn of_event<'a>(found_by: Vec<(&'static str, &'a [u8])>) -> impl Iterator<Item = Lookup> + use<'a> {
    found_by.into_iter().map(|(name, key)| Lookup::of(name, key))
}

/// What a payload can be found by.
pub(crate) fn of_payload(commitment: &Commitment, case: Option<&str>) -> impl Iterator<Item = Lookup> + use<> {
    let case = case.map(|case| Lookup::of(CASE, case.as_bytes()));
    std::iter::once(Lookup::of_payload(commitment)).chain(case)
}
