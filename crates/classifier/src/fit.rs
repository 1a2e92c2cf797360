//! Fitting: the penalised likelihood of a multinomial logistic regression, by Newton's method.

use crate::encode::Encoding;
use crate::feature::{FEATURES_MAX, Feature};
use crate::linalg::Symmetric;
use crate::model::{Classifier, Prediction, probabilities};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most labels: every label is a set of weights, and a label with few rows learns nothing.
pub const LABELS_MAX: usize = 50;

/// The most weights in all: a Newton step costs their cube, about a second at this number.
pub const PARAMETERS_MAX: usize = 1_000;

/// The most numbers in the encoded training rows: 160 MB.
pub const CELLS_MAX: usize = 20_000_000;

/// Newton's method on a concave function with a ridge takes 5 to 10 steps; more means that it does not work.
const STEPS_MAX: u32 = 100;

/// Halvings of one step before it counts as none.
const HALVINGS_MAX: u32 = 30;

/// The most folds of a cross-prediction: each is a fit, and more than ten change hardly anything.
pub const FOLDS_MAX: usize = 20;

/// Done when the next step promises less than this of a log-likelihood, for each row.
const TOLERANCE: f64 = 1e-12;

/// How to fit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FitOptions {
    /// The ridge penalty: half of this times the sum of squared weights, intercepts excepted, on standardised columns.
    /// Greater than 0, so that a label which the features separate does not get infinite weights.
    pub ridge: f64,
    /// Whether each number also enters as its square, so that "neither too little nor too much" can be learned.
    pub squares: bool,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { ridge: 1.0, squares: true }
    }
}

/// Why no model was fitted.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum FitError {
    /// No feature to learn from.
    #[error("no model was fitted: there are no features; name numbers, booleans or enumerations of the input's schema")]
    NoFeatures,
    /// Fewer than two labels.
    #[error("no model was fitted: the {rows} training rows have {labels} label(s); give rows of at least two")]
    OneLabel {
        /// How many rows there are.
        rows: usize,
        /// How many labels.
        labels: usize,
    },
    /// More than a limit allows.
    #[error("no model was fitted: {found} {what} are more than the {max} allowed; use fewer")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many may be.
        max: usize,
    },
    /// The ridge is not a positive number.
    #[error("no model was fitted: the ridge `{0}` is not a positive number; use 1 where in doubt")]
    Ridge(f64),
    /// Fewer than two folds, or more than [`FOLDS_MAX`].
    #[error("nothing was predicted: {0} folds; use 2 to {FOLDS_MAX}")]
    Folds(usize),
    /// Newton's method did not come to an end.
    #[error(
        "no model was fitted: no solution after {0} steps; use a greater ridge, or leave out features that repeat others"
    )]
    NoSolution(u32),
}

/// Fits a classifier to labelled inputs.
///
/// The same rows in the same order give the same model, byte by byte. Rows in another order give the same up to rounding.
///
/// # Errors
/// [`FitError`] where there is nothing to learn from, or too much.
pub fn fit(rows: &[(Value, String)], features: &[Feature], options: &FitOptions) -> Result<Classifier, FitError> {
    let rows: Vec<(&Value, &str)> = rows.iter().map(|(input, label)| (input, label.as_str())).collect();
    fit_rows(&rows, features, options)
}

/// Predicts every row by a model that has not seen it: row `i` by one fitted to the rows `j` with
/// `j % folds != i % folds`. So training rows too give honest confidences, and a threshold can be proposed from more
/// examples than the tuning ones alone.
///
/// # Errors
/// [`FitError`] as [`fit`] for each fold's rows, and where there are fewer than two folds or more than [`FOLDS_MAX`].
pub fn cross_predict(
    rows: &[(Value, String)],
    features: &[Feature],
    options: &FitOptions,
    folds: usize,
) -> Result<Vec<Prediction>, FitError> {
    if !(2..=FOLDS_MAX).contains(&folds) {
        return Err(FitError::Folds(folds));
    }
    let mut predictions: Vec<(usize, Prediction)> = Vec::with_capacity(rows.len());
    for fold in 0..folds {
        let (own, others): (Vec<_>, Vec<_>) = rows.iter().enumerate().partition(|(i, _)| i % folds == fold);
        let others: Vec<(&Value, &str)> = others.iter().map(|(_, (input, label))| (input, label.as_str())).collect();
        let model = fit_rows(&others, features, options)?;
        predictions.extend(own.into_iter().map(|(i, (input, _))| (i, model.predict(input))));
    }
    predictions.sort_by_key(|(i, _)| *i);
    Ok(predictions.into_iter().map(|(_, prediction)| prediction).collect())
}

fn fit_rows(rows: &[(&Value, &str)], features: &[Feature], options: &FitOptions) -> Result<Classifier, FitError> {
    if features.is_empty() {
        return Err(FitError::NoFeatures);
    }
    at_most("features", features.len(), FEATURES_MAX)?;
    if !(options.ridge > 0.0 && options.ridge.is_finite()) {
        return Err(FitError::Ridge(options.ridge));
    }
    let labels: Vec<String> =
        rows.iter().map(|(_, label)| *label).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect();
    if labels.len() < 2 {
        return Err(FitError::OneLabel { rows: rows.len(), labels: labels.len() });
    }
    at_most("labels", labels.len(), LABELS_MAX)?;

    let inputs: Vec<&Value> = rows.iter().map(|(input, _)| *input).collect();
    let encodings: Vec<Encoding> = features.iter().map(|f| Encoding::fit(f, &inputs, options.squares)).collect();
    // One column more: the intercept's, always 1.
    let width = 1 + encodings.iter().map(Encoding::columns).sum::<usize>();
    at_most("weights", width * (labels.len() - 1), PARAMETERS_MAX)?;
    at_most("encoded numbers", width.saturating_mul(rows.len()), CELLS_MAX)?;

    let mut cells = Vec::with_capacity(width * rows.len());
    for input in inputs {
        cells.push(1.0);
        for encoding in &encodings {
            encoding.encode(input, &mut cells);
        }
    }
    let classes =
        rows.iter().map(|(_, label)| labels.binary_search_by(|l| l.as_str().cmp(label)).unwrap_or(0)).collect();
    let problem = Problem { width, free: labels.len() - 1, cells, classes, ridge: options.ridge };
    let weights = problem.solve()?;
    Ok(Classifier::new(labels, encodings, weights.chunks(width).map(<[f64]>::to_vec).collect()))
}

fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), FitError> {
    if found > max { Err(FitError::TooMany { what, found, max }) } else { Ok(()) }
}

/// Minimise −log-likelihood + ridge. The first label is the reference and has no weights, so that the solution is
/// unique; with two labels this is plain logistic regression for the second.
struct Problem {
    width: usize,
    /// Labels with weights: all but the first.
    free: usize,
    cells: Vec<f64>,
    classes: Vec<usize>,
    ridge: f64,
}

impl Problem {
    fn solve(&self) -> Result<Vec<f64>, FitError> {
        let mut weights = vec![0.0; self.width * self.free];
        let mut loss = self.loss(&weights);
        for steps in 0..STEPS_MAX {
            let (gradient, hessian) = self.slope(&weights);
            let step = hessian.solve(gradient.clone()).ok_or(FitError::NoSolution(steps))?;
            let promise: f64 = gradient.iter().zip(&step).map(|(g, s)| g * s).sum();
            if promise <= TOLERANCE * self.classes.len() as f64 {
                return Ok(weights);
            }
            // Newton's step, halved until it improves: far from the solution a whole one can overshoot.
            let mut share = 1.0;
            let better = (0..HALVINGS_MAX).find_map(|_| {
                let next: Vec<f64> = weights.iter().zip(&step).map(|(w, s)| w - share * s).collect();
                let next_loss = self.loss(&next);
                share *= 0.5;
                (next_loss < loss).then_some((next, next_loss))
            });
            // No improvement in floating point: this is as near as it gets.
            let Some((next, next_loss)) = better else { return Ok(weights) };
            (weights, loss) = (next, next_loss);
        }
        Err(FitError::NoSolution(STEPS_MAX))
    }

    fn rows(&self) -> impl Iterator<Item = (&[f64], usize)> {
        self.cells.chunks(self.width).zip(self.classes.iter().copied())
    }

    fn loss(&self, weights: &[f64]) -> f64 {
        let mut chances = Vec::with_capacity(self.free + 1);
        let likelihood: f64 = self
            .rows()
            .map(|(x, class)| {
                probabilities(weights.chunks(self.width), x, &mut chances);
                libm::log(chances.get(class).copied().unwrap_or(0.0).max(f64::MIN_POSITIVE))
            })
            .sum();
        let squares: f64 = weights.chunks(self.width).flat_map(|w| w.iter().skip(1)).map(|w| w * w).sum();
        0.5 * self.ridge * squares - likelihood
    }

    /// Gradient and Hessian of the loss.
    fn slope(&self, weights: &[f64]) -> (Vec<f64>, Symmetric) {
        let mut gradient = vec![0.0; weights.len()];
        let mut hessian = Symmetric::zero(weights.len());
        let mut chances = Vec::with_capacity(self.free + 1);
        for (x, class) in self.rows() {
            probabilities(weights.chunks(self.width), x, &mut chances);
            for (a, (p_a, slope)) in chances.iter().skip(1).zip(gradient.chunks_mut(self.width)).enumerate() {
                let residual = p_a - if class == a + 1 { 1.0 } else { 0.0 };
                slope.iter_mut().zip(x).for_each(|(g, x)| *g += residual * x);
                for (i, x_i) in x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                    let row = hessian.row_mut(a * self.width + i);
                    for (b, (p_b, block)) in chances.iter().skip(1).zip(row.chunks_mut(self.width)).enumerate() {
                        let weight = if a == b { p_a * (1.0 - p_a) } else { -p_a * p_b } * x_i;
                        block.iter_mut().zip(x).for_each(|(h, x)| *h += weight * x);
                    }
                }
            }
        }
        for (i, w) in weights.iter().enumerate().filter(|(i, _)| !i.is_multiple_of(self.width)) {
            if let (Some(g), Some(h)) = (gradient.get_mut(i), hessian.row_mut(i).last_mut()) {
                *g += self.ridge * w;
                *h += self.ridge;
            }
        }
        (gradient, hessian)
    }
}

#[cfg(test)]
mod tests;
