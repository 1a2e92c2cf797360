//! Candidates side by side: how each statement stands, what supports it, and what to ask for next.

use super::weigh::{Support, signs, weigh};
use super::{Area, Artifact, CAVEAT, Claim, Found, Kind, QUESTIONS, Question, Questionnaire, Request, Section};
use crate::{Assessment, Item, Standing};
use seatrial_model::{Day, Digest};
use serde::Serialize;

/// The most things to ask a candidate for next: what fits into the rest of the conversation.
pub const NEXT_MAX: usize = 5;

/// Several candidates side by side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// What the reader has to know.
    pub caveat: &'static str,
    /// One column a candidate.
    pub columns: Vec<Column>,
    /// One row a question, by area.
    pub rows: Vec<Row>,
}

/// A candidate.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What kind of delivery it is.
    pub kind: Kind,
    /// Who answered; `the log` where nobody had to.
    pub answered_by: String,
    /// The day it was answered.
    pub date: Day,
    /// The file, or the log that was read.
    pub source: String,
    /// Whether it was computed from a log, rather than claimed.
    pub computed: bool,
    /// How its statements stand.
    pub tally: Tally,
    /// The shortest list of what to ask for.
    pub next: Vec<Next>,
    /// Signs in the answers themselves.
    pub signs: Vec<String>,
    /// How each question stands, in the order of [`QUESTIONS`].
    #[serde(skip)]
    pub cells: Vec<Cell>,
}

/// How many statements stand how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tally {
    /// Evidenced.
    pub evidenced: usize,
    /// In part.
    pub partly: usize,
    /// No evidence.
    pub no_evidence: usize,
    /// Contradicted.
    pub contradicted: usize,
}

/// One thing to ask for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Next {
    /// What.
    pub what: Request,
    /// Which questions it would settle.
    pub settles: Vec<&'static str>,
}

/// One question over all candidates.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Row {
    /// The question.
    pub question: &'static Question,
    /// Whether the candidates stand differently.
    pub differs: bool,
    /// How each stands, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// How one statement stands for one candidate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cell {
    /// How it stands.
    pub standing: Standing,
    /// Why not better; of a log, what it shows.
    pub because: Vec<String>,
    /// What they claim; none of a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What they say, in their own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What stands behind it.
    pub supported: Vec<Supported>,
}

/// One thing that stands behind an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Supported {
    /// `link`, `file`, `event`.
    pub kind: &'static str,
    /// Where it is.
    #[serde(rename = "where")]
    pub place: String,
    /// Of when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Day>,
    /// Who stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What one sees in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// The digest of the file that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Whether it counts: in full, in part, or not.
    pub counts: &'static str,
    /// Why not in full.
    pub but: Vec<String>,
    /// Whether it shows the opposite.
    pub contradicts: bool,
}

impl Column {
    /// A candidate by its questionnaire; `source` names the file.
    #[must_use]
    pub fn new(source: &str, questionnaire: &Questionnaire) -> Self {
        let about = &questionnaire.about;
        let cells: Vec<Cell> = QUESTIONS.iter().map(|q| cell(q, questionnaire)).collect();
        Self {
            name: about.name.clone(),
            kind: about.kind,
            answered_by: about.answered_by.clone(),
            date: about.date,
            source: source.to_owned(),
            computed: false,
            tally: Tally::of(&cells),
            next: next(&cells),
            signs: signs(questionnaire),
            cells,
        }
    }
}

impl Column {
    /// What one lives with in an area: what follows from the worst of its statements, and how many more are open. What is
    /// contradicted comes before what has no evidence, and that before what is shown in part.
    #[must_use]
    pub fn lives_with(&self, area: Area) -> Option<(Standing, &'static str, usize)> {
        let open =
            QUESTIONS.iter().zip(&self.cells).filter(|(q, c)| q.area == area && c.standing != Standing::Evidenced);
        let worst = |standing| match standing {
            Standing::Contradicted => 0,
            Standing::NoEvidence => 1,
            Standing::Partly | Standing::Evidenced => 2,
        };
        let all: Vec<(&Question, &Cell)> = open.collect();
        let (question, cell) = all.iter().min_by_key(|(_, c)| worst(c.standing))?;
        Some((cell.standing, question.consequence, all.len().saturating_sub(1)))
    }
}

fn cell(question: &Question, questionnaire: &Questionnaire) -> Cell {
    let answer = questionnaire.answers.get(question.id);
    let weighed = weigh(question, answer, questionnaire.about.date);
    let artifacts = answer.map_or(&[][..], |a| &a.artifacts);
    Cell {
        standing: weighed.standing,
        because: weighed.because,
        claim: answer.map(|a| a.claim),
        text: answer.and_then(|a| a.text.clone()),
        supported: artifacts.iter().zip(&weighed.supports).map(|(a, s)| supported(a, s)).collect(),
    }
}

fn supported(artifact: &Artifact, support: &Support) -> Supported {
    let counts = match support {
        Support::Sound => "in full",
        Support::Weak(_) => "in part",
        Support::Nothing(_) => "not",
    };
    let digest = match &artifact.found {
        Found::Present(digest) | Found::Another(digest) => Some(*digest),
        Found::NotLooked | Found::Missing(_) => None,
    };
    Supported {
        kind: artifact.kind.as_str(),
        place: artifact.place.clone(),
        date: artifact.date,
        by: artifact.by.clone(),
        shows: artifact.shows.clone(),
        digest,
        counts,
        but: support.reasons(),
        contradicts: artifact.contradicts,
    }
}

/// A workflow that is run with Seatrial, from its own log: shown, not claimed. What the log is not asked has no evidence
/// here either.
#[must_use]
pub fn of_log(assessment: &Assessment) -> Column {
    let cells: Vec<Cell> =
        QUESTIONS.iter().map(|q| assessment.items().find(|item| item.id == q.id).map_or_else(unasked, shown)).collect();
    let simulation = "SIMULATION: nobody in this log is real.";
    Column {
        name: assessment.workflow.clone(),
        kind: Kind::Factory,
        answered_by: "the log".to_owned(),
        date: assessment.at.day(),
        source: format!("the log of `{}`, spec {}", assessment.workflow, assessment.spec.short()),
        computed: true,
        tally: Tally::of(&cells),
        next: next(&cells),
        signs: assessment.simulation.then(|| simulation.to_owned()).into_iter().collect(),
        cells,
    }
}

fn shown(item: &Item) -> Cell {
    let because = item.reasons.iter().map(|r| r.text.clone()).collect();
    let cites = item.reasons.iter().flat_map(|r| &r.cites);
    let mut supported: Vec<Supported> = cites
        .map(|c| Supported {
            kind: "event",
            place: format!("№ {}", c.index),
            date: None,
            by: None,
            shows: None,
            digest: None,
            counts: "in full",
            but: Vec::new(),
            contradicts: false,
        })
        .collect();
    supported.dedup();
    Cell { standing: item.standing, because, claim: None, text: None, supported }
}

fn unasked() -> Cell {
    let because = vec!["no log answers this: ask it as of any other".to_owned()];
    Cell { standing: Standing::NoEvidence, because, claim: None, text: None, supported: Vec::new() }
}

impl Tally {
    fn of(cells: &[Cell]) -> Self {
        let count = |standing| cells.iter().filter(|c| c.standing == standing).count();
        Self {
            evidenced: count(Standing::Evidenced),
            partly: count(Standing::Partly),
            no_evidence: count(Standing::NoEvidence),
            contradicted: count(Standing::Contradicted),
        }
    }

    /// In words: never one number.
    #[must_use]
    pub fn words(&self) -> String {
        format!(
            "{} evidenced, {} partly, {} no evidence, {} contradicted",
            self.evidenced, self.partly, self.no_evidence, self.contradicted
        )
    }
}

/// What settles most of what is open, the questions of the conversation counted twice.
fn next(cells: &[Cell]) -> Vec<Next> {
    let open = QUESTIONS.iter().zip(cells).filter(|(_, c)| c.standing != Standing::Evidenced);
    let mut wanted: Vec<(usize, Next)> = Vec::new();
    for (question, _) in open {
        let weight = if matches!(question.section, Section::Cto | Section::Founder) { 2 } else { 1 };
        match wanted.iter_mut().find(|(_, n)| n.what == question.request) {
            Some((sum, next)) => {
                *sum += weight;
                next.settles.push(question.id);
            }
            None => wanted.push((weight, Next { what: question.request, settles: vec![question.id] })),
        }
    }
    wanted.sort_by_key(|(weight, next)| (std::cmp::Reverse(*weight), next.what));
    wanted.into_iter().take(NEXT_MAX).map(|(_, next)| next).collect()
}

/// Sets candidates side by side.
#[must_use]
pub fn compare(columns: Vec<Column>) -> Report {
    let mut rows: Vec<Row> = QUESTIONS
        .iter()
        .enumerate()
        .map(|(i, question)| {
            let cells: Vec<Cell> = columns.iter().filter_map(|c| c.cells.get(i).cloned()).collect();
            let differs = cells.windows(2).any(|pair| matches!(pair, [a, b] if a.standing != b.standing));
            Row { question, differs, cells }
        })
        .collect();
    rows.sort_by_key(|row| row.question.area);
    Report { caveat: CAVEAT, columns, rows }
}

impl Report {
    /// The rows of an area, those that differ or those that do not.
    pub fn of(&self, area: Area, differs: bool) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |r| r.question.area == area && r.differs == differs)
    }
}
