//! `seatrial status`: the `git status` of delivery.

use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown, state_ink, state_symbol};
use crate::session::Session;
use seatrial_factory::{Hypercare, IncidentLook, Standing};
use seatrial_governance::{ObligationState, State};
use seatrial_model::facts::OnLapse;
use seatrial_model::words::Layer;
use seatrial_model::{ElementPath, Time};
use std::borrow::Cow;

/// The most changed paths that are named for one obligation; `explain` names all.
const PATHS_SHOWN_MAX: usize = 3;

/// Shows how a workflow stands for a stage.
pub(crate) async fn status(args: &StatusArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let stage = session.stage(args.stage, &workflow).await?;
    let standing = if args.submitted {
        session.factory.standing(&workflow, stage).await?
    } else {
        let folder = session.folder()?;
        session.factory.standing_of_work_tree(Some(&folder.label), stage).await?
    };
    let report = session.factory.report(&standing);
    out.json(&report)?;
    if !out.is_json() {
        head(&standing, report.simulation, &report.stopped, out);
        // A workflow that was never submitted has nothing that could be retired.
        let retired = session.factory.summary(&workflow).await.ok().and_then(|s| s.retired);
        if let Some(retired) = retired {
            let line =
                format!("  RETIRED   since {} by {}: nothing of it is served", retired.since, shown(&retired.by));
            let line = out.paint(Ink::Bad, &line);
            out.line(line);
        }
        // A workflow that was never submitted has no incidents.
        let open = session.factory.open_incidents(&workflow).await.unwrap_or_default();
        incidents(&standing, &open, out);
        obligations(&standing, out);
        foot(&standing, report.next.as_deref(), out);
    }
    Ok(Exit::ready(report.ready))
}

fn head(standing: &Standing, simulation: bool, stopped: &[(ElementPath, Time, String)], out: &mut Out) {
    let name = out.paint(Ink::Strong, standing.workflow.as_str());
    let mark = if simulation { format!("  {}", out.paint(Ink::Dim, "SIMULATION")) } else { String::new() };
    out.line(format!("{name}{mark}"));
    let submitted = if standing.unsubmitted { "not submitted" } else { "submitted" };
    out.line(format!("  spec      {}  {submitted}", standing.spec.short()));
    match &standing.in_force {
        None => out.line("  released  nothing"),
        Some(release) => {
            let until = release.until.map(|until| format!(", until {}", until.day())).unwrap_or_default();
            let ahead = if standing.ahead {
                format!("  {}", out.paint(Ink::Warn, "the work is ahead of the release"))
            } else {
                String::new()
            };
            out.line(format!(
                "  released  {}  {} since {}{until}{ahead}",
                release.spec.short(),
                release.stage,
                release.since.day()
            ));
            if let Some(pilot) = &release.pilot {
                let shadow = if pilot.shadow { ", in shadow" } else { "" };
                let ceiling = release.per_day.map(|n| format!(", at most {n} a day")).unwrap_or_default();
                out.line(format!("  pilot     {}{shadow}{ceiling}", pilot.number));
            }
            if release.owned && release.stage == seatrial_model::Stage::Production {
                out.line("  owned     it was handed over, and has no hypercare");
            }
            if let Some(hypercare) = &standing.hypercare {
                out.line(hypercare_line(hypercare));
            }
            for waiver in &release.waivers {
                out.line(format!("  waived    {} until {}", waiver.obligation, waiver.until.day()));
            }
            if let Some(lapse) = &release.lapsed {
                super::stages::lapsed(lapse, out);
            }
        }
    }
    if let Some(rights) = &standing.rights {
        let line = out.paint(Ink::Warn, &format!("  rights    {}", super::handover::rights::countdown(rights)));
        out.line(line);
    }
    for (element, since, by) in stopped {
        let path = if element.as_str().is_empty() { "the workflow" } else { element.as_str() };
        let line = format!("  STOPPED   {path} since {since} by {}", shown(by));
        let line = out.paint(Ink::Bad, &line);
        out.line(line);
    }
}

/// The countdown to the end of hypercare, and what follows.
fn hypercare_line(hypercare: &Hypercare) -> String {
    let reaction = match hypercare.reaction {
        OnLapse::Warn => "warn",
        OnLapse::Escalate => "escalate",
        OnLapse::Stop => "stop",
    };
    match hypercare.left_ms {
        Some(left) => {
            format!("  hypercare ends in {}; then it lapses ({reaction})", super::handover::rights::left_of(left))
        }
        None => format!("  hypercare ended on {}: it lapses ({reaction})", hypercare.until.day()),
    }
}

/// Incidents that are not closed; where something lapsed or was revoked and nobody opened one, that one can be opened.
fn incidents(standing: &Standing, open: &[IncidentLook], out: &mut Out) {
    for look in open {
        let (number, state, severity) = (look.incident, look.state.as_str(), look.severity);
        let line = format!("  INCIDENT  {number} {state}, {severity}, owned by {}", shown(&look.owner));
        let line = out.paint(Ink::Bad, &line);
        out.line(line);
        if let Some(next) = &look.next {
            out.line(format!("            {next}"));
        }
    }
    let lapsed = standing.in_force.as_ref().is_some_and(|release| release.lapsed.is_some());
    let revoked = standing.states.iter().any(|state| state.state == State::Revoked);
    if (lapsed || revoked) && open.is_empty() {
        out.line("  where it is an incident: seatrial incident open --severity SEVERITY WHAT");
    }
}

fn obligations(standing: &Standing, out: &mut Out) {
    let layers = [Layer::Spec, Layer::Sprint, Layer::Governance, Layer::Runtime, Layer::Ownership];
    for layer in layers {
        let of_layer: Vec<&ObligationState> = standing.states.iter().filter(|s| s.obligation.layer == layer).collect();
        if of_layer.is_empty() {
            continue;
        }
        let heading = out.paint(Ink::Strong, layer.as_str());
        out.line(format!("\n{heading}"));
        let mut rows = Rows::new(out.layout(), &[]);
        for state in of_layer {
            let ink = Some(state_ink(state.state));
            rows.row([
                (ink, Cow::Borrowed(state_symbol(state.state))),
                (None, Cow::Borrowed(state.obligation.id.as_str())),
                (ink, Cow::Owned(state.state.as_str().replace('_', " "))),
                (Some(Ink::Dim).filter(|_| state.state.is_settled()), Cow::Owned(shown(&reason(state)))),
            ]);
        }
        let text = rows.text();
        out.text(&text);
    }
}

/// Why an obligation stands so; where it is stale, which paths changed.
fn reason(state: &ObligationState) -> String {
    // Where people changed, who it was says more than which role.
    let people = state.changed_inputs.iter().any(|c| c.input.starts_with("people."));
    if state.state != State::Stale || people {
        return state.why.clone();
    }
    let paths = state.changed.iter().map(ToString::to_string);
    let inputs = state.changed_inputs.iter().map(|c| c.input.clone());
    let all: Vec<String> = paths.chain(inputs).collect();
    if all.is_empty() {
        return state.why.clone();
    }
    let more = all.len().saturating_sub(PATHS_SHOWN_MAX);
    let shown = all.iter().take(PATHS_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { format!("changed: {shown}") } else { format!("changed: {shown} and {more} more") }
}

fn foot(standing: &Standing, next: Option<&str>, out: &mut Out) {
    let settled = standing.states.iter().filter(|s| s.state.is_settled()).count();
    let all = standing.states.len();
    let stage = standing.stage;
    out.line("");
    if settled == all {
        let line = out.paint(Ink::Good, &format!("{stage}: all {all} obligations are settled"));
        out.line(line);
    } else {
        out.line(format!("{stage}: {settled} of {all} obligations are settled"));
    }
    if let Some(next) = next {
        out.line(format!("next: {next}"));
    }
}
