//! One command's dealings with an open factory: who acts, and on which workflow.

use crate::args::Gate;
use crate::failure::Failure;
use crate::place;
use seatrial_factory::Factory;
use seatrial_factory::api::Caller;
use seatrial_model::{LogName, Principal, Stage};
use seatrial_spec::FactorySpec;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Who says to act, as the command line and its environment put it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Who {
    /// `--as`, or SEATRIAL_AS.
    pub(crate) person: Option<String>,
    /// SEATRIAL_TOKEN.
    pub(crate) token: Option<String>,
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token never reaches a log line by way of a `{:?}`.
        f.debug_struct("Who").field("person", &self.person).field("token", &self.token.is_some()).finish()
    }
}

impl Who {
    /// Whether nobody was named.
    pub(crate) const fn is_nobody(&self) -> bool {
        self.person.is_none() && self.token.is_none()
    }
}

/// Nobody was named, and somebody has to act.
pub(crate) fn nobody(factory: &FactorySpec) -> Failure {
    const LISTED_MAX: usize = 12;
    let listed: Vec<String> = factory.people.iter().take(LISTED_MAX).map(|p| format!("`{}`", p.id)).collect();
    let more = if factory.people.len() > LISTED_MAX { ", …" } else { "" };
    Failure::usage(format!(
        "say who acts: `--as PERSON`, or SEATRIAL_AS, or a token in SEATRIAL_TOKEN; nothing was done. `factory.yaml` names {}{more}",
        listed.join(", ")
    ))
}

/// One command's dealings with an open factory.
pub(crate) struct Session {
    /// The factory.
    pub(crate) factory: Factory,
    /// The folder that the command was started in, or `-C`.
    pub(crate) start: PathBuf,
    /// `--workflow`.
    pub(crate) named: Option<String>,
    /// Who says to act.
    pub(crate) who: Who,
}

impl Session {
    /// Who acts, authenticated.
    pub(crate) async fn caller(&self) -> Result<Caller, Failure> {
        if let Some(token) = &self.who.token {
            let caller = self.factory.authenticate(token).await?;
            return match &self.who.person {
                Some(person) if *person != caller.principal.id => Err(Failure::usage(format!(
                    "SEATRIAL_TOKEN belongs to `{}`, and `{}` is to act; nothing was done. Name nobody, or unset the token",
                    caller.principal.id,
                    crate::out::shown(person)
                ))),
                _ => Ok(caller),
            };
        }
        match &self.who.person {
            Some(person) => Ok(self.factory.local(person)?),
            None => Err(nobody(&self.factory.spec())),
        }
    }

    /// Who reads: whoever holds the machine may read without a name, but a token's limits hold.
    pub(crate) async fn reader(&self) -> Result<Caller, Failure> {
        if self.who.is_nobody() {
            return Ok(Caller { principal: Principal::system(), token: None, steps: Vec::new() });
        }
        self.caller().await
    }

    /// The folder of the workflow that is meant, as `factory.yaml` lists it.
    pub(crate) fn folder(&self) -> Result<place::WorkflowFolder, Failure> {
        place::one_workflow(&self.start, self.factory.root(), &self.factory.spec(), self.named.as_deref())
    }

    /// The workflow that is meant, by its name in the log.
    pub(crate) fn workflow(&self) -> Result<String, Failure> {
        let logs = self.factory.workflows();
        if let Some(named) = &self.named
            && logs.iter().any(|log| log.as_str() == named)
        {
            return Ok(named.clone());
        }
        let folder = match self.folder() {
            Ok(folder) => folder,
            // A workflow whose folder is gone still has its log.
            Err(failure) => match logs.as_slice() {
                [only] if self.named.is_none() => return Ok(only.to_string()),
                _ => return Err(failure),
            },
        };
        place::declared_name(&folder.path).ok_or_else(|| {
            Failure::file(format!(
                "`{}` has no `workflow:`; nothing was done. `seatrial check` says more",
                folder.label
            ))
        })
    }

    /// The log that is meant: a workflow's, or the factory's own.
    pub(crate) fn log(&self) -> Result<LogName, Failure> {
        let name = match self.named.as_deref() {
            Some("factory") => "factory".to_owned(),
            _ => self.workflow()?,
        };
        name.parse().map_err(|e| Failure::usage(format!("{e}; nothing was done")))
    }

    /// The stage that is meant: the one named, or the one that comes after what is in force.
    pub(crate) async fn stage(&self, named: Option<Gate>, workflow: &str) -> Result<Stage, Failure> {
        if let Some(gate) = named {
            return Ok(gate.into());
        }
        let Ok(log) = workflow.parse() else { return Ok(Stage::Pilot) };
        let in_force = self.factory.in_force(&log).await?;
        Ok(match in_force.map(|r| r.stage) {
            Some(Stage::Pilot | Stage::Production | Stage::Owned) => Stage::Production,
            _ => Stage::Pilot,
        })
    }
}
