//! What somebody is shown before they approve: exactly what the approval covers, in its own words, and what changed
//! since they looked at it last.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal};
use crate::standing::Gathered;
use seatrial_governance::key::Keys;
use seatrial_governance::{ObligationState, obligations};
use seatrial_model::{Body, Digest, ElementPath, EventId, LogName, Logged, Stage, Time};
use seatrial_spec::check::WORKFLOW_FILE;
use seatrial_spec::workflow::Element;
use seatrial_spec::{ScopeEntry, Workflow, yaml};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The longest text of one element that is shown: what is longer is read in its file.
pub const SHOWN_BYTES_MAX: usize = 16 * 1024;

/// What an approval is over, as it is shown.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ApprovalLook {
    /// The workflow.
    pub workflow: LogName,
    /// The obligation.
    pub obligation: String,
    /// One line for people.
    pub title: String,
    /// The stage.
    pub stage: Stage,
    /// How it stands.
    pub state: String,
    /// Why.
    pub why: String,
    /// The key that the approval is bound to.
    pub key: Digest,
    /// The spec that is approved.
    pub spec: Digest,
    /// The roles whose holders can approve it.
    pub roles: Vec<String>,
    /// The spec's elements that it covers, with their digests; none where it covers the state of obligations.
    pub scope: Vec<(ElementPath, Digest)>,
    /// What stands at these elements, of each only the outermost.
    pub text: Vec<(ElementPath, String)>,
    /// What changed since it was discharged.
    pub changed: Vec<ElementPath>,
    /// External inputs of the key.
    pub inputs: BTreeMap<String, String>,
    /// The other obligations as they stand, for a release's approval: id → state.
    pub obligations: BTreeMap<String, String>,
    /// What changed since whoever asks approved it last, or since anybody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
}

/// What changed since an earlier approval of the same obligation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Since {
    /// That approval.
    pub approval: EventId,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Time,
    /// Whether whoever asks gave it themselves.
    pub own: bool,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
    /// Nothing that it covers changed.
    pub unchanged: bool,
    /// What changed.
    pub changes: Vec<Changed>,
}

/// One thing that is another than it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Changed {
    /// `element`, `input`, `obligation`.
    pub what: String,
    /// Its path or name.
    pub name: String,
    /// What it was; none where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What it is; none where it is there no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

impl Changed {
    /// Every name that differs between two tables.
    pub(crate) fn between(what: &str, was: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Self> {
        let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
        let of = |name: &&String| (was.get(*name).cloned(), now.get(*name).cloned());
        let differing = names.iter().filter(|n| was.get(**n) != now.get(**n));
        differing
            .map(|name| {
                let (was, now) = of(name);
                Self { what: what.to_owned(), name: (*name).clone(), was, now }
            })
            .collect()
    }
}

impl Factory {
    /// What somebody is to approve: nothing is recorded by looking.
    ///
    /// # Errors
    /// [`Refused`] where there is no such obligation.
    pub async fn look_at_approval(
        &self,
        caller: Option<&Caller>,
        workflow: &str,
        stage: Stage,
        obligation: &str,
    ) -> Result<ApprovalLook, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, stage);
        let state = find(&states, stage, obligation)?;
        let scope = self.scope_of(&gathered, state);
        let since = self.since(caller, &handle.log, &gathered, &states, state).await?;
        let paths: Vec<ElementPath> = scope.iter().map(|entry| entry.0.clone()).collect();
        Ok(ApprovalLook {
            workflow: handle.log.clone(),
            obligation: state.obligation.id.clone(),
            title: state.obligation.title.clone(),
            stage,
            state: state.state.as_str().to_owned(),
            why: state.why.clone(),
            key: state.key,
            spec: served.workflow.digest,
            roles: state.obligation.roles(&served.workflow, stage).into_iter().collect(),
            text: Texts::of(&served.workflow).outermost(&paths),
            scope: scope.into_iter().map(|entry| (entry.0, entry.1)).collect(),
            changed: state.changed.clone(),
            inputs: state.inputs.clone(),
            obligations: if is_over_states(state) { others(&states, obligation) } else { BTreeMap::new() },
            since,
        })
    }

    fn scope_of(&self, gathered: &Gathered, state: &ObligationState) -> Vec<ScopeEntry> {
        Keys::new(&gathered.workflow, &self.spec(), &gathered.inputs, self.now()).scope(&state.obligation)
    }

    /// What changed since the newest approval of the obligation by this caller; by anybody, where they gave none.
    async fn since(
        &self,
        caller: Option<&Caller>,
        log: &LogName,
        gathered: &Gathered,
        states: &[ObligationState],
        state: &ObligationState,
    ) -> Result<Option<Since>, Refused> {
        let id = caller.map(|c| c.principal.id.as_str());
        let own = id.and_then(|id| newest_approval(&gathered.events, &state.obligation.id, Some(id)));
        let Some(earlier) = own.or_else(|| newest_approval(&gathered.events, &state.obligation.id, None)) else {
            return Ok(None);
        };
        let event = &earlier.event;
        let evidence = event.evidence.iter().find(|e| e.obligation == state.obligation.id);
        let mut changes = Vec::new();
        if let Some(spec) = event.spec.filter(|spec| *spec != gathered.workflow.digest) {
            let (old, _) = self.load_spec(log, spec).await.map_err(internal)?;
            changes = self.element_changes(gathered, &old, state);
        }
        if let Some(evidence) = evidence {
            let mut was = evidence.inputs.clone();
            let mut now = state.inputs.clone();
            // The digest of the other obligations' state says nothing to people; what it is made of follows.
            was.remove("state");
            now.remove("state");
            changes.extend(Changed::between("input", &was, &now));
        }
        if is_over_states(state) {
            let then = self.states_when(log, gathered, state.stage, earlier.index, event.spec).await?;
            let now = others(states, &state.obligation.id);
            changes.extend(Changed::between("obligation", &others(&then, &state.obligation.id), &now));
        }
        let withdrawn = gathered.events.iter().any(|e| match &e.event.body {
            Body::ApprovalWithdrawn(w) => w.approval == event.id,
            _ => false,
        });
        Ok(Some(Since {
            approval: event.id,
            by: event.actor.id.clone(),
            at: event.time,
            own: id == Some(event.actor.id.as_str()),
            withdrawn,
            unchanged: evidence.is_some_and(|e| e.key == state.key),
            changes,
        }))
    }

    /// How the elements of an obligation's scope differ between an older spec and the one gathered.
    pub(crate) fn element_changes(&self, gathered: &Gathered, old: &Workflow, state: &ObligationState) -> Vec<Changed> {
        let factory = self.spec();
        let inputs = &gathered.inputs;
        let now = self.scope_of(gathered, state);
        let then = obligations(old, &factory)
            .iter()
            .find(|o| o.id == state.obligation.id && o.is_for(state.stage))
            .map(|o| Keys::new(old, &factory, inputs, self.now()).scope(o))
            .unwrap_or_default();
        let diff = seatrial_spec::diff(&table(&then), &table(&now));
        let (was, is) = (Texts::of(old), Texts::of(&gathered.workflow));
        diff.paths()
            .into_iter()
            .map(|path| {
                let (mut a, mut b) = (was.at(&path), is.at(&path));
                if a == b {
                    // What stands there is the same; a file that it names is not.
                    (a, b) = (was.files_behind(a.as_deref(), &is), is.files_behind(b.as_deref(), &was));
                }
                Changed { what: "element".to_owned(), name: path.to_string(), was: a, now: b }
            })
            .collect()
    }

    /// How every obligation stood after the log's delivery events up to an entry, under the spec of then. The people
    /// and models of then are not known any more: where these changed, their obligations tell it themselves.
    pub(crate) async fn states_when(
        &self,
        log: &LogName,
        gathered: &Gathered,
        stage: Stage,
        until: u64,
        spec: Option<Digest>,
    ) -> Result<Vec<ObligationState>, Refused> {
        let (workflow, findings) = match spec.filter(|spec| *spec != gathered.workflow.digest) {
            Some(spec) => {
                let (old, findings) = self.load_spec(log, spec).await.map_err(internal)?;
                (Arc::new(old), findings)
            }
            None => (Arc::clone(&gathered.workflow), gathered.findings.clone()),
        };
        let events = gathered.events.iter().filter(|e| e.index < until).cloned().collect();
        Ok(self.states(&gathered.with(workflow, findings, events), stage))
    }
}

/// The state of an obligation among all of a stage.
pub(crate) fn find<'s>(
    states: &'s [ObligationState],
    stage: Stage,
    obligation: &str,
) -> Result<&'s ObligationState, Refused> {
    states.iter().find(|s| s.obligation.id == obligation).ok_or_else(|| {
        let ids: Vec<&str> = states.iter().map(|s| s.obligation.id.as_str()).collect();
        let shown = seatrial_model::Untrusted::new(obligation).terminal(80);
        Refused::NotFound(format!("{stage} has no obligation `{shown}`; it has: {}", ids.join(", ")))
    })
}

/// The newest approval of an obligation, by one person or by anybody.
pub(crate) fn newest_approval<'e>(events: &'e [Logged], obligation: &str, by: Option<&str>) -> Option<&'e Logged> {
    events.iter().rev().find(|logged| {
        matches!(logged.event.body, Body::ApprovalGiven(_))
            && by.is_none_or(|id| logged.event.actor.id == id)
            && logged.event.evidence.iter().any(|e| e.obligation == obligation)
    })
}

/// Whether an approval is over the state of the other obligations.
pub(crate) fn is_over_states(state: &ObligationState) -> bool {
    state.obligation.inputs.contains(&seatrial_governance::Input::State)
}

/// The other obligations as they stand.
pub(crate) fn others(states: &[ObligationState], without: &str) -> BTreeMap<String, String> {
    let others = states.iter().filter(|s| s.obligation.id != without);
    others.map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned())).collect()
}

fn table(scope: &[ScopeEntry]) -> Vec<Element> {
    scope.iter().map(|ScopeEntry(path, d)| Element { path: path.clone(), written: *d, compiled: *d }).collect()
}

/// The words of a spec, by its elements' paths.
struct Texts<'w> {
    workflow: &'w Workflow,
    text: String,
    root: Option<yaml::Node>,
}

impl<'w> Texts<'w> {
    fn of(workflow: &'w Workflow) -> Self {
        let file = workflow.files.get(WORKFLOW_FILE);
        let text = file.map(|f| String::from_utf8_lossy(&f.bytes).into_owned()).unwrap_or_default();
        let root = yaml::parse(&text).0;
        Self { workflow, text, root }
    }

    /// What stands at these elements, of each only the outermost.
    fn outermost(&self, paths: &[ElementPath]) -> Vec<(ElementPath, String)> {
        let all: BTreeSet<&ElementPath> = paths.iter().collect();
        let covered = |path: &ElementPath| all.iter().any(|other| *other != path && path.is_within(other));
        let outermost = all.iter().filter(|path| !covered(path));
        outermost.filter_map(|path| self.at(path).map(|text| ((*path).clone(), text))).collect()
    }

    /// The text of an element, as it stands in the file, outdented.
    fn at(&self, path: &ElementPath) -> Option<String> {
        let mut node = self.root.as_ref()?;
        for segment in path.segments() {
            node = node.get(segment)?;
        }
        // From the start of its first line on, so that the indentation tells what belongs to what.
        let first = self.text.get(..node.range.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let lead = self.text.get(first..node.range.start)?;
        let lead = if lead.chars().all(|c| c == ' ') { lead } else { "" };
        let found = format!("{lead}{}", self.text.get(node.range.clone())?);
        let indent = found.lines().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min()?;
        let lines: Vec<&str> = found.lines().map(|l| l.get(indent..).unwrap_or_default().trim_end()).collect();
        Some(bounded(lines.join("\n").trim_end()))
    }

    /// The files that a text names and that are others in another spec, as they stand here.
    fn files_behind(&self, text: Option<&str>, other: &Self) -> Option<String> {
        let text = text?;
        let named = self.workflow.files.iter().filter(|(path, _)| *path != WORKFLOW_FILE && text.contains(*path));
        let differing = named.filter(|(path, file)| other.workflow.files.get(*path).map(|f| f.blob) != Some(file.blob));
        let shown: Vec<String> = differing
            .map(|(path, file)| format!("{path}:\n{}", bounded(&String::from_utf8_lossy(&file.bytes))))
            .collect();
        Some(if shown.is_empty() { text.to_owned() } else { shown.join("\n") })
    }
}

/// A text up to the limit; what is left out is said.
fn bounded(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=SHOWN_BYTES_MAX).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}\n… ({} more bytes)", text.get(..end).unwrap_or_default(), text.len() - end)
}
