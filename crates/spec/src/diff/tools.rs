//! Differences of tools: what a step may call, and with what.

use super::rules;
use super::said::{Direction, Said, code, moved, option};
use crate::workflow::{Step, Tool};

pub(super) fn said(old: &Step, new: &Step, rest: &[&str]) -> Said {
    match rest {
        [] => list(old.tools.as_deref(), new.tools.as_deref()),
        [name, rest @ ..] => one(find(old, name), find(new, name), rest),
    }
}

fn find<'s>(step: &'s Step, name: &str) -> Option<&'s Tool> {
    step.tools.iter().flatten().find(|tool| tool.name == name)
}

/// The list itself. Without one, every call of a tool goes to a person; with one, calls that it names may pass.
fn list(old: Option<&[Tool]>, new: Option<&[Tool]>) -> Said {
    let mut said = Said::nothing();
    match (old, new) {
        (None, Some([])) => said.add(Direction::Narrows, "no tool may be called; until now a call was escalated"),
        (Some([]), None) => said.add(Direction::Widens, "a call of a tool is escalated; until now it was denied"),
        _ => {}
    }
    let names = |tools: Option<&[Tool]>| -> Vec<String> {
        tools.unwrap_or_default().iter().map(|tool| tool.name.clone()).collect()
    };
    let (before, now) = (names(old), names(new));
    for name in now.iter().filter(|name| !before.contains(name)) {
        said.add(Direction::Widens, format!("it may call {}", code(name)));
    }
    for name in before.iter().filter(|name| !now.contains(name)) {
        said.add(Direction::Narrows, format!("it may call {} no longer", code(name)));
    }
    said
}

fn one(old: Option<&Tool>, new: Option<&Tool>, rest: &[&str]) -> Said {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(tool)) => return Said::widens(format!("it may call {}", code(&tool.name))),
        (Some(tool), None) => return Said::narrows(format!("it may call {} no longer", code(&tool.name))),
        (None, None) => return Said::nothing(),
    };
    match rest {
        ["arguments"] => arguments(old, new),
        ["require", name] => rules::named(&old.require, &new.require, "require", name),
        ["forbid", name] => rules::named(&old.forbid, &new.forbid, "forbid", name),
        _ => Said::nothing(),
    }
}

fn arguments(old: &Tool, new: &Tool) -> Said {
    let show = |name: &Option<String>| option(name.as_ref(), Clone::clone);
    let why = moved("type of its arguments", &show(&old.arguments), &show(&new.arguments));
    match (&old.arguments, &new.arguments) {
        (None, Some(_)) => Said::narrows(why),
        (Some(_), None) => Said::widens(why),
        _ => Said::unclear(why),
    }
}
