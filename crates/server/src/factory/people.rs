//! Who signs in, and whether they still may.

use super::{FactoryBackend, problem};
use crate::backend::{Person, Problem, SignedWith};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{Factory, SsoSubject};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, PrincipalKind};

/// The digits of a token's public name.
const TOKEN_NAME_CHARS: usize = 12;

impl FactoryBackend {
    /// A person of `factory.yaml`, as whoever holds the machine: for one-time links made at the server itself. In a
    /// simulation such a person is simulated; in a real factory production's acts ask for more than that.
    ///
    /// # Errors
    /// [`Problem`] where the file names no such person, or their time is over.
    pub fn local(&self, id: &str) -> Result<Person, Problem> {
        let caller = self.factory.local(id).map_err(problem)?;
        Ok(person(&self.factory, caller, None))
    }
}

fn person(factory: &Factory, caller: Caller, token: Option<SignedWith>) -> Person {
    let spec = factory.spec();
    let name = spec.person(&caller.principal.id).map_or_else(|| caller.principal.id.clone(), |p| p.name.clone());
    Person { principal: caller.principal, name, token, sso: false }
}

pub(super) async fn authenticate(factory: &Factory, token: &str) -> Result<Option<Person>, Problem> {
    let caller = match factory.authenticate(token).await {
        Ok(caller) => caller,
        // Gone from the factory, or never there: the sign-in page does not say which.
        Err(Refused::Unauthenticated | Refused::NotFound(_) | Refused::Forbidden(_)) => return Ok(None),
        Err(other) => return Err(problem(other)),
    };
    let (PrincipalKind::Person, Some(kind @ (TokenKind::Reviewer | TokenKind::Operator))) =
        (caller.principal.kind, caller.token)
    else {
        return Ok(None);
    };
    let name = token.strip_prefix(seatrial_factory::TOKEN_PREFIX).and_then(|t| t.get(..TOKEN_NAME_CHARS));
    let with = name.map(|name| SignedWith { kind, name: name.to_owned() });
    // A session whose token cannot be looked up again could outlive it.
    Ok(with.map(|with| person(factory, caller, Some(with))))
}

pub(super) fn vouched(factory: &Factory, subject: &SsoSubject) -> Result<Person, Problem> {
    let caller = factory.by_single_sign_on(subject).map_err(problem)?;
    Ok(Person { sso: true, ..person(factory, caller, None) })
}

pub(super) async fn present(factory: &Factory, who: &Person) -> Result<Option<Person>, Problem> {
    if let Some(with) = &who.token
        && !factory.token_stands(&with.name).await.map_err(problem)?
    {
        return Ok(None);
    }
    match factory.local(&who.principal.id) {
        Ok(mut caller) => {
            // How they were authenticated is a fact of the session; a simulation has no more than simulated people.
            caller.principal.assurance = match factory.is_simulation() {
                true => Assurance::Simulated,
                false => who.principal.assurance,
            };
            if who.sso {
                // What the groups did not allow at sign-in, no other role of today does.
                caller.principal.roles.retain(|role| who.principal.has_role(role));
            }
            Ok(Some(Person { sso: who.sso, ..person(factory, caller, who.token.clone()) }))
        }
        Err(Refused::NotFound(_) | Refused::Forbidden(_)) => Ok(None),
        Err(other) => Err(problem(other)),
    }
}
