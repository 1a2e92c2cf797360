//! A model's answer while it comes, from the step's model or from one that stands behind it.

use super::super::ask::Asking;
use super::super::spent::bytes_of;
use super::super::{Obtained, make_ask};
use crate::api::Refused;
use seatrial_guard::decide::codes;
use seatrial_guard::port::{ModelError, ReplyStream, Streamed};
use tokio::time::Instant;

/// A model's answer, under way.
pub(super) struct Source {
    /// None once it is cancelled.
    pub(super) stream: Option<Box<dyn ReplyStream>>,
    pub(super) name: String,
    pub(super) fallback: Option<String>,
    pub(super) asked_bytes: u64,
    /// Requests that models were sent that did not answer.
    pub(super) requests: u64,
}

impl Asking<'_> {
    /// Opens a stream at the step's model, or at those that stand behind it; or says why there is none.
    pub(super) async fn open(&self) -> Result<Result<Source, Box<Obtained>>, Refused> {
        let Some(model) = self.served.models.get(&self.step.name) else {
            return Ok(Err(Box::new(Obtained::nothing(self.step, Some(codes::MODEL_UNREACHABLE.to_owned()), 0))));
        };
        let name = self.step.model.as_ref().map_or("", |m| m.name.as_str());
        let first = (name, &model.model, None);
        let behind = model.fallbacks.iter().map(|m| (m.name.as_str(), &m.model, Some(m.identity.as_str())));
        let (mut requests, mut why) = (0, codes::MODEL_UNREACHABLE);
        for (name, asked, fallback) in std::iter::once(first).chain(behind) {
            let left = self.until.saturating_duration_since(Instant::now());
            let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            let ask = make_ask(self, model, name, timeout_ms, None)?;
            let asked_bytes = bytes_of(&ask);
            let timed_out = || ModelError::TimedOut { model: name.to_owned(), timeout_ms };
            let opened = tokio::time::timeout(left, asked.open(ask)).await.unwrap_or_else(|_| Err(timed_out()));
            let error = match opened {
                Ok(stream) => {
                    let fallback = fallback.map(str::to_owned);
                    return Ok(Ok(Source {
                        stream: Some(stream),
                        name: name.to_owned(),
                        fallback,
                        asked_bytes,
                        requests,
                    }));
                }
                Err(ModelError::Untranslatable { model, what }) => {
                    return Err(Refused::Invalid(format!(
                        "the provider of `{model}` has no words for `{what}`: leave it out, or call in the provider's own protocol"
                    )));
                }
                Err(error) => error,
            };
            tracing::warn!(step = self.step.name, %error, "no stream");
            (requests, why) = (requests + 1, error.no_candidate());
            let next = matches!(
                error,
                ModelError::Unreachable { .. } | ModelError::TimedOut { .. } | ModelError::Limited { .. }
            );
            if !next {
                break;
            }
        }
        let nothing = Obtained::nothing(self.step, Some(why.to_owned()), 1);
        Ok(Err(Box::new(Obtained { requests, ..nothing })))
    }
}

impl Source {
    pub(super) async fn next(&mut self) -> Result<Streamed, ModelError> {
        match &mut self.stream {
            Some(stream) => stream.next().await,
            None => Err(ModelError::Unreachable { model: self.name.clone(), status: "cancelled".to_owned() }),
        }
    }
}
