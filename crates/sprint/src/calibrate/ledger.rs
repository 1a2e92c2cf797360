//! What has been done with examples before: whoever looks at them twice has fewer doubts than the figures say.
//!
//! Examples are known by marks, the digest of their input and of their cluster, so that another label, another id or
//! another seed makes no fresh example of a known one.

use crate::example::Example;
use seatrial_model::{CanonicalError, Digest};
use std::collections::HashSet;

/// What an example is known by.
///
/// # Errors
/// Where its input has no canonical form; parsed ones have.
pub fn marks(example: &Example) -> Result<Vec<Digest>, CanonicalError> {
    let mut marks = vec![example.input_digest()?];
    if let Some(cluster) = &example.cluster {
        // Not the form of any input's digest: a text of its own.
        marks.push(Digest::of(format!("cluster:{cluster}").as_bytes()));
    }
    Ok(marks)
}

/// What was done with some examples.
#[derive(Clone, Debug)]
struct Use {
    marks: HashSet<Digest>,
    /// How many attempts were declared, where it was an attempt.
    attempts: Option<u64>,
}

/// Everything that was done with examples, in the log's order.
#[derive(Clone, Debug, Default)]
pub struct Spending {
    uses: Vec<Use>,
    learned: HashSet<Digest>,
}

/// What the next attempt may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NextAttempt {
    /// The places of the examples that it tests.
    pub places: Vec<usize>,
    /// Which attempt on these it is, from 1.
    pub attempt: u64,
    /// How many were declared before the first.
    pub attempts: u64,
    /// Examples left out, because they are spent, or a model learned from them.
    pub left_out: u64,
}

impl Spending {
    /// An attempt to certify on these examples, for which so many attempts were declared.
    pub fn tested(&mut self, marks: impl IntoIterator<Item = Digest>, attempts: u64) {
        self.uses.push(Use { marks: marks.into_iter().collect(), attempts: Some(attempts) });
    }

    /// An evaluation of these examples: it showed how the model does on them.
    pub fn evaluated(&mut self, marks: impl IntoIterator<Item = Digest>) {
        self.uses.push(Use { marks: marks.into_iter().collect(), attempts: None });
    }

    /// A model learned from these examples: they say nothing about it, in no attempt.
    pub fn learned(&mut self, marks: impl IntoIterator<Item = Digest>) {
        self.learned.extend(marks);
    }

    /// Whether anything was done with an example of these marks.
    #[must_use]
    pub fn touched(&self, marks: &[Digest]) -> bool {
        self.uses.iter().any(|u| marks.iter().any(|m| u.marks.contains(m)))
    }

    fn was_learned(&self, marks: &[Digest]) -> bool {
        marks.iter().any(|m| self.learned.contains(m))
    }

    /// What the next attempt on these examples (their places and marks) may be, where the spec declares so many attempts.
    ///
    /// Where none of them was used before, it is the first. Where some were, it is one more attempt on all of them, as long
    /// as attempts are left; the number declared before the first one counts, not today's. Else those that were used are
    /// left out, and it is the first one on the rest, of which there may be none.
    #[must_use]
    pub fn next(&self, side: &[(usize, Vec<Digest>)], declared: u64) -> NextAttempt {
        let all = side.len() as u64;
        let usable: Vec<&(usize, Vec<Digest>)> = side.iter().filter(|(_, m)| !self.was_learned(m)).collect();
        let family = self.family(usable.iter().flat_map(|(_, m)| m));
        let first_declared = family.iter().filter_map(|u| u.attempts).min();
        let (attempt, attempts) = (family.len() as u64 + 1, first_declared.unwrap_or(declared));
        let of = |kept: Vec<usize>, attempt: u64, attempts: u64| {
            let left_out = all - kept.len() as u64;
            NextAttempt { places: kept, attempt, attempts, left_out }
        };
        if attempt <= attempts {
            return of(usable.iter().map(|(i, _)| *i).collect(), attempt, attempts);
        }
        let fresh = usable.iter().filter(|(_, m)| !self.touched(m)).map(|(i, _)| *i);
        of(fresh.collect(), 1, declared)
    }

    /// Every use that hangs together with these marks: directly, or by examples that two uses share.
    fn family<'m>(&self, marks: impl Iterator<Item = &'m Digest>) -> Vec<&Use> {
        let mut known: HashSet<Digest> = marks.copied().collect();
        let mut rest: Vec<&Use> = self.uses.iter().collect();
        let mut family = Vec::new();
        loop {
            let (touching, apart): (Vec<&Use>, Vec<&Use>) =
                rest.into_iter().partition(|u| !u.marks.is_disjoint(&known));
            if touching.is_empty() {
                return family;
            }
            for found in &touching {
                known.extend(&found.marks);
            }
            family.extend(touching);
            rest = apart;
        }
    }
}

#[cfg(test)]
mod tests;
