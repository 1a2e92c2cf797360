//! What calls use and cost, and the limits of a day.

use super::Obtained;
use super::ask::{Answer, Asking};
use crate::api::{Passage, Refused};
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, rows};
use crate::pilot::day_at;
use crate::project::{SPENT, SpentRec, spent_key, spent_prefix};
use seatrial_guard::port::{Ask, AskBody};
use seatrial_model::Time;
use seatrial_model::event::{Cost, Usage};
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::{Money, Price, Provider, Step};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the calls of one decision used so far.
pub(super) struct Spending<'a> {
    factory: Arc<FactorySpec>,
    step: &'a Step,
    used: Usage,
    unreported: Usage,
    cost: BTreeMap<String, u64>,
}

impl<'a> Spending<'a> {
    pub(super) fn new(asking: &Asking<'a>) -> Self {
        Self {
            factory: asking.factory.spec(),
            step: asking.step,
            used: Usage::default(),
            unreported: Usage::default(),
            cost: BTreeMap::new(),
        }
    }

    /// Adds an answer. Where its provider does not say what it used and the step has a limit, each byte counts as a
    /// token: a token has at least one byte, so that is never too few.
    pub(super) fn add(&mut self, answer: &Answer<'_>) {
        let limits = &self.step.limits;
        let usage = match answer.reply.usage {
            Some(usage) => {
                add(&mut self.used, usage);
                usage
            }
            None if limits.tokens_per_day.is_none() && limits.money_per_day.is_none() => return,
            None => {
                let output = answer.reply.parts.iter().map(|p| p.text.len() as u64).sum();
                let bound = Usage { input: answer.asked_bytes, output };
                add(&mut self.unreported, bound);
                bound
            }
        };
        if let Some(price) = self.price(answer.name) {
            let (currency, micros) = (price.currency.clone(), price.of(usage.input, usage.output));
            let sum = self.cost.entry(currency).or_default();
            *sum = sum.saturating_add(micros);
        }
    }

    fn price(&self, name: &str) -> Option<&Price> {
        let provider = self.step.model.as_ref().and_then(|m| self.factory.providers.get(&m.provider))?;
        match provider {
            Provider::Http(http) => http.prices.get(name),
            Provider::Classifier => None,
        }
    }

    /// Notes it where the record takes it from. A step with a limit of money is priced in one currency: others do not
    /// load for production.
    pub(super) fn settle(&self, obtained: &mut Obtained) {
        let some = |usage: Usage| (usage != Usage::default()).then_some(usage);
        obtained.usage = some(self.used);
        obtained.unreported = some(self.unreported);
        let limit = self.step.limits.money_per_day.as_deref().and_then(Money::parse);
        let wanted = limit.and_then(|l| self.cost.get_key_value(&l.currency));
        let found = wanted.or_else(|| self.cost.first_key_value());
        obtained.cost = found.map(|(currency, micros)| Cost { micros: *micros, currency: currency.clone() });
    }
}

fn add(sum: &mut Usage, more: Usage) {
    sum.input = sum.input.saturating_add(more.input);
    sum.output = sum.output.saturating_add(more.output);
}

/// The bytes of an ask.
pub(super) fn bytes_of(ask: &Ask) -> u64 {
    let bytes = match &ask.body {
        AskBody::Raw { bytes, .. } => bytes.len(),
        AskBody::Messages { messages, .. } => messages.iter().map(|m| m.content.len()).sum(),
    };
    bytes as u64
}

/// Refuses a call of a step whose limit of a day is reached. What is under way counts when it is recorded, so that a
/// limit is passed by at most that.
pub(crate) async fn limits_of_day(
    factory: &Factory,
    handle: &Handle,
    step: &Step,
    passage: &Passage,
    now: Time,
) -> Result<(), Refused> {
    let money = step.limits.money_per_day.as_deref().and_then(Money::parse);
    if step.limits.tokens_per_day.is_none() && money.is_none() {
        return Ok(());
    }
    let timezone = factory.spec().timezone.clone();
    let (from, until) = day_at(&timezone, now);
    let (name, marked) = (step.name.clone(), passage.rehearsal);
    let read = move |view: &dyn View| spent_between(view, &name, marked, from, until);
    let spent = factory.0.store.read_with(&handle.log, read).await.map_err(not_recorded)?;
    let reached = |limit: String| Refused::TooMany {
        step: format!("{}/{}", passage.workflow, step.name),
        limit,
        retry_after_s: until.millis_since(now).unsigned_abs() / 1_000 + 1,
    };
    if let Some(limit) = step.limits.tokens_per_day.filter(|limit| spent.tokens >= *limit) {
        return Err(reached(format!("{limit} tokens a day")));
    }
    if let Some(limit) = money.filter(|m| spent.cost.get(&m.currency).copied().unwrap_or(0) >= m.micros) {
        return Err(reached(format!("{limit} a day")));
    }
    Ok(())
}

/// What a step's calls used between two quarters of an hour: at most a day's hundred.
fn spent_between(view: &dyn View, step: &str, marked: bool, from: Time, until: Time) -> Result<SpentRec, StoreError> {
    let (first, end) = (spent_key(step, marked, from), spent_key(step, marked, until));
    let scan = Scan::all(SPENT).prefix(spent_prefix(step, marked)).reversed().limit(128);
    let found: Vec<(Vec<u8>, SpentRec)> = rows(view, &scan)?;
    let mut sum = SpentRec::default();
    for (_, spent) in found.into_iter().filter(|(key, _)| *key >= first && *key < end) {
        sum.tokens = sum.tokens.saturating_add(spent.tokens);
        for (currency, micros) in spent.cost {
            let all = sum.cost.entry(currency).or_default();
            *all = all.saturating_add(micros);
        }
    }
    Ok(sum)
}
