//! What others attest, where the factory asks for it.

use super::{Basis, Duty, Obligation};
use seatrial_model::Digest;
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{AttestationAsked, AttestedSubject, FactoryObligation};

/// The key holds what the attestation has to be about, and not who may sign: a key that is added takes nothing away from
/// what stands, and one that is removed is seen where evidence is judged.
pub(super) fn obligation(
    workflow: &Workflow,
    own: &FactoryObligation,
    role: &str,
    asked: &AttestationAsked,
) -> Obligation {
    let about = about(workflow, asked);
    let (what, digest) = match &asked.subject {
        AttestedSubject::Spec => ("this spec".to_owned(), "`seatrial digest` prints its digest".to_owned()),
        AttestedSubject::File(file) => (format!("`{file}` of this spec"), format!("its digest is `sha256sum {file}`")),
        AttestedSubject::Digest(digest) => (format!("`{}`", digest.short()), format!("its digest is `{digest}`")),
    };
    let help = format!(
        "Have one of {} key(s) sign an in-toto Statement of the type `{}` about {what}; {digest}. A holder of `{role}` adds it.",
        asked.keys.len(),
        asked.predicate
    );
    let duty = Duty::Attested { role: role.to_owned(), asked: asked.clone(), about };
    let mut obligation = Obligation::new(own.id.clone(), own.layer, &own.stages, duty, Basis::Measurement)
        .over(own.scope.iter().cloned())
        .written_alone()
        .with("title", own.title.as_str())
        .with("predicate", asked.predicate.as_str())
        .by(format!("a signed statement of somebody else that a holder of `{role}` adds"))
        .text(own.title.clone(), help, format!("seatrial attest add FILE --obligation {}", own.id));
    if asked.subject == AttestedSubject::Spec {
        // The root's digest: any other spec is another subject, and the table of then tells what changed.
        return obligation.over([""]);
    }
    // Without the file there is nothing to be about, and no evidence has this key.
    let about = about.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
    obligation = obligation.with("subject", about);
    obligation
}

fn about(workflow: &Workflow, asked: &AttestationAsked) -> Option<Digest> {
    match &asked.subject {
        AttestedSubject::Spec => Some(workflow.digest),
        AttestedSubject::File(file) => workflow.files.get(file).map(|f| f.blob),
        AttestedSubject::Digest(digest) => Some(*digest),
    }
}
