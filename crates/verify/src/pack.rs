//! A handover pack: a folder whose every file stands in a manifest that the log's own key has sealed, with the log
//! inside, and a page whose citations lead to entries of that log.

mod cited;
mod manifest;
mod report;

pub use manifest::{FORMAT, MANIFEST, MANIFEST_BYTES_MAX, Manifest, ManifestError, ManifestFile, SEAL};
pub use report::PackVerified;

use crate::check::{Trust, verify};
use crate::folder::Folder;
use crate::source::{Source, SourceError};
use cited::{Cited, Of, cited};
use seatrial_ledger::dsse::Envelope;
use seatrial_ledger::note::NOTE_BYTES_MAX;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::tlog_proof::TlogProof;
use seatrial_ledger::{TILE_WIDTH, TilePath, TileTree, VerifierKey, bundle, leaf_hash};
use seatrial_model::{Body, Digest, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The folder of the log's export.
pub const LOG: &str = "log";
/// The page.
pub const PAGE: &str = "index.html";
/// The file with the log's key, as the pack says it.
pub const KEY: &str = "KEY";
/// The folder with the signed statements.
pub const ATTESTATIONS: &str = "attestations";
/// The folder with the cited entries of the factory's own log, each with its proof, and that log's key.
pub const FACTORY_LOG: &str = "factory-log";

/// Whether a folder is meant as a pack: it has a manifest.
#[must_use]
pub fn is_pack(dir: &Path) -> bool {
    dir.join(MANIFEST).symlink_metadata().is_ok()
}

/// Checks a pack: its seal, every file, the log within, the signed statements, and each citation of its page.
///
/// # Errors
/// Only where there is no such folder. Whatever else is wrong is a problem in the report.
pub fn verify_pack(dir: &Path, trust: &Trust) -> Result<PackVerified, SourceError> {
    let folder = Folder::open(dir)?;
    let mut report = PackVerified::default();
    let manifest = read_manifest(&folder, &mut report);
    let log = Folder::open(dir.join(LOG));
    match &log {
        Ok(log) => report.log = verify(log, trust),
        Err(e) => report.problem(LOG, e.reason.clone()),
    }
    let events = log.as_ref().map(|log| Entries { log, size: report.log.size });
    let keys = keys(trust, &report, events.as_ref().ok());
    if let Some(manifest) = &manifest {
        check_seal(&folder, manifest, &keys, &mut report);
        check_files(&folder, manifest, &mut report);
    }
    check_attestations(&folder, &keys, &mut report);
    check_key_file(&folder, &keys, &mut report);
    if let Ok(entries) = &events {
        check_citations(&folder, entries, &mut report);
    }
    report.finish();
    Ok(report)
}

fn read_manifest(folder: &Folder, report: &mut PackVerified) -> Option<Manifest> {
    let read = folder.read(MANIFEST, MANIFEST_BYTES_MAX).map_err(|e| e.reason);
    let parsed = read.and_then(|bytes| {
        let bytes = bytes.ok_or("there is none")?;
        report.manifest = Some(Digest::of(&bytes));
        Manifest::parse(&bytes).map_err(|e| e.to_string())
    });
    parsed.map_err(|what| report.problem(MANIFEST, format!("{what}; no file was compared"))).ok()
}

/// The keys that the log was signed with: the one that the auditor brought (or the log names), and those that it was
/// handed on to, as entries of the verified log say.
fn keys(trust: &Trust, report: &PackVerified, entries: Option<&Entries<'_>>) -> Vec<VerifierKey> {
    let first = trust.key.clone().or_else(|| report.log.key.parse().ok());
    let mut keys: Vec<VerifierKey> = first.into_iter().collect();
    if !report.log.verified {
        return keys;
    }
    keys.extend(report.log.key.parse::<VerifierKey>());
    for event in entries.into_iter().flat_map(Entries::all) {
        if let Body::LogKeyRotated(rotated) = &event.body
            && keys.iter().any(|key| key.to_string() == rotated.old)
        {
            keys.extend(rotated.new.parse::<VerifierKey>());
        }
    }
    keys
}

fn check_seal(folder: &Folder, manifest: &Manifest, keys: &[VerifierKey], report: &mut PackVerified) {
    let sealed = match folder.read(SEAL, NOTE_BYTES_MAX as u64) {
        Ok(Some(seal)) => manifest.check_seal(&seal, &report.log.origin, keys).map_err(|e| e.to_string()),
        Ok(None) => Err("there is none: nobody vouches for this pack".to_owned()),
        Err(e) => Err(e.reason),
    };
    match sealed {
        Ok(by) => report.sealed_by = by,
        Err(what) => report.problem(SEAL, what),
    }
}

/// Every file of the manifest is there as it says, and no other.
fn check_files(folder: &Folder, manifest: &Manifest, report: &mut PackVerified) {
    let listed = match folder.files() {
        Ok(listed) => listed,
        Err(e) => return report.problem(e.place, e.reason),
    };
    let known = |path: &String| path == MANIFEST || path == SEAL || manifest.file(path).is_some();
    for extra in listed.iter().filter(|path| !known(path)) {
        report.problem(extra.as_str(), "it is not in the manifest: it was added");
    }
    for file in manifest.files() {
        match folder.bytes(&file.path) {
            Ok(Some(bytes)) if bytes.len() as u64 == file.bytes && Digest::of(&bytes) == file.digest => {
                report.files += 1;
                report.bytes += file.bytes;
            }
            Ok(Some(_)) => report.problem(file.path.as_str(), "it is not what the manifest says: it was changed"),
            Ok(None) => report.problem(file.path.as_str(), "it is missing: it was removed"),
            Err(e) => report.problem(file.path.as_str(), e.reason),
        }
    }
}

fn check_attestations(folder: &Folder, keys: &[VerifierKey], report: &mut PackVerified) {
    let places = match folder.list(ATTESTATIONS) {
        Ok(places) => places,
        Err(e) => return report.problem(e.place, e.reason),
    };
    for place in places {
        let signed = folder.bytes(&place).ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let signed = signed.is_some_and(|e: Envelope| keys.iter().any(|key| e.verify(key).is_ok()));
        if signed {
            report.attestations += 1;
        } else {
            report.problem(place, "no signature in it is by the log's key");
        }
    }
}

/// The pack's own word on its key is the key that it was checked with.
fn check_key_file(folder: &Folder, keys: &[VerifierKey], report: &mut PackVerified) {
    let said = folder.read(KEY, NOTE_BYTES_MAX as u64).ok().flatten();
    let said = said.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    if !keys.iter().any(|key| key.to_string() == said.trim_end()) {
        report.problem(KEY, "it is not the key that the log was checked with");
    }
}

/// The entries of the log in the pack.
struct Entries<'a> {
    log: &'a Folder,
    size: u64,
}

impl Entries<'_> {
    fn tile(&self, n: u64) -> Vec<Vec<u8>> {
        let width = width_at(self.size, 0, n);
        let read = self.log.tile(TilePath { tree: TileTree::Entries, n, width }).ok().flatten();
        let entries = read.as_deref().and_then(|bytes| bundle::decode(bytes).ok());
        entries.unwrap_or_default().into_iter().map(<[u8]>::to_vec).collect()
    }

    fn all(&self) -> impl Iterator<Item = Event> + '_ {
        let tiles = (0..self.size.div_ceil(TILE_WIDTH as u64)).flat_map(|n| self.tile(n));
        tiles.filter_map(|leaf| serde_json::from_slice(&leaf).ok())
    }

    /// The ids of the events at these entries.
    fn ids(&self, wanted: impl Iterator<Item = u64>) -> BTreeMap<u64, String> {
        let mut by_tile: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for index in wanted.filter(|index| *index < self.size) {
            by_tile.entry(index / TILE_WIDTH as u64).or_default().insert(index);
        }
        let mut found = BTreeMap::new();
        for (n, indexes) in by_tile {
            let entries = self.tile(n);
            for index in indexes {
                let leaf = usize::try_from(index % TILE_WIDTH as u64).ok().and_then(|at| entries.get(at));
                let event = leaf.and_then(|leaf| serde_json::from_slice::<Event>(leaf).ok());
                found.extend(event.map(|event| (index, event.id.to_string())));
            }
        }
        found
    }
}

/// Every link of the page leads to an entry that it lists, and every entry listed is that event in the log.
fn check_citations(folder: &Folder, entries: &Entries<'_>, report: &mut PackVerified) {
    let page = folder.bytes(PAGE).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(page) = page else { return report.problem(PAGE, "the page is missing, or is no text") };
    let Cited { links, rows, damaged } = cited(&page);
    for what in damaged {
        report.problem(PAGE, what);
    }
    for (of, index) in links.iter().filter(|link| !rows.contains_key(link)) {
        report.problem(PAGE, format!("it cites the entry {index} of {}, and does not list it", log_of(*of)));
    }
    let own = rows.keys().filter(|(of, _)| *of == Of::Workflow).map(|(_, index)| *index);
    let ids = entries.ids(own);
    for ((of, index), said) in &rows {
        let there = match of {
            Of::Workflow => ids.get(index).cloned().ok_or_else(|| "the log has no such entry".to_owned()),
            Of::Factory => factory_entry(folder, *index),
        };
        match there {
            Ok(id) if id == *said => report.citations += 1,
            Ok(id) => {
                report.problem(
                    PAGE,
                    format!("it says that the entry {index} of {} is `{said}`; it is `{id}`", log_of(*of)),
                );
            }
            Err(what) => report.problem(PAGE, format!("the entry {index} of {} was not found: {what}", log_of(*of))),
        }
    }
}

const fn log_of(of: Of) -> &'static str {
    match of {
        Of::Workflow => "the log",
        Of::Factory => "the factory's log",
    }
}

/// An entry of the factory's log by its proof: the one entry that is cited, and nothing else of that log.
fn factory_entry(folder: &Folder, index: u64) -> Result<String, String> {
    let read = |name: String| {
        let place = format!("{FACTORY_LOG}/{name}");
        folder.bytes(&place).map_err(|e| e.reason)?.ok_or_else(|| format!("`{place}` is missing"))
    };
    let key = String::from_utf8(read(KEY.to_owned())?).map_err(|_| "its key is no text".to_owned())?;
    let key: VerifierKey = key.trim_end().parse().map_err(|_| "its key is none".to_owned())?;
    let leaf = read(format!("{index}.json"))?;
    let proof = TlogProof::parse(&read(format!("{index}.tlog-proof"))?).map_err(|e| e.to_string())?;
    if proof.index != index {
        return Err("the proof is of another entry".to_owned());
    }
    proof.verify(&leaf_hash(&leaf), &key).map_err(|e| e.to_string())?;
    serde_json::from_slice::<Event>(&leaf).map(|event| event.id.to_string()).map_err(|_| "it is no event".to_owned())
}
