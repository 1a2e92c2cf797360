//! Signed statements by themselves: a file, the keys that count, and what it has to be about. Nothing else is needed.

use seatrial_ledger::attestation::{self, Attested, ENVELOPE_BYTES_MAX};
use seatrial_model::{ATTESTOR_KEY_BYTES_MAX, AttestorKey, Digest, Untrusted};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The most subjects that are listed; the rest are counted.
const SUBJECTS_SHOWN: usize = 20;
/// The most characters of a name or a type that are shown.
const SHOWN_CHARS: usize = 300;

/// The most characters of a line.
const LINE_CHARS_MAX: usize = 1_000;

/// How much of a subject is read at once: it may be an image of gigabytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// What one file came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Statement {
    /// The file.
    pub file: String,
    /// Whether it is in order.
    pub verified: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The id of the key whose signature is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The type of the predicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// The first of its subjects.
    pub subjects: Vec<Subject>,
    /// How many subjects it has.
    pub subjects_total: u64,
    /// The digest that was asked for, and is among its subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<Digest>,
}

/// One subject of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Subject {
    /// What it is called: the signer's word.
    pub name: String,
    /// Its SHA-256; none where it has another digest only.
    pub sha256: Option<Digest>,
}

impl Statement {
    /// Checks an envelope: a signature by one of the keys, a statement, and that it is about the subject where one is asked for.
    #[must_use]
    pub fn check(file: &str, envelope: &[u8], keys: &[AttestorKey], about: Option<Digest>) -> Self {
        let mut out = Self {
            file: file.to_owned(),
            verified: false,
            problem: None,
            key: None,
            predicate: None,
            subjects: Vec::new(),
            subjects_total: 0,
            about: None,
        };
        match attestation::open(envelope, keys) {
            Ok(attested) => out.found(&attested, about),
            Err(error) => out.problem = Some(error.to_string()),
        }
        out.verified = out.problem.is_none();
        out
    }

    fn found(&mut self, attested: &Attested, about: Option<Digest>) {
        let clip = |text: &str| text.chars().take(SHOWN_CHARS).collect::<String>();
        let statement = &attested.statement;
        self.key = Some(attested.key.id());
        self.predicate = Some(clip(&statement.predicate_type));
        self.subjects_total = statement.subject.len() as u64;
        let first = statement.subject.iter().take(SUBJECTS_SHOWN);
        self.subjects = first.map(|s| Subject { name: clip(&s.name), sha256: s.sha256() }).collect();
        match about {
            Some(digest) if statement.is_about(&digest) => self.about = Some(digest),
            Some(digest) => self.problem = Some(format!("it is not about `{digest}`")),
            None => {}
        }
    }

    /// For people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut out = match &self.problem {
            Some(problem) => vec![format!("{}: NOT verified: {problem}", self.file)],
            None => vec![format!("{}: verified", self.file)],
        };
        if let (Some(key), Some(predicate)) = (self.key, &self.predicate) {
            out.push(format!("  signed by  {key}"));
            out.push(format!("  predicate  {predicate}"));
        }
        for subject in &self.subjects {
            let digest = subject.sha256.map_or_else(|| "no SHA-256".to_owned(), |d| d.to_string());
            let asked = if self.about.is_some() && subject.sha256 == self.about { ", as asked" } else { "" };
            out.push(format!("  about      {digest} {}{asked}", subject.name));
        }
        let more = self.subjects_total.saturating_sub(self.subjects.len() as u64);
        if more > 0 {
            out.push(format!("  about      {more} more"));
        }
        out.iter().map(|line| Untrusted::new(line.as_str()).terminal(LINE_CHARS_MAX)).collect()
    }
}

/// A key: the text itself, or the file that holds it.
///
/// # Errors
/// What is wrong with it.
pub fn key_of(text: &str, place: impl Fn(&str) -> PathBuf) -> Result<AttestorKey, String> {
    let as_text = match text.parse() {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let path = place(text);
    let Ok(file) = File::open(&path) else { return Err(as_text.to_string()) };
    let bytes = bounded(file, ATTESTOR_KEY_BYTES_MAX).map_err(|why| format!("`{}` {why}", path.display()))?;
    String::from_utf8_lossy(&bytes).parse().map_err(|e| format!("`{}`: {e}", path.display()))
}

/// The bytes of an envelope.
///
/// # Errors
/// Why it cannot be read.
pub fn read_envelope(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| format!("`{}` cannot be read ({e})", path.display()))?;
    bounded(file, ENVELOPE_BYTES_MAX).map_err(|why| format!("`{}` {why}", path.display()))
}

/// The SHA-256 of a file, whatever its size.
///
/// # Errors
/// Why it cannot be read.
pub fn subject_of(path: &Path) -> Result<Digest, String> {
    let unread = |e: std::io::Error| format!("`{}` cannot be read ({e})", path.display());
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(unread)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(unread)?;
        match buffer.get(..read) {
            Some([]) | None => break,
            Some(bytes) => hasher.update(bytes),
        }
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

fn bounded(file: File, max: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    // One more than is allowed shows that there is more, whatever the file says of its size.
    let read = file.take(max as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| format!("cannot be read ({e})"))?;
    if out.len() > max { Err(format!("has more than {max} bytes")) } else { Ok(out) }
}
