//! The crate's integration tests: the classifier on real data.

#[cfg(test)]
mod credit;
