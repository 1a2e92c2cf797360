//! Expressions: CEL, compiled once, evaluated on bound values, bounded.

mod look;

use crate::json::weight;
use crate::shape::{IntegerRange, Shape};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::{CelBool, CelDouble, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError};
use regex::Regex;
use serde_json::Value;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The longest expression, in bytes: rules are read by people.
pub const SOURCE_BYTES_MAX: usize = 4_096;

/// The deepest nesting of `all`, `exists`, `map`, `filter` in one another.
pub const LOOPS_MAX: usize = 2;

/// The most work of one evaluation with loops: elements to the power of the nesting, times 64-byte units of text.
/// About a second at worst.
pub const WORK_MAX: u64 = 1 << 27;

/// The largest compiled regular expression of a `matches`, in bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// The deepest expression: evaluation recurses.
pub const DEPTH_MAX: usize = 32;

/// The stack that an expression is parsed on: the parser recurses over its text before anything can be measured.
const PARSER_STACK_BYTES: usize = 256 << 20;

/// Why an expression cannot be evaluated here. Only the code is recorded: messages may quote values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the expression was not evaluated: {0}")]
pub struct Fault(&'static str);

impl Fault {
    pub(crate) const NO_VALUE: Self = Self("no_value");
    pub(crate) const INTEGER_RANGE: Self = Self("integer_range");

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }
}

/// A compiled expression. The default one evaluates to nothing.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    expr: IdedExpr,
    patterns: Vec<Pattern>,
    loops: usize,
    source_bytes: usize,
}

impl Compiled {
    /// Compiles the promoted text of a checked expression.
    ///
    /// # Errors
    /// A message for the author where it does not parse, is too large or too nested, or matches against a pattern that
    /// is no constant.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > SOURCE_BYTES_MAX {
            return Err(format!("the expression is longer than {SOURCE_BYTES_MAX} bytes; split it into several rules"));
        }
        // What nests too deep is also dropped on that stack, for dropping recurses too. Only pages that are used exist.
        std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(PARSER_STACK_BYTES);
            let parsed = parser.spawn_scoped(scope, || Self::parse(text));
            let no_parser = || "the expression was not parsed: no stack could be had for it".to_owned();
            parsed.map_err(|_| no_parser())?.join().unwrap_or_else(|_| Err(no_parser()))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let program = cel::Program::compile(text).map_err(|e| format!("the expression does not parse: {e}"))?;
        let mut out =
            Self { expr: program.expression().clone(), patterns: Vec::new(), loops: 0, source_bytes: text.len() };
        let mut expr = std::mem::take(&mut out.expr);
        out.prepare(&mut expr, 0, 0)?;
        out.expr = expr;
        Ok(out)
    }

    /// Replaces constant patterns by compiled ones, and measures the nesting of loops.
    fn prepare(&mut self, expr: &mut IdedExpr, loops: usize, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("the expression nests deeper than {DEPTH_MAX}; split it into several rules"));
        }
        match &mut expr.expr {
            Expr::Call(call) => {
                if call.func_name == "matches" {
                    self.prepare_matches(call)?;
                }
                let children = call.target.as_deref_mut().into_iter().chain(&mut call.args);
                children.into_iter().try_for_each(|e| self.prepare(e, loops, depth + 1))?;
            }
            Expr::Comprehension(c) => {
                let inner = loops + 1;
                if inner > LOOPS_MAX {
                    return Err(format!("more than {LOOPS_MAX} loops nest in one another; split the rule"));
                }
                self.loops = self.loops.max(inner);
                self.prepare(&mut c.iter_range, loops, depth + 1)?;
                for part in [&mut c.accu_init, &mut c.loop_cond, &mut c.loop_step, &mut c.result] {
                    self.prepare(part, inner, depth + 1)?;
                }
            }
            Expr::List(list) => {
                list.elements.iter_mut().try_for_each(|e| self.prepare(e, loops, depth + 1))?;
            }
            Expr::Map(map) => self.prepare_entries(map.entries.iter_mut().map(|e| &mut e.expr), loops, depth)?,
            Expr::Struct(s) => self.prepare_entries(s.entries.iter_mut().map(|e| &mut e.expr), loops, depth)?,
            Expr::Select(select) => self.prepare(&mut select.operand, loops, depth + 1)?,
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        }
        Ok(())
    }

    fn prepare_entries<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e mut EntryExpr>,
        loops: usize,
        depth: usize,
    ) -> Result<(), String> {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.prepare(&mut field.value, loops, depth + 1)?,
                EntryExpr::MapEntry(entry) => {
                    self.prepare(&mut entry.key, loops, depth + 1)?;
                    self.prepare(&mut entry.value, loops, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn prepare_matches(&mut self, call: &mut CallExpr) -> Result<(), String> {
        let Some(last) = call.args.last_mut() else { return Ok(()) };
        let Expr::Literal(LiteralValue::String(text)) = &last.expr else {
            return Err("the pattern of `matches` is no constant; write it into the expression".to_owned());
        };
        let regex = regex::RegexBuilder::new(text.inner())
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|e| format!("the pattern of `matches` cannot be used: {e}"))?;
        last.expr = Expr::Ident(format!("{PATTERN}{}", self.patterns.len()));
        self.patterns.push(Pattern(regex));
        Ok(())
    }

    /// Whether it names a variable. (A variable of a loop under such a name counts as well.)
    pub(crate) fn mentions(&self, name: &str) -> bool {
        look::mentions(&self.expr, name)
    }

    /// The fields of the output that it reads; none where it reads the output as a whole.
    pub(crate) fn output_fields(&self) -> Option<Vec<Vec<String>>> {
        let mut out = Vec::new();
        look::output_fields(&self.expr, &mut out).then(|| {
            out.sort();
            out.dedup();
            out
        })
    }

    /// What it reads of a case. (A variable of a loop under such a name counts as well.)
    pub(crate) fn reads(&self) -> Reads {
        let mut reads = Reads::default();
        reads.look(&self.expr);
        reads
    }

    /// Evaluates to a truth value.
    ///
    /// # Errors
    /// [`Fault`] with a stable code: `no_field`, `wrong_type`, `overflow`, `not_bool`, `too_much_work`, `no_value`,
    /// `evaluation_failed`.
    pub fn holds(&self, values: &Bindings<'_>) -> Result<bool, Fault> {
        self.holds_by(values, None)
    }

    /// As [`Self::holds`], with what a judging step said as `judged`.
    pub(crate) fn holds_by(&self, values: &Bindings<'_>, judge: Option<&str>) -> Result<bool, Fault> {
        if self.loops > 0 && values.work(self.loops, self.source_bytes) > WORK_MAX {
            return Err(Fault("too_much_work"));
        }
        let scope = Scope { values, patterns: &self.patterns, judge };
        let mut context = Context::with_env(ENV.clone());
        context.set_variable_resolver(&scope);
        let result = cel::Value::resolve_val(&self.expr, &context).map_err(|e| fault(&e))?;
        result.downcast_ref::<CelBool>().map(|b| *b.inner()).ok_or(Fault("not_bool"))
    }
}

/// What an expression reads of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reads {
    pub(crate) input: bool,
    pub(crate) output: bool,
}

impl Reads {
    pub(crate) const BOTH: Self = Self { input: true, output: true };

    pub(crate) const fn and(self, other: Self) -> Self {
        Self { input: self.input || other.input, output: self.output || other.output }
    }

    pub(crate) const fn any(self) -> bool {
        self.input || self.output
    }

    /// As deep as [`DEPTH_MAX`] at most: what is deeper was not compiled.
    fn look(&mut self, expr: &IdedExpr) {
        match &expr.expr {
            Expr::Ident(name) => match name.split('.').next().unwrap_or_default() {
                "input" => self.input = true,
                "output" | "judged" | "arguments" => self.output = true,
                "expected" => *self = Self::BOTH,
                _ => {}
            },
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(|e| self.look(e)),
            Expr::Comprehension(c) => {
                let parts = [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result];
                parts.into_iter().for_each(|e| self.look(e));
            }
            Expr::List(list) => list.elements.iter().for_each(|e| self.look(e)),
            Expr::Select(select) => self.look(&select.operand),
            Expr::Unspecified | Expr::Literal(_) => {}
            // The language makes neither; one that did would be held to read everything.
            Expr::Map(_) | Expr::Struct(_) => *self = Self::BOTH,
        }
    }
}

fn fault(error: &ExecutionError) -> Fault {
    Fault(match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => "no_field",
        ExecutionError::UndeclaredReference(_) => "no_value",
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnsupportedIndex(..) => "wrong_type",
        ExecutionError::Overflow(..) | ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "overflow"
        }
        _ => "evaluation_failed",
    })
}

/// Values that an expression reads: each bound once, used by every rule.
#[derive(Default)]
pub struct Bindings<'v> {
    input: Option<Box<dyn Val + 'v>>,
    output: Option<Box<dyn Val + 'v>>,
    expected: Option<Box<dyn Val + 'v>>,
    arguments: Option<Box<dyn Val + 'v>>,
    /// What judging steps said, by step.
    judged: Vec<(&'v str, Box<dyn Val + 'v>)>,
    metrics: Option<Box<dyn Val + 'v>>,
    steps: Option<Box<dyn Val + 'v>>,
    confidence: Option<f64>,
    thresholds: &'v [(String, Option<f64>)],
    nodes: u64,
    bytes: u64,
}

impl<'v> Bindings<'v> {
    /// Binds `input`.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn input(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.input = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds `output`, in the place of the one before.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn output(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.output = None;
        self.output = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds `arguments` of a tool's call, in the place of those before.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn arguments(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.arguments = None;
        self.arguments = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds what a step said as a judge: `judged` of the rules that name it.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn judged(&mut self, step: &'v str, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.judged.push((step, shape.bind(value)?));
        self.weigh(value);
        Ok(())
    }

    /// Binds `expected`.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn expected(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.expected = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds `metrics`: figures of the running system, all doubles.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn metrics(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.metrics = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds `steps`: what a case came to in each.
    ///
    /// # Errors
    /// [`IntegerRange`].
    pub fn steps(&mut self, shape: &Shape, value: &'v Value) -> Result<(), IntegerRange> {
        self.steps = Some(shape.bind(value)?);
        self.weigh(value);
        Ok(())
    }

    /// Binds `confidence` and `thresholds`.
    pub fn confidence(&mut self, confidence: f64, thresholds: &'v [(String, Option<f64>)]) {
        self.confidence = Some(confidence);
        self.thresholds = thresholds;
    }

    fn weigh(&mut self, value: &Value) {
        let (nodes, bytes) = weight(value);
        self.nodes += nodes as u64;
        self.bytes += bytes as u64;
    }

    fn work(&self, loops: usize, source_bytes: usize) -> u64 {
        // A literal list in the source is iterated like any other: at most half its bytes are elements.
        let elements = self.nodes + source_bytes as u64 / 2;
        let passes = (0..loops).fold(1_u64, |acc, _| acc.saturating_mul(elements));
        passes.saturating_mul(1 + self.bytes / 64)
    }
}

/// Evaluates the promoted text of a checked expression over `metrics` (gates, assumptions). A metric that is no finite
/// number is left out, and what reads it faults.
///
/// # Errors
/// [`Fault`] where it does not compile or cannot be evaluated on these figures.
pub fn holds_on_metrics(promoted: &str, metrics: &BTreeMap<String, f64>) -> Result<bool, Fault> {
    let compiled = Compiled::compile(promoted).map_err(|_| Fault("evaluation_failed"))?;
    let shape = Shape::of(&serde_json::json!({ "type": "object", "additionalProperties": { "type": "number" } }));
    let finite = metrics.iter().filter_map(|(name, value)| {
        serde_json::Number::from_f64(*value).map(|number| (name.clone(), Value::Number(number)))
    });
    let value = Value::Object(finite.collect());
    let mut bindings = Bindings::default();
    bindings.metrics(&shape, &value).map_err(|_| Fault::INTEGER_RANGE)?;
    compiled.holds(&bindings)
}

/// Evaluates the promoted text of a checked `requires` over `steps`: by step, whether the case is settled there. A step
/// that is not named is not settled.
///
/// # Errors
/// [`Fault`] where it does not compile or cannot be evaluated.
pub fn holds_on_steps(promoted: &str, settled: &BTreeMap<String, bool>) -> Result<bool, Fault> {
    let compiled = Compiled::compile(promoted).map_err(|_| Fault("evaluation_failed"))?;
    let step = serde_json::json!({ "type": "object", "properties": { "settled": { "type": "boolean" } } });
    let shape = Shape::of(&serde_json::json!({ "type": "object", "additionalProperties": step }));
    let steps = settled.iter().map(|(name, settled)| (name.clone(), serde_json::json!({ "settled": settled })));
    let value = Value::Object(steps.collect());
    let mut bindings = Bindings::default();
    bindings.steps(&shape, &value).map_err(|_| Fault::INTEGER_RANGE)?;
    compiled.holds(&bindings)
}

/// The prefix of names that stand for compiled patterns: no name of the language can contain a space.
const PATTERN: &str = "compiled pattern ";

struct Scope<'s> {
    values: &'s Bindings<'s>,
    patterns: &'s [Pattern],
    judge: Option<&'s str>,
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let borrow = |value: &'b Option<Box<dyn Val + '_>>| value.as_deref().map(CowVal::Borrowed);
        match variable {
            "input" => borrow(&self.values.input),
            "output" => borrow(&self.values.output),
            "expected" => borrow(&self.values.expected),
            "metrics" => borrow(&self.values.metrics),
            "arguments" => borrow(&self.values.arguments),
            "judged" => {
                let said = self.values.judged.iter().find(|(step, _)| Some(*step) == self.judge);
                said.map(|(_, value)| CowVal::Borrowed(&**value))
            }
            "steps" => borrow(&self.values.steps),
            "confidence" => self.values.confidence.map(|c| CowVal::owned(CelDouble::from(c))),
            _ => {
                if let Some(name) = variable.strip_prefix("thresholds.") {
                    // `at: none` lets nothing pass: no confidence reaches it.
                    let at = self.values.thresholds.iter().find(|(n, _)| n == name)?.1.unwrap_or(f64::INFINITY);
                    return Some(CowVal::owned(CelDouble::from(at)));
                }
                let index: usize = variable.strip_prefix(PATTERN)?.parse().ok()?;
                self.patterns.get(index).map(|p| CowVal::Borrowed(p))
            }
        }
    }
}

/// A compiled regular expression as a value: `matches` takes it where it would take text, and compiles nothing.
#[derive(Clone, Debug)]
struct Pattern(Regex);

static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

fn matches_compiled<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = args.first().and_then(|v| v.downcast_ref::<CelString<'_>>());
    let pattern = args.get(1).and_then(|v| v.downcast_ref::<Pattern>());
    match (text, pattern) {
        (Some(text), Some(pattern)) => Ok(CowVal::owned(CelBool::from(pattern.0.is_match(text.inner())))),
        _ => Err(ExecutionError::no_such_overload("matches", Vec::new())),
    }
}

/// The standard environment, and `matches` over compiled patterns.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let args = || vec![PATTERN_TYPE.to_owned()];
    // Fails only for a second declaration of the same overload; without it `matches` would not run, and a check that
    // does not run objects.
    let member =
        env.add_member_overload("matches", "matches_compiled", STRING_TYPE.to_owned(), args(), matches_compiled);
    let global = env.add_overload(
        "matches",
        "matches_compiled_global",
        vec![STRING_TYPE.to_owned(), PATTERN_TYPE.to_owned()],
        matches_compiled,
    );
    debug_assert!(member.is_ok() && global.is_ok(), "declared once");
    Arc::new(env)
});

#[cfg(test)]
mod tests;
