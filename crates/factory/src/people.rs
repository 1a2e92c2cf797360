//! The people of the factory: taken from its file whenever that changes, without a restart. What takes rights away holds at
//! once; what adds rights to a real factory waits for the receiving side.

mod look;
mod sso;

pub use look::{Leaving, LosesOf, PersonLook, PersonOf, PersonState};
pub use sso::SsoSubject;

use crate::api::{Caller, Refused};
use crate::factory::{Factory, FactoryFile, OpenError, internal, not_recorded};
use crate::rights::OwnPolicies;
use seatrial_governance::people::{PendingChange, departures, effect, today};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{FactoryDeclared, PeopleApproved, PeopleChanged};
use seatrial_model::{Assurance, Body, Digest, EventId, LogName, Logged, Principal, PrincipalKind, Side, Stage};
use seatrial_spec::workflow::{FactorySpec, Person, RESPONSIBILITIES, people_text};
use seatrial_spec::{MemoryFiles, check_factory, check_factory_with};
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The people as they were taken last.
#[derive(Default)]
pub(crate) struct TakenPeople {
    /// What the files were.
    pub(crate) files: Option<Digest>,
    /// The file as it is, with what waits.
    wanted: Option<FactorySpec>,
    /// What waits.
    pending: Vec<PendingChange>,
}

/// What reading the factory's files again came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reread {
    /// Whether they were others than before.
    pub changed: bool,
    /// What waits for the receiving side.
    pub pending: Vec<PendingChange>,
}

/// What the factory's log says of its people.
struct Recorded {
    declared: Option<FactoryDeclared>,
    /// The people as they hold; none where the log says nothing yet.
    held: Option<Vec<Person>>,
    /// Who was waiting, as it was said last.
    pending: Vec<String>,
    events: Vec<Logged>,
}

impl Factory {
    /// Reads `factory.yaml`, its directory, its rota and its policies again, and takes them where they changed: whoever
    /// left has no rights from then on. Where they have errors, everything stays as it is.
    ///
    /// # Errors
    /// [`OpenError`]: nothing was taken.
    pub async fn reread(&self) -> Result<Reread, OpenError> {
        let file = FactoryFile::read(&self.0.root)?;
        let now = self.spec();
        if (&file.spec.name, file.spec.kind) != (&now.name, now.kind) {
            return Err(OpenError::Another { name: now.name.clone(), was: now.kind });
        }
        if file.spec.store != now.store {
            return Err(OpenError::Other(
                "`factory.yaml` names another store than the one that is open; nothing was taken. Start again"
                    .to_owned(),
            ));
        }
        let policies = OwnPolicies::read(&self.0.root, &file.spec);
        let mut taken = self.0.people.lock().await;
        if taken.files == Some(files_digest(&file, &policies)) {
            return Ok(Reread { changed: false, pending: taken.pending.clone() });
        }
        self.0.policies.store(Arc::new(policies));
        self.take_people(&file, &mut taken).await?;
        // Providers, policies and roles may be others: what is served is put together anew.
        self.load_handles().await?;
        Ok(Reread { changed: true, pending: taken.pending.clone() })
    }

    /// As [`Self::reread`], for whoever goes on all the same: what is wrong is said, and what was taken stays.
    pub async fn reread_or_warn(&self) {
        if let Err(error) = self.reread().await {
            tracing::warn!(%error, "`factory.yaml` was not read again: people and roles stay as they were");
        }
    }

    /// Takes a file: notes it where it is another than the last one noted, and lets of its people hold what may.
    pub(crate) async fn take_people(&self, file: &FactoryFile, taken: &mut TakenPeople) -> Result<(), OpenError> {
        let log = LogName::factory();
        let recorded = self.recorded_people().await?;
        let free = self.adds_freely(recorded.held.as_deref());
        let on = today(&file.spec, self.now());
        let before = recorded.held.clone().unwrap_or_else(|| file.spec.people.clone());
        let got = effect(&before, &file.spec.people, &|_| free, on);
        let pending: Vec<String> = got.pending.iter().map(|p| p.person.clone()).collect();
        let mut events = Vec::new();
        let mut blobs = Vec::new();
        let declared = self.declared(file)?;
        if !matches!((&declared.body, &recorded.declared), (Body::FactoryDeclared(now), Some(last)) if now == last) {
            events.push(declared);
            blobs = self.declared_blobs(file);
        }
        let mut all = recorded.events;
        if got.held != before || pending != recorded.pending {
            let text = people_text(&file.spec.name, &got.held).into_bytes();
            let body = PeopleChanged { held: Digest::of(&text), joined: got.joined, left: got.left, pending };
            let event = self.event(&log, Principal::system(), Body::PeopleChanged(body))?;
            all.push(Logged { index: u64::MAX, event: Arc::new(event.clone()) });
            events.push(event);
            blobs.push(text);
        }
        if !events.is_empty() {
            self.0.store.append(&log, Batch { events, blobs, ..Batch::default() }).await?;
        }
        taken.files = Some(files_digest(file, &self.0.policies.load()));
        taken.pending = got.pending;
        self.take(&file.spec, got.held, &all);
        taken.wanted = Some(file.spec.clone());
        Ok(())
    }

    /// From now on these are the people.
    fn take(&self, file: &FactorySpec, held: Vec<Person>, events: &[Logged]) {
        let spec = FactorySpec { people: held, departures: departures(events), ..file.clone() };
        self.0.spec.store(Arc::new(spec));
    }

    async fn recorded_people(&self) -> Result<Recorded, OpenError> {
        let events = self.delivery_events(&LogName::factory()).await?;
        let (mut declared, mut held, mut pending) = (None, None, Vec::new());
        for logged in &events {
            match &logged.event.body {
                Body::FactoryDeclared(body) => declared = Some(body.clone()),
                Body::PeopleChanged(body) => (held, pending) = (Some(body.held), body.pending.clone()),
                Body::PeopleApproved(body) => {
                    held = Some(body.held);
                    pending.retain(|p| !body.people.contains(p));
                }
                _ => {}
            }
        }
        let held = match (held, &declared) {
            (Some(blob), _) => Some(self.people_of(&self.factory_blob(blob).await?, &BTreeMap::new())?),
            // Nobody's rights were ever changed: they are those of the file that was noted last.
            (None, Some(declared)) => Some(self.declared_people(declared).await?),
            (None, None) => None,
        };
        Ok(Recorded { declared, held, pending, events })
    }

    async fn factory_blob(&self, blob: Digest) -> Result<Vec<u8>, OpenError> {
        let held = self.0.store.blob(&LogName::factory(), blob).await?;
        held.ok_or_else(|| {
            OpenError::Other(format!("the store does not hold `{}`: the people as they were", blob.short()))
        })
    }

    async fn declared_people(&self, declared: &FactoryDeclared) -> Result<Vec<Person>, OpenError> {
        let mut beside = BTreeMap::new();
        for (path, blob) in &declared.directory {
            beside.insert(path.clone(), self.factory_blob(*blob).await?);
        }
        self.people_of(&self.factory_blob(declared.file).await?, &beside)
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn people_of(&self, file: &[u8], beside: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Person>, OpenError> {
        let text = String::from_utf8_lossy(file);
        let read = match beside.is_empty() {
            true => check_factory(&text).0,
            false => check_factory_with(&text, &MemoryFiles(beside.clone())).0,
        };
        let read = read.ok_or_else(|| {
            OpenError::Other(
                "the people as they were noted cannot be read by this version; nothing was opened".to_owned(),
            )
        })?;
        Ok(read.people)
    }

    /// Whether rights are added without anybody's approval: in a simulation, where all is noted and nothing is real; and
    /// before there is anybody who could approve, until the first release.
    fn adds_freely(&self, held: Option<&[Person]>) -> bool {
        if self.is_simulation() {
            return true;
        }
        let roles = self.approving_roles();
        let somebody = held.is_some_and(|people| {
            people.iter().any(|p| p.side == Side::Receiving && p.roles.iter().any(|r| roles.contains_key(r)))
        });
        !somebody && !self.has_released()
    }

    /// The receiving roles of responsibilities, each with a workflow that names it.
    fn approving_roles(&self) -> BTreeMap<String, String> {
        let mut roles = BTreeMap::new();
        for log in self.workflows() {
            let Ok(workflow) = self.shown_spec(log.as_str()) else { continue };
            let all = RESPONSIBILITIES.iter().filter_map(|r| workflow.responsibilities.get(*r)?.receiving.clone());
            roles.extend(all.map(|role| (role, log.to_string())));
        }
        roles
    }

    fn has_released(&self) -> bool {
        let released = |log: &LogName| {
            self.handle(log.as_str()).is_ok_and(|h| {
                let live = h.live.load();
                live.in_force.is_some() || live.retired.is_some() || live.broken.is_some()
            })
        };
        self.workflows().iter().any(released)
    }

    /// What waits for the receiving side, and the digest of what is shown of it.
    ///
    /// # Errors
    /// [`Refused`] where nothing of that name waits.
    pub async fn pending_people(&self, of: &[String]) -> Result<(Vec<PendingChange>, Digest), Refused> {
        let taken = self.0.people.lock().await;
        pending_of(&taken.pending, of)
    }

    /// Approves what adds rights to people: those named, or all who wait.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn approve_people(
        &self,
        caller: &Caller,
        of: &[String],
        seen: Option<Digest>,
    ) -> Result<EventId, Refused> {
        let mut taken = self.0.people.lock().await;
        let (pending, shown) = pending_of(&taken.pending, of)?;
        if seen.is_some_and(|seen| seen != shown) {
            let message = "what waits is another than what was shown".to_owned();
            return Err(Refused::Conflict { message, now: Some(shown.to_string()) });
        }
        let people: BTreeSet<String> = pending.iter().map(|p| p.person.clone()).collect();
        let role = self.may_approve_people(caller, &people)?;
        let wanted = taken.wanted.clone().ok_or_else(|| internal("the factory's file was not taken"))?;
        let recorded = self.recorded_people().await.map_err(internal)?;
        let before = recorded.held.unwrap_or_default();
        let got = effect(&before, &wanted.people, &|id| people.contains(id), today(&wanted, self.now()));
        let text = people_text(&wanted.name, &got.held).into_bytes();
        let body = PeopleApproved {
            people: people.into_iter().collect(),
            shown,
            role,
            held: Digest::of(&text),
            joined: got.joined,
        };
        let log = LogName::factory();
        let event = self.event(&log, caller.principal.clone(), Body::PeopleApproved(body)).map_err(internal)?;
        let id = event.id;
        let mut all = recorded.events;
        all.push(Logged { index: u64::MAX, event: Arc::new(event.clone()) });
        let batch = Batch { events: vec![event], blobs: vec![text], ..Batch::default() };
        self.0.store.append(&log, batch).await.map_err(not_recorded)?;
        taken.pending = got.pending;
        self.take(&wanted, got.held, &all);
        self.load_handles().await.map_err(internal)?;
        Ok(id)
    }

    /// In which role somebody may approve a change of these people: whoever may take on a responsibility of a workflow,
    /// and is none of them. Where the receiving side has nobody left, the independent side does it.
    fn may_approve_people(&self, caller: &Caller, people: &BTreeSet<String>) -> Result<String, Refused> {
        let who = &caller.principal;
        if who.kind != PrincipalKind::Person {
            return Err(Refused::Forbidden("agents and services never approve".to_owned()));
        }
        if people.contains(&who.id) {
            return Err(Refused::Forbidden(format!("`{}` never approves what `{}` is given", who.id, who.id)));
        }
        let roles = self.approving_roles();
        let mut refusal = None;
        for (role, workflow) in roles.iter().filter(|(role, _)| who.has_role(role)) {
            let (_, served) = self.submitted(workflow)?;
            let circumstances = Circumstances {
                stage: Some(Stage::Production),
                role: Some(role.clone()),
                simulation: self.is_simulation(),
                token: caller.token,
                ..Circumstances::default()
            };
            match served.authorize(who, Act::Accept, &circumstances) {
                Ok(()) => return Ok(role.clone()),
                Err(error) => refusal = Some(error),
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let spec = self.spec();
        let on = today(&spec, self.now());
        let left =
            |p: &&Person| p.side == Side::Receiving && p.is_in(on) && p.roles.iter().any(|r| roles.contains_key(r));
        let could: Vec<&str> =
            spec.people.iter().filter(left).map(|p| p.id.as_str()).filter(|id| !people.contains(*id)).collect();
        let sure = who.assurance >= Assurance::Token || self.is_simulation();
        match (who.side, who.roles.first()) {
            (Side::Independent, Some(role)) if could.is_empty() && sure => Ok(role.clone()),
            _ => Err(Refused::Forbidden(match could.is_empty() {
                true => {
                    "the receiving side has nobody left who could approve it: a person of the independent side does, \
                         with a token of their own"
                        .to_owned()
                }
                false => format!("people are approved by the receiving side; these could: {}", could.join(", ")),
            })),
        }
    }

    /// The keys that people sign with, as they hold: in the form of `factory.yaml`.
    pub(crate) async fn people_file(&self) -> Result<Vec<u8>, Refused> {
        let recorded = self.recorded_people().await.map_err(internal)?;
        let plain = recorded.declared.as_ref().filter(|d| d.directory.is_empty()).map(|d| d.file);
        let changed =
            recorded.events.iter().any(|e| matches!(e.event.body, Body::PeopleChanged(_) | Body::PeopleApproved(_)));
        match plain {
            Some(file) if !changed => self.factory_blob(file).await.map_err(internal),
            _ => {
                let held = recorded.held.ok_or_else(|| internal("the factory's file was never recorded"))?;
                Ok(people_text(&self.spec().name, &held).into_bytes())
            }
        }
    }
}

fn pending_of(all: &[PendingChange], of: &[String]) -> Result<(Vec<PendingChange>, Digest), Refused> {
    if let Some(unknown) = of.iter().find(|id| !all.iter().any(|p| p.person == **id)) {
        let shown = seatrial_model::Untrusted::new(unknown.as_str()).terminal(80);
        return Err(Refused::NotFound(format!("nothing that is given to `{shown}` waits for an approval")));
    }
    let pending: Vec<PendingChange> = all.iter().filter(|p| of.is_empty() || of.contains(&p.person)).cloned().collect();
    if pending.is_empty() {
        return Err(Refused::NotFound("no change of the people waits for an approval".to_owned()));
    }
    let shown = Digest::of_canonical(&pending).map_err(internal)?;
    Ok((pending, shown))
}

fn files_digest(file: &FactoryFile, policies: &OwnPolicies) -> Digest {
    let parts = (Digest::of(&file.bytes), file.directory(), policies.blobs().1);
    Digest::of_canonical(&parts).unwrap_or_else(|_| Digest::of(&file.bytes))
}
