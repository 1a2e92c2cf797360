//! The crate's integration tests: calibration on real data, and promises kept over many simulated calibrations.

#[cfg(test)]
mod credit;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod watch;
