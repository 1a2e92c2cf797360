//! Documents that are filed as evidence: a report of validation, a contract.

use crate::api::{Caller, Refused};
use crate::approve::{find, newest};
use crate::factory::Factory;
use seatrial_governance::Duty;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::DocumentFiled;
use seatrial_model::{Body, Digest, EventId, Evidence, Stage};
use serde::Serialize;
use std::sync::Arc;

/// The largest document: it is kept for ever, beside the log, and goes with every export.
pub const DOCUMENT_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The longest name of a document's file.
const NAME_BYTES_MAX: usize = 200;

/// What filing a document came to.
#[derive(Clone, Debug, Serialize)]
pub struct Filed {
    /// Its event.
    pub event: EventId,
    /// The obligation.
    pub obligation: String,
    /// Blob: the document.
    pub document: Digest,
    /// Its file's name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl Factory {
    /// Files a document as evidence for an obligation that asks for one.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn file_document(
        &self,
        caller: &Caller,
        workflow: &str,
        stage: Stage,
        obligation: &str,
        name: &str,
        document: Vec<u8>,
    ) -> Result<Filed, Refused> {
        if document.is_empty() || document.len() > DOCUMENT_BYTES_MAX {
            return Err(Refused::Invalid(format!(
                "a document has between 1 and {DOCUMENT_BYTES_MAX} bytes, and this one {}",
                document.len()
            )));
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(|c| c.is_control() || "/\\".contains(c)) {
            return Err(Refused::Invalid(format!(
                "a document's name has between 1 and {NAME_BYTES_MAX} bytes, no slashes and no control characters"
            )));
        }
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, stage);
        let state = find(&states, stage, obligation)?;
        if !matches!(state.obligation.duty, Duty::Document { .. } | Duty::Validated) {
            let command = &state.obligation.command;
            return Err(Refused::Invalid(format!("`{obligation}` takes no document; it is discharged by `{command}`")));
        }
        let asked = state.obligation.roles(&served.workflow, stage);
        let Some(role) = asked.iter().find(|role| caller.principal.has_role(role)).or_else(|| asked.first()) else {
            return Err(Refused::Forbidden(format!("nobody files documents for `{obligation}`: no role is named")));
        };
        let circumstances = Circumstances {
            stage: Some(stage),
            role: Some(role.clone()),
            obligation: Some(obligation.to_owned()),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::FileDocument, &circumstances)?;
        let filed = DocumentFiled {
            obligation: obligation.to_owned(),
            document: Digest::of(&document),
            name: name.to_owned(),
            bytes: document.len() as u64,
        };
        let done = |event: EventId| Filed {
            event,
            obligation: filed.obligation.clone(),
            document: filed.document,
            name: filed.name.clone(),
            bytes: filed.bytes,
        };
        let evidence =
            vec![Evidence { obligation: obligation.to_owned(), key: state.key, inputs: state.inputs.clone() }];
        let body = Body::DocumentFiled(filed.clone());
        let event = self.judgement(caller, &handle.log, &served, body, evidence).await?;
        self.would_count(&gathered, stage, obligation, &event)?;
        let seen = newest(&gathered.events);
        let event = self.append_judgement(&handle.log, event, Vec::new(), vec![document], seen).await?;
        Ok(done(event))
    }
}
