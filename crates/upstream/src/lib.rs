//! Models over HTTP, and the scanner of their streams.
