//! Tables without borders: columns under their headings, wrapped at the terminal's width.

use super::style::Ink;
use super::{Layout, WIDTH_MIN};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

/// Rows of a table in the making.
pub(crate) struct Rows {
    table: Table,
    color: bool,
}

impl Rows {
    /// A table with these headings; none where a heading would only repeat what is seen.
    pub(crate) fn new(layout: Layout, headings: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(layout.width.max(WIDTH_MIN));
        if layout.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !headings.is_empty() {
            table.set_header(headings.iter().map(|h| Cell::new(h).add_attribute(Attribute::Dim)));
        }
        Self { table, color: layout.color }
    }

    /// Adds a row; each cell with its colour.
    pub(crate) fn row<'c>(&mut self, cells: impl IntoIterator<Item = (Option<Ink>, std::borrow::Cow<'c, str>)>) {
        let color = self.color;
        self.table.add_row(cells.into_iter().map(|(ink, text)| {
            let cell = Cell::new(text);
            match ink {
                Some(ink) if color => inked(cell, ink),
                _ => cell,
            }
        }));
    }

    /// A column that is never broken: what stands in it is copied.
    pub(crate) fn whole(&mut self, column: usize) {
        if let Some(column) = self.table.column_mut(column) {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }

    /// Adds a row without colours.
    pub(crate) fn plain<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.table.add_row(cells.into_iter().map(|text| Cell::new(text.into())));
    }

    /// The text, without blanks at the ends of lines; nothing where there are no rows.
    pub(crate) fn text(&self) -> String {
        if self.table.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        format!("{}\n", lines.join("\n"))
    }
}

fn inked(cell: Cell, ink: Ink) -> Cell {
    match ink {
        Ink::Good => cell.fg(Color::Green),
        Ink::Warn => cell.fg(Color::Yellow),
        Ink::Bad => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Ink::Dim => cell.add_attribute(Attribute::Dim),
        Ink::Strong => cell.add_attribute(Attribute::Bold),
    }
}
