//! Approvals that people signed with their own SSH keys.

use crate::report::Verified;
use crate::source::Source;
use seatrial_ledger::ssh::{self, SshKey};
use seatrial_model::event::ApprovalGiven;
use seatrial_model::{ApprovalStatement, Assurance, Body, Digest, Event, SIGNATURE_NAMESPACE};
use std::collections::{BTreeMap, HashMap};

/// The most directories that are remembered: each is another version of the factory's file.
const DIRECTORIES_MAX: usize = 64;

/// The keys of each person, as one version of the factory's file lists them.
type Directory = BTreeMap<String, Vec<SshKey>>;

/// What is known of signatures so far.
#[derive(Default)]
pub(super) struct Signatures {
    directories: HashMap<Digest, Directory>,
    /// The statements that were signed, with the entry of each.
    seen: HashMap<Digest, u64>,
}

impl Signatures {
    /// Checks the signature of an approval, where it has one or says that it has.
    pub(super) fn visit<S: Source + ?Sized>(
        &mut self,
        (index, place): (u64, &str),
        event: &Event,
        origin: &str,
        source: &S,
        report: &mut Verified,
    ) {
        let Body::ApprovalGiven(given) = &event.body else { return };
        report.approvals += 1;
        match (&given.signature, event.actor.assurance) {
            (None, Assurance::Signed) => {
                report.problem(place, "its giver is told as `signed`, and it carries no signature");
            }
            (None, _) => {}
            (Some(_), _) => match self.check((index, event, given), origin, source) {
                Ok(()) => report.approvals_signed += 1,
                Err(why) => report.problem(place, format!("its signature does not count: {why}")),
            },
        }
    }

    fn check<S: Source + ?Sized>(
        &mut self,
        (index, event, given): (u64, &Event, &ApprovalGiven),
        origin: &str,
        source: &S,
    ) -> Result<(), String> {
        let blob = |digest: Option<Digest>, what: &str| {
            let digest = digest.ok_or_else(|| format!("the event names no {what}"))?;
            let bytes =
                source.blob(&digest).map_err(|e| e.to_string())?.ok_or_else(|| format!("the {what} is not held"))?;
            // The check of blobs says it of its own file; here it must not count either.
            if Digest::of(&bytes) == digest { Ok((digest, bytes)) } else { Err(format!("the {what} is another")) }
        };
        let statement = ApprovalStatement::of(event, origin).ok_or("it is not over exactly one obligation")?;
        let statement = statement.bytes().map_err(|e| e.to_string())?;
        let (_, signature) = blob(given.signature, "signature")?;
        let (digest, file) = blob(given.directory, "factory's file")?;
        if !self.directories.contains_key(&digest) {
            if self.directories.len() >= DIRECTORIES_MAX {
                self.directories.clear();
            }
            self.directories.insert(digest, directory(&file)?);
        }
        let keys = self.directories.get(&digest).and_then(|d| d.get(&event.actor.id));
        let keys = keys.ok_or_else(|| format!("the factory's file of then names no person `{}`", event.actor.id))?;
        ssh::verify(keys, SIGNATURE_NAMESPACE, &statement, &signature).map_err(|e| e.to_string())?;
        match self.seen.insert(Digest::of(&statement), index) {
            None => Ok(()),
            Some(first) => Err(format!("it was given once, for entry {first}, and stands here a second time")),
        }
    }
}

/// The people and keys of a factory's file. What is no key is none, whatever stands there.
fn directory(file: &[u8]) -> Result<Directory, String> {
    let text = std::str::from_utf8(file).map_err(|_| "the factory's file of then is not UTF-8")?;
    let (factory, _, _) = seatrial_spec::check_factory(text);
    let factory = factory.ok_or("the factory's file of then cannot be read")?;
    let keys = |keys: &[String]| keys.iter().filter_map(|key| SshKey::parse(key).ok()).collect();
    Ok(factory.people.iter().map(|p| (p.id.clone(), keys(&p.keys))).collect())
}
