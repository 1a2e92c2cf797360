//! Witnesses are asked to cosign the log's checkpoints. What they answer is verified, recorded, and kept with the
//! checkpoint; that one cannot be reached is told, and stops nothing.

use crate::api::Refused;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::rows;
use crate::project::{WITNESS, WitnessRec};
use seatrial_governance::status::Cosigned;
use seatrial_ledger::{AddCheckpoint, Checkpoint, Note, NoteSignature, Tile, TileReader, VerifierKey, proof};
use seatrial_model::event::CheckpointCosigned;
use seatrial_model::{Body, Digest, LogName, LogPoint, Principal, Time};
use seatrial_spec::workflow::Witness;
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreError, StoreExt as _, View};
use serde::Serialize;
use std::collections::BTreeMap;

/// After a failure a witness is asked again this soon: it may be back, and a day is long.
const RETRY_MS: i64 = 5 * 60 * 1_000;

/// How often a witness that knows the log at another size than we thought is asked again, with that one.
const SIZES_TRIED_MAX: usize = 3;

/// What became of asking one witness.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Asked {
    /// Its name in `factory.yaml`.
    pub witness: String,
    /// What it cosigned; none where it did not.
    pub point: Option<LogPoint>,
    /// When, in seconds since 1970, by its own clock.
    pub time_s: Option<u64>,
    /// Why it did not.
    pub error: Option<String>,
}

/// How a witness stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WitnessLook {
    /// Its name in `factory.yaml`.
    pub witness: String,
    /// Its verifier key.
    pub key: String,
    /// Who holds the key.
    pub side: seatrial_model::Side,
    /// Where it answers.
    pub url: String,
    /// What it cosigned last.
    pub point: Option<LogPoint>,
    /// When, by our clock.
    pub at: Option<Time>,
    /// When it will be asked again at the latest.
    pub due: Time,
}

/// A cosignature that was verified.
struct Line {
    signature: NoteSignature,
    time_s: u64,
}

/// A checkpoint as it is shown to witnesses: the log's own signatures.
struct Shown {
    checkpoint: Checkpoint,
    note: Note,
    point: LogPoint,
}

impl Shown {
    fn of(note: &str) -> Result<Self, Refused> {
        let signed = Note::parse(note.as_bytes()).map_err(internal)?;
        let checkpoint = Checkpoint::parse(signed.text()).map_err(internal)?;
        let mut note = Note::new(signed.text()).map_err(internal)?;
        let own = signed.signatures().iter().filter(|s| s.name == checkpoint.origin);
        own.for_each(|signature| note.add(signature.clone()));
        let point = LogPoint { size: checkpoint.size, root: checkpoint.root };
        Ok(Self { checkpoint, note, point })
    }
}

impl Factory {
    /// Asks every witness to cosign the log as it stands, records what they answer, and keeps their signatures with the
    /// newest checkpoint.
    ///
    /// # Errors
    /// [`Refused`] where the log cannot be read or an answer cannot be recorded. A witness that does not cosign is no error.
    pub async fn witness_now(&self, log: &LogName) -> Result<Vec<Asked>, Refused> {
        let witnesses = self.spec().witnesses.clone();
        self.ask_witnesses(log, &witnesses).await
    }

    /// Asks the witnesses whose time has come, of every log; in the background, and at most every few minutes where one
    /// fails. What became of them is told; nothing waits for it.
    pub async fn witness_due(&self) -> Vec<(LogName, Asked)> {
        let mut all = Vec::new();
        if self.spec().witnesses.is_empty() {
            return all;
        }
        for log in self.workflows().into_iter().chain([LogName::factory()]) {
            match self.witness_due_of(&log).await {
                Ok(asked) => all.extend(asked.into_iter().map(|asked| (log.clone(), asked))),
                Err(error) => tracing::warn!(workflow = log.as_str(), %error, "its witnesses could not be asked"),
            }
        }
        for (log, asked) in &all {
            if let Some(error) = &asked.error {
                tracing::warn!(workflow = log.as_str(), witness = asked.witness, error, "a witness did not cosign");
            }
        }
        all
    }

    async fn witness_due_of(&self, log: &LogName) -> Result<Vec<Asked>, Refused> {
        let looks = self.witnesses(log).await?;
        let now = self.now();
        let due: Vec<Witness> = {
            let tried = self.0.witnesses_tried.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let spec = self.spec();
            let waits = |name: &str| {
                tried.get(&(log.clone(), name.to_owned())).is_some_and(|at| now.millis_since(*at) < RETRY_MS)
            };
            let due = looks.iter().filter(|l| l.due <= now && !waits(&l.witness)).map(|l| l.witness.as_str());
            due.filter_map(|name| spec.witnesses.iter().find(|w| w.name == name).cloned()).collect()
        };
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.ask_witnesses(log, &due).await?;
        let mut tried = self.0.witnesses_tried.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for asked in &asked {
            let key = (log.clone(), asked.witness.clone());
            match asked.error {
                Some(_) => tried.insert(key, now),
                None => tried.remove(&key),
            };
        }
        Ok(asked)
    }

    /// The witnesses of a log, and what they cosigned last.
    ///
    /// # Errors
    /// [`Refused`] where the log cannot be read.
    pub async fn witnesses(&self, log: &LogName) -> Result<Vec<WitnessLook>, Refused> {
        let known = self.witness_recs(log).await?;
        let now = self.now();
        let look = |witness: &Witness| {
            let rec = known.get(&witness.key);
            // At half its time: one failure leaves as long again to try.
            let half = witness.every.signed_millis() / 2;
            WitnessLook {
                witness: witness.name.clone(),
                key: witness.key.clone(),
                side: witness.side,
                url: witness.url.clone(),
                point: rec.map(|rec| rec.point.clone()),
                at: rec.map(|rec| rec.at),
                due: rec.map_or(now, |rec| rec.at.plus_millis(half)),
            }
        };
        Ok(self.spec().witnesses.iter().map(look).collect())
    }

    async fn witness_recs(&self, log: &LogName) -> Result<BTreeMap<String, WitnessRec>, Refused> {
        let read =
            |view: &dyn View| -> Result<Vec<(Vec<u8>, WitnessRec)>, StoreError> { rows(view, &Scan::all(WITNESS)) };
        let found = match self.0.store.read_with(log, read).await {
            Ok(found) => found,
            Err(StoreError::NoLog(_)) => Vec::new(),
            Err(error) => return Err(not_recorded(error)),
        };
        Ok(found.into_iter().map(|(key, rec)| (String::from_utf8_lossy(&key).into_owned(), rec)).collect())
    }

    /// The newest cosignatures, for readiness. A simulation's clock runs ahead of its witnesses': there our own counts.
    pub(crate) async fn cosigned(&self, log: &LogName) -> Result<Vec<Cosigned>, Refused> {
        let simulation = self.is_simulation();
        let at = |rec: &WitnessRec| {
            let theirs = i64::try_from(rec.time_s).unwrap_or(i64::MAX).saturating_mul(1_000);
            if simulation { rec.at } else { rec.at.min(Time::from_millis(theirs)) }
        };
        let known = self.witness_recs(log).await?;
        Ok(known.into_iter().map(|(witness, rec)| Cosigned { at: at(&rec), witness }).collect())
    }

    async fn ask_witnesses(&self, log: &LogName, witnesses: &[Witness]) -> Result<Vec<Asked>, Refused> {
        let known = self.witness_recs(log).await?;
        let shown = Shown::of(&self.0.store.sign_now(log).await.map_err(not_recorded)?)?;
        let (mut all, mut events, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for witness in witnesses {
            let old = known.get(&witness.key).map_or(0, |rec| rec.point.size);
            let asked = self.ask(log, witness, &shown, old).await;
            let (point, time_s, error) = match asked {
                Ok(line) => {
                    let body = CheckpointCosigned {
                        point: shown.point.clone(),
                        witness: witness.key.clone(),
                        side: witness.side,
                        time_s: line.time_s,
                        line: line.signature.to_string(),
                    };
                    let body = Body::CheckpointCosigned(body);
                    events.push(self.event(log, Principal::system(), body).map_err(internal)?);
                    again.push(witness);
                    (Some(shown.point.clone()), Some(line.time_s), None)
                }
                Err(error) => (None, None, Some(error)),
            };
            all.push(Asked { witness: witness.name.clone(), point, time_s, error });
        }
        if !events.is_empty() {
            self.0.store.append(log, Batch { events, ..Batch::default() }).await.map_err(not_recorded)?;
            self.keep_newest_cosigned(log, &again, shown.point.size).await?;
        }
        Ok(all)
    }

    /// The record itself made the log longer: the checkpoint over it is cosigned too, and its signatures are kept with it,
    /// so that an export carries them. What fails here fails nothing: the record stands.
    async fn keep_newest_cosigned(&self, log: &LogName, witnesses: &[&Witness], old: u64) -> Result<(), Refused> {
        let shown = Shown::of(&self.0.store.sign_now(log).await.map_err(not_recorded)?)?;
        let mut lines = Vec::new();
        for witness in witnesses {
            match self.ask(log, witness, &shown, old).await {
                Ok(line) => lines.push(line.signature),
                Err(error) => {
                    tracing::warn!(%log, witness = witness.name, error, "the newest checkpoint was not cosigned")
                }
            }
        }
        let kept = self.0.store.add_cosignatures(log, shown.point, lines).await.map_err(not_recorded)?;
        if !kept {
            tracing::debug!(%log, "the log grew while its witnesses were asked: the next checkpoint is without them");
        }
        Ok(())
    }

    /// Asks one witness, and verifies what it answers.
    async fn ask(&self, log: &LogName, witness: &Witness, shown: &Shown, old: u64) -> Result<Line, String> {
        let key: VerifierKey = witness.key.parse().map_err(|e| format!("its `key` in factory.yaml is none: {e}"))?;
        let url = format!("{}/add-checkpoint", witness.url);
        let mut old = old;
        for _ in 0..SIZES_TRIED_MAX {
            let size = shown.checkpoint.size;
            if old > size {
                return Err(format!(
                    "it has cosigned this log at {old} entries, and the log has {size}: the log was cut, or is an old copy"
                ));
            }
            let read = move |view: &dyn View| Ok(proof::consistency(&ViewTiles(view), old, size));
            let proof =
                self.0.store.read_with(log, read).await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
            let body = AddCheckpoint { old, proof, note: shown.note.clone() }.to_string().into_bytes();
            let answer = self.0.providers.add_checkpoint(&url, body).await?;
            match answer.status {
                200 => return verified(&answer.body, &shown.note, &key),
                409 => match size_of(&answer.body).filter(|size| *size != old) {
                    Some(size) => old = size,
                    None => return Err("it knows another history of the log at the same size (409)".to_owned()),
                },
                status => return Err(objection(status, &answer.body)),
            }
        }
        Err("it names another size each time it is asked (409)".to_owned())
    }
}

/// The witness's line among what it answered.
fn verified(answer: &[u8], note: &Note, key: &VerifierKey) -> Result<Line, String> {
    let text = std::str::from_utf8(answer).map_err(|_| "its answer is not UTF-8")?;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let signature = NoteSignature::parse(line).map_err(|e| format!("its answer is no signature: {e}"))?;
        if signature.name != key.name() || signature.id != key.id() {
            continue;
        }
        let mut signed = Note::new(note.text()).map_err(|e| e.to_string())?;
        signed.add(signature.clone());
        let good =
            signed.verify(std::slice::from_ref(key)).map_err(|e| format!("its cosignature does not hold: {e}"))?;
        let time_s = good.first().and_then(|good| good.time_s).ok_or("its cosignature says no time")?;
        return Ok(Line { signature, time_s });
    }
    Err("its answer has no signature by its key in factory.yaml".to_owned())
}

/// The size in an answer of 409.
fn size_of(body: &[u8]) -> Option<u64> {
    std::str::from_utf8(body).ok()?.trim_end().parse().ok()
}

fn objection(status: u16, body: &[u8]) -> String {
    let said = seatrial_model::Untrusted::new(String::from_utf8_lossy(body).trim()).terminal(200);
    let what = match status {
        404 => "it does not know the log: give it the log's key with `seatrial witness run --log`",
        403 => "it does not know the key that signed the checkpoint: after a rotation it is given both",
        422 => {
            "it objects that the log does not extend what it cosigned before: history was rewritten, or its record is another log's"
        }
        _ => "it did not cosign",
    };
    format!("{what} ({status}: {said})")
}

/// The tiles of a log, for proofs.
pub(crate) struct ViewTiles<'v>(pub(crate) &'v dyn View);

impl TileReader for ViewTiles<'_> {
    fn tile(&self, level: u8, n: u64, _width: u16) -> Result<Vec<Digest>, String> {
        let bytes = self.0.tile(level, n).map_err(|e| e.to_string())?.ok_or("there is no such tile")?;
        Tile::from_bytes(level, n, &bytes).map(|tile| tile.hashes).map_err(|e| e.to_string())
    }
}
