//! The watch after launch: audits that nobody answered in time count as wrong, and assumptions are checked over their
//! windows. Called with every tick of the owner; it appends only where there is something to say.

use crate::api::Refused;
use crate::audits::{Audits, told_of_alarms};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served, row};
use crate::project::{AUDIT_DUE, AssumptionRec, DecisionRec, ReviewRec, ReviewState, audit_due_from};
use crate::reviews::settle;
use seatrial_guard::expr::holds_on_metrics;
use seatrial_model::event::{AssumptionChecked, AuditMissed};
use seatrial_model::{Body, DecisionId, Digest, ElementPath, Event, EventId, LogName, Principal, Stage, Time};
use seatrial_spec::workflow::{Assumption, Truth};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _, TransactError, View};
use std::sync::atomic::Ordering;

/// Late audits that one commit counts.
const MISSED_MAX: usize = 500;

/// Assumptions are looked at this often at most: a window is days long, and its figures are counted anew each time.
pub const ASSUMPTIONS_EVERY_MS: i64 = 15 * 60 * 1_000;

/// What one look at a workflow came to.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Audits that were counted as wrong, for nobody had answered them in time.
    pub missed: u64,
    /// The event of a revocation that they brought about.
    pub revoked: Option<EventId>,
    /// Assumptions that were checked, and whether each holds.
    pub assumptions: Vec<(ElementPath, bool)>,
}

impl Factory {
    /// Looks at every workflow that is served; what cannot be looked at now is looked at next time.
    pub async fn watch_tick(&self) -> Vec<(LogName, Watched)> {
        let mut all = Vec::new();
        for log in self.workflows() {
            match self.watch_workflow(&log).await {
                Ok(watched) => all.push((log, watched)),
                Err(error) => tracing::warn!(workflow = log.as_str(), %error, "it could not be watched"),
            }
        }
        all
    }

    /// Looks at one workflow.
    ///
    /// # Errors
    /// [`Refused`] where it cannot be read, or what was found cannot be recorded.
    pub async fn watch_workflow(&self, log: &LogName) -> Result<Watched, Refused> {
        let handle = self.handle(log.as_str())?;
        let live = handle.live.load_full();
        let Some(served) = live.in_force.as_ref() else { return Ok(Watched::default()) };
        let mut watched = Watched::default();
        let blind = served.workflow.thresholds.values().any(|t| t.truth == Some(Truth::BlindReview));
        if blind {
            self.miss_audits(&handle, &mut watched).await?;
        }
        let now = self.now();
        let last = handle.assumed_at.load(Ordering::Relaxed);
        if now.as_millis() - last >= ASSUMPTIONS_EVERY_MS {
            watched.assumptions = self.check_assumptions(&handle, served).await?;
            handle.assumed_at.store(now.as_millis(), Ordering::Relaxed);
        }
        Ok(watched)
    }

    /// Audits past their time, oldest first, in commits of some hundreds.
    async fn miss_audits(&self, handle: &Handle, watched: &mut Watched) -> Result<(), Refused> {
        let now = self.now();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let from = after.take();
            let read = self.0.store.read_with(&handle.log, move |view| late_audits(view, from, now));
            let (late, next) = read.await.map_err(not_recorded)?;
            let mut missed = Vec::new();
            for rec in late {
                if let Some(threshold) = self.blind_threshold(handle, &rec).await? {
                    missed.push(self.missed_event(handle, &rec, threshold)?);
                }
            }
            if !missed.is_empty() {
                let (count, revoked) = self.append_missed(handle, missed).await?;
                watched.missed += count;
                watched.revoked = watched.revoked.or(revoked);
            }
            match next {
                Some(key) => after = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// The threshold that a decision passed under, where its truth is a blind review.
    async fn blind_threshold(&self, handle: &Handle, rec: &DecisionRec) -> Result<Option<ElementPath>, Refused> {
        let Some(path) = rec.certificate.as_deref().and_then(|key| key.lines().next()) else { return Ok(None) };
        let path = ElementPath::from(path);
        let served = self.spec_of(handle, rec).await?;
        let truth = served.workflow.thresholds.get(path.name()).and_then(|t| t.truth);
        Ok((truth == Some(Truth::BlindReview)).then_some(path))
    }

    fn missed_event(
        &self,
        handle: &Handle,
        rec: &DecisionRec,
        threshold: ElementPath,
    ) -> Result<(Event, String), Refused> {
        let body = Body::AuditMissed(AuditMissed { decision: rec.decision, threshold });
        let mut event = self.event(&handle.log, Principal::system(), body).map_err(internal)?;
        event.subject.decision = Some(rec.decision);
        event.spec = rec.spec;
        event.release = rec.release;
        Ok((event, rec.certificate.clone().unwrap_or_default()))
    }

    async fn append_missed(
        &self,
        handle: &Handle,
        missed: Vec<(Event, String)>,
    ) -> Result<(u64, Option<EventId>), Refused> {
        let (factory, log, told) = (self.clone(), handle.log.clone(), told_of_alarms(handle));
        let done = self
            .0
            .store
            .transact_with::<_, Refused, _>(&handle.log, move |view| {
                let mut audits = Audits::new(&factory, &log, told);
                let (mut events, mut count, mut revoked) = (Vec::new(), 0, None);
                for (event, certificate) in missed {
                    let Body::AuditMissed(body) = &event.body else { continue };
                    // It may have been answered since it was read.
                    if !is_unanswered(view, body.decision)? {
                        continue;
                    }
                    events.push(event);
                    count += 1;
                    if let Some(alarm) = audits.feed(view, &certificate, true)? {
                        revoked = Some(alarm.id);
                        events.push(alarm);
                    }
                }
                Ok((Batch { events, ..Batch::default() }, (count, revoked)))
            })
            .await;
        settle(done)
    }

    /// Checks the assumptions whose window closed, and those whose answer flipped since.
    async fn check_assumptions(&self, handle: &Handle, served: &Served) -> Result<Vec<(ElementPath, bool)>, Refused> {
        let Some(release) =
            served.release.as_ref().filter(|r| matches!(r.stage, Stage::Pilot | Stage::Production | Stage::Owned))
        else {
            return Ok(Vec::new());
        };
        let mut checked = Vec::new();
        for (name, assumption) in &served.workflow.assumptions {
            let path = ElementPath::from("assumptions").child(name);
            let Some(element) = served.workflow.element(&path) else { continue };
            let about = About { path: path.clone(), element: element.compiled, launched: release.at };
            if let Some(holds) = self.check_assumption(handle, assumption, about).await? {
                checked.push((path, holds));
            }
        }
        Ok(checked)
    }

    /// Records an answer where a window closed or the answer is another than the one before; says what it is then.
    async fn check_assumption(
        &self,
        handle: &Handle,
        assumption: &Assumption,
        about: About,
    ) -> Result<Option<bool>, Refused> {
        let (Some(watch), Some(over)) = (&assumption.watch, assumption.over) else { return Ok(None) };
        let (now, over_ms) = (self.now(), over.signed_millis());
        let key = about.path.clone();
        let read = self
            .0
            .store
            .read_with(&handle.log, move |view| row::<AssumptionRec>(view, "assumption", key.as_str().as_bytes()));
        let last = read.await.map_err(not_recorded)?.filter(|rec| rec.element == about.element);
        let Some(window) = due(last.as_ref(), about.launched, now, over_ms) else { return Ok(None) };
        let metrics = self.metrics(handle.log.as_str(), window.from, window.until).await?;
        // What cannot be evaluated does not hold.
        let holds = holds_on_metrics(&watch.promoted, &metrics).unwrap_or(false);
        if !window.closes && last.as_ref().is_none_or(|rec| rec.holds == holds) {
            return Ok(None);
        }
        let seen = last.map(|rec| rec.event);
        let body = AssumptionChecked {
            assumption: about.path.clone(),
            element: about.element,
            holds,
            from: window.from,
            until: window.until,
            metrics,
        };
        self.append_checked(handle, about.path, body, seen).await?;
        Ok(Some(holds))
    }

    async fn append_checked(
        &self,
        handle: &Handle,
        path: ElementPath,
        body: AssumptionChecked,
        seen: Option<EventId>,
    ) -> Result<(), Refused> {
        let element = body.element;
        let mut event =
            self.event(&handle.log, Principal::system(), Body::AssumptionChecked(body)).map_err(internal)?;
        event.subject.element = Some(path.clone());
        let live = handle.live.load();
        event.spec = live.in_force.as_ref().map(|s| s.workflow.digest);
        event.release = live.in_force.as_ref().and_then(|s| s.release.as_ref()).map(|r| r.release);
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                let now: Option<AssumptionRec> = row(view, "assumption", path.as_str().as_bytes())?;
                if now.filter(|rec| rec.element == element).map(|rec| rec.event) != seen {
                    let message = format!("`{path}` was checked by somebody else meanwhile");
                    return Err(TransactError::Refused(Refused::Conflict { message, now: None }));
                }
                Ok((Batch::of(event), ()))
            })
            .await;
        settle(done)
    }
}

/// Which assumption, as compiled, and since when it is relied on.
struct About {
    path: ElementPath,
    element: Digest,
    launched: Time,
}

/// A window to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    pub(crate) from: Time,
    pub(crate) until: Time,
    /// It is over, and its answer is recorded whatever it is.
    pub(crate) closes: bool,
}

/// The window that is due: the newest one that closed, else the one that ends now, once there is something to compare
/// it with. Windows follow one another from the launch on; of those that passed unseen only the newest is looked at.
pub(crate) fn due(last: Option<&AssumptionRec>, launched: Time, now: Time, over_ms: i64) -> Option<Due> {
    if over_ms <= 0 {
        return None;
    }
    let begins = last.map_or(launched, |rec| rec.until.max(launched));
    let passed = now.millis_since(begins) / over_ms;
    if passed >= 1 {
        let until = begins.plus_millis(passed.saturating_mul(over_ms));
        return Some(Due { from: until.plus_millis(-over_ms), until, closes: true });
    }
    last.map(|_| Due { from: now.plus_millis(-over_ms).max(launched), until: now, closes: false })
}

/// Decisions whose audit is late, oldest first, and the key to go on after.
type Late = (Vec<DecisionRec>, Option<Vec<u8>>);

fn late_audits(view: &dyn View, after: Option<Vec<u8>>, now: Time) -> Result<Late, StoreError> {
    let mut scan = Scan::all(AUDIT_DUE).limit(MISSED_MAX);
    if let Some(key) = after {
        scan = scan.after(key);
    }
    let page = view.scan(&scan)?;
    let limit = audit_due_from(now);
    let due: Vec<&Vec<u8>> =
        page.iter().map(|(key, _)| key).take_while(|key| key.as_slice() < limit.as_slice()).collect();
    let mut late = Vec::new();
    for key in &due {
        let Some(decision) = key.get(8..).and_then(|id| <[u8; 16]>::try_from(id).ok()) else { continue };
        let decision = DecisionId::new(uuid::Uuid::from_bytes(decision));
        if let Some(rec) = row::<DecisionRec>(view, "decision", decision.uuid().as_bytes())?
            && is_unanswered(view, decision)?
        {
            late.push(rec);
        }
    }
    let more = due.len() == page.len() && page.len() >= scan.rows_max();
    Ok((late, due.last().filter(|_| more).map(|key| (*key).clone())))
}

/// Whether nobody answered the audit, and no truth of the decision is counted.
fn is_unanswered(view: &dyn View, decision: DecisionId) -> Result<bool, StoreError> {
    let rec: Option<DecisionRec> = row(view, "decision", decision.uuid().as_bytes())?;
    let Some(rec) = rec.filter(|rec| !rec.is_counted()) else { return Ok(false) };
    let Some(review) = rec.review else { return Ok(false) };
    let review: Option<ReviewRec> = row(view, "review", review.uuid().as_bytes())?;
    Ok(review.is_some_and(|r| r.audit && matches!(r.state, ReviewState::Open | ReviewState::Claimed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const DAY: i64 = 86_400_000;

    fn rec(until: i64) -> AssumptionRec {
        AssumptionRec {
            event: EventId::new(uuid::Uuid::nil()),
            at: Time::from_millis(until),
            element: Digest::of(b""),
            holds: true,
            from: Time::from_millis(until - 7 * DAY),
            until: Time::from_millis(until),
            metrics: BTreeMap::new(),
        }
    }

    fn window(from: i64, until: i64, closes: bool) -> Option<Due> {
        Some(Due { from: Time::from_millis(from), until: Time::from_millis(until), closes })
    }

    #[test]
    fn windows_follow_one_another() {
        let at = |days: i64| Time::from_millis(days * DAY);
        let over = 7 * DAY;
        assert_eq!(due(None, at(0), at(6), over), None, "the first one is not over, and there is nothing to compare");
        assert_eq!(due(None, at(0), at(7), over), window(0, 7 * DAY, true));
        // Between two windows the answer can flip.
        assert_eq!(due(Some(&rec(7 * DAY)), at(0), at(9), over), window(2 * DAY, 9 * DAY, false));
        assert_eq!(due(Some(&rec(7 * DAY)), at(0), at(14), over), window(7 * DAY, 14 * DAY, true));
        // Windows that passed unseen are not made up for.
        assert_eq!(due(Some(&rec(7 * DAY)), at(0), at(30), over), window(21 * DAY, 28 * DAY, true));
        // A new release begins anew.
        assert_eq!(due(Some(&rec(7 * DAY)), at(9), at(10), over), window(9 * DAY, 10 * DAY, false));
        assert_eq!(due(None, at(0), at(7), 0), None);
    }
}
