//! Rows for analysis beyond one machine: the events of a log and its decisions as Parquet files, laid out as
//! `events/workflow=NAME/day=2026-11-24/part-0.parquet`, which DuckDB, Spark, Trino and ClickHouse read as they are.
//!
//! A row holds what a leaf holds, and its leaf hash; no payload, so no text of callers, models or reviewers. Days are of
//! UTC. What the columns mean: [`EVENTS`], [`DECISIONS`].
//!
//! Source: the Apache Parquet format; Hive's layout of partitions.

mod rows;
mod sink;
mod table;

pub use rows::{decision_row, event_row};
pub use sink::{ColumnsError, GROUP_ROWS_MAX, OPEN_DAYS_MAX, Sink, Written};
pub use table::{Cell, DECISIONS, EVENTS, Field, Kind, Row, Table};

#[cfg(test)]
mod tests;
