//! The book of an evaluation: which answers are recorded, so that an interrupted one goes on where it stopped.
//!
//! Answers of a provider cost money and time, so they are recorded in parts as they come, beside the asking. A part is a
//! running event: readiness rests on `evaluation.recorded` alone, which comes in one commit with the last part.

use super::{EvaluateOptions, Trying};
use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{row, rows};
use crate::project::{EVALUATION, EVALUATION_PART, EvaluationRec};
use futures_util::future::BoxFuture;
use seatrial_model::event::{EvaluationPart, EvaluationStarted};
use seatrial_model::{Body, Digest, Event, EventId, LogName, Principal};
use seatrial_sprint::evaluate::{Asked, read_part, write_part};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreExt as _};
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// A part is recorded with this many answers …
const PART_ANSWERS: usize = 64;

/// … or when its first answer has waited this long, whichever comes first: no more is asked again after an interruption.
const PART_WAIT: Duration = Duration::from_secs(2);

/// How long an interrupted evaluation can be continued: another model may answer under a provider's name tomorrow.
const CONTINUED_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// An evaluation that runs on this node: a second one of the same would ask everything twice.
pub(super) struct Running {
    factory: Factory,
    pub(super) key: Digest,
}

impl Running {
    pub(super) fn of(factory: &Factory, key: Digest, set: &str) -> Result<Self, Refused> {
        let mut running = factory.0.evaluating.lock().unwrap_or_else(PoisonError::into_inner);
        if !running.insert(key) {
            return Err(Refused::Conflict {
                message: format!("the set `{set}` is being evaluated at this moment; wait for that to end"),
                now: None,
            });
        }
        Ok(Self { factory: factory.clone(), key })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.factory.0.evaluating.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Where parts are recorded.
struct Place {
    log: LogName,
    evaluation: EventId,
    actor: Principal,
    spec: Digest,
}

/// Answers, recorded and not.
pub(super) struct Book {
    /// None where nothing is recorded but the end.
    place: Option<Place>,
    known: BTreeSet<(String, u64)>,
    answers: Vec<Asked>,
    /// Answers from here on are not in a part yet.
    recorded: usize,
    /// Answers that no part holds: the model did not come to answering.
    unkept: Vec<Asked>,
    waiting_since: Option<Instant>,
    writing: Option<BoxFuture<'static, Result<(), Refused>>>,
}

/// The event that began it, the last part, and all answers.
pub(super) type Closed = (Option<EventId>, Option<(Event, Vec<u8>)>, Vec<Asked>);

impl Book {
    /// A book that records nothing before the end.
    pub(super) fn none() -> Self {
        Self {
            place: None,
            known: BTreeSet::new(),
            answers: Vec::new(),
            recorded: 0,
            unkept: Vec::new(),
            waiting_since: None,
            writing: None,
        }
    }

    /// How many answers there are.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// Whether there are only answers that the model did not come to giving.
    pub(super) fn is_unanswered(&self) -> bool {
        !self.unkept.is_empty() && self.unkept.len() == self.known.len()
    }

    /// How many of them are recorded.
    pub(super) const fn recorded(&self) -> usize {
        self.recorded
    }

    pub(super) fn knows(&self, id: &str, repeat: u64) -> bool {
        self.known.contains(&(id.to_owned(), repeat))
    }

    /// Puts an answer in. One that is not `kept` counts now, and is asked for again by whoever continues.
    pub(super) fn put(&mut self, asked: Asked, kept: bool) {
        if !self.known.insert((asked.id.clone(), asked.repeat)) {
            return;
        }
        if kept {
            self.waiting_since.get_or_insert_with(Instant::now);
            self.answers.push(asked);
        } else {
            self.unkept.push(asked);
        }
    }

    /// When the next part is due at the latest.
    pub(super) fn due(&self) -> Instant {
        // Some time to come, where nothing waits: any answer wakes the loop before.
        self.waiting_since.filter(|_| self.place.is_some()).unwrap_or_else(Instant::now) + PART_WAIT
    }

    /// Waits for a commit under way; for ever where there is none.
    pub(super) async fn writing(&mut self) -> Result<(), Refused> {
        match self.writing.as_mut() {
            Some(writing) => {
                let written = writing.await;
                self.writing = None;
                written
            }
            None => std::future::pending().await,
        }
    }

    /// Begins to record what waits, where it is enough or has waited long enough.
    pub(super) fn write_if_due(&mut self, factory: &Factory) {
        let waiting = self.answers.len() - self.recorded;
        let enough = waiting >= PART_ANSWERS || (waiting > 0 && self.due() <= Instant::now());
        if enough && self.writing.is_none() {
            self.write(factory);
        }
    }

    fn write(&mut self, factory: &Factory) {
        let Some(place) = &self.place else { return };
        let part = match self.part(factory, place) {
            Ok(Some(part)) => part,
            Ok(None) => return,
            Err(error) => {
                self.writing = Some(Box::pin(std::future::ready(Err(error))));
                return;
            }
        };
        let (event, blob) = part;
        let (factory, log) = (factory.clone(), place.log.clone());
        self.recorded = self.answers.len();
        self.waiting_since = None;
        self.writing = Some(Box::pin(async move {
            let batch = Batch { events: vec![event], blobs: vec![blob], ..Batch::default() };
            factory.0.store.append(&log, batch).await.map(|_| ()).map_err(not_recorded)
        }));
    }

    /// What waits, as an event and its blob.
    fn part(&self, factory: &Factory, place: &Place) -> Result<Option<(Event, Vec<u8>)>, Refused> {
        let waiting = self.answers.get(self.recorded..).unwrap_or_default();
        if waiting.is_empty() {
            return Ok(None);
        }
        let blob = write_part(waiting).map_err(internal)?;
        let body =
            EvaluationPart { evaluation: place.evaluation, results: Digest::of(&blob), answers: waiting.len() as u64 };
        let mut event = factory.event(&place.log, place.actor.clone(), Body::EvaluationPart(body)).map_err(internal)?;
        event.spec = Some(place.spec);
        Ok(Some((event, blob)))
    }

    /// Waits until no commit is under way.
    pub(super) async fn settle(&mut self) -> Result<(), Refused> {
        if self.writing.is_some() { self.writing().await } else { Ok(()) }
    }

    /// Records all that waits, and waits for it.
    pub(super) async fn flush(&mut self, factory: &Factory) -> Result<(), Refused> {
        loop {
            if self.writing.is_some() {
                self.writing().await?;
            } else if self.place.is_some() && self.recorded < self.answers.len() {
                self.write(factory);
            } else {
                return Ok(());
            }
        }
    }

    /// Ends it, with what still waits as the last part. No commit is under way any more.
    pub(super) fn close(mut self, factory: &Factory) -> Result<Closed, Refused> {
        let last = match &self.place {
            Some(place) => self.part(factory, place)?,
            None => None,
        };
        self.answers.append(&mut self.unkept);
        Ok((self.place.map(|p| p.evaluation), last, self.answers))
    }
}

impl Factory {
    /// The book of an evaluation: that of an interrupted one of the same, where there is one; else a new one.
    pub(super) async fn open_book(
        &self,
        caller: &Caller,
        trying: &Trying<'_>,
        running: &Running,
        options: EvaluateOptions,
    ) -> Result<Book, Refused> {
        let (log, key) = (&trying.handle.log, running.key);
        let spec = trying.measure.served.workflow.digest;
        let place = |evaluation| Place { log: log.clone(), evaluation, actor: caller.principal.clone(), spec };
        if !options.afresh
            && let Some((evaluation, answers)) = self.interrupted(log, key).await?
        {
            let mut book = Book { place: Some(place(evaluation)), ..Book::none() };
            for asked in answers {
                book.put(asked, true);
            }
            (book.recorded, book.waiting_since) = (book.answers.len(), None);
            return Ok(book);
        }
        let body = EvaluationStarted {
            set: trying.set.to_owned(),
            examples: trying.found.digest,
            model: trying.model.clone(),
            repeats: options.repeats,
            total: trying.total(options),
            key,
        };
        let mut event = self.event(log, caller.principal.clone(), Body::EvaluationStarted(body)).map_err(internal)?;
        event.spec = Some(spec);
        let evaluation = event.id;
        self.0.store.append(log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(Book { place: Some(place(evaluation)), ..Book::none() })
    }

    /// An evaluation of this key that was begun lately and not ended, and the answers that it recorded.
    async fn interrupted(&self, log: &LogName, key: Digest) -> Result<Option<(EventId, Vec<Asked>)>, Refused> {
        let now = self.now();
        self.0
            .store
            .read_with(log, move |view| {
                let begun = row::<EvaluationRec>(view, EVALUATION, key.hex().as_bytes())?;
                let lately = |begun: &EvaluationRec| now.as_millis() - begun.at.as_millis() <= CONTINUED_MS_MAX;
                let Some(begun) = begun.filter(lately) else { return Ok(None) };
                let mut answers = Vec::new();
                let mut scan = Scan::all(EVALUATION_PART).prefix(begun.event.uuid().as_bytes().to_vec());
                loop {
                    let parts: Vec<(Vec<u8>, Digest)> = rows(view, &scan)?;
                    for (_, digest) in &parts {
                        match read_part(&view.blob(digest)?.unwrap_or_default()) {
                            Ok(part) => answers.extend(part),
                            Err(error) => tracing::warn!(part = %digest, %error, "an evaluation is continued"),
                        }
                    }
                    match parts.last() {
                        Some((last, _)) if parts.len() >= scan.rows_max() => scan = scan.after(last.clone()),
                        _ => return Ok(Some((begun.event, answers))),
                    }
                }
            })
            .await
            .map_err(not_recorded)
    }
}
