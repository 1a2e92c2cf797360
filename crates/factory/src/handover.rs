//! The handover pack: what a reader without a login can take away.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::standing::Gathered;
use seatrial_governance::ObligationState;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_ledger::dsse::IN_TOTO;
use seatrial_ledger::{Checkpoint, Note};
use seatrial_model::event::PackGenerated;
use seatrial_model::{Body, Digest, EventId, LogName, LogPoint, Logged, Stage};
use seatrial_ownership::{Attested, LogIdentity, ObligationLine, PackInput, PackParts, Statement};
use seatrial_store::{Attest, Batch, ReaderExt as _, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A handover pack before it is sealed. Whoever writes it adds the log as of the checkpoint, and asks for the seal.
#[derive(Clone, Debug)]
pub struct PackDraft {
    /// The workflow's log.
    pub log: LogName,
    /// Its identity as of [`checkpoint`](Self::checkpoint).
    pub identity: LogIdentity,
    /// The signed checkpoint that the pack's log ends at: everything that the page cites is before it.
    pub checkpoint: String,
    /// The checkpoint of the factory's own log, for proofs of the entries that the page cites.
    pub factory_checkpoint: String,
    /// The key of the factory's own log.
    pub factory_key: String,
    /// Page and files, and what is still missing.
    pub parts: PackParts,
    /// The statements as DSSE envelopes, signed with the log's key, by their files' names.
    pub attestations: BTreeMap<String, String>,
    /// The spec that is handed over.
    spec: Digest,
}

/// A workflow's statements, signed with its log's key.
#[derive(Clone, Debug)]
pub struct Attestations {
    /// The workflow's log.
    pub log: LogName,
    /// Its identity as of [`checkpoint`](Self::checkpoint).
    pub identity: LogIdentity,
    /// The signed checkpoint that covers every entry that a statement is about.
    pub checkpoint: String,
    /// Statements and their DSSE envelopes, in the log's order.
    pub signed: Vec<(Statement, String)>,
}

/// A sealed pack.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The event.
    pub event: EventId,
    /// The signed note over the manifest.
    pub seal: String,
}

/// The first line of a pack's seal: the format of the manifest, and its version.
const SEAL_FORMAT: &str = "seatrial-pack/1";

impl Factory {
    /// Makes the handover pack of the newest submitted spec. Nothing is recorded before it is sealed.
    ///
    /// # Errors
    /// [`Refused`]: nothing was made.
    pub async fn draft_pack(&self, caller: &Caller, workflow: &str) -> Result<PackDraft, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_pack(caller, workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let lines = self.obligation_lines(&gathered);
        let ran = self.ran(&handle).await?;
        let curves = self.curves(&handle.log, &gathered.events).await?;
        let blobs = self.named_blobs(&handle.log, &gathered.events).await?;
        let index = self.transfer(workflow, None).await.ok().map(|look| look.index);
        let people = self.delivery_events(&LogName::factory()).await.map_err(not_recorded)?;
        let people = people.into_iter().rev().find(|e| matches!(e.event.body, Body::FactoryDeclared(_)));
        let factory_key = self.log_identity(&LogName::factory()).await?.key;
        // After everything was read: the checkpoints cover all of it.
        let checkpoint = self.0.store.sign_now(&handle.log).await.map_err(not_recorded)?;
        let factory_checkpoint = self.0.store.sign_now(&LogName::factory()).await.map_err(not_recorded)?;
        let now = self.log_identity(&handle.log).await?;
        let verify = now.verify.replace("EXPORT", ".");
        let identity = LogIdentity { point: point(&checkpoint)?, verify, ..now };
        let factory = self.spec();
        let parts = seatrial_ownership::pack_parts(&PackInput {
            workflow: &served.workflow,
            factory: &factory,
            events: &gathered.events,
            people: people.as_ref(),
            obligations: &lines,
            fired: &ran.fired,
            decisions: ran.decisions,
            curves: &curves,
            blobs: &blobs,
            index: index.as_ref(),
            log: &identity,
            now: self.now(),
        });
        let mut attestations = BTreeMap::new();
        for statement in &parts.statements {
            attestations.insert(statement.name.clone(), self.envelope(&handle.log, statement).await?);
        }
        Ok(PackDraft {
            log: handle.log.clone(),
            identity,
            checkpoint,
            factory_checkpoint,
            factory_key,
            parts,
            attestations,
            spec: served.workflow.digest,
        })
    }

    /// Every release, evaluation and approval of a workflow as a statement, signed with the log's key. Nothing is
    /// recorded: a statement follows from its entry, and is made again the same.
    ///
    /// # Errors
    /// [`Refused`]: nothing was made.
    pub async fn attestations(&self, caller: &Caller, workflow: &str) -> Result<Attestations, Refused> {
        let (handle, _) = self.submitted(workflow)?;
        self.may_pack(caller, workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let blobs = self.named_blobs(&handle.log, &events).await?;
        // After everything was read: the checkpoint covers all of it.
        let checkpoint = self.0.store.sign_now(&handle.log).await.map_err(not_recorded)?;
        let identity = LogIdentity { point: point(&checkpoint)?, ..self.log_identity(&handle.log).await? };
        let attested = Attested { workflow, origin: &identity.origin, events: &events, blobs: &blobs };
        let mut signed = Vec::new();
        for statement in seatrial_ownership::statements(&attested) {
            let envelope = self.envelope(&handle.log, &statement).await?;
            signed.push((statement, envelope));
        }
        Ok(Attestations { log: handle.log.clone(), identity, checkpoint, signed })
    }

    async fn envelope(&self, log: &LogName, statement: &Statement) -> Result<String, Refused> {
        let what = Attest::Dsse { payload_type: IN_TOTO.to_owned(), payload: statement.payload.clone() };
        self.0.store.attest(log, what).await.map_err(not_recorded)
    }

    /// Seals a pack that was written, and records it.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn seal_pack(
        &self,
        caller: &Caller,
        workflow: &str,
        draft: &PackDraft,
        manifest: Digest,
    ) -> Result<Sealed, Refused> {
        self.may_pack(caller, workflow)?;
        let note = Attest::Note(format!("{SEAL_FORMAT}\n{}\nmanifest {manifest}\n", draft.identity.origin));
        let seal = self.0.store.attest(&draft.log, note).await.map_err(not_recorded)?;
        let page = draft.parts.page.clone().into_bytes();
        let body = PackGenerated {
            page: Digest::of(&page),
            log: draft.identity.point.clone(),
            missing: draft.parts.missing.iter().map(|gap| gap.obligation.clone()).collect(),
            manifest: Some(manifest),
        };
        let mut event =
            self.event(&draft.log, caller.principal.clone(), Body::PackGenerated(body)).map_err(internal)?;
        event.spec = Some(draft.spec);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![page], ..Batch::default() };
        self.0.store.append(&draft.log, batch).await.map_err(not_recorded)?;
        Ok(Sealed { event: id, seal })
    }

    fn may_pack(&self, caller: &Caller, workflow: &str) -> Result<(), Refused> {
        let (_, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Read, &circumstances)
    }

    /// Production's obligations, and those of the handover after them.
    fn obligation_lines(&self, gathered: &Gathered) -> Vec<ObligationLine> {
        let mut lines: Vec<ObligationLine> = Vec::new();
        for stage in [Stage::Production, Stage::Owned] {
            for state in self.states(gathered, stage) {
                if !lines.iter().any(|l| l.id == state.obligation.id) {
                    lines.push(line(&state, &gathered.events));
                }
            }
        }
        lines
    }

    /// How the obligations of production and of the handover stand: for the mapping to laws and standards.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn obligations_now(&self, workflow: &str) -> Result<Vec<ObligationLine>, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        Ok(self.obligation_lines(&gathered))
    }

    /// Results of evaluations and lists of releases, by their digests.
    async fn named_blobs(&self, log: &LogName, events: &[Logged]) -> Result<BTreeMap<Digest, Vec<u8>>, Refused> {
        let named = |e: &Logged| match &e.event.body {
            Body::EvaluationRecorded(e) => Some(e.results),
            Body::ReleaseCut(r) => Some(r.obligations),
            _ => None,
        };
        let wanted: BTreeSet<Digest> = events.iter().filter_map(named).collect();
        let read = self.0.store.read_with(log, move |view| {
            let mut blobs = BTreeMap::new();
            for digest in wanted {
                blobs.extend(view.blob(&digest)?.map(|bytes| (digest, bytes)));
            }
            Ok(blobs)
        });
        read.await.map_err(not_recorded)
    }

    /// A log's origin, key, size and root.
    ///
    /// # Errors
    /// [`Refused`] where there is no such log.
    pub async fn log_identity(&self, log: &LogName) -> Result<LogIdentity, Refused> {
        let logs = self.0.store.logs().await.map_err(not_recorded)?;
        let info = logs.into_iter().find(|l| l.log == *log);
        let info = info.ok_or_else(|| Refused::NotFound(format!("there is no log `{log}`")))?;
        Ok(LogIdentity {
            origin: info.origin,
            verify: format!("seatrial-verify EXPORT --key '{}'", info.key),
            key: info.key,
            point: LogPoint { size: info.size, root: info.root },
        })
    }

    async fn curves(&self, log: &LogName, events: &[Logged]) -> Result<BTreeMap<Digest, String>, Refused> {
        let wanted: BTreeSet<Digest> = events
            .iter()
            .filter_map(|e| match &e.event.body {
                Body::ThresholdTested(t) => Some(t.certificate.curve),
                _ => None,
            })
            .collect();
        self.0
            .store
            .read_with(log, move |view| {
                let mut curves = BTreeMap::new();
                for digest in wanted {
                    if let Some(text) = view.blob(&digest)?.and_then(|bytes| String::from_utf8(bytes).ok()) {
                        curves.insert(digest, text);
                    }
                }
                Ok(curves)
            })
            .await
            .map_err(not_recorded)
    }
}

/// Size and root of a signed checkpoint.
fn point(checkpoint: &str) -> Result<LogPoint, Refused> {
    let note = Note::parse(checkpoint.as_bytes()).map_err(internal)?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(internal)?;
    Ok(LogPoint { size: checkpoint.size, root: checkpoint.root })
}

fn line(state: &ObligationState, events: &[Logged]) -> ObligationLine {
    let at = |id: &EventId| events.iter().find(|e| e.event.id == *id).map(|e| e.index);
    ObligationLine {
        id: state.obligation.id.clone(),
        title: state.obligation.title.clone(),
        state: state.state.as_str().to_owned(),
        settled: state.state.is_settled(),
        why: state.why.clone(),
        next: state.next.clone(),
        key: state.key,
        events: state.events.iter().filter_map(at).collect(),
    }
}
