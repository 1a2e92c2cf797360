//! The embedded classifier behind the guard's port.

use seatrial_classifier::Classifier;
use seatrial_guard::port::{Ask, AskBody, BoxFuture, Model, ModelError, Reply};
use seatrial_guard::{Part, PartKind};
use seatrial_model::Digest;
use serde_json::{Map, Value};

/// A trained classifier that answers with JSON: the label in one field, its probability in another.
pub(crate) struct Embedded {
    classifier: Classifier,
    identity: String,
    label_field: String,
    confidence_field: Option<String>,
}

impl Embedded {
    /// From a model's blob. `label` is the label's path in an example (`expected.decision`), whose last name is the
    /// output's field; `confidence` the output's field for the probability (`output.confidence`).
    pub(crate) fn load(blob: &[u8], label: &str, confidence: Option<&str>) -> Result<Self, String> {
        let classifier = Classifier::from_json(blob).map_err(|e| e.to_string())?;
        let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        Ok(Self {
            classifier,
            identity: Digest::of(blob).to_string(),
            label_field: last(label),
            confidence_field: confidence.map(last),
        })
    }

    fn answer(&self, input: &Value) -> Reply {
        let prediction = self.classifier.predict(input);
        let mut output = Map::new();
        output.insert(self.label_field.clone(), Value::from(prediction.label()));
        if let Some(field) = &self.confidence_field {
            // Six digits: enough for any threshold, and the same text on every machine.
            let rounded = (prediction.confidence() * 1e6).round() / 1e6;
            output.insert(field.clone(), Value::from(rounded));
        }
        let text = Value::Object(output).to_string();
        Reply {
            parts: vec![Part { name: "choices.0.text".to_owned(), kind: PartKind::Text, text }],
            finish_reason: Some("stop".to_owned()),
            model: Some(self.identity.clone()),
            ..Reply::default()
        }
    }
}

impl Model for Embedded {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(async move {
            match ask.body {
                AskBody::Messages { input, .. } => Ok(self.answer(&input)),
                AskBody::Raw { .. } => Err(ModelError::Unreadable {
                    model: ask.model,
                    why: "the embedded classifier takes a step's input, not a client's raw body".to_owned(),
                }),
            }
        })
    }
}
