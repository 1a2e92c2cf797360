//! Who answers: roles with nobody in them, and receivers who are the delivery side.

use super::Places;
use crate::check::reader::Reader;
use crate::diagnostic::Code;
use crate::workflow::{FactorySpec, Workflow};
use seatrial_model::{ElementPath, Side, Stage};

/// Roles that somebody has to fill: where they are named, and from which stage on.
fn uses(w: &Workflow) -> Vec<(ElementPath, &str, Stage)> {
    let mut out: Vec<(ElementPath, &str, Stage)> = Vec::new();
    for step in &w.steps {
        let path = step.path();
        for rule in step.rules() {
            out.extend(rule.to.iter().map(|to| (rule.path.clone(), to.as_str(), Stage::Pilot)));
        }
        out.extend(step.escalate.iter().map(|e| (e.path.clone(), e.to.as_str(), Stage::Pilot)));
        out.extend(step.audit.iter().map(|a| (path.child("audit"), a.to.as_str(), Stage::Pilot)));
        out.extend(step.review.late.iter().map(|to| (path.child("review"), to.as_str(), Stage::Pilot)));
        out.extend(step.fallback.iter().map(|f| (path.child("fallback"), f.to.as_str(), Stage::Pilot)));
        let by = step.overrides.iter().flat_map(|o| &o.by);
        out.extend(by.map(|to| (path.child("override"), to.as_str(), Stage::Production)));
    }
    let pilot = w.gates.pilot.iter().flat_map(|g| &g.approvals);
    out.extend(pilot.map(|a| (ElementPath::new("gates.pilot.approvals"), a.by.as_str(), Stage::Pilot)));
    let production = w.gates.production.iter().flat_map(|g| &g.approvals);
    out.extend(production.map(|a| (ElementPath::new("gates.production.approvals"), a.by.as_str(), Stage::Production)));
    for (name, r) in &w.responsibilities {
        let path = ElementPath::new(format!("responsibilities.{name}"));
        let roles = [&r.delivery, &r.receiving, &r.challenged_by];
        out.extend(roles.into_iter().flatten().map(|to| (path.clone(), to.as_str(), Stage::Production)));
    }
    out
}

pub(super) fn roles(r: &mut Reader, places: &Places<'_>, w: &Workflow, factory: Option<&FactorySpec>) {
    let Some(factory) = factory else { return };
    let mut said: Vec<(&str, Stage)> = Vec::new();
    for (path, role, stage) in uses(w) {
        let anybody = factory.people.iter().any(|p| p.roles.iter().any(|r| r == role));
        // Once for each role is enough, unless a later one blocks an earlier stage.
        if anybody || said.iter().any(|(known, at)| *known == role && *at <= stage) {
            continue;
        }
        said.push((role, stage));
        r.at = path.clone();
        let message = format!("nobody has the role `{role}`, which `{path}` needs");
        r.find(Code::EmptyRole, places.of(&path), message)
            .help(format!("add `{role}` to the roles of a person in `factory.yaml`"))
            .warns(Some(stage))
            .done();
    }
}

pub(super) fn responsibilities(r: &mut Reader, places: &Places<'_>, w: &Workflow, factory: Option<&FactorySpec>) {
    for (name, responsibility) in &w.responsibilities {
        let path = ElementPath::new(format!("responsibilities.{name}"));
        let Some(role) = &responsibility.receiving else { continue };
        let builder =
            factory.iter().flat_map(|f| &f.people).find(|p| p.side == Side::Delivery && p.roles.contains(role));
        let message = match builder {
            Some(person) => format!("`{role}` receives `{name}`, and `{}` in it is of the delivery side", person.id),
            None if responsibility.delivery.as_ref() == Some(role) => {
                format!("`{name}` would be handed from `{role}` to `{role}`")
            }
            None => continue,
        };
        r.at = path.clone();
        r.find(Code::ReceiverDelivers, places.of(&path.child("receiving")), message)
            .help("name a role held by people of the receiving side")
            .warns(Some(Stage::Production))
            .done();
    }
}
