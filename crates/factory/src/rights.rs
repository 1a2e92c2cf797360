//! Who may do what: the policies of a workflow with the factory's own beside them, and why somebody may or may not.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, not_recorded};
use seatrial_governance::obligations;
use seatrial_governance::policy::{
    Action as Act, Circumstances, EXTRA_BYTES_MAX, Explained, Grants, Policies, PolicyFile, Request, check_files,
};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Body, Digest, Event, LogName, Principal, PrincipalKind, Side, Stage};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The factory's own policies as they were read when it was opened.
#[derive(Debug, Default)]
pub(crate) struct OwnPolicies {
    files: Vec<PolicyFile>,
    /// Why they cannot be used: then nothing is permitted, in any workflow.
    broken: Option<String>,
}

impl OwnPolicies {
    /// Reads the files that `factory.yaml` names. What cannot be read or does not fit closes everything.
    pub(crate) fn read(root: &Path, factory: &FactorySpec) -> Self {
        match read_policies(root, factory) {
            Ok(files) => {
                // Where there are none there is nothing to check them against.
                let broken = if files.is_empty() { None } else { check_files(&files).err().map(|e| e.to_string()) };
                Self { files, broken }
            }
            Err(why) => Self { files: Vec::new(), broken: Some(why) },
        }
    }

    /// The files' bytes, to be kept as blobs, and their digests by path.
    pub(crate) fn blobs(&self) -> (Vec<Vec<u8>>, BTreeMap<String, Digest>) {
        let digests = self.files.iter().map(|f| (f.path.clone(), Digest::of(f.text.as_bytes()))).collect();
        (self.files.iter().map(|f| f.text.clone().into_bytes()).collect(), digests)
    }

    /// The policies of a workflow. Where something is broken they are a value that refuses.
    pub(crate) fn of(&self, workflow: &Workflow, factory: &FactorySpec) -> Arc<Policies> {
        if let Some(why) = &self.broken {
            return Arc::new(Policies::closed(&workflow.name, why));
        }
        let grants = Grants::of(workflow).and_factory(factory);
        let mut texts = vec![workflow.name.clone(), grants.to_cedar()];
        texts.extend(self.files.iter().flat_map(|f| [f.path.clone(), f.text.clone()]));
        let make = || Policies::with_files(&grants, &self.files);
        compiled(texts, || make().unwrap_or_else(|error| Policies::closed(&workflow.name, error)))
    }
}

/// The most policies that are remembered as they were compiled: validating them is most of the work of serving a spec
/// anew, and they change far less often than that is done.
const COMPILED_MAX: usize = 32;

/// Policies that were compiled before, by all the texts that they were made of; else they are made.
fn compiled(texts: Vec<String>, make: impl FnOnce() -> Policies) -> Arc<Policies> {
    static COMPILED: Mutex<Vec<(Vec<String>, Arc<Policies>)>> = Mutex::new(Vec::new());
    let known = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, policies)) = known().iter().find(|(of, _)| *of == texts) {
        return Arc::clone(policies);
    }
    let policies = Arc::new(make());
    let mut known = known();
    if known.len() >= COMPILED_MAX {
        known.remove(0);
    }
    known.push((texts, Arc::clone(&policies)));
    policies
}

/// Reads the policies that `factory.yaml` names, from the factory's folder.
///
/// # Errors
/// Which file cannot be read and why, in words.
pub fn read_policies(root: &Path, factory: &FactorySpec) -> Result<Vec<PolicyFile>, String> {
    let inside = std::fs::canonicalize(root).map_err(|e| format!("the factory's folder cannot be read: {e}"))?;
    let read = |path: &String| {
        let failed = |why: String| format!("the policies `{path}` of `factory.yaml` cannot be read: {why}");
        let file = std::fs::canonicalize(root.join(path)).map_err(|e| failed(e.to_string()))?;
        if !file.starts_with(&inside) {
            return Err(failed("it lies outside the factory's folder".to_owned()));
        }
        let bytes = std::fs::metadata(&file).map_err(|e| failed(e.to_string()))?.len();
        if bytes > EXTRA_BYTES_MAX as u64 {
            return Err(failed(format!("it has {bytes} bytes, the limit is {EXTRA_BYTES_MAX}")));
        }
        let text = std::fs::read_to_string(&file).map_err(|e| failed(e.to_string()))?;
        Ok(PolicyFile { path: path.clone(), text })
    };
    factory.policies.iter().map(read).collect()
}

/// Who is asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whom {
    /// A person of `factory.yaml`.
    Person(String),
    /// An agent of that name, on a side.
    Agent(String, Side),
    /// A service of that name, on a side.
    Service(String, Side),
}

/// The answer to "may they?", with its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Can {
    /// The workflow.
    pub workflow: LogName,
    /// Who was asked about.
    pub who: Principal,
    /// What they want to do.
    pub action: &'static str,
    /// In which role it was asked, where one was named or fits.
    pub role: Option<String>,
    /// The answer.
    #[serde(flatten)]
    pub explained: Explained,
    /// The refusal in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The people of the factory who may, in the same circumstances: with a token, and as no authors.
    pub others: Vec<String>,
}

impl Factory {
    /// Whether somebody may look at how delivery stands, and act on it, through an API: a person whom the policies let
    /// read, with a token of kind `operator`, or at the machine itself. What they may do then, each act asks.
    ///
    /// # Errors
    /// [`Refused`] where they may not, or nothing was submitted.
    pub fn may_govern(&self, caller: &Caller, workflow: &str) -> Result<(), Refused> {
        if caller.principal.kind != PrincipalKind::Person
            || caller.token.is_some_and(|kind| kind != TokenKind::Operator)
        {
            return Err(Refused::Forbidden(
                "governed delivery is for people, with an `operator` token: agents, services and other tokens look at \
                 nothing here and judge nothing"
                    .to_owned(),
            ));
        }
        let (_, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Read, &circumstances)
    }

    /// The policies of a workflow, with the factory's own.
    pub(crate) fn policies_of(&self, workflow: &Workflow) -> Arc<Policies> {
        self.0.policies.load().of(workflow, &self.spec())
    }

    /// The whole Cedar text that decides about a workflow's submitted spec.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted, or the policies are broken.
    pub fn policy_text(&self, workflow: &str) -> Result<String, Refused> {
        let (_, served) = self.submitted(workflow)?;
        match served.policies.broken() {
            Some(why) => Err(Refused::Invalid(why.to_owned())),
            None => Ok(served.policies.text().to_owned()),
        }
    }

    /// Whether somebody may do something, and why. Where an obligation is named, it is asked in the roles that can
    /// discharge it, and whoever submitted the spec is an author.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow, obligation or person.
    pub async fn can(
        &self,
        workflow: &str,
        whom: &Whom,
        assurance: Assurance,
        action: Act,
        circumstances: &Circumstances,
    ) -> Result<Can, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let roles = self.asked_roles(&served.workflow, circumstances)?;
        let authors = self.submitters(&handle.log, served.workflow.digest).await?;
        let ask = |who: &Principal, circumstances: &Circumstances| {
            let author = circumstances.author || authors.contains(&who.id);
            let ended = circumstances.ended || served.rights.ended();
            let simulation = self.is_simulation();
            let circumstances = Circumstances { author, ended, simulation, ..circumstances.clone() };
            let request = Request { principal: who, action, circumstances: &circumstances };
            let explained = served.policies.explain(&request);
            let refusal = (!explained.allowed).then(|| explained.refusal(&request));
            (explained, refusal)
        };
        let who = self.whom(whom, assurance)?;
        let (role, (explained, refusal)) = in_some_role(&who, circumstances, roles.as_ref(), ask);
        let mut others = Vec::new();
        if !explained.allowed {
            let fair = Circumstances {
                author: false,
                own: false,
                requester: false,
                stopper: false,
                token: None,
                ..circumstances.clone()
            };
            for person in &self.spec().people {
                let Ok(other) = self.whom(&Whom::Person(person.id.clone()), Assurance::Token) else { continue };
                if other.id != who.id && in_some_role(&other, &fair, roles.as_ref(), ask).1.0.allowed {
                    others.push(other.id);
                }
            }
        }
        let workflow = handle.log.clone();
        Ok(Can { workflow, who, action: action.as_str(), role, explained, refusal, others })
    }

    /// The roles that can discharge the obligation that is asked about; none where none is.
    fn asked_roles(&self, workflow: &Workflow, asked: &Circumstances) -> Result<Option<BTreeSet<String>>, Refused> {
        let Some(id) = &asked.obligation else { return Ok(None) };
        let stage = asked.stage.unwrap_or(Stage::Production);
        let all = obligations(workflow, &self.spec());
        let found = all.iter().find(|o| o.id == *id && o.is_for(stage)).ok_or_else(|| {
            let shown = seatrial_model::Untrusted::new(id.as_str()).terminal(80);
            Refused::NotFound(format!("{stage} has no obligation `{shown}`: `seatrial status` shows all"))
        })?;
        Ok(Some(found.roles(workflow, stage)))
    }

    /// Who submitted this very spec.
    pub(crate) async fn submitters(&self, log: &LogName, spec: Digest) -> Result<BTreeSet<String>, Refused> {
        let events = self.delivery_events(log).await.map_err(not_recorded)?;
        let of = |e: &Event| matches!(e.body, Body::SpecSubmitted(_)) && e.spec == Some(spec);
        Ok(events.iter().filter(|e| of(&e.event)).map(|e| e.event.actor.id.clone()).collect())
    }

    fn whom(&self, whom: &Whom, assurance: Assurance) -> Result<Principal, Refused> {
        let other = |id: &String, kind: PrincipalKind, side: Side| Principal {
            id: id.clone(),
            kind,
            side,
            roles: [].into(),
            assurance,
        };
        match whom {
            Whom::Person(id) => self.person(id, assurance),
            Whom::Agent(id, side) => Ok(other(id, PrincipalKind::Agent, *side)),
            Whom::Service(id, side) => Ok(other(id, PrincipalKind::Service, *side)),
        }
    }
}

/// Asks in the role that is named; else in each that is held (and asked for), and takes the first in which it is
/// allowed.
fn in_some_role<T>(
    who: &Principal,
    circumstances: &Circumstances,
    asked: Option<&BTreeSet<String>>,
    ask: impl Fn(&Principal, &Circumstances) -> (Explained, T),
) -> (Option<String>, (Explained, T)) {
    if circumstances.role.is_some() {
        return (circumstances.role.clone(), ask(who, circumstances));
    }
    let in_role = |role: &String| Circumstances { role: Some(role.clone()), ..circumstances.clone() };
    for role in who.roles.iter().filter(|role| asked.is_none_or(|asked| asked.contains(*role))) {
        let answer = ask(who, &in_role(role));
        if answer.0.allowed {
            return (Some(role.clone()), answer);
        }
    }
    // In the role that they lack, where there is one: so the answer says for whom it is.
    match asked.and_then(BTreeSet::first) {
        Some(role) => (Some(role.clone()), ask(who, &in_role(role))),
        None => (None, ask(who, circumstances)),
    }
}
