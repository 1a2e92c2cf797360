//! The store: where logs, payloads, blobs, projections and secrets are kept, and how they become durable.
//!
//! [`contract`] says in words and types what every store promises; [`SqliteStore`] is the embedded default, [`PgStore`] is
//! for fleets, and [`MemoryStore`] keeps nothing. One conformance suite (`tests/it/conformance.rs`) runs against all. The store is
//! free of the domain: a [`Projector`] given by the caller folds events into rows.

pub mod batch;
pub mod contract;
pub mod error;
pub mod fold;
mod folder;
mod hot;
pub mod import;
mod keys;
mod lookup;
pub mod memory;
pub mod mirror;
pub mod postgres;
mod prepare;
pub mod rows;
pub mod sqlite;

pub use batch::{Batch, Commit, Committed, Erased, Held, NewPayload, Payload};
pub use contract::{
    Attest, ENTRIES_READ_MAX, Entry, LogInfo, OpenLog, ReadWork, Reader, ReaderExt, Secret, Store, StoreExt,
    TransactError, View, Work,
};
pub use error::{BatchError, Refusal, StoreError};
pub use import::{Absent, Adopt, Last, Piece};
pub use keys::{KeySource, Seed};
pub use lookup::CASE;
pub use memory::MemoryStore;
pub use postgres::{PgOptions, PgStore};
pub use prepare::Sealed;
pub use rows::{NoRows, ProjectError, Projector, Row, RowDifference, Rows, RowsReport, Scan};
pub use sqlite::{Options, Recovered, SqliteReader, SqliteStore, Started};
