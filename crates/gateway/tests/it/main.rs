//! The data plane through a real listener: a real factory, a real store, a stand-in for the provider's HTTP only.

#[cfg(test)]
mod again;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod record;
#[cfg(test)]
mod support;
#[cfg(test)]
mod wire;
