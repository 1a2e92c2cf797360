//! `seatrial diff`: what changed in meaning between two specs, whether it widens or narrows what AI may do, and what goes
//! stale.

mod git;
mod human;
mod markdown;
mod side;

use crate::args::{DiffArgs, FailOn};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::Asked;
use crate::session::Session;
use seatrial_factory::Staling;
use seatrial_model::LogName;
use seatrial_spec::{Comparison, Direction, compare};
use serde::Serialize;
use side::{Ground, Side};

/// What is said of two specs.
#[derive(Serialize)]
struct Answer {
    workflow: String,
    old: Side,
    new: Side,
    /// The direction that asks for most attention; none where there is nothing to compare with.
    direction: Option<Direction>,
    #[serde(flatten)]
    found: Comparison,
    /// What goes stale; none where there is no factory, or nothing to compare with.
    stale: Option<Staling>,
}

/// Shows what changed, with a factory's log at hand.
pub(crate) async fn diff(args: &DiffArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let ground = Ground { start: session.start.clone(), named: session.named.clone(), session: Some(session) };
    let (old, new) = sides(args, &ground).await?;
    let stale = match (&old.compared, &new.compared) {
        (Some(a), Some(b)) => {
            let log: LogName =
                b.workflow.name.parse().map_err(|e| Failure::usage(format!("{e}; nothing was compared")))?;
            Some(session.factory.stale_by(&log, a, b).await?)
        }
        _ => None,
    };
    answer(args, old, new, stale, out)
}

/// Shows what changed between folders and revisions where there is no factory.
pub(crate) async fn diff_alone(
    args: &DiffArgs,
    asked: &Asked,
    named: Option<&str>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let ground = Ground { start: asked.start.clone(), named: named.map(str::to_owned), session: None };
    let (old, new) = sides(args, &ground).await?;
    answer(args, old, new, None, out)
}

async fn sides(args: &DiffArgs, ground: &Ground<'_>) -> Result<(Side, Side), Failure> {
    let old = match (&args.old, args.released) {
        (Some(named), _) => ground.named(named).await?,
        (None, true) => ground.released().await?,
        (None, false) => ground.submitted().await?,
    };
    let new = match &args.new {
        Some(named) => ground.named(named).await?,
        None => ground.work_tree()?,
    };
    Ok((old, new))
}

fn answer(args: &DiffArgs, old: Side, new: Side, stale: Option<Staling>, out: &mut Out) -> Result<Exit, Failure> {
    let Some(after) = &new.compared else {
        return Err(Failure::usage(format!(
            "there is no spec at {}; nothing was compared",
            crate::out::shown(&new.named())
        )));
    };
    let found = match &old.compared {
        Some(before) => compare(&before.workflow, &after.workflow),
        None => Comparison::default(),
    };
    let direction = old.compared.as_ref().map(|_| found.direction());
    let differs = old.compared.is_none() || !found.is_empty();
    let answer = Answer { workflow: after.workflow.name.clone(), direction, found, stale, old, new };
    out.json(&answer)?;
    if !out.is_json() {
        if args.markdown {
            out.text(&markdown::page(&answer));
        } else {
            human::render(&answer, out);
        }
    }
    // What is compared with nothing is as wide as it is: AI may do all of it, and could do nothing of it before.
    let least = direction.unwrap_or(Direction::Widens);
    let fails = match args.fail_on {
        Some(FailOn::Widening) => least >= Direction::Widens,
        Some(FailOn::Unclear) => least >= Direction::Unclear,
        None => false,
    };
    Ok(Exit::ready(!(fails || args.exit_code && differs)))
}
