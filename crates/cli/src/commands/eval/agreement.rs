//! `seatrial eval --agreement STEP`.

use super::of;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_sprint::agreement::Agreement;
use std::borrow::Cow;

/// Says how far the AI agrees with people.
pub(super) async fn agreement(step: &str, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let reader = session.reader().await?;
    let workflow = session.workflow()?;
    let found = session.factory.agreement(&reader, &workflow, step).await?;
    out.json(&found)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    let mut rows = Rows::new(out.layout(), &["answers of people", "agree", "95 %", "κ", "95 %"]);
    for (name, agreement) in [("before they saw the AI's", &found.blind), ("after they saw it", &found.seen)] {
        rows.row([
            (Some(Ink::Strong), Cow::Borrowed(name)),
            (None, Cow::Owned(of(agreement.agreed))),
            (None, Cow::Owned(share(agreement.interval))),
            (None, Cow::Owned(agreement.kappa.map_or_else(|| "–".to_owned(), |k| format!("{k:.3}")))),
            (None, Cow::Owned(kappa(agreement))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    match &found.label {
        Some(field) => out.line(format!("compared: `output.{}`", shown(field))),
        None => out.line("compared: the whole output; the step has no field that is a label, so there is no κ"),
    }
    if found.left_out > 0 {
        out.line(format!("{} answer(s) could not be compared: erased, or no JSON", found.left_out));
    }
    Ok(Exit::Done)
}

fn share(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{:.1} … {:.1} %", low * 100.0, high * 100.0))
}

fn kappa(agreement: &Agreement) -> String {
    agreement.kappa_interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.3} … {high:.3}"))
}
