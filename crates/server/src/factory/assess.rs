//! The assessment.

use super::words::references;
use crate::view::{Assessed, AssessmentPage, EventRef, Flag, QuestionGroup, Support};
use seatrial_factory::Factory;
use seatrial_factory::api::Refused;
use seatrial_model::EventId;

/// An item of the assessment, in our own types.
struct Item {
    question: String,
    support: Support,
    answer: String,
    cites: Vec<EventId>,
    better: String,
}

/// Reads the items of one part. A macro, since the part's type belongs to a crate that the server does not name.
macro_rules! items {
    ($part:expr) => {
        $part
            .iter()
            .map(|item| Item {
                question: item.question.to_owned(),
                support: support(item.standing.as_str()),
                answer: item.reasons.iter().map(|r| super::sentence(&r.text)).collect::<Vec<_>>().join(" "),
                cites: item.reasons.iter().flat_map(|r| r.cites.iter().map(|c| c.event)).collect(),
                better: item.better.as_ref().map(|b| format!("{} `{}`", b.what, b.command)).unwrap_or_default(),
            })
            .collect::<Vec<Item>>()
    };
}

/// The standing by its word; an unknown one supports nothing.
fn support(word: &str) -> Support {
    let all = [Support::Evidenced, Support::Partly, Support::NoEvidence, Support::Contradicted];
    all.into_iter().find(|s| s.as_str() == word).unwrap_or(Support::NoEvidence)
}

pub(super) async fn page(factory: &Factory, workflow: &str) -> Result<AssessmentPage, Refused> {
    let size = factory.summary(workflow).await?.log_size;
    let found = factory.assess(workflow).await?;
    let mut groups = Vec::new();
    for (title, items) in
        [("What a CTO should ask", items!(found.cto)), ("What a founder should ask", items!(found.founder))]
    {
        let mut questions = Vec::with_capacity(items.len());
        for item in items {
            let cites = cited(factory, workflow, &item).await?;
            let Item { question, support, answer, better, .. } = item;
            questions.push(Assessed { question, support, answer, cites, better });
        }
        groups.push(QuestionGroup { title: title.to_owned(), questions });
    }
    let mut flags = Vec::new();
    for item in items!(found.red_flags).into_iter().chain(items!(found.theatre)).chain(items!(found.assumptions)) {
        let cites = cited(factory, workflow, &item).await?;
        // Each is a statement that should hold: where events say the opposite, or half of it, the flag is raised.
        let raised = match item.support {
            Support::Evidenced => Some(false),
            Support::NoEvidence => None,
            Support::Partly | Support::Contradicted => Some(true),
        };
        flags.push(Flag { title: item.question, raised, detail: item.answer, cites, better: item.better });
    }
    Ok(AssessmentPage { groups, flags, size })
}

async fn cited(factory: &Factory, workflow: &str, item: &Item) -> Result<Vec<EventRef>, Refused> {
    references(factory, workflow, item.cites.iter().copied()).await
}
