//! A short way to write a definition down.

use super::{Basis, Duty, Input, Obligation, Which};
use seatrial_model::words::Layer;
use seatrial_model::{PathPattern, Stage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const BOTH: [Stage; 2] = [Stage::Pilot, Stage::Production];

impl Obligation {
    pub(super) fn new(id: impl Into<String>, layer: Layer, stages: &[Stage], duty: Duty, basis: Basis) -> Self {
        // Human judgement is keyed on the elements as written, measurement on what they compile to.
        let judged = basis != Basis::Measurement;
        Self {
            id: id.into(),
            layer,
            stages: BTreeSet::from_iter(stages.iter().copied()),
            duty,
            basis,
            not_applicable: BTreeMap::new(),
            scope: Vec::new(),
            which: if judged { Which::Written } else { Which::Compiled },
            closed: judged,
            parameters: BTreeMap::new(),
            inputs: Vec::new(),
            by: String::new(),
            waivable: false,
            max_age: None,
            version: 1,
            title: String::new(),
            help: String::new(),
            command: String::new(),
        }
    }

    pub(super) fn over<P: Into<PathPattern>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.scope.extend(patterns.into_iter().map(Into::into));
        self.scope.sort();
        self.scope.dedup();
        self
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn reads(mut self, inputs: impl IntoIterator<Item = Input>) -> Self {
        self.inputs.extend(inputs);
        self.inputs.sort();
        self.inputs.dedup();
        self
    }

    pub(super) fn not_for(mut self, stage: Stage, why: impl Into<String>) -> Self {
        self.not_applicable.insert(stage, why.into());
        self
    }

    /// Keyed on the elements as written, and on nothing that they refer to.
    pub(super) fn written_alone(mut self) -> Self {
        self.which = Which::Written;
        self.closed = false;
        self
    }

    /// Keyed on what the elements compile to, and on nothing that they refer to.
    pub(super) fn compiled_alone(mut self) -> Self {
        self.which = Which::Compiled;
        self.closed = false;
        self
    }

    pub(super) fn by(mut self, who: impl Into<String>) -> Self {
        self.by = who.into();
        self
    }

    pub(super) fn waivable(mut self) -> Self {
        self.waivable = true;
        self
    }

    pub(super) fn text(
        mut self,
        title: impl Into<String>,
        help: impl Into<String>,
        command: impl Into<String>,
    ) -> Self {
        self.title = title.into();
        self.help = help.into();
        self.command = command.into();
        self
    }
}
