//! The store contract; SQLite and memory; one conformance suite.
