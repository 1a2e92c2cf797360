//! What a form sends, kept as it was typed, so that a page can be shown again with what is wrong.

use super::Shelf;
use crate::answer::sent;
use seatrial_assessment::questionnaire::{ARTIFACTS_MAX, About, Answer, Artifact, ArtifactKind, Claim, Found, Kind};
use seatrial_model::Digest;

/// An answer as a form shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerForm {
    pub(super) claim: String,
    pub(super) text: String,
    pub(super) rows: Vec<ArtifactRow>,
}

/// An artifact as a form shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct ArtifactRow {
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) date: String,
    pub(super) by: String,
    pub(super) shows: String,
    pub(super) sha256: String,
    pub(super) contradicts: bool,
    /// The file is another than the one that was answered with.
    pub(super) another: bool,
    remove: bool,
    retake: bool,
}

impl ArtifactRow {
    /// Whether nothing was typed into it.
    pub(super) fn is_empty(&self) -> bool {
        [&self.place, &self.date, &self.by, &self.shows].iter().all(|t| t.trim().is_empty())
    }
}

impl From<&Answer> for AnswerForm {
    fn from(answer: &Answer) -> Self {
        let rows = answer.artifacts.iter().map(|a| ArtifactRow {
            kind: a.kind.as_str().to_owned(),
            place: a.place.clone(),
            date: a.date.map(|d| d.to_string()).unwrap_or_default(),
            by: a.by.clone().unwrap_or_default(),
            shows: a.shows.clone().unwrap_or_default(),
            sha256: a.sha256.map(|d| d.to_string()).unwrap_or_default(),
            contradicts: a.contradicts,
            another: matches!(a.found, Found::Another(_)),
            ..ArtifactRow::default()
        });
        Self {
            claim: answer.claim.as_str().to_owned(),
            text: answer.text.clone().unwrap_or_default(),
            rows: rows.collect(),
        }
    }
}

impl AnswerForm {
    /// As it was sent.
    pub(super) fn read(form: &[(String, String)]) -> Self {
        let text = |name: &str| sent(form, name).unwrap_or("").replace("\r\n", "\n").trim().to_owned();
        // One row more than may be kept: the empty one at the end.
        let rows = (0..=ARTIFACTS_MAX).filter(|i| sent(form, &format!("where-{i}")).is_some()).map(|i| {
            let field = |name: &str| text(&format!("{name}-{i}"));
            let ticked = |name: &str| field(name) == "yes";
            ArtifactRow {
                kind: field("kind"),
                place: field("where"),
                date: field("date"),
                by: field("by"),
                shows: field("shows"),
                sha256: field("sha256"),
                contradicts: ticked("contradicts"),
                another: false,
                remove: ticked("remove"),
                retake: ticked("retake"),
            }
        });
        Self { claim: text("claim"), text: text("text"), rows: rows.collect() }
    }

    /// The answer, or what keeps it from being one.
    pub(super) fn answer(&self, shelf: &dyn Shelf) -> Result<Answer, String> {
        let claim = Claim::ALL.into_iter().find(|c| c.as_str() == self.claim);
        let claim = claim.ok_or("No claim was chosen; nothing was saved. Choose one of the four.")?;
        let rows = self.rows.iter().filter(|r| !r.remove && !r.is_empty());
        let artifacts: Vec<Artifact> = rows.map(|row| artifact(row, shelf)).collect::<Result<_, _>>()?;
        if artifacts.len() > ARTIFACTS_MAX {
            return Err(format!(
                "{} artifacts stand behind one answer, {ARTIFACTS_MAX} are kept; nothing was saved. Name those that show most.",
                artifacts.len()
            ));
        }
        Ok(Answer { claim, text: some(&self.text), artifacts })
    }
}

fn artifact(row: &ArtifactRow, shelf: &dyn Shelf) -> Result<Artifact, String> {
    let kind = ArtifactKind::ALL.into_iter().find(|k| k.as_str() == row.kind).unwrap_or_default();
    if row.place.is_empty() {
        return Err(
            "An artifact does not say where it is; nothing was saved. Fill in “Where”, or remove it.".to_owned()
        );
    }
    let date = some(&row.date).map(|text| {
        text.parse().map_err(|_| format!("`{text}` is not a date; nothing was saved. Write it as in `2027-01-31`."))
    });
    let mut sha256: Option<Digest> = row.sha256.parse().ok().filter(|_| kind == ArtifactKind::File && !row.retake);
    // What is answered with is the file as it is now.
    if kind == ArtifactKind::File && sha256.is_none() && !row.place.split('/').any(|part| part == "..") {
        sha256 = shelf.artifacts().digest(&row.place).ok();
    }
    Ok(Artifact {
        kind,
        place: row.place.clone(),
        date: date.transpose()?,
        by: some(&row.by),
        shows: some(&row.shows),
        sha256,
        contradicts: row.contradicts,
        found: Found::NotLooked,
    })
}

/// Whom a questionnaire is about, as it was sent.
pub(super) fn about(form: &[(String, String)]) -> Result<About, String> {
    let text = |name: &str, what: &str| {
        some(sent(form, name).unwrap_or("").trim())
            .ok_or_else(|| format!("{what} is missing; nothing was saved. Fill it in."))
    };
    let kind = text("kind", "What it is")?;
    let kind = Kind::ALL.into_iter().find(|k| k.as_str() == kind);
    let date = text("date", "The day")?;
    Ok(About {
        name: text("name", "The name")?,
        kind: kind.ok_or("It is none of the four kinds; nothing was saved. Choose one.")?,
        date: date
            .parse()
            .map_err(|_| format!("`{date}` is not a date; nothing was saved. Write it as in `2027-01-31`."))?,
        answered_by: text("answered_by", "Who answers")?,
    })
}

/// A name for the file of a candidate: what of its name can stand in one.
pub(super) fn name_of(name: &str) -> String {
    let mut out = String::new();
    for c in name.to_lowercase().chars().take(super::NAME_CHARS_MAX) {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    if out.is_empty() { "candidate".to_owned() } else { out }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|t| !t.trim().is_empty())
}
