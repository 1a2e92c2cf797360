//! Integration tests of the factory's use cases, on the real store.

mod delivery;
mod support;
