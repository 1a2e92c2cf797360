//! Controls that the language has and this version does not act on. Each is said, so that nothing is configured, green
//! and inert; those that would hold something back block production.

use super::Places;
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{FactorySpec, Money, Provider, Step, Workflow};
use seatrial_model::{ElementPath, Stage};

/// Says of each such control what happens instead.
pub(super) fn inert(r: &mut Reader, places: &Places<'_>, w: &Workflow, factory: Option<&FactorySpec>) {
    for step in &w.steps {
        if let Some(factory) = factory {
            unpriced(r, places, step, factory);
        }
        for (name, instead) in of_step(step) {
            say(r, places, &step.path(), name, instead);
        }
    }
}

fn say(r: &mut Reader, places: &Places<'_>, parent: &ElementPath, name: &str, instead: &str) {
    let path = name.split('.').fold(parent.clone(), |path, part| path.child(part));
    r.at = path.clone();
    let message = format!("`{path}` is not enforced by this version: {instead}");
    r.find(Code::NotEnforced, places.of(&path), message).warns(Some(Stage::Production)).done();
}

/// A limit of money needs the price of every model that the step may ask, in the limit's currency.
fn unpriced(r: &mut Reader, places: &Places<'_>, step: &Step, factory: &FactorySpec) {
    let limit = step.limits.money_per_day.as_deref().and_then(Money::parse);
    let (Some(limit), Some(model)) = (limit, &step.model) else { return };
    let prices = match factory.providers.get(&model.provider) {
        Some(Provider::Http(http)) => &http.prices,
        // The embedded classifier is billed by nobody; a provider that is not there is said elsewhere.
        Some(Provider::Classifier) | None => return,
    };
    let priced = |name: &String| prices.get(name).is_some_and(|p| p.currency == limit.currency);
    let Some(name) = std::iter::once(&model.name).chain(&model.fallback).find(|name| !priced(name)) else { return };
    let path = step.path().child("limits").child("money_per_day");
    r.at = path.clone();
    let (provider, currency) = (&model.provider, &limit.currency);
    let message = format!(
        "`{path}` cannot be enforced: `factory.yaml` has no price in {currency} for the model `{name}` of `{provider}`"
    );
    let help = format!(
        "add `prices: {{ \"{name}\": {{ input: 0.50 {currency}, output: 1.50 {currency} }} }}` to the provider, for a million tokens"
    );
    r.find(Code::NotEnforced, places.of(&path), message).help(&help).warns(Some(Stage::Production)).done();
}

fn of_step(step: &Step) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if step.review.people > 1 {
        found.push(("review.people", "the first answer settles the decision"));
    }
    found
}
