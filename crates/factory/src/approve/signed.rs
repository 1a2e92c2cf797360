//! Approvals that a person signs with their own SSH key.

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, origin};
use seatrial_ledger::ssh::{self, SshKey};
use seatrial_model::event::ApprovalGiven;
use seatrial_model::{ApprovalStatement, Assurance, Body, Digest, Event, SIGNATURE_NAMESPACE};

/// What makes an approval a signed one.
pub(crate) struct SignedBy {
    /// Blob: the signature, in the armour of `ssh-keygen -Y sign`.
    pub(crate) signature: Vec<u8>,
    /// Blob: the factory's file, in which the key stands.
    pub(crate) directory: Vec<u8>,
}

impl Factory {
    /// The statement that belongs to an approval's event.
    pub(crate) fn statement(&self, event: &Event) -> Result<ApprovalStatement, Refused> {
        let spec = self.spec();
        ApprovalStatement::of(event, &origin(spec.kind, &spec.name, &event.log))
            .ok_or_else(|| internal("an approval without its obligation"))
    }

    /// Checks a person's signature over the statement of their approval.
    pub(crate) async fn signed(&self, event: &Event, signature: &[u8]) -> Result<SignedBy, Refused> {
        let refused = |why: String| {
            Refused::Forbidden(format!(
                "the signature of `{}` was not accepted: {why}. `seatrial approve {} --print-statement FILE` writes what is to be signed",
                event.actor.id,
                event.evidence.first().map_or("", |e| e.obligation.as_str()),
            ))
        };
        let directory = self.people_file().await?;
        // The keys that hold, as recorded: it is what others will check against.
        let text = String::from_utf8_lossy(&directory);
        let (recorded, _, _) = seatrial_spec::check_factory(&text);
        let person = recorded.as_ref().and_then(|f| f.person(&event.actor.id));
        let keys = person.map(|p| p.keys.as_slice()).unwrap_or_default();
        if keys.is_empty() {
            return Err(refused("`factory.yaml` lists no `keys` for them".to_owned()));
        }
        let keys = keys.iter().map(|k| SshKey::parse(k)).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|e| refused(e.to_string()))?;
        let statement = self.statement(event)?.bytes().map_err(internal)?;
        ssh::verify(&keys, SIGNATURE_NAMESPACE, &statement, signature).map_err(|e| refused(e.to_string()))?;
        Ok(SignedBy { signature: signature.to_vec(), directory })
    }
}

impl SignedBy {
    /// Writes into an approval that it is signed. In a simulation nobody is more than simulated, whatever they hold.
    pub(crate) fn enter(&self, caller: &Caller, event: &mut Event) {
        if let Body::ApprovalGiven(ApprovalGiven { signature, directory, .. }) = &mut event.body {
            *signature = Some(Digest::of(&self.signature));
            *directory = Some(Digest::of(&self.directory));
        }
        event.actor = assured(caller, event.simulation);
    }
}

/// A person as they stand once their signature was found good.
pub(crate) fn assured(caller: &Caller, simulation: bool) -> seatrial_model::Principal {
    let mut principal = caller.principal.clone();
    if !simulation {
        principal.assurance = Assurance::Signed;
    }
    principal
}
