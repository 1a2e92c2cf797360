//! From a JSON object to the numbers that the model multiplies: fitted on training rows, then fixed.

use crate::feature::{Feature, FeatureKind, Shape, scalar_text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most values of one category with a column of their own; the rest, rarest first, share the column for others.
pub const CATEGORIES_MAX: usize = 64;

/// A value seen in fewer training rows has no column of its own: nothing can be learned about it.
pub const CATEGORY_ROWS_MIN: usize = 5;

/// Beyond this sample skewness a number without negatives enters as its logarithm: 1 is the usual mark for a highly
/// skewed distribution; an exponential one has 2.
const SKEWNESS_MAX: f64 = 1.0;

/// How one field becomes columns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Encoding {
    Number(NumberEncoding),
    Category(CategoryEncoding),
}

/// A number: one column standardised, perhaps its square, perhaps an indicator for missing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberEncoding {
    path: Vec<String>,
    log: bool,
    /// The range of the training rows, after the logarithm. Values outside are held to it: a linear model must not
    /// grow surer the further it extrapolates.
    low: f64,
    high: f64,
    mean: f64,
    scale: f64,
    /// Mean of the squared column, where there is one: so that a missing value is 0 in both.
    square: Option<f64>,
    /// Whether there is a column that says "missing".
    missing: bool,
}

/// One of few values: one column for each, perhaps one for others and missing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryEncoding {
    path: Vec<String>,
    /// Sorted, so that finding one is a binary search.
    values: Vec<String>,
    /// Whether training saw values without a column of their own: then they have this one.
    other: bool,
    /// Whether training saw it missing.
    missing: bool,
}

impl Encoding {
    /// Fits the encoding of a feature to training rows.
    pub(crate) fn fit(feature: &Feature, rows: &[&Value], squares: bool) -> Self {
        let path: Vec<String> = feature.path.split('.').map(str::to_owned).collect();
        match &feature.kind {
            FeatureKind::Number(shape) => Self::Number(NumberEncoding::fit(path, *shape, rows, squares)),
            FeatureKind::Category(known) => Self::Category(CategoryEncoding::fit(path, known, rows)),
        }
    }

    /// How many columns it has.
    pub(crate) fn columns(&self) -> usize {
        match self {
            Self::Number(n) => 1 + usize::from(n.square.is_some()) + usize::from(n.missing),
            Self::Category(c) => c.values.len() + usize::from(c.other) + usize::from(c.missing),
        }
    }

    /// Appends the columns of one input. Returns whether the field was as training knew it.
    pub(crate) fn encode(&self, input: &Value, out: &mut Vec<f64>) -> bool {
        match self {
            Self::Number(n) => n.encode(input, out),
            Self::Category(c) => c.encode(input, out),
        }
    }

    /// What a model read from outside must keep so that no arithmetic leaves the finite numbers.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Number(n) => {
                let finite = [n.low, n.high, n.mean, n.scale, n.square.unwrap_or(0.0)].iter().all(|x| x.is_finite());
                finite && n.scale > 0.0 && n.low <= n.high && !n.path.is_empty()
            }
            Self::Category(c) => !c.path.is_empty() && c.values.windows(2).all(|w| matches!(w, [a, b] if a < b)),
        }
    }
}

impl NumberEncoding {
    fn fit(path: Vec<String>, shape: Shape, rows: &[&Value], squares: bool) -> Self {
        let raw: Vec<f64> = rows.iter().filter_map(|row| number_at(row, &path)).collect();
        let missing = raw.len() < rows.len();
        let log = match shape {
            Shape::Linear => false,
            Shape::Log => true,
            Shape::Auto => raw.iter().all(|x| *x >= 0.0) && skewness(&raw) > SKEWNESS_MAX,
        };
        let values: Vec<f64> = raw.into_iter().map(|x| transform(x, log)).collect();
        let (mean, deviation) = moments(&values);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if values.is_empty() { (0.0, 0.0) } else { (low, high) };
        // A constant column says nothing: any positive scale makes it 0.
        let scale = if deviation > f64::EPSILON * mean.abs().max(1.0) { deviation } else { 1.0 };
        // A number with two values is its own square, up to a line.
        let distinct = values.iter().any(|x| *x > low && *x < high);
        let standardised: Vec<f64> = values.iter().map(|x| ((x - mean) / scale) * ((x - mean) / scale)).collect();
        let square = (squares && distinct).then(|| moments(&standardised).0);
        Self { path, log, low, high, mean, scale, square, missing }
    }

    fn encode(&self, input: &Value, out: &mut Vec<f64>) -> bool {
        let value = number_at(input, &self.path);
        let x = value.map_or(0.0, |raw| (transform(raw, self.log).clamp(self.low, self.high) - self.mean) / self.scale);
        out.push(x);
        if let Some(mean) = self.square {
            out.push(if value.is_some() { x * x - mean } else { 0.0 });
        }
        if self.missing {
            out.push(if value.is_some() { 0.0 } else { 1.0 });
        }
        value.is_some() || self.missing
    }
}

impl CategoryEncoding {
    fn fit(path: Vec<String>, known: &[String], rows: &[&Value]) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut missing = false;
        for row in rows {
            match value_at(row, &path).and_then(scalar_text) {
                Some(text) => *counts.entry(text).or_default() += 1,
                None => missing = true,
            }
        }
        let seen: usize = counts.values().sum();
        let mut frequent: Vec<(String, usize)> = counts
            .into_iter()
            .filter(|(value, n)| *n >= CATEGORY_ROWS_MIN || (*n > 0 && known.contains(value)))
            .collect();
        // Most frequent first; names in order where counts tie, so that the choice is the same every time.
        frequent.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        frequent.truncate(CATEGORIES_MAX);
        let other = frequent.iter().map(|(_, n)| n).sum::<usize>() < seen;
        let mut values: Vec<String> = frequent.into_iter().map(|(value, _)| value).collect();
        values.sort_unstable();
        Self { path, values, other, missing }
    }

    fn encode(&self, input: &Value, out: &mut Vec<f64>) -> bool {
        let found =
            value_at(input, &self.path).filter(|v| !matches!(v, Value::Null | Value::Array(_) | Value::Object(_)));
        let place = found.and_then(|value| match value {
            Value::String(text) => self.place(text),
            other => scalar_text(other).and_then(|text| self.place(&text)),
        });
        let one = |yes: bool| if yes { 1.0 } else { 0.0 };
        out.extend((0..self.values.len()).map(|i| one(place == Some(i))));
        if self.other {
            out.push(one(found.is_some() && place.is_none()));
        }
        if self.missing {
            out.push(one(found.is_none()));
        }
        match (found, place) {
            (None, _) => self.missing,
            (Some(_), Some(_)) => true,
            (Some(_), None) => self.other,
        }
    }

    fn place(&self, text: &str) -> Option<usize> {
        self.values.binary_search_by(|v| v.as_str().cmp(text)).ok()
    }
}

fn value_at<'a>(input: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(input, |value, name| value.as_object()?.get(name))
}

fn number_at(input: &Value, path: &[String]) -> Option<f64> {
    value_at(input, path)?.as_f64().filter(|x| x.is_finite())
}

/// Finite for every finite number: squares and differences of numbers up to 1e100 stay far from overflow.
fn transform(x: f64, log: bool) -> f64 {
    if log { libm::log1p(x.max(0.0)) } else { x.clamp(-1e100, 1e100) }
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

fn skewness(values: &[f64]) -> f64 {
    let (mean, deviation) = moments(values);
    if deviation <= 0.0 {
        return 0.0;
    }
    let cubes = values.iter().map(|x| (x - mean) / deviation).map(|z| z * z * z);
    cubes.sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests;
