//! The end of the delivery side's rights: said by the receiving side, counted down, and in force at its time without
//! anybody's doing. From then on the delivery side may only read, and its tokens are revoked.

use crate::api::{Caller, Refused};
use crate::approve::newest;
use crate::clock::FactoryClock;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served, row, rows};
use crate::project::{DELIVERY, RIGHTS, RightsRec, TokenRec};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::status::LiveToken;
use seatrial_model::event::{RightsEnded, RightsKept, TokenKind, TokenRevoked};
use seatrial_model::{Body, EventId, LogName, Principal, Side, Stage, Time};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// When the rights of the delivery side in one workflow end; every spec of the workflow that is served shares it.
pub(crate) struct Rights {
    /// In milliseconds since 1970; the greatest number: they do not end.
    from: AtomicI64,
    clock: Arc<FactoryClock>,
}

impl Rights {
    pub(crate) fn new(clock: Arc<FactoryClock>) -> Self {
        Self { from: AtomicI64::new(i64::MAX), clock }
    }

    pub(crate) fn set(&self, rec: Option<&RightsRec>) {
        self.from.store(rec.map_or(i64::MAX, |rec| rec.from.as_millis()), Ordering::Release);
    }

    /// Whether they have ended by now.
    pub(crate) fn ended(&self) -> bool {
        self.clock.now().as_millis() >= self.from.load(Ordering::Acquire)
    }

    /// The circumstances with what the clock adds to them. Everything that asks the policies goes through here, so that no
    /// use case can forget it.
    pub(crate) fn apply<'c>(&self, principal: &Principal, circumstances: &'c Circumstances) -> Cow<'c, Circumstances> {
        if principal.side == Side::Delivery && self.ended() {
            return Cow::Owned(Circumstances { ended: true, ..circumstances.clone() });
        }
        Cow::Borrowed(circumstances)
    }
}

/// How the rights of the delivery side end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RightsLook {
    /// The event that says so.
    pub event: EventId,
    /// Who said it.
    pub by: String,
    /// When it was said.
    pub at: Time,
    /// From when on.
    pub from: Time,
    /// Whether that time has come.
    pub ended: bool,
    /// How long until then, in milliseconds; none where it has come.
    pub left_ms: Option<u64>,
    /// Tokens of the delivery side that are revoked with it, by their public names.
    pub tokens: Vec<String>,
}

impl RightsLook {
    fn of(rec: RightsRec, now: Time) -> Self {
        let left = rec.from.millis_since(now);
        Self {
            event: rec.event,
            by: rec.by,
            at: rec.at,
            from: rec.from,
            ended: left <= 0,
            left_ms: u64::try_from(left).ok().filter(|ms| *ms > 0),
            tokens: rec.tokens,
        }
    }
}

impl Factory {
    /// Says when the rights of the delivery side in a workflow end. Until then it counts down and can be taken back; at that
    /// time they are gone, and the tokens named in the event with them.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded. The time lies in the past, or they end already.
    pub async fn end_rights(
        &self,
        caller: &Caller,
        workflow: &str,
        from: Time,
        reason: &str,
    ) -> Result<RightsLook, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_end_rights(caller, &served)?;
        need_reason(reason)?;
        let now = self.now();
        if from < now {
            return Err(Refused::Invalid(format!(
                "`{from}` has passed, and nothing is ended for what is past; name a time from now on"
            )));
        }
        if let Some(rec) = self.rights_rec(&handle.log).await? {
            return Err(Refused::Conflict {
                message: format!(
                    "the rights of the delivery side end on {} already, said by `{}`; `seatrial handover keep-rights` takes that back",
                    rec.from, rec.by
                ),
                now: None,
            });
        }
        let elsewhere = self.delivering_elsewhere(&handle.log).await?;
        // Whoever delivers elsewhere goes on there, and needs a token for it; here it only reads from then on.
        let tokens = if elsewhere.is_empty() { self.delivery_tokens().await? } else { Vec::new() };
        let tokens = tokens.into_iter().map(|t| t.token).collect();
        let body = Body::RightsEnded(RightsEnded { side: Side::Delivery, from, tokens });
        self.say_of_rights(caller, &handle, &served, body, reason).await?;
        let rec = self.rights_rec(&handle.log).await?;
        rec.map(|rec| RightsLook::of(rec, now)).ok_or_else(|| internal("the end of the rights was not kept"))
    }

    /// Takes the end of the delivery side's rights back; after its time that gives them again. Revoked tokens stay revoked.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn keep_rights(&self, caller: &Caller, workflow: &str, reason: &str) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_end_rights(caller, &served)?;
        need_reason(reason)?;
        let rec = self.rights_rec(&handle.log).await?.ok_or_else(|| Refused::Conflict {
            message: "the rights of the delivery side do not end: there is nothing to take back".to_owned(),
            now: None,
        })?;
        let body = Body::RightsKept(RightsKept { ended: rec.event });
        self.say_of_rights(caller, &handle, &served, body, reason).await
    }

    /// How the rights of the delivery side in a workflow end; none where they do not.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn rights_of(&self, workflow: &str) -> Result<Option<RightsLook>, Refused> {
        let handle = self.handle(workflow)?;
        let rec = self.rights_rec(&handle.log).await?;
        Ok(rec.map(|rec| RightsLook::of(rec, self.now())))
    }

    async fn say_of_rights(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        body: Body,
        reason: &str,
    ) -> Result<EventId, Refused> {
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let texts = vec![("reason".to_owned(), reason.trim().as_bytes().to_vec())];
        let event = self.judged(caller, &handle.log, served, body, Vec::new(), texts, newest(&events)).await?;
        self.load_rights(&handle.log).await.map_err(not_recorded)?;
        Ok(event)
    }

    fn may_end_rights(&self, caller: &Caller, served: &Served) -> Result<(), Refused> {
        let circumstances = Circumstances {
            stage: Some(Stage::Owned),
            role: responsible_role(caller, served),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::EndRights, &circumstances)
    }

    pub(crate) async fn rights_rec(&self, log: &LogName) -> Result<Option<RightsRec>, Refused> {
        let read = self.0.store.read_with(log, |view| row(view, RIGHTS, DELIVERY)).await;
        match read {
            Ok(rec) => Ok(rec),
            Err(StoreError::NoLog(_)) => Ok(None),
            Err(error) => Err(not_recorded(error)),
        }
    }

    /// Reads from the store when the rights end, for everything that asks the policies.
    pub(crate) async fn load_rights(&self, log: &LogName) -> Result<Arc<Rights>, StoreError> {
        let rec: Option<RightsRec> = match self.0.store.read_with(log, |view| row(view, RIGHTS, DELIVERY)).await {
            Ok(rec) => rec,
            Err(StoreError::NoLog(_)) => None,
            Err(error) => return Err(error),
        };
        let rights = self.shared_rights(log);
        rights.set(rec.as_ref());
        Ok(rights)
    }

    /// Refuses what somebody of the delivery side does after the end of its rights, where no policy is asked.
    pub(crate) fn still_has_rights(&self, principal: &Principal, log: &LogName) -> Result<(), Refused> {
        if principal.side == Side::Delivery && self.shared_rights(log).ended() {
            return Err(Refused::Forbidden(format!(
                "nothing was done for `{}`: the rights of the delivery side in this workflow have ended, it may only read",
                principal.id
            )));
        }
        Ok(())
    }

    /// The live tokens of people of the delivery side.
    pub(crate) async fn delivery_tokens(&self) -> Result<Vec<LiveToken>, Refused> {
        let now = self.now();
        let spec = self.spec();
        let of_delivery = |id: &str| spec.person(id).is_some_and(|p| p.side == Side::Delivery);
        let all = self.all_tokens().await?;
        let live = all.into_iter().filter(|(_, rec)| {
            let personal = matches!(rec.kind, TokenKind::Reviewer | TokenKind::Operator);
            personal && !rec.revoked && rec.expires > now && of_delivery(&rec.principal)
        });
        Ok(live.map(|(token, rec)| LiveToken { token, principal: rec.principal, expires: rec.expires }).collect())
    }

    async fn all_tokens(&self) -> Result<Vec<(String, TokenRec)>, Refused> {
        let read = |view: &dyn seatrial_store::View| {
            let mut all: Vec<(String, TokenRec)> = Vec::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let mut scan = Scan::all("token");
                if let Some(key) = after.take() {
                    scan = scan.after(key);
                }
                let page: Vec<(Vec<u8>, TokenRec)> = rows(view, &scan)?;
                let full = page.len() >= scan.rows_max();
                after = page.last().map(|(key, _)| key.clone());
                all.extend(page.into_iter().map(|(key, rec)| (String::from_utf8_lossy(&key).into_owned(), rec)));
                if !full {
                    return Ok(all);
                }
            }
        };
        self.0.store.read_with(&LogName::factory(), read).await.map_err(not_recorded)
    }

    /// Other workflows in which the rights of the delivery side do not end. One that is retired is none.
    pub(crate) async fn delivering_elsewhere(&self, log: &LogName) -> Result<Vec<String>, Refused> {
        let mut out = Vec::new();
        for other in self.workflows().into_iter().filter(|other| other != log) {
            let retired = self.handle(other.as_str())?.live.load().retired.is_some();
            if !retired && self.rights_rec(&other).await?.is_none() {
                out.push(other.to_string());
            }
        }
        Ok(out)
    }

    /// Until when a token of the delivery side may live: the latest end of its rights, where they end in every workflow.
    pub(crate) async fn delivery_until(&self) -> Result<Option<Time>, Refused> {
        let mut latest: Option<Time> = None;
        for log in self.workflows() {
            if self.handle(log.as_str())?.live.load().retired.is_some() {
                continue;
            }
            match self.rights_rec(&log).await? {
                Some(rec) => latest = Some(latest.map_or(rec.from, |l| l.max(rec.from))),
                None => return Ok(None),
            }
        }
        Ok(latest)
    }

    /// Revokes the tokens of the delivery side whose time has come: never before it, and each once.
    ///
    /// # Errors
    /// [`Refused`] where the store fails; the next look tries again.
    pub(crate) async fn end_tokens(&self) -> Result<Vec<String>, Refused> {
        let Some(until) = self.delivery_until().await? else { return Ok(Vec::new()) };
        if self.now() < until {
            return Ok(Vec::new());
        }
        let log = LogName::factory();
        let mut ended = BTreeSet::new();
        for live in self.delivery_tokens().await? {
            let body = Body::TokenRevoked(TokenRevoked { token: live.token.clone() });
            let event = self.event(&log, Principal::system(), body).map_err(internal)?;
            let revoked = self.0.store.append(&log, Batch::of(event)).await;
            self.0.tokens.forget();
            revoked.map_err(not_recorded)?;
            self.0.store.secret_delete("token", &live.token).await.map_err(not_recorded)?;
            ended.insert(live.token);
        }
        Ok(ended.into_iter().collect())
    }
}

/// A responsible role of the spec that the caller holds; the first of the spec's where they hold none, so that the refusal
/// says for whom it is.
pub(crate) fn responsible_role(caller: &Caller, served: &Served) -> Option<String> {
    let roles: BTreeSet<&String> =
        served.workflow.responsibilities.values().filter_map(|r| r.receiving.as_ref()).collect();
    let held = roles.iter().find(|role| caller.principal.has_role(role));
    held.or_else(|| roles.first()).map(|role| (*role).clone())
}

fn need_reason(reason: &str) -> Result<(), Refused> {
    if reason.trim().is_empty() {
        return Err(Refused::Invalid("a reason is missing: those who come after read it".to_owned()));
    }
    Ok(())
}
