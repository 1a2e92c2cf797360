//! The transfer index: of all operating actions, which share the receiving side did. Acceptance is a signature; the index is
//! whether it is true.

use jiff::ToSpan as _;
use jiff::civil::Weekday;
use seatrial_model::{Day, Side, Span};
use seatrial_spec::workflow::{Bar, BarOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of operating action. Marked cases, drills and seeded items are none: nobody's business hangs on them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// A review or an audit was answered.
    Review,
    /// A decision was overridden.
    Override,
    /// The workflow or a step was stopped or resumed.
    Stop,
    /// Something was approved.
    Approval,
    /// Another spec was submitted.
    Change,
    /// A release was cut, went back, or was retired.
    Release,
}

impl ActionKind {
    /// All, in their order.
    pub const ALL: &'static [Self] =
        &[Self::Review, Self::Override, Self::Stop, Self::Approval, Self::Change, Self::Release];

    /// The word as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Override => "override",
            Self::Stop => "stop",
            Self::Approval => "approval",
            Self::Change => "change",
            Self::Release => "release",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Several of them, for people.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Review => "reviews answered",
            Self::Override => "overrides",
            Self::Stop => "stops and resumes",
            Self::Approval => "approvals",
            Self::Change => "spec changes",
            Self::Release => "releases",
        }
    }
}

/// How many actions of one kind one side did on one day (UTC).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ActionCount {
    /// The day.
    pub day: Day,
    /// The kind.
    pub kind: ActionKind,
    /// The side.
    pub side: Side,
    /// How many.
    pub count: u64,
}

/// Actions by side. The independent side challenges and approves; it operates nothing, and is no part of the share.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Sides {
    /// Of the receiving side.
    pub receiving: u64,
    /// Of the delivery side.
    pub delivery: u64,
    /// Of the independent side: shown, and not counted in.
    pub independent: u64,
}

impl Sides {
    /// How many count.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.receiving.saturating_add(self.delivery)
    }

    /// The receiving side's share; none where nobody did anything.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of actions stay far below 2^53")]
        let share = |of: u64, all: u64| of as f64 / all as f64;
        (self.all() > 0).then(|| share(self.receiving, self.all()))
    }

    const fn add(&mut self, side: Side, count: u64) {
        let of = match side {
            Side::Receiving => &mut self.receiving,
            Side::Delivery => &mut self.delivery,
            Side::Independent => &mut self.independent,
        };
        *of = of.saturating_add(count);
    }
}

/// One week of the picture over time, from Monday to Sunday.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Week {
    /// Its Monday.
    pub from: Day,
    /// What was done.
    #[serde(flatten)]
    pub sides: Sides,
    /// The receiving side's share; none where nobody did anything.
    pub share: Option<f64>,
}

/// The transfer index over some days.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransferIndex {
    /// The first day that counts.
    pub since: Day,
    /// The last.
    pub until: Day,
    /// What was done in all.
    #[serde(flatten)]
    pub sides: Sides,
    /// The receiving side's share; none where nobody did anything.
    pub share: Option<f64>,
    /// By kind: every kind stands here, also one that nobody did.
    pub kinds: BTreeMap<ActionKind, Sides>,
    /// By week, without gaps; only whole days of the window count in the first and the last.
    pub weeks: Vec<Week>,
}

/// The most weeks of a picture: ten years. What is older is in the sums all the same.
pub const WEEKS_MAX: i64 = 520;

/// Computes the index from counts by day, for the days from `since` to `until`, both included.
#[must_use]
pub fn transfer_index(counts: &[ActionCount], since: Day, until: Day) -> TransferIndex {
    let within = || counts.iter().filter(|c| c.day >= since && c.day <= until);
    let mut sides = Sides::default();
    let mut kinds: BTreeMap<ActionKind, Sides> = ActionKind::ALL.iter().map(|k| (*k, Sides::default())).collect();
    let mut by_week: BTreeMap<Day, Sides> = BTreeMap::new();
    for count in within() {
        sides.add(count.side, count.count);
        kinds.entry(count.kind).or_default().add(count.side, count.count);
        by_week.entry(monday(count.day)).or_default().add(count.side, count.count);
    }
    TransferIndex { since, until, sides, share: sides.share(), kinds, weeks: weeks(&by_week, since, until) }
}

fn weeks(by_week: &BTreeMap<Day, Sides>, since: Day, until: Day) -> Vec<Week> {
    // A picture begins with its first action: empty years before it show nothing.
    let first = by_week.keys().next().copied().unwrap_or(monday(until)).max(monday(since));
    let earliest = until.0.saturating_sub(WEEKS_MAX.weeks());
    let mut out = Vec::new();
    let mut from = first.max(monday(Day(earliest)));
    while from <= until {
        let sides = by_week.get(&from).copied().unwrap_or_default();
        out.push(Week { from, sides, share: sides.share() });
        let Ok(next) = from.0.checked_add(7.days()) else { break };
        from = Day(next);
    }
    out
}

fn monday(day: Day) -> Day {
    let back = i64::from(day.0.weekday().since(Weekday::Monday));
    day.0.checked_sub(back.days()).map_or(day, Day)
}

/// A bar of the transfer index as one spec wrote it down.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WrittenBar {
    /// The entry of the release of production that was cut with it; none: it only stands in a spec.
    pub entry: Option<u64>,
    /// The bar.
    pub bar: Bar,
    /// Over which time; none: [`OVER_DAYS`].
    pub over: Option<Span>,
}

/// The window where the spec names none: a quarter of a year.
pub const OVER_DAYS: u64 = 91;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// The bar in force.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BindingBar {
    /// The bar.
    pub bar: Bar,
    /// Over which time.
    pub over: Span,
    /// The release of production that fixed it; none: no production was released, and it stands in the spec.
    pub fixed_by: Option<u64>,
    /// What the spec says today, where that asks for less.
    pub lowered_to: Option<Bar>,
    /// The spec says nothing of it any more.
    pub dropped: bool,
}

/// The bar in force: the strictest of those that releases of production were cut with since the last handover, and of what
/// the spec says today. So a bar may be raised at any time, and what is lowered after production does not count. A bar that
/// a share cannot reach upwards (`<=`, `<`) is none.
#[must_use]
pub fn binding_bar(released: &[WrittenBar], today: Option<WrittenBar>) -> Option<BindingBar> {
    let is_bar = |written: &&WrittenBar| {
        matches!(written.bar.op, BarOp::AtLeast | BarOp::Above) && written.bar.value.is_finite()
    };
    let today = today.as_ref().filter(is_bar);
    let mut binding: Option<&WrittenBar> = None;
    for written in released.iter().filter(is_bar).chain(today) {
        if binding.is_none_or(|so_far| is_stricter(written, so_far)) {
            binding = Some(written);
        }
    }
    let binding = binding?;
    let lowered = today.filter(|now| is_stricter(binding, now));
    Some(BindingBar {
        bar: binding.bar,
        over: over(binding),
        fixed_by: binding.entry,
        lowered_to: lowered.map(|now| now.bar),
        dropped: today.is_none(),
    })
}

fn over(written: &WrittenBar) -> Span {
    written.over.unwrap_or(Span::from_millis(OVER_DAYS * DAY_MS))
}

/// Whether a bar asks for more: a higher share; of two that ask for the same, over a longer time.
fn is_stricter(a: &WrittenBar, b: &WrittenBar) -> bool {
    let rank = |w: &WrittenBar| (w.bar.value, u8::from(w.bar.op == BarOp::Above));
    match rank(a).partial_cmp(&rank(b)) {
        Some(std::cmp::Ordering::Greater) => true,
        Some(std::cmp::Ordering::Equal) => over(a).as_millis() > over(b).as_millis(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
