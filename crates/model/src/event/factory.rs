//! Bodies of the factory's own log, and of every log.

use crate::words::FactoryKind;
use crate::{Digest, LogPoint, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A factory was opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FactoryOpened {
    /// The factory's name, the first part of every log's origin.
    pub factory: String,
    /// Real, or a simulation for ever.
    pub kind: FactoryKind,
}

/// The factory file as it now stands: people, roles, sides, providers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FactoryDeclared {
    /// The blob of `factory.yaml`.
    pub file: Digest,
    /// How many people it names.
    pub people: u64,
    /// Blobs: its own policies, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, Digest>,
    /// Blobs: the directory and rota that the file names, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directory: BTreeMap<String, Digest>,
}

/// What a token may be used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// Calls listed steps and reads its own decisions.
    Caller,
    /// Answers reviews, overrides, audits.
    Reviewer,
    /// A person's own token: everything that the person may do, stop and resume included.
    Operator,
    /// Appends evaluations and nothing else.
    Ci,
}

/// A token was issued. The token itself is a secret; the log holds a random public name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenIssued {
    /// The token's public name, part of the token's text.
    pub token: String,
    /// What it is for.
    pub kind: TokenKind,
    /// Whom it authenticates: a person's id, or a service's name.
    pub principal: String,
    /// The steps a caller may call (`workflow/step`, or `*`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// When it ends.
    pub expires: Time,
}

/// A token was revoked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenRevoked {
    /// The token's public name.
    pub token: String,
}

/// A simulation's clock was moved forward, so that truth can mature within a demo.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClockAdvanced {
    /// By how much, in milliseconds.
    pub by_ms: u64,
}

/// A log was opened: always its entry 0.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogOpened {
    /// `<factory>/<log>`, with `simulation/` before it in a simulation: the checkpoint's origin and the key's name.
    pub origin: String,
    /// The verifier key (C2SP signed note form).
    pub key: String,
    /// The factory's name.
    pub factory: String,
    /// Real or simulation.
    pub kind: FactoryKind,
}

/// A node came back after it had ended without closing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeRecovered {
    /// The newest checkpoint that was signed before.
    pub signed: LogPoint,
    /// How many durable entries came after it.
    pub unsigned_entries: u64,
    /// How many streams it was releasing in windows: what left of them stands in no decision.
    #[serde(default, skip_serializing_if = "crate::event::is_zero")]
    pub streams: u64,
}
