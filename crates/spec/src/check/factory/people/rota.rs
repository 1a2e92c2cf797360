//! The rota: who is away when, and who stands in.

use super::directory::rows;
use super::known;
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{Away, Person};

/// The columns of the rota. The first three are needed.
pub const ROTA_COLUMNS: [&str; 4] = ["id", "from", "until", "stand_in"];

/// How many of the columns must be there.
const NEEDED: usize = 3;

/// The most rows of the rota: each is looked at for each answer about a role.
pub const AWAY_MAX: usize = 20_000;

pub(super) fn read(r: &mut Reader, path: &str, text: &str, people: &[Person]) -> Vec<Away> {
    let mut out = Vec::new();
    for row in rows(r, path, text, &ROTA_COLUMNS, NEEDED, "rota") {
        if out.len() >= AWAY_MAX {
            row.find(r, Code::Limit, format!("a rota has at most {AWAY_MAX} rows"), None);
            return out;
        }
        let person = row.need(r, "id");
        let need = |r: &mut Reader, column| row.need(r, column).and_then(|_| row.day(r, column));
        let (from, until) = (need(r, "from"), need(r, "until"));
        let stand_in = row.get("stand_in").map(str::to_owned);
        for id in person.iter().chain(&stand_in) {
            known(r, people, &row.named(id.clone()));
        }
        if person.is_some() && person == stand_in {
            row.find(r, Code::WrongKind, "nobody stands in for themselves", None);
        }
        if let (Some(person), Some(from), Some(until)) = (person, from, until) {
            if until < from {
                row.find(r, Code::OutOfRange, format!("the last day {until} lies before the first, {from}"), None);
            }
            out.push(Away { person, from, until, stand_in });
        }
    }
    out
}
