//! From text to a questionnaire, or to everything that is wrong with it.

use super::weigh::{Nothing, Support, Weakness, support};
use super::{
    ARTIFACTS_MAX, About, Answer, Artifact, ArtifactKind, Claim, FIRST_LINE, Found, Kind, LINE_CHARS_MAX, QUESTIONS,
    Question, Questionnaire, TEXT_CHARS_MAX, VERSION, question,
};
use seatrial_model::{Day, Digest, ElementPath};
use seatrial_spec::check::reader::{Fields, Reader};
use seatrial_spec::diagnostic::did_you_mean;
use seatrial_spec::yaml::{Core, Node};
use seatrial_spec::{Code, Diagnostic, FileError, Sources};
use std::collections::BTreeMap;
use std::ops::Range;

/// Looks at the files that answers name. Asked only for relative paths without `..`; whoever implements it refuses what
/// leaves the folder by other ways, such as symbolic links.
pub trait Artifacts {
    /// The digest of a file.
    ///
    /// # Errors
    /// [`FileError`], which counts as: nobody can open it.
    fn digest(&self, path: &str) -> Result<Digest, FileError>;
}

/// No file can be looked at: every one named is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Artifacts for NoFiles {
    fn digest(&self, _: &str) -> Result<Digest, FileError> {
        Err(FileError::NotFound)
    }
}

/// What reading one file came to.
#[derive(Clone, Debug)]
pub struct Read {
    /// The questionnaire, where nothing keeps it from loading.
    pub questionnaire: Option<Questionnaire>,
    /// Everything that was found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The text that diagnostics point into.
    pub sources: Sources,
}

/// The name that a text goes by while it is read.
const FILE: &str = "questionnaire.yaml";
/// How many ids of unanswered questions a finding names.
const NAMED_MAX: usize = 6;

/// Reads a questionnaire; `label` is how diagnostics name it.
#[must_use]
pub fn read(label: &str, text: &str, files: &dyn Artifacts) -> Read {
    let mut reading = Reading { r: Reader::new(FILE, text), files };
    let root = reading.r.yaml(text, FIRST_LINE);
    let questionnaire = root.and_then(|root| reading.whole(&root)).filter(|_| !reading.r.has_errors());
    let (mut diagnostics, _) = reading.r.finish();
    for d in &mut diagnostics {
        label.clone_into(&mut d.place.file);
        for other in &mut d.others {
            label.clone_into(&mut other.file);
        }
    }
    let mut sources = Sources::default();
    sources.insert(label, text);
    Read { questionnaire, diagnostics, sources }
}

struct Reading<'f> {
    r: Reader,
    files: &'f dyn Artifacts,
}

impl Reading<'_> {
    fn whole(&mut self, root: &Node) -> Option<Questionnaire> {
        let mut fields = self.r.fields(root)?;
        self.version(&mut fields);
        let about = fields.need(&mut self.r, "about").and_then(|node| self.about(node));
        let date = about.as_ref().map(|a| a.date);
        let node = fields.get("answers");
        let head = fields.head();
        fields.done(&mut self.r);
        let answers = self.answers(node, date);
        let open: Vec<&str> = QUESTIONS.iter().map(|q| q.id).filter(|id| !answers.contains_key(*id)).collect();
        if !open.is_empty() {
            let more = if open.len() > NAMED_MAX { ", …" } else { "" };
            let named = open.iter().take(NAMED_MAX).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
            let message = format!("{} of {} questions have no answer: {named}{more}", open.len(), QUESTIONS.len());
            self.r.find(Code::Unanswered, head, message).warns(None).done();
        }
        Some(Questionnaire { about: about?, answers })
    }

    fn version(&mut self, fields: &mut Fields<'_>) {
        let Some(node) = fields.need(&mut self.r, "seatrial-questionnaire") else { return };
        let known = i64::try_from(VERSION).is_ok_and(|v| node.as_scalar().is_some_and(|s| s.core == Core::Int(v)));
        if !known {
            let message = format!("{} is not a version of the questionnaire that is understood", node.described());
            self.r.find(Code::BadVersion, node.range.clone(), message).help(format!("write `{FIRST_LINE}`")).done();
        }
    }

    fn about(&mut self, node: &Node) -> Option<About> {
        let mut fields = self.r.fields(node)?;
        let name = fields.need(&mut self.r, "name").and_then(|n| self.line(n));
        let kinds = Kind::ALL.map(|k| (k.as_str(), k));
        let kind = fields.need(&mut self.r, "kind").and_then(|n| self.r.word(n, &kinds));
        let date = fields.need(&mut self.r, "date").and_then(|n| self.r.day(n));
        let answered_by = fields.need(&mut self.r, "answered_by").and_then(|n| self.line(n));
        fields.done(&mut self.r);
        Some(About { name: name?, kind: kind?, date: date?, answered_by: answered_by? })
    }

    fn answers(&mut self, node: Option<&Node>, date: Option<Day>) -> BTreeMap<String, Answer> {
        let mut answers = BTreeMap::new();
        let Some(node) = node.filter(|n| !n.is_null()) else { return answers };
        let Some(entries) = node.as_map() else {
            let message = format!("a mapping of questions to answers is wanted here, found {}", node.described());
            self.r.find(Code::WrongKind, node.range.clone(), message).done();
            return answers;
        };
        for entry in entries {
            let Some(question) = question(&entry.key) else {
                let help = did_you_mean(&entry.key, QUESTIONS.iter().map(|q| q.id));
                let shown: String = entry.key.chars().take(60).collect();
                let message = format!("there is no question `{shown}`");
                self.r.find(Code::UnknownQuestion, entry.key_range.clone(), message).maybe_help(help).done();
                continue;
            };
            if let Some(answer) = self.answer(question, &entry.value, &entry.key_range, date) {
                answers.insert(question.id.to_owned(), answer);
            }
        }
        answers
    }

    fn answer(&mut self, question: &Question, node: &Node, key: &Range<usize>, date: Option<Day>) -> Option<Answer> {
        let mut fields = self.r.fields(node)?;
        let claims = Claim::ALL.map(|c| (c.as_str(), c));
        let claim = fields.need(&mut self.r, "claim").and_then(|n| self.r.word(n, &claims));
        let text = fields.get("text").filter(|n| !n.is_null()).and_then(|n| self.capped(n, TEXT_CHARS_MAX));
        let list = fields.get("artifacts").filter(|n| !n.is_null());
        fields.done(&mut self.r);
        let nodes = self.r.items(list);
        if let Some(extra) = nodes.get(ARTIFACTS_MAX) {
            let message =
                format!("{} artifacts stand behind one answer; at most {ARTIFACTS_MAX} are read", nodes.len());
            self.r.find(Code::Limit, extra.range.clone(), message).help("name those that show most").done();
        }
        let mut artifacts = Vec::new();
        let mut supported = false;
        for node in nodes.iter().take(ARTIFACTS_MAX) {
            let Some(artifact) = self.artifact(node) else { continue };
            if let Some(date) = date {
                supported |= self.judge(question, &artifact, node, date);
            }
            artifacts.push(artifact);
        }
        let claim = claim?;
        if matches!(claim, Claim::Yes | Claim::Partly) && !supported && date.is_some() {
            let message = format!("`{}` is claimed of `{}`, and no artifact supports it", claim.as_str(), question.id);
            let help = format!("ask for: {}", question.look_for);
            let at = ElementPath::new(format!("answers.{}", question.id));
            self.r.find(Code::NoArtifact, key.clone(), message).help(help).element(&at).warns(None).done();
        }
        Some(Answer { claim, text, artifacts })
    }

    fn artifact(&mut self, node: &Node) -> Option<Artifact> {
        let mut fields = self.r.fields(node)?;
        let kinds = ArtifactKind::ALL.map(|k| (k.as_str(), k));
        let kind = fields.need(&mut self.r, "kind").and_then(|n| self.r.word(n, &kinds));
        let place = fields.need(&mut self.r, "where");
        let place = place.and_then(|n| self.line(n).map(|text| (text, n.range.clone())));
        let date = fields.get("date").filter(|n| !n.is_null()).and_then(|n| self.r.day(n));
        let by = fields.get("by").filter(|n| !n.is_null()).and_then(|n| self.line(n));
        let shows = fields.get("shows").filter(|n| !n.is_null()).and_then(|n| self.line(n));
        let sha256 = fields.get("sha256").filter(|n| !n.is_null()).and_then(|n| self.digest(n));
        let contradicts = fields.get("contradicts").and_then(|n| self.r.bool(n)).unwrap_or(false);
        fields.done(&mut self.r);
        let (kind, (place, range)) = (kind?, place?);
        if kind == ArtifactKind::Link && !is_link(&place) {
            let message = "a link begins with `https://` or `http://`";
            let help = "write the whole address, or another `kind`";
            self.r.find(Code::WrongKind, range, message).help(help).done();
        }
        let found = if kind == ArtifactKind::File { look(self.files, &place, sha256) } else { Found::NotLooked };
        Some(Artifact { kind, place, date, by, shows, sha256, contradicts, found })
    }

    /// Says what is weak about an artifact, and whether it supports anything.
    fn judge(&mut self, question: &Question, artifact: &Artifact, node: &Node, date: Day) -> bool {
        let at = ElementPath::new(format!("answers.{}", question.id));
        let mut say = |code: Code, message: String| {
            self.r.find(code, node.range.clone(), message).element(&at).warns(None).done();
        };
        match support(question, artifact, date) {
            Support::Sound => !artifact.contradicts,
            Support::Weak(weak) => {
                for weakness in &weak {
                    let code =
                        if matches!(weakness, Weakness::Old { .. }) { Code::StaleArtifact } else { Code::WeakArtifact };
                    say(code, weakness.to_string());
                }
                !artifact.contradicts
            }
            Support::Nothing(why) => {
                let code = match &why {
                    Nothing::Future(_) => Code::FutureArtifact,
                    Nothing::Missing(_) | Nothing::Another => Code::MissingArtifact,
                };
                say(code, why.to_string());
                false
            }
        }
    }

    fn line(&mut self, node: &Node) -> Option<String> {
        self.capped(node, LINE_CHARS_MAX)
    }

    fn capped(&mut self, node: &Node, max: usize) -> Option<String> {
        let text = self.r.text(node)?;
        let n = text.chars().count();
        if n > max {
            let message = format!("this text has {n} characters; at most {max} are read");
            self.r.find(Code::Limit, node.range.clone(), message).help("put it into a file, and name that").done();
            return None;
        }
        Some(text)
    }

    fn digest(&mut self, node: &Node) -> Option<Digest> {
        let text = self.line(node)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            let message = "this is not a digest";
            let help = "write `sha256:` and 64 hexadecimal digits; `sha256sum FILE` prints the digits";
            self.r.find(Code::WrongKind, node.range.clone(), message).help(help).done();
        }
        parsed
    }
}

/// Whether a text is an address that may stand as a link.
pub(super) fn is_link(text: &str) -> bool {
    ["https://", "http://"].iter().any(|s| text.len() > s.len() && text.starts_with(s))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// What is found where a file is said to be.
fn look(files: &dyn Artifacts, path: &str, wanted: Option<Digest>) -> Found {
    let inside =
        !path.contains(['\\', '\0']) && path.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
    if !inside {
        return Found::Missing("it does not lie in the folder of the questionnaire".to_owned());
    }
    match files.digest(path) {
        Ok(digest) if wanted.is_none_or(|wanted| wanted == digest) => Found::Present(digest),
        Ok(digest) => Found::Another(digest),
        Err(FileError::Outside) => Found::Missing("it does not lie in the folder of the questionnaire".to_owned()),
        Err(error) => Found::Missing(error.to_string()),
    }
}
