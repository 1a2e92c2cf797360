//! `seatrial next`: what to do, ordered by what it unblocks, and who does it.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, state_ink, state_symbol};
use crate::session::Session;
use std::borrow::Cow;

/// The most people that are named for one thing to do.
const PEOPLE_SHOWN_MAX: usize = 3;

/// Lists what stands between here and the stages, in the order in which it is best done.
pub(crate) async fn next(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let steps = session.factory.next_steps(&workflow).await?;
    out.json(&steps)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    if steps.is_empty() {
        out.line("nothing is missing");
        return Ok(Exit::Done);
    }
    let mut rows = Rows::new(out.layout(), &["", "obligation", "for", "who", "how"]);
    for step in &steps {
        let ink = Some(state_ink(step.state));
        let mut who: Vec<&str> = step.people.iter().take(PEOPLE_SHOWN_MAX).map(String::as_str).collect();
        if step.people.len() > PEOPLE_SHOWN_MAX {
            who.push("…");
        }
        let who = if who.is_empty() { step.roles.join(", ") } else { who.join(", ") };
        let how = match step.after.as_slice() {
            [] => step.command.clone(),
            after => format!("after {}", after.join(", ")),
        };
        rows.row([
            (ink, Cow::Borrowed(state_symbol(step.state))),
            (None, Cow::Borrowed(step.obligation.as_str())),
            (None, Cow::Owned(step.stage.to_string())),
            (None, Cow::Owned(shown(&who))),
            (Some(Ink::Dim), Cow::Owned(how)),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    if let Some(first) = steps.iter().find(|s| s.after.is_empty()) {
        out.line(format!("next: {}", first.command));
    }
    Ok(Exit::Done)
}
