//! `seatrial can` and `seatrial policy`: who may do what, and which policy says so.

use crate::args::{CanArgs, PolicyCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{Can, Whom, read_factory, read_policies};
use seatrial_governance::policy::{Action, Circumstances, Deciding, Origin, Policies, check_files};
use serde_json::json;

/// `seatrial can`.
pub(crate) async fn can(args: &CanArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    if args.list {
        return list(out);
    }
    let (Some(who), Some(action)) = (&args.who, args.action) else {
        return Err(Failure::usage("name who and what; `seatrial can --list` shows what there is; nothing was asked"));
    };
    let workflow = session.workflow()?;
    let stage = session.stage(args.stage, &workflow).await?;
    let whom = match who.split_once(':') {
        Some(("agent", name)) => Whom::Agent(name.to_owned(), args.side.into()),
        Some(("service", name)) => Whom::Service(name.to_owned(), args.side.into()),
        _ => Whom::Person(who.clone()),
    };
    let spec = session.factory.shown_spec(&workflow)?;
    let step = args.what.as_ref().filter(|what| spec.step(what).is_some()).cloned();
    let obligation = args.what.clone().filter(|_| step.is_none());
    let circumstances = Circumstances {
        stage: Some(stage),
        role: args.role.clone(),
        step,
        obligation,
        own: args.own,
        requester: args.requester,
        stopper: args.stopper,
        token: args.token.map(Into::into),
        token_steps: args.token.iter().map(|_| "*".to_owned()).collect(),
        ..Circumstances::default()
    };
    let answer = session.factory.can(&workflow, &whom, args.assurance.into(), action, &circumstances).await?;
    out.json(&answer)?;
    if !out.is_json() {
        show(&answer, out);
    }
    Ok(Exit::ready(answer.explained.allowed))
}

fn list(out: &mut Out) -> Result<Exit, Failure> {
    let all: Vec<_> = Action::ALL.iter().map(|a| json!({ "action": a.as_str(), "what": a.what() })).collect();
    out.json(&all)?;
    let mut rows = Rows::new(out.layout(), &["action", "what it is"]);
    for action in Action::ALL {
        rows.plain([action.as_str(), action.what()]);
    }
    let text = rows.text();
    if !out.is_json() {
        out.text(&text);
    }
    Ok(Exit::Done)
}

fn show(answer: &Can, out: &mut Out) {
    let role = answer.role.as_ref().map(|r| format!(" as `{}`", shown(r))).unwrap_or_default();
    let (ink, word) = if answer.explained.allowed { (Ink::Good, "yes") } else { (Ink::Bad, "no") };
    let word = out.paint(ink, word);
    out.line(format!("{word}: {} {} in {}{role}", shown(&answer.who.id), answer.action, answer.workflow));
    if let Some(refusal) = &answer.refusal {
        out.line(format!("  {}", shown(refusal)));
    }
    for policy in answer.explained.permits.iter().chain(&answer.explained.forbids) {
        deciding(policy, out);
    }
    if !answer.explained.allowed {
        match answer.others.as_slice() {
            [] => out.line("nobody of this factory could, as things stand"),
            others => {
                let others: Vec<String> = others.iter().map(|o| shown(o)).collect();
                out.line(format!("who could: {}", others.join(", ")));
            }
        }
    }
}

fn deciding(policy: &Deciding, out: &mut Out) {
    let origin = match policy.origin {
        Origin::Base => "of Seatrial itself",
        Origin::Spec => "generated from the spec",
        Origin::Factory => "of the factory",
    };
    out.line(format!("  {} ({origin})", shown(&policy.says)));
    for line in policy.text.lines() {
        out.line(format!("    {}", shown(line)));
    }
}

/// `seatrial policy …`.
pub(crate) fn policy(command: &PolicyCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Show => {
            let workflow = session.workflow()?;
            let text = session.factory.policy_text(&workflow)?;
            out.json(&json!({ "workflow": workflow, "cedar": text }))?;
            if !out.is_json() {
                out.text(&text);
            }
            Ok(Exit::Done)
        }
        PolicyCommand::Schema => {
            out.json(&json!({ "schema": Policies::schema_text() }))?;
            if !out.is_json() {
                out.text(Policies::schema_text());
            }
            Ok(Exit::Done)
        }
        PolicyCommand::Check => {
            // As the file stands now: the owner of the store may have read an older one.
            let (spec, _) = read_factory(session.factory.root())?;
            let files = read_policies(session.factory.root(), &spec);
            let checked = files.and_then(|f| check_files(&f).map(|()| f.len()).map_err(|e| e.to_string()));
            match checked {
                Ok(files) => {
                    out.json(&json!({ "valid": true, "files": files }))?;
                    out.line(format!("{files} file(s) of policies, all valid"));
                    Ok(Exit::Done)
                }
                Err(why) => {
                    out.json(&json!({ "valid": false, "why": why }))?;
                    out.line(shown(&why));
                    out.line("nothing is permitted with these policies, in any workflow");
                    Ok(Exit::NotReady)
                }
            }
        }
    }
}
