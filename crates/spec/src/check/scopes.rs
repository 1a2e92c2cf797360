//! The names of a spec, and which variables exist where.

use crate::expr::Scope;
use crate::metrics::{METRICS, Unit};
use crate::types::{Bounds, Field, Object, Ty};
use crate::workflow::{FactorySpec, Provider};
use crate::yaml::Node;
use seatrial_model::Protocol;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that can be referred to.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) roles: BTreeSet<String>,
    pub(crate) types: BTreeMap<String, Ty>,
    pub(crate) steps: BTreeMap<String, Signature>,
    pub(crate) thresholds: BTreeSet<String>,
    pub(crate) examples: BTreeSet<String>,
    /// Fields of `expected` that occur, and the step, by example set.
    pub(crate) expected: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Types that say that a value is a text, and nothing else.
    pub(crate) plain_texts: BTreeSet<String>,
    pub(crate) providers: Option<BTreeMap<String, Gives>>,
}

/// What a provider can give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gives {
    /// It is the embedded classifier.
    pub(crate) is_classifier: bool,
    /// It speaks something in which log-probabilities are said.
    pub(crate) logprobs: bool,
}

impl Gives {
    fn of(provider: &Provider) -> Self {
        match provider {
            Provider::Classifier => Self { is_classifier: true, logprobs: false },
            Provider::Http(http) => {
                let says = |p: &Protocol| matches!(p, Protocol::OpenAiChat | Protocol::OpenAiResponses);
                Self { is_classifier: false, logprobs: http.speaks.iter().any(says) }
            }
        }
    }
}

/// A step's types.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signature {
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) is_ai: bool,
}

impl Names {
    /// The names that stand in the tree, before anything that refers to them is read.
    pub(crate) fn collect<'r>(
        root: &Node,
        roles: impl Iterator<Item = &'r String>,
        types: BTreeMap<String, Ty>,
        factory: Option<&FactorySpec>,
    ) -> Self {
        let keys = |name: &str| -> Vec<(String, &Node)> {
            root.get(name).and_then(Node::as_map).into_iter().flatten().map(|e| (e.key.clone(), &e.value)).collect()
        };
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_scalar).map(|s| s.text.clone());
        // A type whose file is wrong still exists, so that its uses are not errors too.
        let mut declared: BTreeMap<String, Ty> = keys("types").into_iter().map(|(name, _)| (name, Ty::Dyn)).collect();
        declared.extend(types);
        let signature = |node: &Node| Signature {
            input: text(node, "input"),
            output: text(node, "output"),
            is_ai: text(node, "actor").as_deref() == Some("ai"),
        };
        let providers = factory.map(|f| f.providers.iter().map(|(name, p)| (name.clone(), Gives::of(p))).collect());
        Self {
            roles: roles.cloned().collect(),
            types: declared,
            steps: keys("steps").into_iter().map(|(name, node)| (name, signature(node))).collect(),
            thresholds: keys("thresholds").into_iter().map(|(name, _)| name).collect(),
            examples: keys("examples").into_iter().map(|(name, _)| name).collect(),
            expected: BTreeMap::new(),
            plain_texts: BTreeSet::new(),
            providers,
        }
    }

    /// The type of that name; unknown where the schema could not be read, so that nothing more is said about it.
    pub(crate) fn ty(&self, name: Option<&String>) -> Ty {
        name.and_then(|n| self.types.get(n)).cloned().unwrap_or(Ty::Dyn)
    }

    /// `refuse_input`, `slices`: `input`.
    pub(crate) fn input_scope(&self, step: &Signature) -> Scope {
        let mut scope = Scope::default();
        scope.absent.insert("output", "the model has not been called yet");
        scope.absent.insert("confidence", "the model has not been called yet");
        scope.absent.insert("expected", "it exists only in `wrong_when`");
        scope
            .absent
            .insert("metrics", "they exist only in gates and assumptions; the guard decides one case at a time");
        if step.input.is_some() {
            scope.variables.insert("input", self.ty(step.input.as_ref()));
        } else {
            scope.absent.insert("input", "the step names no `input` type");
        }
        scope
    }

    /// `require`, `forbid`, `never`: `input` and `output`.
    pub(crate) fn output_scope(&self, step: &Signature) -> Scope {
        let mut scope = self.input_scope(step);
        scope.absent.remove("output");
        scope.absent.insert("confidence", "it exists only in `escalate`");
        scope.absent.insert("thresholds", "they exist only in `escalate`");
        if step.output.is_some() {
            scope.variables.insert("output", self.ty(step.output.as_ref()));
        } else {
            scope.absent.insert("output", "the step names no `output` type");
        }
        scope
    }

    /// A rule that another step judges: `input`, `output`, and `judged`, which is what it says.
    pub(crate) fn judged_scope(&self, step: &Signature, judge: &str) -> Scope {
        let mut scope = self.output_scope(step);
        match self.steps.get(judge).and_then(|judge| judge.output.as_ref()) {
            Some(output) => drop(scope.variables.insert("judged", self.ty(Some(output)))),
            None => drop(scope.absent.insert("judged", "the judging step names no `output` type")),
        }
        scope
    }

    /// Rules of a tool: `input` and `arguments`.
    pub(crate) fn tool_scope(&self, step: &Signature, arguments: Option<&String>) -> Scope {
        let mut scope = self.input_scope(step);
        scope.absent.insert("output", "a tool is called before there is an output");
        scope.absent.insert("confidence", "it exists only in `escalate`");
        scope.absent.insert("thresholds", "they exist only in `escalate`");
        match arguments {
            Some(arguments) => drop(scope.variables.insert("arguments", self.ty(Some(arguments)))),
            None => drop(scope.absent.insert("arguments", "the tool names no `arguments` type")),
        }
        scope
    }

    /// `escalate.when`: `input`, `output`, `confidence`, `thresholds.*`.
    pub(crate) fn escalate_scope(&self, step: &Signature, has_confidence: bool) -> Scope {
        let mut scope = self.output_scope(step);
        scope.absent.remove("confidence");
        scope.absent.remove("thresholds");
        if has_confidence {
            scope.variables.insert("confidence", Ty::Double(Bounds::between(0.0, 1.0)));
        } else {
            scope.absent.insert("confidence", "the step does not name its source: add `confidence`");
        }
        // A threshold may be infinite (`at: none`): nothing passes.
        let number = || Ty::Double(Bounds::between(0.0, f64::INFINITY));
        scope.variables.insert("thresholds", Ty::record(self.thresholds.iter().map(|t| (t.as_str(), number()))));
        scope
    }

    /// `wrong_when`: `input`, `output`, `expected`; what is expected is known by the examples alone.
    pub(crate) fn wrong_scope(&self, examples: Option<&String>) -> Scope {
        let found = examples.and_then(|e| self.expected.get(e));
        let step = found.and_then(|(step, _)| self.steps.get(step)).cloned();
        let mut scope = match &step {
            Some(step) => self.output_scope(step),
            None => Scope {
                variables: [("input", Ty::Dyn), ("output", Ty::Dyn)].into_iter().collect(),
                absent: BTreeMap::new(),
            },
        };
        let expected = match found {
            Some((_, fields)) if !fields.is_empty() => {
                let field = || Field { ty: Ty::Dyn, required: true, place: None };
                let fields = fields.iter().map(|name| (name.clone(), field())).collect();
                Ty::Object(Arc::new(Object { fields, rest: None, place: None }))
            }
            _ => Ty::Dyn,
        };
        scope.variables.insert("expected", expected);
        scope
    }

    /// `gates`, `assumptions`: `metrics`.
    pub(crate) fn metrics_scope() -> Scope {
        let fields = METRICS.iter().map(|m| {
            let most = if m.unit == Unit::Share { 1.0 } else { f64::INFINITY };
            (m.name, Ty::Double(Bounds::between(0.0, most)))
        });
        Scope { variables: [("metrics", Ty::record(fields))].into_iter().collect(), absent: BTreeMap::new() }
    }

    /// `requires`: `steps.NAME.settled`.
    pub(crate) fn requires_scope(&self, own: &str) -> Scope {
        let settled = || Ty::record([("settled", Ty::Bool)]);
        let others = self.steps.keys().filter(|name| *name != own);
        let steps = Ty::record(others.map(|name| (name.as_str(), settled())));
        Scope { variables: [("steps", steps)].into_iter().collect(), absent: BTreeMap::new() }
    }
}
