//! The log's key changes hands: the old key names the new one, an entry says so, and the first checkpoint over that entry
//! is signed by both.

use crate::api::{Caller, Refused};
use crate::drills::{Done, Drilled};
use crate::ending::responsible_role;
use crate::factory::{Factory, internal, not_recorded};
use crate::reviews::settle;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_ledger::{Checkpoint, Note, Rotation, VerifierKey};
use seatrial_model::event::LogKeyRotated;
use seatrial_model::{Body, EventId, LogName, LogPoint, PrincipalKind, Side};
use seatrial_store::{Attest, Batch, Seed, StoreError, StoreExt as _};
use serde::Serialize;
use std::time::Instant;

/// How a log's key is to be rotated.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The id of the person under whom the new key is.
    pub holder: String,
    /// Its seed; without it one is drawn and kept in the store.
    pub seed: Option<Seed>,
    /// Only exercised; the key is in force all the same.
    pub drill: bool,
}

/// A key that was followed by another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyRotated {
    /// The event.
    pub event: EventId,
    /// The log.
    pub log: LogName,
    /// The verifier key until now.
    pub old: String,
    /// The verifier key from now on.
    pub new: String,
    /// Under whom it is.
    pub holder: String,
    /// The checkpoint over the entry, signed by both.
    pub point: LogPoint,
}

impl Factory {
    /// Has a log signed by another key from the next checkpoint on.
    ///
    /// # Errors
    /// [`Refused`]: the key stays as it is. Where the entry was recorded and the checkpoint could not be signed, the new key
    /// is in force, and signs with the old one as soon as the disk lets it.
    pub async fn rotate_key(&self, caller: &Caller, log: &LogName, key: NewKey) -> Result<KeyRotated, Refused> {
        self.may_rotate(caller, log, &key)?;
        let store = &self.0.store;
        let old = self.log_key(log).await?;
        let shown = Note::parse(store.sign_now(log).await.map_err(not_recorded)?.as_bytes()).map_err(internal)?;
        let shown = Checkpoint::parse(shown.text()).map_err(internal)?;
        let point = LogPoint { size: shown.size, root: shown.root };
        let new = store.stage_key(log, key.seed).await.map_err(refused)?;
        let holder = key.holder;
        let rotation = Rotation { old: &old, new: &new, holder: &holder, point: &point };
        let text = rotation.statement().map_err(|e| Refused::Invalid(e.to_string()))?.text().to_owned();
        let signed = store.attest(log, Attest::Note(text)).await.map_err(not_recorded)?;
        let signed = Note::parse(signed.as_bytes()).map_err(internal)?;
        let line = signed.signatures().first().map(ToString::to_string).unwrap_or_default();
        rotation.verify(&line).map_err(internal)?;
        let body =
            LogKeyRotated { old: old.clone(), new: new.clone(), holder: holder.clone(), point, line, drill: key.drill };
        let mut event = self.event(log, caller.principal.clone(), Body::LogKeyRotated(body)).map_err(internal)?;
        event.people = self.people_point().await.map_err(not_recorded)?;
        let id = event.id;
        // The store itself refuses where another rotation came first.
        let done = store.transact_with::<(), Refused, _>(log, move |_| Ok((Batch::of(event), ()))).await;
        settle(done)?;
        let note = store.sign_now(log).await.map_err(not_recorded)?;
        let point = signed_by(&note, [&old, &new])?;
        Ok(KeyRotated { event: id, log: log.clone(), old, new, holder, point })
    }

    /// The rotation as a drill, on the log itself: what is exercised is what a handover needs. The time is that of the
    /// whole, to the checkpoint by both keys.
    ///
    /// # Errors
    /// As [`rotate_key`](Self::rotate_key).
    pub async fn drill_key_rotation(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        holder: Option<String>,
    ) -> Result<(KeyRotated, Drilled), Refused> {
        let name = self.name_of(workflow)?;
        let (handle, served) = self.submitted(&name)?;
        served.authorize(&caller.principal, Act::Drill, &self.rotating(caller))?;
        let began = Instant::now();
        let holder = holder.unwrap_or_else(|| caller.principal.id.clone());
        let rotated = self.rotate_key(caller, &handle.log, NewKey { holder, seed: None, drill: true }).await?;
        let effective_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let done = Done { control: "key-rotation", effective_ms, events: vec![rotated.event], ..Done::default() };
        let drilled = self.drilled(caller, &handle, &served, done).await?;
        Ok((rotated, drilled))
    }

    fn rotating(&self, caller: &Caller) -> Circumstances {
        Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() }
    }

    /// A person of the receiving side puts the key under one of theirs.
    fn may_rotate(&self, caller: &Caller, log: &LogName, key: &NewKey) -> Result<(), Refused> {
        let principal = &caller.principal;
        if principal.kind != PrincipalKind::Person || principal.side != Side::Receiving {
            let who = &principal.id;
            return Err(Refused::Forbidden(format!(
                "the key of `{log}` was not rotated by `{who}`: only a person of the receiving side takes a log's key over"
            )));
        }
        if *log != LogName::factory() {
            let (_, served) = self.submitted(log.as_str())?;
            let circumstances = Circumstances { role: responsible_role(caller, &served), ..self.rotating(caller) };
            served.authorize(principal, Act::EndRights, &circumstances)?;
        }
        let spec = self.spec();
        match spec.person(&key.holder) {
            Some(person) if person.side == Side::Receiving => Ok(()),
            Some(_) => Err(Refused::Invalid(format!(
                "`{}` is not of the receiving side, so the log's key was not put under them; name somebody who is",
                key.holder
            ))),
            None => Err(Refused::Invalid(format!(
                "`factory.yaml` names no person `{}`, so nobody would hold the key; nothing was rotated",
                seatrial_model::Untrusted::new(key.holder.as_str()).terminal(80)
            ))),
        }
    }

    /// The verifier key of a log.
    pub(crate) async fn log_key(&self, log: &LogName) -> Result<String, Refused> {
        let logs = self.0.store.logs().await.map_err(not_recorded)?;
        let found = logs.into_iter().find(|info| info.log == *log).map(|info| info.key);
        found.ok_or_else(|| Refused::NotFound(format!("there is no log `{log}`")))
    }
}

/// A key that the store does not take is the caller's.
fn refused(error: StoreError) -> Refused {
    match error {
        StoreError::Key { what, .. } => Refused::Invalid(what),
        other => not_recorded(other),
    }
}

/// The point of a checkpoint that both keys signed.
fn signed_by(note: &str, keys: [&String; 2]) -> Result<LogPoint, Refused> {
    let mut point = None;
    for key in keys {
        let key: VerifierKey = key.parse().map_err(internal)?;
        let (checkpoint, _) = Checkpoint::open(note.as_bytes(), &key).map_err(internal)?;
        point = Some(LogPoint { size: checkpoint.size, root: checkpoint.root });
    }
    point.ok_or_else(|| internal("no key signed"))
}
