//! How an answer stands: by what supports it, never by how well it is worded.
//!
//! In this order: an artifact that shows the opposite, or a claim of `no`, is `contradicted`. No answer, `unknown`, or a
//! claim with nothing behind it is `no evidence`. A claim of `partly`, or one on weak artifacts alone, is `partly`. What
//! remains is `evidenced`: a claim of `yes` with at least one artifact that can be opened, is recent enough, and has
//! somebody who stands for it.

use super::{Answer, Artifact, Claim, Found, Question, Questionnaire};
use crate::Standing;
use seatrial_model::Day;
use std::collections::BTreeMap;
use std::fmt;

/// What one artifact is good for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Support {
    /// It can be opened, is recent enough, and somebody stands for it.
    Sound,
    /// It supports a claim in part.
    Weak(Vec<Weakness>),
    /// It supports nothing.
    Nothing(Nothing),
}

/// Why an artifact supports in part only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weakness {
    /// Nobody knows of when it is.
    NoDate,
    /// Nobody stands for it.
    NoPerson,
    /// It is too old for its question.
    Old {
        /// Its age on the day of the questionnaire.
        days: i64,
        /// What is recent enough.
        max: i64,
    },
}

/// Why an artifact supports nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nothing {
    /// There is no such file.
    Missing(String),
    /// The file is another than the one that was answered with.
    Another,
    /// It is of a day after the questionnaire.
    Future(Day),
}

impl Support {
    /// Why it does not count in full; nothing where it does.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Sound => Vec::new(),
            Self::Weak(weak) => weak.iter().map(ToString::to_string).collect(),
            Self::Nothing(why) => vec![why.to_string()],
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDate => f.write_str("the artifact has no date"),
            Self::NoPerson => f.write_str("nobody is named who stands for the artifact"),
            Self::Old { days, max } => write!(f, "the artifact is {days} days old; {max} are recent enough here"),
        }
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) => write!(f, "the artifact cannot be opened: {why}"),
            Self::Another => f.write_str("the file is another than the one that was answered with: its digest differs"),
            Self::Future(day) => write!(f, "the artifact is of {day}, after the questionnaire"),
        }
    }
}

/// What an artifact is good for, on the day of the questionnaire.
#[must_use]
pub fn support(question: &Question, artifact: &Artifact, today: Day) -> Support {
    match &artifact.found {
        Found::Missing(why) => return Support::Nothing(Nothing::Missing(why.clone())),
        Found::Another(_) => return Support::Nothing(Nothing::Another),
        Found::Present(_) | Found::NotLooked => {}
    }
    let mut weak = Vec::new();
    match artifact.date.map(|date| (date, days(date, today))) {
        None => weak.push(Weakness::NoDate),
        Some((date, days)) if days < 0 => return Support::Nothing(Nothing::Future(date)),
        Some((_, days)) if days > question.age.days_max() => {
            weak.push(Weakness::Old { days, max: question.age.days_max() });
        }
        Some(_) => {}
    }
    if artifact.by.is_none() {
        weak.push(Weakness::NoPerson);
    }
    if weak.is_empty() { Support::Sound } else { Support::Weak(weak) }
}

fn days(from: Day, to: Day) -> i64 {
    to.0.duration_since(from.0).as_secs() / 86_400
}

/// How an answer stands, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weighed {
    /// How it stands.
    pub standing: Standing,
    /// Why not better; empty where it is evidenced.
    pub because: Vec<String>,
    /// What each of its artifacts is good for, in their order.
    pub supports: Vec<Support>,
}

/// Weighs one answer; none was given where there is none.
#[must_use]
pub fn weigh(question: &Question, answer: Option<&Answer>, today: Day) -> Weighed {
    let claim = answer.map_or(Claim::Unknown, |a| a.claim);
    let artifacts = answer.map_or(&[][..], |a| &a.artifacts);
    let supports: Vec<Support> = artifacts.iter().map(|a| support(question, a, today)).collect();
    let usable = |against: bool| {
        let both = artifacts.iter().zip(&supports);
        both.filter(move |(a, s)| a.contradicts == against && !matches!(s, Support::Nothing(_))).map(|(_, s)| s)
    };
    let sound = usable(false).any(|s| *s == Support::Sound);
    let (standing, because) = if usable(true).next().is_some() {
        (Standing::Contradicted, vec!["an artifact shows the opposite".to_owned()])
    } else if claim == Claim::No {
        (Standing::Contradicted, vec!["they say themselves that it is not so".to_owned()])
    } else if claim == Claim::Unknown {
        let why = if answer.is_some_and(|a| a.text.is_some()) { "nobody could say" } else { "not answered" };
        (Standing::NoEvidence, vec![why.to_owned()])
    } else if usable(false).next().is_none() {
        let why = if artifacts.iter().any(|a| !a.contradicts) {
            "claimed, and no artifact named for it counts"
        } else {
            "claimed, and no artifact stands behind it"
        };
        (Standing::NoEvidence, vec![why.to_owned()])
    } else if !sound {
        (Standing::Partly, vec!["the artifacts are weak".to_owned()])
    } else if claim == Claim::Partly {
        (Standing::Partly, vec!["claimed in part".to_owned()])
    } else {
        (Standing::Evidenced, Vec::new())
    };
    Weighed { standing, because, supports }
}

/// So many artifacts before anything is read into their dates and people: below it, chance explains it.
const SIGN_ARTIFACTS_MIN: usize = 5;
/// The last days before the questionnaire: a working week. What is shown daily does not cluster there.
const SIGN_EVE_DAYS: i64 = 7;
/// So many answers by one artifact: a record of approvals rightly answers four or five questions here.
const SIGN_SHARED_MIN: usize = 6;
/// So many claims before “always yes” says something: half of the questions.
const SIGN_CLAIMS_MIN: usize = 16;

/// Signs in the answers themselves, each as something to ask. A sign proves nothing.
#[must_use]
pub fn signs(questionnaire: &Questionnaire) -> Vec<String> {
    let today = questionnaire.about.date;
    let all: Vec<&Artifact> = questionnaire.answers.values().flat_map(|a| &a.artifacts).collect();
    let mut found = Vec::new();
    let dated: Vec<i64> = all.iter().filter_map(|a| a.date).map(|d| days(d, today)).filter(|d| *d >= 0).collect();
    if dated.len() >= SIGN_ARTIFACTS_MIN && dated.iter().all(|d| *d <= SIGN_EVE_DAYS) {
        found.push(format!(
            "All {} dated artifacts are of the last {SIGN_EVE_DAYS} days before the questionnaire. Ask for the same ones of a month before.",
            dated.len()
        ));
    }
    let mut shared: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in questionnaire.answers.values() {
        let places: std::collections::BTreeSet<&str> = answer.artifacts.iter().map(|a| a.place.as_str()).collect();
        for place in places {
            *shared.entry(place).or_default() += 1;
        }
    }
    if let Some((place, n)) = shared.iter().max_by_key(|(_, n)| **n).filter(|(_, n)| **n >= SIGN_SHARED_MIN) {
        found.push(format!("One artifact stands behind {n} answers: `{place}`. Open it, and look for each."));
    }
    let people: Vec<&str> = all.iter().filter_map(|a| a.by.as_deref()).collect();
    if people.len() >= SIGN_ARTIFACTS_MIN && people.iter().all(|p| *p == questionnaire.about.answered_by) {
        found
            .push("Whoever answered stands for every artifact. Ask to speak with somebody who operates it.".to_owned());
    }
    let claims: Vec<Claim> = questionnaire.answers.values().map(|a| a.claim).filter(|c| *c != Claim::Unknown).collect();
    if claims.len() >= SIGN_CLAIMS_MIN && claims.iter().all(|c| *c == Claim::Yes) {
        found.push(format!("All {} claims are `yes`. Ask which one they would not sign.", claims.len()));
    }
    found
}
