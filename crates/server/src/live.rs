//! Live pages: a stream that says *that* something changed, never what. The page fetches itself again, with
//! its own session and rights, and swaps its live parts.

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

/// Changes that a slow page may fall behind by; it then gets one refresh for all of them.
const CHANGES_BUFFERED: usize = 256;

/// The least time between two messages to one page: a person sees no more, and a busy factory decides
/// hundreds of cases a second.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// A comment is sent this often, so that proxies keep the connection and a dead one is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// A stream ends after this time and the page asks again: whoever was signed out meanwhile gets no more.
const STREAM_MAX: Duration = Duration::from_secs(15 * 60);

/// No workflow's name: every page is meant.
const ALL: &str = "*";

/// Tells pages that a workflow changed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live {
    changes: broadcast::Sender<String>,
}

impl Default for Live {
    fn default() -> Self {
        Self { changes: broadcast::channel(CHANGES_BUFFERED).0 }
    }
}

impl Live {
    /// Says that something changed that may stand on any page.
    pub fn everything_changed(&self) {
        self.changed(ALL);
    }

    /// Says that something in this workflow changed.
    pub fn changed(&self, workflow: &str) {
        // Without a page open there is nobody to tell.
        let _ = self.changes.send(workflow.to_owned());
    }

    /// The stream for one page: `changed` at most once a second, for one workflow or for all.
    pub fn stream(&self, workflow: Option<String>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
        let start = Reader { changes: self.changes.subscribe(), workflow, until: Instant::now() + STREAM_MAX };
        let events = unfold(start, |mut reader| async move {
            reader.next().await?;
            let event = Event::default().event("changed").data(reader.workflow.as_deref().unwrap_or(ALL));
            Some((Ok(event), reader))
        });
        Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE))
    }
}

struct Reader {
    changes: broadcast::Receiver<String>,
    workflow: Option<String>,
    until: Instant,
}

impl Reader {
    /// Waits for a change that concerns the page, then gathers what follows closely.
    async fn next(&mut self) -> Option<()> {
        loop {
            let change = tokio::time::timeout_at(self.until, self.changes.recv()).await.ok()?;
            match change {
                Ok(name) if self.workflow.as_ref().is_none_or(|w| *w == name || name == ALL) => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return None,
            }
        }
        tokio::time::sleep(PAUSE_MIN).await;
        self.changes = self.changes.resubscribe();
        Some(())
    }
}
