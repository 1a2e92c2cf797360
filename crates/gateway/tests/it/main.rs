//! The data plane through a real listener: a real factory, a real store, a stand-in for the provider's HTTP only.

#[cfg(test)]
mod again;
#[cfg(test)]
mod between;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod gated;
#[cfg(test)]
mod governed;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod record;
#[cfg(test)]
mod reload;
#[cfg(test)]
#[path = "../../../factory/tests/it/simulated.rs"]
mod simulated;
#[cfg(test)]
mod support;
#[cfg(test)]
mod windows;
#[cfg(test)]
mod wire;
#[cfg(test)]
#[path = "../../../factory/tests/it/support.rs"]
#[expect(dead_code, reason = "the factory's own tests use the rest")]
mod yard;
