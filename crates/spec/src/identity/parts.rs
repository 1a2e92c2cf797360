//! The elements of a workflow: what each says of itself, and what it refers to.

use super::Part;
use crate::workflow::{
    Actor, Assumption, Audit, Check, ConfidenceSource, Escalation, ExampleSet, Expr, Fallback, GateApproval, Gates,
    Limits, ModelRef, Outcome, Override, PilotGate, ProductionGate, Question, Responsibility, Review, Risks, Rule,
    SchemaType, Slice, Step, StreamMode, Threshold, Tool, Trace, Truth, Workflow, usual_ways,
};
use seatrial_model::facts::ReviewAll;
use seatrial_model::{ElementPath, PathPattern};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn role(name: &str) -> ElementPath {
    ElementPath::new(format!("roles.{name}"))
}

fn opt_prose(text: &str) -> Part {
    if text.is_empty() { Part::default() } else { Part::prose(text) }
}

fn opt_leaf<T: serde::Serialize>(value: &Option<T>) -> Part {
    value.as_ref().map_or_else(Part::default, |v| Part::leaf(json!(v)))
}

fn group<'v, V: 'v>(items: impl IntoIterator<Item = (&'v String, &'v V)>, part: impl Fn(&V) -> Part) -> Part {
    let mut out = Part::default();
    for (name, item) in items {
        out.put(name, part(item));
    }
    out
}

fn expr(e: &Expr) -> Part {
    Part::both(json!(e.source), json!(e.promoted))
}

/// The whole workflow.
pub(super) fn workflow(w: &Workflow) -> Part {
    let mut root = Part::leaf(json!({ "seatrial": 1, "workflow": w.name }));
    root.put("title", opt_prose(&w.title));
    root.put("purpose", opt_prose(&w.purpose));
    root.put("population", opt_prose(&w.population));
    root.put("outcomes", group(&w.outcomes, outcome));
    root.put("types", group(&w.types, schema));
    root.put("roles", group(&w.roles, |text| Part::both(json!({ "text": text }), json!({}))));
    let mut steps = Part::default();
    for s in &w.steps {
        steps.put(&s.name, step(w, s));
    }
    root.put("steps", steps);
    root.put("thresholds", group(&w.thresholds, |t| threshold(w, t)));
    root.put("slices", group(&w.slices, |s| slice(w, s)));
    root.put("examples", group(&w.examples, examples));
    root.put("risks", risks(&w.risks));
    root.put("questions", group(&w.questions, question));
    root.put("assumptions", group(&w.assumptions, assumption));
    root.put("responsibilities", group(&w.responsibilities, |r| responsibility(w, r)));
    root.put("gates", gates(&w.gates));
    root
}

fn outcome(o: &Outcome) -> Part {
    Part::both(json!({ "measure": o.measure, "today": o.today, "target": o.target }), json!({ "target": o.target }))
}

fn schema(t: &SchemaType) -> Part {
    let compiled = seatrial_model::Digest::of_canonical(&compiled_schema(&t.schema)).unwrap_or(t.digest);
    Part::both(json!(t.digest), json!(compiled))
}

/// A schema without its annotations for people: what validation reads.
fn compiled_schema(schema: &Value) -> Value {
    const PROSE: [&str; 5] = ["title", "description", "$comment", "examples", "$schema"];
    const MAPS: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
    // Values, not schemas: a `title` in there is data.
    const DATA: [&str; 4] = ["const", "enum", "default", "required"];
    match schema {
        Value::Object(fields) => {
            let mut out = Map::new();
            for (key, value) in fields.iter().filter(|(k, _)| !PROSE.contains(&k.as_str())) {
                let value = match value {
                    Value::Object(named) if MAPS.contains(&key.as_str()) => {
                        Value::Object(named.iter().map(|(k, v)| (k.clone(), compiled_schema(v))).collect())
                    }
                    other if DATA.contains(&key.as_str()) => other.clone(),
                    other => compiled_schema(other),
                };
                out.insert(key.clone(), value);
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(compiled_schema).collect()),
        other => other.clone(),
    }
}

fn step(w: &Workflow, s: &Step) -> Part {
    let mut part = Part::default();
    let actor = match s.actor {
        Actor::Ai => "ai",
        Actor::Person => "person",
        Actor::System => "system",
    };
    let type_refs: Vec<ElementPath> =
        s.input.iter().chain(&s.output).map(|t| ElementPath::new(format!("types.{t}"))).collect();
    let rules = |rules: &[Rule]| {
        let mut part = Part::default();
        for r in rules {
            part.put(&r.name, rule(r, &type_refs));
        }
        part
    };
    part.put("does", opt_prose(&s.does));
    part.put("actor", Part::leaf(json!(actor)));
    part.put("influence", Part::leaf(json!(s.influence)));
    part.put("reversible", Part::leaf(json!(s.reversible)));
    part.put("per_day", opt_leaf(&s.per_day));
    for (name, of) in [("input", &s.input), ("output", &s.output)] {
        let refs = of.iter().map(|t| ElementPath::new(format!("types.{t}")));
        part.put(name, opt_leaf(of).with_refs(refs));
    }
    part.put("model", s.model.as_ref().map_or_else(Part::default, model));
    let withhold = if s.withhold.is_empty() { Part::default() } else { Part::leaf(json!(sorted(&s.withhold))) };
    part.put("withhold", withhold);
    part.put("prompt", file(w, s.prompt.as_deref()));
    part.put("attempts", Part::leaf(json!(s.attempts)));
    part.put("within", opt_leaf(&s.within.map(|d| d.as_millis())));
    part.put(
        "stream",
        Part::leaf(match s.stream {
            StreamMode::Buffer => json!("buffer"),
            StreamMode::Window(bytes) => json!({ "window": bytes }),
        }),
    );
    if s.serves != usual_ways(s.model.is_some(), s.confidence.as_ref()) {
        part.put("serves", Part::leaf(json!(s.serves)));
    }
    if let Some(all) = &s.tools {
        part.put("tools", tools(all, s.input.as_ref()));
    }
    part.put("refuse_input", rules(&s.refuse_input));
    part.put("require", rules(&s.require));
    part.put("forbid", rules(&s.forbid));
    part.put("never", rules(&s.never));
    part.put("confidence", s.confidence.as_ref().map_or_else(Part::default, confidence));
    let mut escalate = Part::default();
    for e in &s.escalate {
        escalate.put(&e.name, escalation(e, &type_refs));
    }
    part.put("escalate", escalate);
    part.put("audit", s.audit.as_ref().map_or_else(Part::default, audit));
    part.put("review", review(&s.review));
    part.put("override", s.overrides.as_ref().map_or_else(Part::default, overrides));
    part.put("fallback", s.fallback.as_ref().map_or_else(Part::default, |f| fallback(w, f)));
    part.put("limits", limits(&s.limits));
    part.put("trace", trace(&s.trace));
    part.put("requires", s.requires.as_ref().map_or_else(Part::default, expr));
    part
}

fn sorted(words: &[String]) -> Vec<&String> {
    let mut out: Vec<&String> = words.iter().collect();
    out.sort();
    out
}

fn file(w: &Workflow, path: Option<&str>) -> Part {
    let blob = path.and_then(|p| w.files.get(p)).map(|f| f.blob);
    opt_leaf(&blob)
}

fn model(m: &ModelRef) -> Part {
    let train = m.train.as_ref().map(|t| json!({ "examples": t.examples, "label": t.label }));
    let refs = m.train.iter().map(|t| ElementPath::new(format!("examples.{}", t.examples)));
    Part::leaf(json!({
        "provider": m.provider,
        "name": m.name,
        "temperature": m.temperature,
        "fallback": m.fallback,
        "train": train,
    }))
    .with_refs(refs)
}

fn rule(r: &Rule, type_refs: &[ElementPath]) -> Part {
    let mut judge = None;
    let (written, compiled) = match &r.check {
        Check::Rule(e) => (json!({ "rule": e.source }), json!({ "rule": e.promoted })),
        Check::Judge { step, rule } => {
            judge = Some(ElementPath::new(format!("steps.{step}")));
            let of = |rule: &String| json!({ "judge": step, "rule": rule });
            (of(&rule.source), of(&rule.promoted))
        }
        Check::Detect { detectors, regexes, within } => {
            let both = json!({ "detect": sorted(detectors), "regexes": sorted(regexes), "in": within });
            (both.clone(), both)
        }
        Check::Grounded { quote, within } => {
            let both = json!({ "grounded": { "quote": quote, "in": within } });
            (both.clone(), both)
        }
    };
    let written = json!({ "check": written, "because": r.because, "else": r.otherwise, "to": r.to });
    let compiled = json!({ "check": compiled, "else": r.otherwise, "to": r.to });
    Part::both(written, compiled).with_refs(r.to.iter().map(|t| role(t)).chain(type_refs.iter().cloned()).chain(judge))
}

/// The tools that a step may call. The list itself is a value: that it is empty means that none may be called.
fn tools(all: &[Tool], input: Option<&String>) -> Part {
    let names: Vec<&String> = all.iter().map(|tool| &tool.name).collect();
    let mut part = Part::leaf(json!(names));
    for tool in all {
        let type_refs: Vec<ElementPath> =
            input.into_iter().chain(&tool.arguments).map(|t| ElementPath::new(format!("types.{t}"))).collect();
        let mut one = Part::leaf(json!({ "tool": tool.name }));
        let own = tool.arguments.iter().map(|t| ElementPath::new(format!("types.{t}")));
        one.put("arguments", opt_leaf(&tool.arguments).with_refs(own));
        for (list, rules) in [("require", &tool.require), ("forbid", &tool.forbid)] {
            let mut group = Part::default();
            for r in rules {
                group.put(&r.name, rule(r, &type_refs));
            }
            one.put(list, group);
        }
        part.put(&tool.name, one);
    }
    part
}

fn confidence(c: &ConfidenceSource) -> Part {
    let refs = match c {
        ConfidenceSource::Judge(step) => vec![ElementPath::new(format!("steps.{step}"))],
        _ => Vec::new(),
    };
    Part::leaf(json!(c.label())).with_refs(refs)
}

fn escalation(e: &Escalation, type_refs: &[ElementPath]) -> Part {
    Part::both(
        json!({ "when": e.when.source, "to": e.to, "because": e.because }),
        json!({ "when": e.when.promoted, "to": e.to }),
    )
    .with_refs([role(&e.to)].into_iter().chain(e.thresholds.iter().cloned()).chain(type_refs.iter().cloned()))
}

fn audit(a: &Audit) -> Part {
    Part::leaf(json!({ "sample": a.sample, "to": a.to, "blind": a.blind })).with_refs([role(&a.to)])
}

fn review(r: &Review) -> Part {
    let within = r.within.map(|d| d.as_millis());
    Part::leaf(json!({ "within": within, "late": r.late, "people": r.people, "hold": r.hold.as_millis() }))
        .with_refs(r.late.iter().map(|t| role(t)))
}

fn overrides(o: &Override) -> Part {
    Part::leaf(json!({ "by": sorted(&o.by), "reasons": sorted(&o.reasons) })).with_refs(o.by.iter().map(|t| role(t)))
}

fn fallback(w: &Workflow, f: &Fallback) -> Part {
    let runbook = f.runbook.as_ref().and_then(|p| w.files.get(p)).map(|f| f.blob);
    Part::both(
        json!({ "to": f.to, "per_day": f.per_day, "runbook": runbook }),
        json!({ "to": f.to, "per_day": f.per_day }),
    )
    .with_refs([role(&f.to)])
}

fn limits(l: &Limits) -> Part {
    if *l == Limits::default() {
        return Part::default();
    }
    Part::leaf(json!({
        "per_minute": l.per_minute,
        "tokens_per_day": l.tokens_per_day,
        "money_per_day": l.money_per_day,
    }))
}

fn trace(t: &Trace) -> Part {
    if *t == Trace::default() {
        return Part::default();
    }
    Part::leaf(json!({ "keep": t.keep.map(|d| d.as_millis()), "payloads": t.payloads.map(|d| d.as_millis()) }))
}

fn threshold(w: &Workflow, t: &Threshold) -> Part {
    let mut part = Part::default();
    part.put("at", Part::leaf(t.at.map_or_else(|| json!("none"), |at| json!(at))));
    part.put("max_wrong", opt_leaf(&t.max_wrong));
    part.put("assurance", opt_leaf(&t.assurance));
    let step = t.examples.as_ref().and_then(|e| w.examples.get(e)).and_then(|e| w.step(&e.step));
    let types =
        step.into_iter().flat_map(|s| s.input.iter().chain(&s.output)).map(|t| ElementPath::new(format!("types.{t}")));
    part.put("wrong_when", t.wrong_when.as_ref().map_or_else(Part::default, expr).with_refs(types));
    let refs = t.examples.iter().map(|e| ElementPath::new(format!("examples.{e}")));
    part.put("examples", opt_leaf(&t.examples).with_refs(refs));
    part.put("method", Part::leaf(json!(t.method)));
    part.put("grid", if t.grid.is_empty() { Part::default() } else { Part::leaf(json!(t.grid)) });
    part.put("attempts", if t.attempts == 1 { Part::default() } else { Part::leaf(json!(t.attempts)) });
    let truth = t.truth.map(|truth| match truth {
        Truth::BlindReview => json!({ "from": "blind-review" }),
        Truth::Outcome { matures } => json!({ "from": "outcome", "matures": matures.as_millis() }),
    });
    part.put("truth", opt_leaf(&truth));
    part.put("detect_within", opt_leaf(&t.detect_within.map(|d| d.as_millis())));
    part
}

fn slice(w: &Workflow, s: &Slice) -> Part {
    let inputs = w.steps.iter().filter(|s| s.actor == Actor::Ai).flat_map(|s| &s.input);
    Part::both(
        json!({ "where": s.condition.source, "required": s.required }),
        json!({ "where": s.condition.promoted, "required": s.required }),
    )
    .with_refs(inputs.map(|t| ElementPath::new(format!("types.{t}"))))
}

fn examples(e: &ExampleSet) -> Part {
    let compiled = json!({ "digest": e.digest, "step": e.step, "drawn": e.drawn, "category": e.category });
    let mut written = compiled.clone();
    if let Some(fields) = written.as_object_mut() {
        fields.insert("from".to_owned(), json!(e.from));
    }
    Part::both(written, compiled)
}

fn risks(r: &Risks) -> Part {
    let mut part = Part::default();
    part.put("tier", Part::leaf(json!(r.tier)));
    if !r.items.is_empty() {
        let items: Vec<Value> = r
            .items
            .iter()
            .map(|i| json!({ "risk": i.risk, "measure": i.measure, "residual": i.residual, "accepted_by": i.accepted_by }))
            .collect();
        part.put("items", Part::prose(items).with_refs(r.items.iter().map(|i| role(&i.accepted_by))));
    }
    part
}

fn texts(patterns: &[PathPattern]) -> Vec<&str> {
    let mut out: Vec<&str> = patterns.iter().map(PathPattern::as_str).collect();
    out.sort_unstable();
    out
}

fn question(q: &Question) -> Part {
    Part::prose(json!({ "ask": q.ask, "about": texts(&q.about), "owner": q.owner, "blocks": q.blocks }))
        .with_refs(q.owner.iter().map(|t| role(t)))
}

fn assumption(a: &Assumption) -> Part {
    let over = a.over.map(|d| d.as_millis());
    let source = a.watch.as_ref().map(|e| &e.source);
    let promoted = a.watch.as_ref().map(|e| &e.promoted);
    Part::both(
        json!({ "text": a.text, "watch": source, "over": over, "owner": a.owner }),
        json!({ "watch": promoted, "over": over }),
    )
    .with_refs(a.owner.iter().map(|t| role(t)))
}

fn responsibility(w: &Workflow, r: &Responsibility) -> Part {
    let runbook = r.runbook.as_ref().and_then(|p| w.files.get(p)).map(|f| f.blob);
    let roles = [&r.delivery, &r.receiving, &r.challenged_by];
    Part::prose(json!({
        "delivery": r.delivery,
        "receiving": r.receiving,
        "challenged_by": r.challenged_by,
        "runbook": runbook,
    }))
    .with_refs(roles.into_iter().flatten().map(|t| role(t)))
}

fn gates(g: &Gates) -> Part {
    let mut part = Part::default();
    part.put("pilot", g.pilot.as_ref().map_or_else(Part::default, pilot));
    part.put("production", g.production.as_ref().map_or_else(Part::default, production));
    let handover = g
        .handover
        .as_ref()
        .map(|h| json!({ "transfer_index": h.transfer_index, "over": h.over.map(|d| d.as_millis()) }));
    part.put("handover", opt_leaf(&handover));
    part
}

fn approvals(list: &[GateApproval]) -> Part {
    if list.is_empty() {
        return Part::default();
    }
    let mut values: Vec<Value> = list.iter().map(|a| json!({ "by": a.by, "over": texts(&a.over) })).collect();
    values.sort_by_key(ToString::to_string);
    Part::prose(values).with_refs(list.iter().map(|a| role(&a.by)))
}

fn pilot(p: &PilotGate) -> Part {
    let mut part = Part::default();
    part.put("until", opt_leaf(&p.until));
    part.put("per_day", opt_leaf(&p.per_day));
    part.put("mode", Part::leaf(json!(if p.shadow { "shadow" } else { "live" })));
    let review = p.review.map(|r| match r {
        ReviewAll::Before => "all",
        ReviewAll::After => "audit",
    });
    part.put("review", opt_leaf(&review));
    part.put("continue_if", p.continue_if.as_ref().map_or_else(Part::default, expr));
    part.put("approvals", approvals(&p.approvals));
    part
}

fn production(p: &ProductionGate) -> Part {
    let mut part = Part::default();
    part.put("evaluation", group(&p.evaluation, |bar| Part::leaf(json!(bar))));
    let drills: BTreeMap<&String, u64> = p.drills.iter().map(|(k, v)| (k, v.as_millis())).collect();
    let mut all = Part::default();
    for (name, ms) in drills {
        all.put(name, Part::leaf(json!(ms)));
    }
    part.put("drills", all);
    part.put("hypercare", opt_leaf(&p.hypercare.map(|d| d.as_millis())));
    part.put("on_lapse", Part::leaf(json!(p.on_lapse)));
    part.put("approvals", approvals(&p.approvals));
    part
}
