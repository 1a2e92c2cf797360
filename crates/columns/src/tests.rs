use super::*;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field as Read;
use std::fs::File;
use std::path::Path;

/// Every row of a file, as Parquet's own reader has it.
fn read(file: &Path) -> Vec<Vec<(String, Read)>> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().map(|(n, f)| (n.clone(), f.clone())).collect()).collect()
}

/// A row with every third optional cell empty.
fn row(table: &Table, n: i64) -> Row {
    let cell = |(at, field): (usize, &Field)| match field.kind {
        _ if !field.required && (n + at as i64) % 3 == 0 => Cell::None,
        Kind::Int | Kind::Time => Cell::Int(n + at as i64),
        Kind::Real => Cell::Real(n as f64 / 8.0),
        Kind::Text => Cell::Text(format!("{} of {n}: ünï \"quoted\"", field.name)),
        Kind::Flag => Cell::Flag(n % 2 == 0),
    };
    table.fields.iter().enumerate().map(cell).collect()
}

fn expected(field: &Field, cell: &Cell) -> Read {
    match (field.kind, cell) {
        (_, Cell::None) => Read::Null,
        (Kind::Time, Cell::Int(n)) => Read::TimestampMillis(*n),
        (_, Cell::Int(n)) => Read::Long(*n),
        (_, Cell::Real(n)) => Read::Double(*n),
        (_, Cell::Text(t)) => Read::Str(t.clone()),
        (_, Cell::Flag(b)) => Read::Bool(*b),
    }
}

#[test]
fn what_is_written_is_read_back() {
    for table in [&EVENTS, &DECISIONS] {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(dir.path(), table, "credit");
        let rows: Vec<Row> = (0..(GROUP_ROWS_MAX as i64 + 10)).map(|n| row(table, n)).collect();
        rows.iter().for_each(|row| sink.push("2026-11-24", row.clone()).unwrap());
        assert_eq!(sink.finish().unwrap(), Written { rows: rows.len() as u64, files: 1 });
        let file = dir.path().join(table.name).join("workflow=credit/day=2026-11-24/part-0.parquet");
        let found = read(&file);
        assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(&rows) {
            for (((name, value), field), cell) in found.iter().zip(table.fields).zip(row) {
                assert_eq!((name.as_str(), value), (field.name, &expected(field, cell)));
            }
        }
    }
}

#[test]
fn a_day_that_comes_back_gets_another_file_and_no_row_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(dir.path(), &EVENTS, "credit");
    for n in 0..30 {
        sink.push(&format!("2026-11-{:02}", 1 + n % 10), row(&EVENTS, n)).unwrap();
    }
    let written = sink.finish().unwrap();
    assert_eq!((written.rows, written.files), (30, 30), "ten days in turn, four open at once");
    let day = dir.path().join("events/workflow=credit/day=2026-11-03");
    let rows: usize = (0..3).map(|part| read(&day.join(format!("part-{part}.parquet"))).len()).sum();
    assert_eq!(rows, 3);
}

#[test]
fn what_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(dir.path(), &EVENTS, "credit");
    let mut short = row(&EVENTS, 1);
    short.pop();
    let refused = sink.push("2026-11-24", short).unwrap_err().to_string();
    assert!(refused.contains("13 cells for 14 columns"), "{refused}");
    let mut odd = row(&EVENTS, 1);
    odd[0] = Cell::Text("one".to_owned());
    assert!(sink.push("2026-11-24", odd).unwrap_err().to_string().contains("its `index` is"));
    let mut empty = row(&EVENTS, 1);
    empty[1] = Cell::None;
    assert!(sink.push("2026-11-24", empty).is_err(), "a column that is always there");
    assert_eq!(sink.finish().unwrap(), Written::default());
    // A file that is there already is never written over.
    for again in [true, false] {
        let mut sink = Sink::new(dir.path(), &EVENTS, "credit");
        assert_eq!(sink.push("2026-11-24", row(&EVENTS, 1)).is_ok(), again);
        sink.finish().unwrap();
    }
}

/// `SEATRIAL_UPDATE=1` renews the page.
#[test]
fn the_reference_has_every_column() {
    let mut page = String::from(REFERENCE);
    for table in [&EVENTS, &DECISIONS] {
        page.push_str(&format!("\n## `{}`\n\n| column | type | empty | what it is |\n|---|---|---|---|\n", table.name));
        for field in table.fields {
            let kind = match field.kind {
                Kind::Int => "64-bit integer",
                Kind::Real => "double",
                Kind::Text => "string",
                Kind::Flag => "boolean",
                Kind::Time => "timestamp (ms, UTC)",
            };
            let empty = if field.required { "never" } else { "may be" };
            page.push_str(&format!("| `{}` | {kind} | {empty} | {} |\n", field.name, field.meaning));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/parquet.md");
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(file, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), page, "renew it with SEATRIAL_UPDATE=1");
}

const REFERENCE: &str = "\
# Parquet

What `seatrial log parquet DIR` writes; how to ask it: [analysis](../guides/analysis.md). Written by a test of
`crates/columns`; renewed by `SEATRIAL_UPDATE=1`.

The files are `DIR/TABLE/workflow=NAME/day=YYYY-MM-DD/part-N.parquet` (Hive's layout; days of UTC; Snappy). A reader that knows
the layout adds two columns, `workflow` and `day`. Rows hold what the log's leaves hold: no payloads, no text of callers, models
or reviewers; cases are pseudonyms that only the workflow's secret ties to a case.
";
