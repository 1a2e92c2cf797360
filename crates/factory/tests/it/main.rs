//! Integration tests of the factory's use cases, on the real store.

#[cfg(test)]
mod admitted;
#[cfg(test)]
mod asides;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod blind;
#[cfg(test)]
mod budgets;
mod delivery;
#[cfg(test)]
mod drills;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod people;
#[cfg(test)]
mod pilots;
#[cfg(test)]
mod promise;
#[cfg(test)]
mod rebuild;
#[cfg(test)]
mod reconciled;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod sprints;
#[cfg(test)]
mod stages;
#[cfg(test)]
mod staleness;
#[cfg(test)]
mod support;
#[cfg(test)]
mod theatre;
#[cfg(test)]
mod truths;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod wide_stop;
#[cfg(test)]
mod witness;
