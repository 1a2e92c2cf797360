//! Fixtures, fake clock, faulty store; a dev-dependency only.
