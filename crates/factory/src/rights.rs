//! Who may do what: the policies of a workflow with the factory's own beside them, and why somebody may or may not.

use crate::api::Refused;
use crate::factory::Factory;
use seatrial_governance::policy::{
    Action as Act, Circumstances, EXTRA_BYTES_MAX, Explained, Grants, Policies, PolicyFile, Request, check_files,
};
use seatrial_model::{Assurance, Digest, LogName, Principal, PrincipalKind, Side};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

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
                let broken = check_files(&files).err().map(|e| e.to_string());
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
    pub(crate) fn of(&self, workflow: &Workflow, factory: &FactorySpec) -> Policies {
        if let Some(why) = &self.broken {
            return Policies::closed(&workflow.name, why);
        }
        Policies::with_files(&Grants::of(workflow).and_factory(factory), &self.files)
            .unwrap_or_else(|error| Policies::closed(&workflow.name, error))
    }
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
    /// The policies of a workflow, with the factory's own.
    pub(crate) fn policies_of(&self, workflow: &Workflow) -> Policies {
        self.0.policies.of(workflow, &self.spec())
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

    /// Whether somebody may do something, and why.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow or person.
    pub fn can(
        &self,
        workflow: &str,
        whom: &Whom,
        assurance: Assurance,
        action: Act,
        circumstances: &Circumstances,
    ) -> Result<Can, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let who = self.whom(whom, assurance)?;
        let mut circumstances = circumstances.clone();
        circumstances.simulation = self.is_simulation();
        let ask = |who: &Principal, circumstances: &Circumstances| {
            let request = Request { principal: who, action, circumstances };
            let explained = served.policies.explain(&request);
            let refusal = (!explained.allowed).then(|| explained.refusal(&request));
            (explained, refusal)
        };
        let (role, (explained, refusal)) = in_some_role(&who, &circumstances, ask);
        let others = if explained.allowed {
            Vec::new()
        } else {
            let fair = Circumstances { author: false, requester: false, stopper: false, ..circumstances };
            let mut able = Vec::new();
            for person in &self.spec().people {
                let Ok(other) = self.whom(&Whom::Person(person.id.clone()), Assurance::Token) else { continue };
                if other.id != who.id && in_some_role(&other, &fair, ask).1.0.allowed {
                    able.push(other.id);
                }
            }
            able
        };
        let workflow = handle.log.clone();
        Ok(Can { workflow, who, action: action.as_str(), role, explained, refusal, others })
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

/// Asks in the role that is named; else in each that is held, and takes the first in which it is allowed.
fn in_some_role<T>(
    who: &Principal,
    circumstances: &Circumstances,
    ask: impl Fn(&Principal, &Circumstances) -> (Explained, T),
) -> (Option<String>, (Explained, T)) {
    if circumstances.role.is_some() {
        return (circumstances.role.clone(), ask(who, circumstances));
    }
    for role in &who.roles {
        let answer = ask(who, &Circumstances { role: Some(role.clone()), ..circumstances.clone() });
        if answer.0.allowed {
            return (Some(role.clone()), answer);
        }
    }
    (None, ask(who, circumstances))
}

