//! The data plane through a real listener: a real factory, a real store, a stand-in for the provider's HTTP only.

mod hostile;
mod sdk;
#[cfg(test)]
mod support;
mod wire;
