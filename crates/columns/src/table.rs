//! What the tables hold, column by column. The reference is written from here.

use parquet::errors::ParquetError;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A whole number of 64 bits.
    Int,
    /// An IEEE 754 double.
    Real,
    /// UTF-8.
    Text,
    /// Yes or no.
    Flag,
    /// A moment of UTC, to the millisecond.
    Time,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether every row has a value.
    pub required: bool,
    /// What it means, for the reference.
    pub meaning: &'static str,
}

/// One value of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// No value.
    None,
    /// Of [`Kind::Int`], or milliseconds since 1970 of [`Kind::Time`].
    Int(i64),
    /// Of [`Kind::Real`].
    Real(f64),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

/// A row: a cell for each column, in their order.
pub type Row = Vec<Cell>;

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// Its columns.
    pub fields: &'static [Field],
}

const fn always(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: true, meaning }
}

const fn maybe(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: false, meaning }
}

/// Every event of a log.
pub const EVENTS: Table = Table { name: "events", fields: EVENT_FIELDS };

/// Every decision, with what analysis asks for most as columns.
pub const DECISIONS: Table = Table { name: "decisions", fields: DECISION_FIELDS };

const EVENT_FIELDS: &[Field] = &[
    always("index", Kind::Int, "the place in its log, from 0"),
    always("id", Kind::Text, "the event"),
    always("time", Kind::Time, "when it happened, by the node's clock"),
    always("kind", Kind::Text, "the kind with its version, `decision.made/1`"),
    always("actor", Kind::Text, "who acted, as the log has it"),
    always("actor_kind", Kind::Text, "`person`, `agent` or `service`"),
    always("side", Kind::Text, "the actor's side: `delivery`, `receiving` or `independent`"),
    maybe("element", Kind::Text, "the element of the spec that it is about"),
    maybe("decision", Kind::Text, "the decision that it is about"),
    maybe("spec", Kind::Text, "the digest of the spec that it speaks of"),
    maybe("release", Kind::Text, "the release in force"),
    always("simulation", Kind::Flag, "whether the factory is a simulation"),
    always("body", Kind::Text, "the body, as JSON: its members stand in [the reference of events](events.md)"),
    always("leaf", Kind::Text, "the leaf hash, hexadecimal: by it a row is found in the log"),
];

const DECISION_FIELDS: &[Field] = &[
    always("index", Kind::Int, "the place of its event in the log"),
    always("id", Kind::Text, "the decision"),
    always("time", Kind::Time, "when it was recorded"),
    always("step", Kind::Text, "the step"),
    always("case", Kind::Text, "a pseudonym of the case: its HMAC under the workflow's secret"),
    always("entry", Kind::Text, "how the candidate came: `run`, `proxy` or `decide`"),
    always("stage", Kind::Text, "the stage that the release in force is for"),
    always("rehearsal", Kind::Flag, "a rehearsal, which is nobody's experience"),
    always("shadow", Kind::Flag, "judged, and nothing changed"),
    always("stopped", Kind::Flag, "stopped while it was under way"),
    always("verdict", Kind::Text, "what the guard concluded"),
    always("action", Kind::Text, "what was done with the output"),
    always("code", Kind::Text, "the outcome's stable code"),
    always("because", Kind::Text, "the elements that brought it about, strictest first, as a JSON list"),
    maybe("confidence", Kind::Real, "the confidence, where there was one"),
    always("confidence_source", Kind::Text, "where the confidence came from"),
    maybe("certificate", Kind::Text, "the certificate that it was weighed under"),
    maybe("review", Kind::Text, "the review that was opened"),
    always("audit", Kind::Flag, "drawn for audit"),
    maybe("model", Kind::Text, "the model, as it named itself"),
    maybe("fallback", Kind::Text, "the model that answered, where it was not the step's first"),
    maybe("behalf", Kind::Text, "the decision on whose behalf it was made: a judge's"),
    always("attempts", Kind::Int, "how many times the model was asked for a candidate"),
    always("requests", Kind::Int, "requests sent to models' providers"),
    always("samples", Kind::Int, "further samples that were answered"),
    maybe("input_tokens", Kind::Int, "input tokens of all attempts, as the providers said"),
    maybe("output_tokens", Kind::Int, "output tokens of all attempts, as the providers said"),
    maybe("unreported_input_tokens", Kind::Int, "calls that said nothing: a bound, never too small"),
    maybe("unreported_output_tokens", Kind::Int, "calls that said nothing: a bound, never too small"),
    maybe("cost_micros", Kind::Int, "cost by the factory's prices, in millionths of the currency's unit"),
    maybe("currency", Kind::Text, "the currency of the cost"),
    maybe("spec", Kind::Text, "the digest of the spec"),
    maybe("release", Kind::Text, "the release in force"),
    always("simulation", Kind::Flag, "whether the factory is a simulation"),
];

impl Table {
    /// Its schema, in Parquet's own words.
    pub(crate) fn schema(&self) -> Result<Type, ParquetError> {
        let columns = self.fields.iter().map(|field| {
            let repetition = if field.required { "REQUIRED" } else { "OPTIONAL" };
            let (physical, logical) = match field.kind {
                Kind::Int => ("INT64", ""),
                Kind::Real => ("DOUBLE", ""),
                Kind::Text => ("BYTE_ARRAY", " (STRING)"),
                Kind::Flag => ("BOOLEAN", ""),
                Kind::Time => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            };
            format!("{repetition} {physical} {}{logical};", field.name)
        });
        parse_message_type(&format!("message {} {{ {} }}", self.name, columns.collect::<Vec<_>>().join(" ")))
    }

    /// What of a row does not fit the columns; none where it fits.
    pub(crate) fn objection(&self, row: &[Cell]) -> Option<String> {
        if row.len() != self.fields.len() {
            return Some(format!("it has {} cells for {} columns", row.len(), self.fields.len()));
        }
        let fits = |(field, cell): &(&Field, &Cell)| match (field.kind, cell) {
            (_, Cell::None) => !field.required,
            (Kind::Int | Kind::Time, Cell::Int(_))
            | (Kind::Real, Cell::Real(_))
            | (Kind::Text, Cell::Text(_))
            | (Kind::Flag, Cell::Flag(_)) => true,
            _ => false,
        };
        let odd = self.fields.iter().zip(row).find(|pair| !fits(pair))?;
        Some(format!("its `{}` is {:?}", odd.0.name, odd.1))
    }
}
