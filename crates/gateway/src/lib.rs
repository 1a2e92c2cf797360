//! Layer 4, serving: the data plane that calls the guard.
