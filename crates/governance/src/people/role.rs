//! A role on a day: who is there, who counts although not there, and who is gone.

use super::{Grace, GraceReason, grace_end, is_working, named, stands_in};
use seatrial_model::{Day, Side};
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::Person;

/// Somebody who held a role, or holds it and is away for longer than the grace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    /// Who: an id.
    pub person: String,
    /// Their side in the role.
    pub side: Side,
    /// Why they are not there.
    pub reason: GraceReason,
    /// Their last day.
    pub last: Day,
    /// The last day of their grace; none where no deputy was there for it.
    pub grace: Option<Day>,
}

/// A role on a day.
#[derive(Clone, PartialEq, Debug)]
pub struct RoleNow<'f> {
    /// The role.
    pub role: String,
    /// Who holds it and is there.
    pub there: Vec<&'f Person>,
    /// Who counts although not there, with their side.
    pub grace: Vec<(Grace, Side)>,
    /// Who counts no more.
    pub gone: Vec<Gone>,
}

impl<'f> RoleNow<'f> {
    /// The role as it is on a day.
    #[must_use]
    pub fn of(factory: &'f FactorySpec, role: &str, on: Day) -> Self {
        let mut now = Self { role: role.to_owned(), there: Vec::new(), grace: Vec::new(), gone: Vec::new() };
        for person in factory.people.iter().filter(|p| p.has_role(role)) {
            if factory.is_there(person, on) {
                now.there.push(person);
            } else if let Some(last) = person.until.filter(|until| *until < on) {
                now.left(factory, (&person.id, person.side), last, person.deputy.as_deref(), on);
            } else if person.is_in(on) {
                now.away(factory, person, on);
            }
        }
        // Whoever lost a role lost it at once: their last day is the first of the grace.
        let of_role = factory.departures.iter().filter(|d| d.role == role && d.last <= on);
        for left in of_role {
            let back = factory.person(&left.person).is_some_and(|p| p.has_role(role) && p.side == left.side);
            if !back {
                now.left(factory, (&left.person, left.side), left.last, left.deputy.as_deref(), on);
            }
        }
        now
    }

    fn left(&mut self, factory: &FactorySpec, who: (&str, Side), last: Day, deputy: Option<&str>, on: Day) {
        let (person, side) = (who.0.to_owned(), who.1);
        // A deputy of another side would take on what is not theirs.
        let deputy = stands_in(factory, &person, deputy, on).filter(|d| d.side == side);
        let until = grace_end(last);
        match deputy {
            Some(deputy) if on <= until => {
                let (role, deputy) = (self.role.clone(), Some(deputy.id.clone()));
                let grace = Grace { until, person, role, reason: GraceReason::Left, last, deputy };
                self.grace.push((grace, side));
            }
            deputy => {
                let grace = deputy.map(|_| until);
                self.gone.push(Gone { person, side, reason: GraceReason::Left, last, grace });
            }
        }
    }

    /// Whoever is away comes back, so the grace is theirs whether or not somebody stands in.
    fn away(&mut self, factory: &FactorySpec, person: &Person, on: Day) {
        let Some((first, stand_in)) = began(factory, &person.id, on) else { return };
        let last = first.0.yesterday().map_or(first, Day);
        let until = grace_end(last);
        let deputy = stand_in.or(person.deputy.as_deref());
        let deputy = stands_in(factory, &person.id, deputy, on).filter(|d| d.side == person.side);
        let (id, reason) = (person.id.clone(), GraceReason::Away);
        if on <= until {
            let deputy = deputy.map(|d| d.id.clone());
            let grace = Grace { until, person: id, role: self.role.clone(), reason, last, deputy };
            self.grace.push((grace, person.side));
        } else {
            self.gone.push(Gone { person: id, side: person.side, reason, last, grace: Some(until) });
        }
    }

    /// How many count: whoever is there, and with somebody there at all also those within their grace.
    #[must_use]
    pub fn counted(&self) -> usize {
        let somebody = !self.there.is_empty() || self.grace.iter().any(|(g, _)| g.deputy.is_some());
        self.there.len() + if somebody { self.grace.len() } else { 0 }
    }

    /// Everybody of the role who counts, as an input: sorted `id (side)`.
    #[must_use]
    pub fn listed(&self) -> String {
        list(self.there_named())
    }

    /// The same with those who are gone.
    #[must_use]
    pub fn listed_before(&self) -> String {
        let gone = self.gone.iter().map(|g| named(&g.person, g.side));
        list(self.there_named().chain(gone))
    }

    fn there_named(&self) -> impl Iterator<Item = String> {
        let there = self.there.iter().map(|p| named(&p.id, p.side));
        there.chain(self.grace.iter().map(|(g, side)| named(&g.person, *side)))
    }
}

fn list(people: impl Iterator<Item = String>) -> String {
    let mut people: Vec<String> = people.collect();
    people.sort();
    people.join(", ")
}

/// The first day of an absence, and who stands in now. Rows that follow one another without a working day between them
/// are one absence.
fn began<'f>(factory: &'f FactorySpec, person: &str, on: Day) -> Option<(Day, Option<&'f str>)> {
    let now = factory.absence(person, on)?;
    let mut first = now.from;
    let mut rows: Vec<_> = factory.away.iter().filter(|a| a.person == person && a.from < on).collect();
    rows.sort_by_key(|a| std::cmp::Reverse(a.until));
    // From the latest backwards: each row is looked at once.
    for row in rows {
        if row.from < first && row.until >= working_day_before(first) {
            first = row.from;
        }
    }
    Some((first, now.stand_in.as_deref()))
}

fn working_day_before(day: Day) -> Day {
    let mut before = day.0;
    while let Ok(yesterday) = before.yesterday() {
        before = yesterday;
        if is_working(before) {
            break;
        }
    }
    Day(before)
}
