//! The auditor's verifier: needs an export and the log's key, and neither server, database nor network.
//!
//! [`verify()`] reads a [`Source`] (a [`Folder`] written by [`export()`], or a store) and checks every leaf, tile
//! and checkpoint, every commitment and blob that is held, and recomputes verdicts from facts and findings from
//! payloads. What it cannot recompute it counts, by the source on whose word it stands.
//!
//! It says nothing about traffic that did not pass through the guard, nor whether whoever ran the node invented
//! what they wrote: that is what witnesses' cosignatures are for.

pub mod attest;
mod check;
mod export;
mod folder;
pub mod pack;
mod report;
mod source;
pub mod watch;

pub use check::{Trust, verify};
pub use export::{ExportError, ExportOptions, Exported, export};
pub use folder::Folder;
pub use report::{KeyOrigin, Payloads, Problem, Verified, Witness};
pub use source::{Held, Source, SourceError, SourceTiles, blobs_of, prove};
