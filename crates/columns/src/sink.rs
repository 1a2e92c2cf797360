//! Rows into files: one folder a day, one file for as long as the day stays open.

use crate::table::{Cell, Field, Kind, Row, Table};
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of one row group: what is held in memory for an open day.
pub const GROUP_ROWS_MAX: usize = 8_192;

/// Days that are open at once. Clocks of nodes differ a little, so that days overlap; one that comes back later gets
/// another file.
pub const OPEN_DAYS_MAX: usize = 4;

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// An entry is no event.
    #[error("entry {index} is not an event ({reason}): nothing was exported. `seatrial log verify` says more")]
    Entry {
        /// Its index.
        index: u64,
        /// Why.
        reason: String,
    },
    /// A row does not fit its table.
    #[error("a row of `{table}` does not fit its columns: {what}. Nothing was exported")]
    Row {
        /// The table.
        table: &'static str,
        /// What does not fit.
        what: String,
    },
    /// A file could not be written.
    #[error("`{}` was not written ({reason}): nothing was exported", place.display())]
    File {
        /// The file or folder.
        place: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
}

/// Writes the rows of one table of one workflow below a folder.
pub struct Sink {
    root: PathBuf,
    table: &'static Table,
    open: VecDeque<Part>,
    parts: BTreeMap<String, u32>,
    written: Written,
}

/// A file that takes rows.
struct Part {
    day: String,
    place: PathBuf,
    writer: SerializedFileWriter<File>,
    rows: Vec<Row>,
}

impl Sink {
    /// A sink for a workflow's rows; nothing is written yet.
    #[must_use]
    pub fn new(dir: &Path, table: &'static Table, workflow: &str) -> Self {
        let root = dir.join(table.name).join(format!("workflow={workflow}"));
        Self { root, table, open: VecDeque::new(), parts: BTreeMap::new(), written: Written::default() }
    }

    /// Takes a row of a day (`2026-11-24`).
    ///
    /// # Errors
    /// Where it does not fit the table, or a file cannot be written.
    pub fn push(&mut self, day: &str, row: Row) -> Result<(), ColumnsError> {
        if let Some(what) = self.table.objection(&row) {
            return Err(ColumnsError::Row { table: self.table.name, what });
        }
        if !self.open.iter().any(|part| part.day == day) {
            if self.open.len() >= OPEN_DAYS_MAX {
                self.close_oldest()?;
            }
            let part = self.begin(day)?;
            self.open.push_back(part);
        }
        let Some(part) = self.open.iter_mut().find(|part| part.day == day) else { return Ok(()) };
        part.rows.push(row);
        self.written.rows += 1;
        if part.rows.len() >= GROUP_ROWS_MAX { part.flush(self.table.fields) } else { Ok(()) }
    }

    /// Closes every file.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn finish(mut self) -> Result<Written, ColumnsError> {
        while !self.open.is_empty() {
            self.close_oldest()?;
        }
        Ok(self.written)
    }

    fn begin(&mut self, day: &str) -> Result<Part, ColumnsError> {
        let number = self.parts.entry(day.to_owned()).or_default();
        let folder = self.root.join(format!("day={day}"));
        let place = folder.join(format!("part-{number}.parquet"));
        *number += 1;
        let not_written = |e: &dyn std::error::Error| failed(&place, e);
        std::fs::create_dir_all(&folder).map_err(|e| not_written(&e))?;
        let file = File::create_new(&place).map_err(|e| not_written(&e))?;
        let schema = Arc::new(self.table.schema().map_err(|e| not_written(&e))?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("seatrial".to_owned())
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(|e| not_written(&e))?;
        Ok(Part { day: day.to_owned(), place, writer, rows: Vec::new() })
    }

    fn close_oldest(&mut self) -> Result<(), ColumnsError> {
        let Some(mut part) = self.open.pop_front() else { return Ok(()) };
        part.flush(self.table.fields)?;
        part.writer.close().map_err(|e| failed(&part.place, &e))?;
        self.written.files += 1;
        Ok(())
    }
}

impl Part {
    fn flush(&mut self, fields: &[Field]) -> Result<(), ColumnsError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let place = &self.place;
        let mut group = self.writer.next_row_group().map_err(|e| failed(place, &e))?;
        for (at, field) in fields.iter().enumerate() {
            let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.get(at)).collect();
            write_column(&mut group, field, &cells).map_err(|e| failed(place, &e))?;
        }
        group.close().map_err(|e| failed(place, &e))?;
        Ok(())
    }
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, File>,
    field: &Field,
    cells: &[&Cell],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(format!("there is no column for `{}`", field.name)));
    };
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(!matches!(cell, Cell::None))).collect();
    let levels = (!field.required).then_some(present.as_slice());
    match field.kind {
        Kind::Int | Kind::Time => {
            let values: Vec<i64> =
                cells.iter().filter_map(|c| if let Cell::Int(n) = c { Some(*n) } else { None }).collect();
            column.typed::<Int64Type>().write_batch(&values, levels, None)?;
        }
        Kind::Real => {
            let values: Vec<f64> =
                cells.iter().filter_map(|c| if let Cell::Real(n) = c { Some(*n) } else { None }).collect();
            column.typed::<DoubleType>().write_batch(&values, levels, None)?;
        }
        Kind::Text => {
            let texts = cells
                .iter()
                .filter_map(|c| if let Cell::Text(t) = c { Some(ByteArray::from(t.as_str())) } else { None });
            column.typed::<ByteArrayType>().write_batch(&texts.collect::<Vec<_>>(), levels, None)?;
        }
        Kind::Flag => {
            let values: Vec<bool> =
                cells.iter().filter_map(|c| if let Cell::Flag(b) = c { Some(*b) } else { None }).collect();
            column.typed::<BoolType>().write_batch(&values, levels, None)?;
        }
    }
    column.close()
}

fn failed(place: &Path, error: &dyn std::error::Error) -> ColumnsError {
    ColumnsError::File { place: place.to_owned(), reason: error.to_string() }
}
