//! Which side of a split an example is on.
//!
//! A hash of its cluster, or of its id where it has none, under a salt fixed at the first calibration. So no example ever
//! changes side, whatever is added to the set later. An input that occurs again on *another* side is set aside there
//! (the earlier line keeps its place), so that the sides are disjoint by input too. Where inputs repeat often, a `cluster`
//! says so, and nothing is set aside.

use crate::example::Example;
use seatrial_model::event::{ExamplesSealed, SealedSide, SplitSide};
use seatrial_model::{CanonicalError, Digest, ElementPath};
use std::collections::{BTreeMap, HashMap};

/// The sides with their shares in percent: what a model learns from, what a threshold is proposed from, what certifies
/// it, and what nobody touches.
pub const SHARES: [(SplitSide, u64); 4] =
    [(SplitSide::Train, 35), (SplitSide::Tune, 15), (SplitSide::Certify, 25), (SplitSide::HeldBack, 25)];

/// A split of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    salt: String,
    /// For each example, in the set's order: its side, or none where it was set aside.
    sides: Vec<Option<SplitSide>>,
}

impl Split {
    /// Splits a set under a salt (hexadecimal, as it stands in [`ExamplesSealed`]).
    ///
    /// # Errors
    /// Where an example has no canonical form; parsed ones have.
    pub fn of(salt: &str, examples: &[Example]) -> Result<Self, CanonicalError> {
        let mut first: HashMap<Digest, SplitSide> = HashMap::with_capacity(examples.len());
        let sides = examples
            .iter()
            .map(|example| {
                let side = side_of(salt, key(example));
                let earlier = *first.entry(example.input_digest()?).or_insert(side);
                Ok((earlier == side).then_some(side))
            })
            .collect::<Result<Vec<_>, CanonicalError>>()?;
        Ok(Self { salt: salt.to_owned(), sides })
    }

    /// The side of the example at this place; none where it was set aside, or there is none.
    #[must_use]
    pub fn side(&self, index: usize) -> Option<SplitSide> {
        self.sides.get(index).copied().flatten()
    }

    /// The places of the examples on a side, in the set's order.
    pub fn indexes(&self, side: SplitSide) -> impl Iterator<Item = usize> + '_ {
        self.sides.iter().enumerate().filter(move |(_, s)| **s == Some(side)).map(|(i, _)| i)
    }

    /// The places of the examples that were set aside: their input occurred before, on another side.
    pub fn set_aside(&self) -> impl Iterator<Item = usize> + '_ {
        self.sides.iter().enumerate().filter(|(_, s)| s.is_none()).map(|(i, _)| i)
    }

    /// The places on a side, thinned to one of each cluster: the one whose id hashes lowest, so that neither label nor
    /// confidence has a say. What certifies must be independent.
    #[must_use]
    pub fn thinned(&self, side: SplitSide, examples: &[Example]) -> Vec<usize> {
        let mut chosen: BTreeMap<&str, (Digest, usize)> = BTreeMap::new();
        let mut places = Vec::new();
        for i in self.indexes(side) {
            let Some(example) = examples.get(i) else { continue };
            let Some(cluster) = example.cluster.as_deref() else {
                places.push(i);
                continue;
            };
            let candidate = (hash(&self.salt, &example.id), i);
            chosen.entry(cluster).and_modify(|best| *best = candidate.min(*best)).or_insert(candidate);
        }
        places.extend(chosen.into_values().map(|(_, i)| i));
        places.sort_unstable();
        places
    }

    /// The event that seals the set's sides (`digest` is the set's, as the checked spec has it): how many examples each has, and the digest of theirs, labels included.
    ///
    /// # Errors
    /// Where an example has no canonical form; parsed ones have.
    pub fn seal(
        &self,
        threshold: ElementPath,
        set: &str,
        digest: Digest,
        examples: &[Example],
    ) -> Result<ExamplesSealed, CanonicalError> {
        let sides = SHARES
            .iter()
            .map(|(side, _)| {
                let indexes: Vec<usize> = self.indexes(*side).collect();
                Ok((*side, SealedSide { rows: indexes.len() as u64, digest: side_digest(&indexes, examples)? }))
            })
            .collect::<Result<_, CanonicalError>>()?;
        Ok(ExamplesSealed { threshold, set: set.to_owned(), examples: digest, salt: self.salt.clone(), sides })
    }
}

/// The digest of the examples at these places: of the sorted list of their digests.
///
/// # Errors
/// Where an example has no canonical form; parsed ones have.
pub fn side_digest(indexes: &[usize], examples: &[Example]) -> Result<Digest, CanonicalError> {
    let mut digests = indexes
        .iter()
        .filter_map(|i| examples.get(*i))
        .map(Example::digest)
        .collect::<Result<Vec<Digest>, CanonicalError>>()?;
    digests.sort_unstable();
    Digest::of_canonical(&digests)
}

/// The side of a cluster or id under a salt.
#[must_use]
pub fn side_of(salt: &str, key: &str) -> SplitSide {
    let digest = hash(salt, key);
    let draw = digest.as_bytes().iter().take(8).fold(0_u64, |n, b| n << 8 | u64::from(*b));
    // 2^64 is no multiple of 100; the bias is below 1e-17.
    let percent = draw % 100;
    let mut upto = 0;
    for (side, share) in SHARES {
        upto += share;
        if percent < upto {
            return side;
        }
    }
    SplitSide::HeldBack
}

fn key(example: &Example) -> &str {
    example.cluster.as_deref().unwrap_or(&example.id)
}

fn hash(salt: &str, key: &str) -> Digest {
    // The length keeps salt and key apart.
    Digest::of(format!("{}:{salt}{key}", salt.len()).as_bytes())
}

#[cfg(test)]
mod tests;
