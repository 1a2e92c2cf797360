//! Who an identity provider says that somebody is, and which person of the factory that is.

use crate::api::{Caller, Refused};
use crate::factory::Factory;
use seatrial_model::{Assurance, Untrusted};
use seatrial_spec::workflow::{Person, SignIn};
use std::collections::BTreeSet;

/// What a provider says of somebody, its signature checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SsoSubject {
    /// Its own id of them.
    pub subject: String,
    /// Their address, where the provider has verified it.
    pub email: Option<String>,
    /// Their groups there.
    pub groups: BTreeSet<String>,
}

impl Factory {
    /// The single sign-on of this factory.
    #[must_use]
    pub fn sign_in(&self) -> Option<SignIn> {
        self.spec().sign_in.clone()
    }

    /// The person of a subject: by its verified address or its id, and exactly one. Of their roles they have those that
    /// their groups allow.
    ///
    /// # Errors
    /// [`Refused`] where there is none, their time is over, or no group of theirs is mapped.
    pub fn by_single_sign_on(&self, subject: &SsoSubject) -> Result<Caller, Refused> {
        let spec = self.spec();
        let config = spec.sign_in.as_ref();
        let config = config.ok_or_else(|| Refused::Forbidden("this factory has no single sign-on".to_owned()))?;
        let is_them = |p: &&Person| {
            let by_email = subject.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(&p.id));
            by_email || p.id == subject.subject
        };
        let shown = Untrusted::new(subject.email.as_deref().unwrap_or(&subject.subject)).terminal(80);
        let mut found = spec.people.iter().filter(is_them);
        let person = match (found.next(), found.next()) {
            (Some(person), None) => person,
            (None, _) => {
                let unverified = if subject.email.is_none() { " (the provider gave no verified address)" } else { "" };
                return Err(Refused::Forbidden(format!(
                    "`{shown}` is no person of this factory{unverified}; whoever keeps `factory.yaml` adds them under this id"
                )));
            }
            // One by the address, another by the id: nobody can say which of them it is.
            (Some(_), Some(_)) => {
                return Err(Refused::Forbidden(format!(
                    "`{shown}` fits two people of this factory; one subject of the directory is one person"
                )));
            }
        };
        let mut principal = self.person(&person.id, Assurance::Sso)?;
        if !config.groups.is_empty() {
            let mapped: BTreeSet<&String> = config
                .groups
                .iter()
                .filter(|(group, _)| subject.groups.contains(*group))
                .flat_map(|(_, r)| r)
                .collect();
            principal.roles.retain(|role| mapped.contains(role));
            if mapped.is_empty() {
                return Err(Refused::Forbidden(format!(
                    "`{shown}` is in no group that `sign_in.groups` of `factory.yaml` maps to a role; ask for one of: {}",
                    config
                        .groups
                        .keys()
                        .map(|g| Untrusted::new(g.as_str()).terminal(80))
                        .collect::<Vec<_>>()
                        .join(", ")
                )));
            }
        }
        Ok(Caller { principal, token: None, steps: Vec::new() })
    }
}
