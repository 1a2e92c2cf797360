//! The embedded model: pure fitting and prediction of a small, real classifier.
//!
//! A multinomial logistic regression with a ridge penalty over features that are declared by path in a
//! JSON object. It needs no key and no network, its probabilities are honest enough to calibrate a threshold on, and
//! the same rows give the same bytes on every machine: no randomness, no threads, and transcendental functions from
//! `libm` instead of the platform's. The digest of those bytes is the model's identity.
//!
//! ```
//! use seatrial_classifier::{FitOptions, features_from_schema, fit};
//! use serde_json::json;
//!
//! let schema = json!({"type": "object", "properties": {
//!     "amount": {"type": "number", "minimum": 0}, "home": {"enum": ["own", "rent"]}, "age": {"type": "integer"}}});
//! let features = features_from_schema(&schema, &["age".to_owned()]);
//! let rows: Vec<_> = (0..200)
//!     .map(|i| (json!({"amount": i, "home": "own"}), if i % 10 + i / 20 < 9 { "good" } else { "bad" }.to_owned()))
//!     .collect();
//! let model = fit(&rows, &features, &FitOptions::default())?;
//! assert_eq!(model.predict(&json!({"amount": 3, "home": "rent"})).label(), "good");
//! # Ok::<(), seatrial_classifier::FitError>(())
//! ```

mod encode;
mod feature;
mod fit;
mod linalg;
mod model;

pub use encode::{CATEGORIES_MAX, CATEGORY_ROWS_MIN};
pub use feature::{FEATURES_MAX, Feature, FeatureKind, Shape, features_from_schema};
pub use fit::{CELLS_MAX, FOLDS_MAX, FitError, FitOptions, LABELS_MAX, PARAMETERS_MAX, cross_predict, fit};
pub use model::{Classifier, LoadError, MODEL_BYTES_MAX, Prediction};
