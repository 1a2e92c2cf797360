//! Asking again is not another chance: a retry joins the decision that exists.

use crate::api::{Caller, DecisionStatus, Passage, PassageEntry, Passed, Refused};
use crate::clock::random;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, row};
use crate::project::{ASK, CASE, DecisionRec};
use crate::serve::stopped;
use crate::traffic::{Ticket, Turn};
use hmac::{Hmac, KeyInit as _, Mac as _};
use seatrial_guard::decide::codes;
use seatrial_model::digest::hex;
use seatrial_model::{Body, DecisionId, Event, Time, Verdict};
use seatrial_store::{ReaderExt as _, StoreError, View};

/// How long a retry joins the decision that exists.
pub const JOIN_MS: i64 = 15 * 60 * 1_000;

/// The longest case id: an id, not a document.
pub const CASE_BYTES_MAX: usize = 256;

/// What identifies an ask.
pub(crate) struct Asked {
    /// The case id as the caller knows it.
    pub(crate) case: String,
    /// Its HMAC.
    pub(crate) case_tag: String,
    /// HMAC of caller, step, case (or idempotency key) and body.
    pub(crate) tag: String,
    /// HMAC of caller, step, stated case and input: whatever else the ask says, it is the same question.
    pub(crate) question: Option<String>,
}

/// Whether an ask decides, or joins what was decided.
pub(crate) enum Turned {
    /// It joins an earlier decision.
    Joined(Box<Passed>),
    /// It decides; attempts of the same ask wait until this is dropped.
    Mine(Turn),
}

/// HMAC-SHA-256 under the workflow's secret, over length-prefixed parts, hexadecimal.
pub(crate) fn tag(secret: &[u8; 32], parts: &[&[u8]]) -> Result<String, Refused> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).map_err(internal)?;
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Ok(hex(&mac.finalize().into_bytes()))
}

impl Asked {
    pub(crate) fn of(handle: &Handle, caller: &Caller, passage: &Passage) -> Result<Self, Refused> {
        let stated = passage.case.is_some();
        let case = match &passage.case {
            Some(case) if case.is_empty() || case.len() > CASE_BYTES_MAX => {
                return Err(Refused::Invalid(format!(
                    "a case id has 1 to {CASE_BYTES_MAX} bytes, this one {}",
                    case.len()
                )));
            }
            Some(case) => case.clone(),
            None => format!("case_{}", hex(&random::<16>().map_err(internal)?)),
        };
        let principal = caller.principal.id.as_bytes();
        let input = seatrial_model::canonical_value(passage.entry.input())
            .map_err(|e| Refused::Invalid(format!("the input has no canonical form: {e}")))?;
        let output: &[u8] = match &passage.entry {
            PassageEntry::Decide { output, .. } => output.as_bytes(),
            PassageEntry::Proxy { call, .. } => call.received(),
            PassageEntry::Run { .. } => b"",
        };
        let key = passage.again.key.as_deref().unwrap_or_default();
        // Without a case and a key the body alone says which ask it is. Two customers with the same wishes then share
        // a tag, and only what says of itself that it is a retry joins by it.
        let (kind, identity): (&[u8], &str) = match (stated, key) {
            (true, _) => (b"case", case.as_str()),
            (false, "") => (b"body", ""),
            (false, key) => (b"key", key),
        };
        let rehearsal: &[u8] = if passage.rehearsal { b"rehearsal" } else { b"" };
        let case_tag = tag(&handle.secret, &[b"case", principal, case.as_bytes()])?;
        let step = passage.step.as_bytes();
        let parts: [&[u8]; 8] = [b"ask", principal, step, kind, identity.as_bytes(), &input, output, rehearsal];
        let tag = tag(&handle.secret, &parts)?;
        // What a caller submits is another output each time, and each is judged on its own. What a model is asked is
        // the same question however the rest of the call reads.
        let question = match (&passage.entry, stated) {
            (PassageEntry::Decide { .. }, true) => Some(tag.clone()),
            (_, true) => {
                let parts: [&[u8]; 6] = [b"question", principal, step, case.as_bytes(), &input, rehearsal];
                Some(self::tag(&handle.secret, &parts)?)
            }
            (_, false) => None,
        };
        Ok(Self { case, case_tag, tag, question })
    }

    /// Of a judge: each is a question of its own about the decision that it is made for, and nobody joins it.
    pub(crate) fn of_judge(
        handle: &Handle,
        caller: &Caller,
        passage: &Passage,
        behalf: &DecisionId,
    ) -> Result<Self, Refused> {
        let asked = Self::of(handle, caller, passage)?;
        let random = random::<16>().map_err(internal)?;
        let tag = tag(&handle.secret, &[b"judge", behalf.uuid().as_bytes(), &random])?;
        Ok(Self { tag, question: None, ..asked })
    }

    /// What attempts that may not run beside each other share.
    fn turn(&self) -> &str {
        self.question.as_deref().unwrap_or(&self.tag)
    }

    /// By what it joins an earlier decision; by nothing where it may not.
    pub(crate) fn again(&self, passage: &Passage) -> AskedAgain {
        if !self.may_join(passage) {
            return AskedAgain::default();
        }
        AskedAgain { retry: is_retry(passage).then(|| self.tag.clone()), question: self.question.clone() }
    }

    /// Whether an earlier decision on the same ask may be its answer.
    fn may_join(&self, passage: &Passage) -> bool {
        !passage.again.afresh && (is_retry(passage) || self.question.is_some())
    }
}

const fn is_retry(passage: &Passage) -> bool {
    passage.again.key.is_some() || passage.again.retries > 0
}

impl Factory {
    /// Lets an ask decide, or gives it the decision that it joins. An attempt that may join waits for the same ask
    /// that is under way, so that two attempts never decide twice. A stop ends the waiting.
    pub(crate) async fn turn(
        &self,
        handle: &Handle,
        passage: &Passage,
        asked: &Asked,
        now: Time,
        ticket: &mut Ticket,
    ) -> Result<Turned, Refused> {
        if !asked.may_join(passage) {
            return Ok(Turned::Mine(handle.traffic.begin(asked.turn())));
        }
        loop {
            let turn = handle.traffic.begin_alone(asked.turn());
            // Looked up after the turn was taken: whoever had it before is in the store by now.
            if let Some(passed) = self.join(handle, passage, asked, now).await? {
                return Ok(Turned::Joined(Box::new(passed)));
            }
            let mut other = match turn {
                Ok(turn) => return Ok(Turned::Mine(turn)),
                Err(other) => other,
            };
            tokio::select! {
                biased;
                () = ticket.stopped() => {
                    ticket.cut();
                    let path = seatrial_model::ElementPath::new(format!("steps.{}", passage.step));
                    return Err(stopped(handle, &path, &passage.step, passage.rehearsal, self.now()));
                }
                // An error says that it ended in between.
                _ = other.changed() => {}
            }
        }
    }

    /// The decision that this ask joins, if there is one.
    async fn join(
        &self,
        handle: &Handle,
        passage: &Passage,
        asked: &Asked,
        now: Time,
    ) -> Result<Option<Passed>, Refused> {
        let again = asked.again(passage);
        let found = self.0.store.read_with(&handle.log, move |view| again.joins(view, now)).await;
        match found.map_err(not_recorded)? {
            Some(rec) => self.passed_again(handle, rec, asked.case.clone()).await.map(Some),
            None => Ok(None),
        }
    }
}

/// By what an ask joins an earlier decision.
#[derive(Clone, Default)]
pub(crate) struct AskedAgain {
    retry: Option<String>,
    question: Option<String>,
}

impl AskedAgain {
    /// The decision that it joins, as a view shows it.
    pub(crate) fn joins(&self, view: &dyn View, now: Time) -> Result<Option<DecisionRec>, StoreError> {
        if let Some(tag) = &self.retry
            && let Some((asked_at, rec)) = newest(view, tag)?
            && now.millis_since(asked_at) <= JOIN_MS
        {
            return Ok(Some(rec));
        }
        if let Some(question) = &self.question
            && let Some((_, rec)) = newest(view, question)?
        {
            // That nothing was served (a stop, a ceiling, a model that was away) is no opinion on the case, and does not
            // outlive its reason.
            let unserved = [codes::WORKFLOW_STOPPED, codes::NOT_RELEASED, codes::MODEL_UNREACHABLE];
            let served = !unserved.contains(&rec.code.as_str());
            if rec.status == DecisionStatus::Pending || (rec.verdict == Verdict::Deny && served) {
                return Ok(Some(rec));
            }
        }
        Ok(None)
    }
}

/// The newest decision on an ask or a question, and when it was made.
fn newest(view: &dyn View, tag: &str) -> Result<Option<(Time, DecisionRec)>, StoreError> {
    let Some((time, made)) = newest_on(view, tag)? else { return Ok(None) };
    let rec = row::<DecisionRec>(view, "decision", made.uuid().as_bytes())?;
    Ok(rec.map(|rec| (time, rec)))
}

/// The newest decision that answers an ask or a question, and when it was made.
pub(crate) fn newest_on(view: &dyn View, tag: &str) -> Result<Option<(Time, DecisionId)>, StoreError> {
    for index in view.about(ASK, tag.as_bytes(), usize::MAX)? {
        let Some(event) = view.event(index)? else { continue };
        if let Body::DecisionMade(made) = &event.body
            && (made.ask == tag || made.question.as_deref() == Some(tag))
        {
            return Ok(Some((event.time, made.decision)));
        }
    }
    Ok(None)
}

/// The decisions of a case, the newest first.
pub(crate) fn decisions_of(view: &dyn View, case: &str, limit: usize) -> Result<Vec<DecisionId>, StoreError> {
    let mut found = Vec::new();
    for index in view.about(CASE, case.as_bytes(), usize::MAX)? {
        if found.len() >= limit {
            break;
        }
        if let Some(Event { body: Body::DecisionMade(made), .. }) = view.event(index)?
            && made.case == case
        {
            found.push(made.decision);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
