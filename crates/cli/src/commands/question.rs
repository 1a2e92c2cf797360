//! `seatrial question`: what is not known yet, settled.

use crate::args::{QuestionAnswer, QuestionCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use seatrial_model::EventId;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    event: EventId,
    question: &'a str,
    withdrawn: bool,
    cites: &'a [EventId],
}

/// `seatrial question …`.
pub(crate) async fn question(command: QuestionCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let args = match command {
        QuestionCommand::Answer(args) => args,
        QuestionCommand::Withdraw { question, text } => {
            QuestionAnswer { question, cites: Vec::new(), withdraw: true, text }
        }
    };
    settle(args, session, out).await
}

/// Answers a question, or withdraws it.
pub(crate) async fn settle(args: QuestionAnswer, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let QuestionAnswer { question, cites, withdraw, text } = args;
    let event = session.factory.settle_question(&caller, &workflow, &question, &text, cites.clone(), withdraw).await?;
    out.json(&Answer { event, question: &question, withdrawn: withdraw, cites: &cites })?;
    let done = if withdraw { "withdrawn" } else { "answered" };
    out.line(format!("{} {done}: {event}", crate::out::shown(&question)));
    Ok(Exit::Done)
}
