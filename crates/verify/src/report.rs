//! What the verifier found, for people and for programs.

use seatrial_model::{Digest, Time, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most problems that are listed: an export made to be wrong everywhere still ends.
pub const PROBLEMS_MAX: usize = 1_000;

/// The most characters of one problem that are shown.
const SHOWN_CHARS: usize = 600;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// A file of the export's layout, an entry, or both.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Where the key came from that the checkpoint was checked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOrigin {
    /// The auditor brought it.
    Given,
    /// The log itself names it: whoever wrote the log could have made it.
    SelfAsserted,
}

/// A witness that cosigned the newest checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Witness {
    /// Its name.
    pub name: String,
    /// When it did, in seconds since 1970; none for a plain signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<u64>,
}

/// What became of the payloads that events commit to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Payloads {
    /// Held, and opening their commitment.
    pub held: u64,
    /// Not held, and an event says that those of their case were erased.
    pub erased: u64,
    /// Not held, and no event says why: left out of the export, or erased without a word.
    pub absent: u64,
}

/// What was verified, what was recomputed, and what stands on somebody's word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verified {
    /// Whether everything that was checked is in order.
    pub verified: bool,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Whether there are more problems than are listed.
    pub more_problems: bool,
    /// The log, as its checkpoint names it.
    pub origin: String,
    /// How many entries the signed tree has.
    pub size: u64,
    /// The signed root over them; none where no checkpoint was accepted.
    pub root: Option<Digest>,
    /// The key that the checkpoint was checked with.
    pub key: String,
    /// Where that key came from.
    pub key_origin: KeyOrigin,
    /// The key in force by now: the same, or the one that follows it in the log.
    pub newest_key: String,
    /// How often the log's key was followed by another, by an entry that the one before signed.
    pub rotations: u64,
    /// The first entry that the holder of the key does not vouch for: the log was restored there without its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched: Option<u64>,
    /// Cosignatures of witnesses in the log, each of which holds.
    pub cosigned: u64,
    /// The witnesses that the auditor knows and that cosigned.
    pub witnesses: Vec<Witness>,
    /// Whether the factory is a simulation.
    pub simulation: bool,
    /// Earlier checkpoints that this log extends.
    pub earlier_checkpoints: u64,
    /// Blobs that are held, each as its digest says.
    pub blobs: u64,
    /// Payloads.
    pub payloads: Payloads,
    /// Approvals in the log.
    pub approvals: u64,
    /// Of these, signed with a key of the person's own, as the factory's file recorded with them lists it.
    pub approvals_signed: u64,
    /// Statements of others whose signature was checked again, from the envelope.
    #[serde(skip_serializing_if = "is_none")]
    pub attestations: u64,
    /// Decisions in the log.
    pub decisions: u64,
    /// Decisions whose verdict, action and reasons recompute from their facts and the spec in force.
    pub verdicts_recomputed: u64,
    /// Decisions whose findings recompute from the payloads still held.
    pub findings_recomputed: u64,
    /// Decisions whose findings do not recompute because their payloads are not held.
    pub findings_not_held: u64,
    /// Decisions whose findings were made by another version of the checks: not compared.
    pub other_engine: u64,
    /// Facts on trust, by their source: decisions that rest on them.
    pub on_trust: BTreeMap<String, u64>,
    /// Files of no kind that the verifier knows, which it did not check.
    pub not_checked: Vec<String>,
}

impl Default for Verified {
    fn default() -> Self {
        Self {
            verified: false,
            problems: Vec::new(),
            more_problems: false,
            origin: String::new(),
            size: 0,
            root: None,
            key: String::new(),
            key_origin: KeyOrigin::SelfAsserted,
            newest_key: String::new(),
            rotations: 0,
            vouched: None,
            cosigned: 0,
            witnesses: Vec::new(),
            simulation: false,
            earlier_checkpoints: 0,
            blobs: 0,
            payloads: Payloads::default(),
            approvals: 0,
            approvals_signed: 0,
            attestations: 0,
            decisions: 0,
            verdicts_recomputed: 0,
            findings_recomputed: 0,
            findings_not_held: 0,
            other_engine: 0,
            on_trust: BTreeMap::new(),
            not_checked: Vec::new(),
        }
    }
}

impl Verified {
    /// Adds a problem, up to [`PROBLEMS_MAX`].
    pub(crate) fn problem(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { place: place.into(), what: what.into() });
        } else {
            self.more_problems = true;
        }
    }

    /// Whether no more problems are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.more_problems
    }

    /// As indented JSON, for programs.
    ///
    /// # Errors
    /// Where serialising fails, which it does not for this type.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// For people, on a terminal. Whatever came from the export is shown with its control characters made visible.
    #[must_use]
    pub fn human(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_human(&mut out);
        out
    }

    fn write_human(&self, out: &mut String) -> std::fmt::Result {
        let shown = |text: &str| Untrusted::new(text).terminal(SHOWN_CHARS);
        if self.simulation {
            writeln!(out, "SIMULATION: this log is of a simulated factory; nothing in it happened to anybody")?;
        }
        match self.root {
            Some(root) => writeln!(out, "log       {}, {} entries, root {root}", shown(&self.origin), self.size)?,
            None => writeln!(out, "log       no checkpoint was accepted")?,
        }
        if !self.key.is_empty() {
            let note = match self.key_origin {
                KeyOrigin::Given => "",
                KeyOrigin::SelfAsserted => "  (self-asserted key: give the log's key with --key)",
            };
            writeln!(out, "key       {}{note}", shown(&self.key))?;
        }
        if !self.newest_key.is_empty() && self.newest_key != self.key {
            writeln!(out, "          now {}, by {} rotation(s) in the log", shown(&self.newest_key), self.rotations)?;
        }
        if let Some(index) = self.vouched {
            writeln!(out, "          restored without its key at entry {index}: what follows is self-asserted")?;
        }
        if self.root.is_some() {
            self.write_counts(out)?;
        }
        for place in self.not_checked.iter().take(20) {
            writeln!(out, "not checked: `{}` is of no kind that is known here", shown(place))?;
        }
        if self.not_checked.len() > 20 {
            writeln!(out, "not checked: {} more files", self.not_checked.len() - 20)?;
        }
        for problem in &self.problems {
            writeln!(out, "PROBLEM   {}: {}", shown(&problem.place), shown(&problem.what))?;
        }
        if self.more_problems {
            writeln!(out, "PROBLEM   more than {PROBLEMS_MAX} problems: the rest is not listed")?;
        }
        writeln!(out, "{}", if self.verified { "VERIFIED" } else { "NOT VERIFIED" })
    }

    fn write_counts(&self, out: &mut String) -> std::fmt::Result {
        for witness in &self.witnesses {
            let name = Untrusted::new(witness.name.as_str()).terminal(SHOWN_CHARS);
            match witness.time_s {
                Some(time_s) => writeln!(out, "witness   {name}, {}", shown_time(time_s))?,
                None => writeln!(out, "witness   {name}")?,
            }
        }
        if self.cosigned > 0 {
            writeln!(out, "witnessed {} cosignature(s) in the log, by keys as the log has them", self.cosigned)?;
        }
        writeln!(out, "extends   {} earlier checkpoints", self.earlier_checkpoints)?;
        writeln!(out, "blobs     {} held", self.blobs)?;
        let Payloads { held, erased, absent } = self.payloads;
        writeln!(out, "payloads  {held} held, {erased} erased, {absent} not here")?;
        writeln!(
            out,
            "approvals {}, {} signed with the person's own key (keys as the log has them), the rest attested by the operator",
            self.approvals, self.approvals_signed
        )?;
        if self.attestations > 0 {
            writeln!(
                out,
                "attestations {}, each signature checked again (keys as the log has them)",
                self.attestations
            )?;
        }
        writeln!(out, "decisions {}", self.decisions)?;
        writeln!(out, "  verdicts recomputed from their facts: {}", self.verdicts_recomputed)?;
        writeln!(
            out,
            "  findings recomputed from payloads: {} ({} without payloads, {} by another engine)",
            self.findings_recomputed, self.findings_not_held, self.other_engine
        )?;
        if self.on_trust.is_empty() {
            return writeln!(out, "  facts on trust: none");
        }
        let sources: Vec<String> =
            self.on_trust.iter().map(|(s, n)| format!("{} {n}", Untrusted::new(s).terminal(80))).collect();
        writeln!(out, "  facts on trust, by source: {}", sources.join(", "))
    }
}

/// Seconds since 1970, for people.
pub(crate) fn shown_time(time_s: u64) -> Time {
    Time::from_millis(i64::try_from(time_s).unwrap_or(i64::MAX).saturating_mul(1_000))
}

#[cfg(test)]
mod tests;
