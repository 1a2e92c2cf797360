//! Models that tell how they were asked.

use super::{Cell, ModelCall, Observer};
use seatrial_guard::port::{Ask, BoxFuture, Model, ModelError, Reply, ReplyStream, Streamed};
use seatrial_spec::workflow::{HttpKind, Provider};
use std::sync::Arc;
use std::time::Instant;

/// What a model is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) provider: String,
    pub(crate) kind: &'static str,
    pub(crate) model: String,
}

impl Watched {
    /// The word for a provider's kind.
    pub(crate) const fn kind(provider: &Provider) -> &'static str {
        match provider {
            Provider::Classifier => "classifier",
            Provider::Http(http) => match http.kind {
                HttpKind::OpenAi => "openai",
                HttpKind::Anthropic => "anthropic",
            },
        }
    }
}

/// A model, and whoever watches the factory.
pub(crate) struct WatchedModel {
    model: Arc<dyn Model>,
    // Not the factory itself: that holds its models, and would never be let go of.
    cell: Cell,
    what: Arc<Watched>,
}

impl WatchedModel {
    /// Watches a model.
    pub(crate) fn around(cell: &Cell, model: Arc<dyn Model>, what: Watched) -> Arc<dyn Model> {
        Arc::new(Self { model, cell: Arc::clone(cell), what: Arc::new(what) })
    }

    fn telling(&self, streamed: bool) -> Option<Telling> {
        let observer = Arc::clone(self.cell.get()?);
        Some(Telling { observer, what: Arc::clone(&self.what), began: Instant::now(), streamed, told: false })
    }
}

impl Model for WatchedModel {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        let Some(mut telling) = self.telling(false) else { return self.model.ask(ask) };
        Box::pin(async move {
            let reply = self.model.ask(ask).await;
            telling.tell(reply.as_ref());
            reply
        })
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<Box<dyn ReplyStream>, ModelError>> {
        let Some(mut telling) = self.telling(true) else { return self.model.open(ask) };
        Box::pin(async move {
            match self.model.open(ask).await {
                Ok(stream) => Ok(Box::new(WatchedStream { stream, telling }) as Box<dyn ReplyStream>),
                Err(error) => {
                    telling.tell(Err(&error));
                    Err(error)
                }
            }
        })
    }
}

struct WatchedStream {
    stream: Box<dyn ReplyStream>,
    telling: Telling,
}

impl ReplyStream for WatchedStream {
    fn next(&mut self) -> BoxFuture<'_, Result<Streamed, ModelError>> {
        Box::pin(async move {
            let next = self.stream.next().await;
            match &next {
                Ok(Streamed::Event(_)) => {}
                Ok(Streamed::End(reply)) => self.telling.tell(Ok(reply)),
                Err(error) => self.telling.tell(Err(error)),
            }
            next
        })
    }
}

/// A call under way. One that is dropped before it ended was cancelled.
struct Telling {
    observer: Arc<dyn Observer>,
    what: Arc<Watched>,
    began: Instant,
    streamed: bool,
    told: bool,
}

impl Telling {
    fn tell(&mut self, done: Result<&Reply, &ModelError>) {
        let reply = done.ok();
        let outcome = match done {
            Ok(_) => "ok",
            Err(error) => word(error),
        };
        self.say(reply, outcome);
    }

    fn say(&mut self, reply: Option<&Reply>, outcome: &'static str) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.observer.asked(&ModelCall {
            workflow: &self.what.workflow,
            step: &self.what.step,
            provider: &self.what.provider,
            kind: self.what.kind,
            model: &self.what.model,
            answered: reply.and_then(|r| r.model.as_deref()),
            outcome,
            usage: reply.and_then(|r| r.usage),
            requests: reply.map_or(0, |r| r.requests),
            streamed: self.streamed,
            took: self.began.elapsed(),
        });
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.say(None, "cancelled");
    }
}

const fn word(error: &ModelError) -> &'static str {
    match error {
        ModelError::TimedOut { .. } => "timed_out",
        ModelError::Limited { .. } => "limited",
        ModelError::Rejected { .. } => "rejected",
        ModelError::Unreadable { .. } => "unreadable",
        _ => "unreachable",
    }
}
