//! The store's tests: what every store promises, and what only the embedded one does.

#[cfg(test)]
mod common;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod full;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod import;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod tamper;
