//! Operating clarity over time: how the obligations of production stood whenever the log recorded it.
//!
//! Four numbers for each layer, never one percentage: discharged, in all, added, removed. Between two moments
//! `total + added − removed` is the next total, so that a rising share that comes from dropping obligations is seen as
//! what it is.

mod svg;

pub use svg::{Look, svg};

use seatrial_model::Time;
use seatrial_model::words::Layer;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A moment at which the states of all obligations were recorded (or, the last one, computed).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When.
    pub time: Time,
    /// What happened then, in a few words: `sprint 1 opened`, `released: production`, `now`.
    pub what: String,
    /// How every obligation stood: id → state, as events write it.
    pub states: BTreeMap<String, String>,
}

/// One layer at one moment. What does not apply is no work, done or not, and is not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LayerCount {
    /// Discharged.
    pub discharged: u64,
    /// Waived: settled for now, and no more.
    pub waived: u64,
    /// In all.
    pub total: u64,
    /// In `total`, and not at the moment before; all of them at the first moment are no addition.
    pub added: u64,
    /// Not in `total`, and counted at the moment before.
    pub removed: u64,
}

/// Operating clarity at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClarityPoint {
    /// When.
    pub time: Time,
    /// What happened then.
    pub what: String,
    /// Every layer, in order.
    pub layers: BTreeMap<Layer, LayerCount>,
}

impl ClarityPoint {
    /// All layers in one.
    #[must_use]
    pub fn all(&self) -> LayerCount {
        self.layers.values().fold(LayerCount::default(), |sum, l| LayerCount {
            discharged: sum.discharged + l.discharged,
            waived: sum.waived + l.waived,
            total: sum.total + l.total,
            added: sum.added + l.added,
            removed: sum.removed + l.removed,
        })
    }
}

/// Counts every moment, in their order. `layer_of` says which layer an obligation belongs to.
#[must_use]
pub fn points(moments: &[Moment], layer_of: impl Fn(&str) -> Layer) -> Vec<ClarityPoint> {
    let mut before: Option<BTreeSet<&str>> = None;
    let mut points = Vec::with_capacity(moments.len());
    for moment in moments {
        let counted: BTreeSet<&str> =
            moment.states.iter().filter(|(_, state)| applies(state)).map(|(id, _)| id.as_str()).collect();
        let mut layers: BTreeMap<Layer, LayerCount> =
            Layer::ALL.iter().map(|layer| (*layer, LayerCount::default())).collect();
        for id in &counted {
            let count = layers.entry(layer_of(id)).or_default();
            count.total += 1;
            match moment.states.get(*id).map(String::as_str) {
                Some("discharged") => count.discharged += 1,
                Some("waived") => count.waived += 1,
                _ => {}
            }
        }
        if let Some(before) = &before {
            for id in counted.difference(before) {
                layers.entry(layer_of(id)).or_default().added += 1;
            }
            for id in before.difference(&counted) {
                layers.entry(layer_of(id)).or_default().removed += 1;
            }
        }
        points.push(ClarityPoint { time: moment.time, what: moment.what.clone(), layers });
        before = Some(counted);
    }
    points
}

/// Whether an obligation in that state is counted at all.
pub(crate) fn applies(state: &str) -> bool {
    !matches!(state, "not_applicable" | "not applicable")
}

/// The layer that an obligation's id names, for one that no spec of today has any more.
#[must_use]
pub fn layer_of(id: &str) -> Layer {
    match id.split('.').next().unwrap_or_default() {
        "spec" => Layer::Spec,
        "eval" | "threshold" | "outcome" | "pilot" | "review" => Layer::Sprint,
        "runtime" | "drill" | "oversight" | "evidence" => Layer::Runtime,
        "ownership" => Layer::Ownership,
        _ => Layer::Governance,
    }
}

/// A layer's name, as people read it.
#[must_use]
pub const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Spec => "Specification",
        Layer::Sprint => "Sprints",
        Layer::Governance => "Governance",
        Layer::Runtime => "Runtime controls",
        Layer::Ownership => "Ownership",
    }
}

#[cfg(test)]
mod tests;
