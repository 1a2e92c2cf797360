//! The fitted model: prediction, and its canonical bytes.

use crate::encode::Encoding;
use crate::fit::{LABELS_MAX, PARAMETERS_MAX};
use seatrial_model::{CanonicalError, Digest, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest model that is read: at the limits on weights and categories a model stays far below.
pub const MODEL_BYTES_MAX: usize = 1 << 20;

/// The version of the model's form.
const FORM: u32 = 1;

/// A fitted classifier.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// Version of this form.
    v: u32,
    /// What kind of model it is.
    method: String,
    /// In order; the first is the reference and has no weights.
    labels: Vec<String>,
    encodings: Vec<Encoding>,
    /// For each label but the first: the intercept, then one weight for each column.
    weights: Vec<Vec<f64>>,
}

/// Why bytes are not a model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Larger than a model can be.
    #[error("the model was not loaded: {0} bytes are more than the {MODEL_BYTES_MAX} that a model can have")]
    TooLarge(usize),
    /// Not the JSON of a model.
    #[error("the model was not loaded: {0}")]
    NotAModel(String),
    /// The parts do not fit together.
    #[error("the model was not loaded: its {0} do not fit together; train it again")]
    Unsound(&'static str),
}

/// What the model says about one input.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Prediction {
    /// Each label with its probability, the most probable first.
    probabilities: Vec<(String, f64)>,
    /// How many fields were not as training knew them: missing where never missing before, of another type, or a
    /// category never seen.
    unfamiliar: u32,
}

impl Prediction {
    /// The most probable label.
    #[must_use]
    pub fn label(&self) -> &str {
        self.probabilities.first().map_or("", |(label, _)| label)
    }

    /// The probability of [`Self::label`].
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.probabilities.first().map_or(0.0, |(_, p)| *p)
    }

    /// The probability of a label; 0 where the model does not know it.
    #[must_use]
    pub fn probability(&self, label: &str) -> f64 {
        self.probabilities.iter().find(|(l, _)| l == label).map_or(0.0, |(_, p)| *p)
    }

    /// Each label with its probability, the most probable first.
    #[must_use]
    pub fn probabilities(&self) -> &[(String, f64)] {
        &self.probabilities
    }

    /// How many fields were not as training knew them.
    #[must_use]
    pub const fn unfamiliar(&self) -> u32 {
        self.unfamiliar
    }
}

impl Classifier {
    pub(crate) fn new(labels: Vec<String>, encodings: Vec<Encoding>, weights: Vec<Vec<f64>>) -> Self {
        Self { v: FORM, method: "logistic".to_owned(), labels, encodings, weights }
    }

    /// The labels that it tells apart, in order.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Predicts the label of an input. Any JSON will do: a field that is missing or of another type counts as missing, a
    /// number outside the range of training as the end of that range.
    #[must_use]
    pub fn predict(&self, input: &Value) -> Prediction {
        let mut columns = Vec::with_capacity(self.weights.first().map_or(0, Vec::len));
        columns.push(1.0);
        let familiar = self.encodings.iter().filter(|e| e.encode(input, &mut columns)).count();
        let mut chances = Vec::with_capacity(self.labels.len());
        probabilities(self.weights.iter().map(Vec::as_slice), &columns, &mut chances);
        let mut by_label: Vec<(String, f64)> = self.labels.iter().cloned().zip(chances).collect();
        by_label.sort_by(|(_, p), (_, q)| q.total_cmp(p));
        let unfamiliar = u32::try_from(self.encodings.len() - familiar).unwrap_or(u32::MAX);
        Prediction { probabilities: by_label, unfamiliar }
    }

    /// The canonical bytes (RFC 8785).
    ///
    /// # Errors
    /// None in practice: a model's numbers are finite.
    pub fn to_json(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical(self)
    }

    /// The digest of [`Self::to_json`]: the model's identity.
    ///
    /// # Errors
    /// None in practice, as there.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(&self.to_json()?))
    }

    /// Reads a model.
    ///
    /// # Errors
    /// [`LoadError`] where the bytes are no model, or one whose parts do not fit together.
    pub fn from_json(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > MODEL_BYTES_MAX {
            return Err(LoadError::TooLarge(bytes.len()));
        }
        let model: Self = serde_json::from_slice(bytes).map_err(|e| LoadError::NotAModel(e.to_string()))?;
        if model.v != FORM || model.method != "logistic" {
            return Err(LoadError::NotAModel(format!("form {} is not known, only {FORM}", model.v)));
        }
        let labels = &model.labels;
        if labels.len() < 2 || labels.len() > LABELS_MAX || !labels.windows(2).all(|w| matches!(w, [a, b] if a < b)) {
            return Err(LoadError::Unsound("labels"));
        }
        if !model.encodings.iter().all(Encoding::is_sound) {
            return Err(LoadError::Unsound("encodings"));
        }
        let width = 1 + model.encodings.iter().map(Encoding::columns).sum::<usize>();
        let finite = model.weights.iter().flatten().all(|w| w.is_finite());
        let fit = model.weights.len() == labels.len() - 1 && model.weights.iter().all(|w| w.len() == width);
        if !finite || !fit || width * model.weights.len() > PARAMETERS_MAX {
            return Err(LoadError::Unsound("weights"));
        }
        Ok(model)
    }
}

/// The probability of every label, the reference first: the softmax of 0 and each row of weights times `x`.
pub(crate) fn probabilities<'a>(weights: impl Iterator<Item = &'a [f64]>, x: &[f64], out: &mut Vec<f64>) {
    // Scores are held to a range where the differences of two are finite, whatever a loaded model's weights are.
    let score = |w: &[f64]| {
        let s: f64 = w.iter().zip(x).map(|(w, x)| w * x).sum();
        if s.is_nan() { 0.0 } else { s.clamp(-1e3, 1e3) }
    };
    out.clear();
    out.push(0.0);
    out.extend(weights.map(score));
    let top = out.iter().copied().fold(0.0, f64::max);
    out.iter_mut().for_each(|s| *s = libm::exp(*s - top));
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
mod tests;
