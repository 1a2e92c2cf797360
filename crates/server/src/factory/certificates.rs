//! A threshold with its certificate, and how it stands since launch.

use super::words::event_ref;
use crate::view::{CertificatePage, Curve, EventRef, Standing, Watch};
use seatrial_factory::api::{InForce, Refused};
use seatrial_factory::{CertificateLook, Factory};
use seatrial_model::event::{Certificate, ThresholdTested};
use seatrial_model::{Body, ElementPath, Logged, Stage, Time};
use seatrial_spec::workflow::{Threshold, Truth};

pub(super) async fn page(factory: &Factory, workflow: &str, name: &str) -> Result<CertificatePage, Refused> {
    let spec = factory.shown_spec(workflow)?;
    let threshold = spec.thresholds.get(name).ok_or_else(|| {
        let known: Vec<&str> = spec.thresholds.keys().map(String::as_str).collect();
        Refused::NotFound(format!("the spec has no such threshold; it has: {}", known.join(", ")))
    })?;
    let path = ElementPath::new(format!("thresholds.{name}"));
    let history = factory.history(workflow).await?;
    let tests: Vec<(&Logged, &ThresholdTested)> = history
        .iter()
        .filter_map(|e| match &e.event.body {
            Body::ThresholdTested(test) if test.certificate.threshold == path => Some((e, test)),
            _ => None,
        })
        .collect();
    // What counts is the certificate for exactly the number in force; an older one is only history.
    let current = tests.iter().rev().find(|(_, t)| t.certificate.at == threshold.at);
    let looks = factory.certificates(workflow).await?;
    let look = current.and_then(|(e, _)| looks.iter().find(|l| l.event == e.event.id));
    let in_force = factory.in_force(&workflow.parse().map_err(|_| not_found(workflow))?).await?;
    let shown = current.or(tests.last());
    let obligation = factory.standing(workflow, Stage::Production).await.ok().and_then(|s| {
        let found = s.states.into_iter().find(|s| s.obligation.id == format!("threshold.{name}"));
        found.filter(|_| s.spec == spec.digest)
    });
    let next = obligation.as_ref().and_then(|o| o.next.clone());
    let covered = obligation.as_ref().is_none_or(|o| o.state.as_str() != "stale");
    let standing = standing(current.map(|(e, t)| (*e, *t)), look, &history, covered);
    let command = match standing {
        Standing::Certified => String::new(),
        _ => next.unwrap_or_else(|| format!("seatrial calibrate {name}")),
    };
    Ok(CertificatePage {
        name: name.to_owned(),
        at: threshold.at,
        wrong_when: threshold.wrong_when.as_ref().map(|e| e.source.clone()).unwrap_or_default(),
        standing,
        certificate: shown.map(|(_, t)| t.certificate.clone()),
        event: shown.map(|(e, _)| event_ref(e)),
        curve: shown.map_or(Curve::None, |(_, t)| Curve::Blob { digest: t.certificate.curve }),
        watch: watch(look, in_force.as_ref(), threshold, factory.now()),
        reviews_per_day: None,
        attempts: tests.iter().map(|(e, t)| attempt(e, &t.certificate, t.certified)).collect(),
        command,
    })
}

fn not_found(workflow: &str) -> Refused {
    Refused::NotFound(format!("there is no workflow `{}`", seatrial_model::Untrusted::new(workflow).terminal(80)))
}

fn attempt(logged: &Logged, certificate: &Certificate, certified: bool) -> (u64, f64, bool, EventRef) {
    (certificate.attempt, certificate.delta, certified, event_ref(logged))
}

fn standing(
    current: Option<(&Logged, &ThresholdTested)>,
    look: Option<&CertificateLook>,
    history: &[Logged],
    covered: bool,
) -> Standing {
    let Some((logged, test)) = current else { return Standing::None };
    if look.is_some_and(|l| l.revoked) {
        let revoked = history.iter().rev().find_map(|e| match &e.event.body {
            Body::CertificateRevoked(r) if r.certificate == logged.event.id => Some((e.event.time, r)),
            _ => None,
        });
        let why = |reason: &str, k, n| match reason {
            "alarm" => format!("{k} of {n} whose truth is known were wrong: the alarm."),
            other => format!("Revoked by a {other}."),
        };
        return match revoked {
            Some((at, r)) => Standing::Revoked { at, why: why(&r.reason, r.audits.k, r.audits.n) },
            None => Standing::Revoked { at: logged.event.time, why: String::new() },
        };
    }
    match (test.certified, covered) {
        (true, true) => Standing::Certified,
        // Given for another model, prompt or set than today's.
        (true, false) => Standing::None,
        (false, _) => Standing::NotCertified,
    }
}

fn watch(look: Option<&CertificateLook>, in_force: Option<&InForce>, threshold: &Threshold, now: Time) -> Watch {
    let Some(release) = in_force.filter(|r| matches!(r.stage, Stage::Pilot | Stage::Production | Stage::Owned)) else {
        return Watch::NotLaunched;
    };
    if let Some(look) = look.filter(|l| l.audits > 0) {
        return Watch::Watched {
            audited: look.audits,
            wrong: look.wrong,
            log_e: look.log_e,
            log_alarm: look.log_alarm,
            path: look.path.clone(),
        };
    }
    let (until, truth) = match threshold.truth {
        Some(Truth::Outcome { matures }) => {
            let first = release.since.plus_millis(matures.signed_millis());
            let days = matures.as_millis() / 86_400_000;
            (Some(first).filter(|t| *t > now), format!("recorded outcomes, {days} days after the decision"))
        }
        Some(Truth::BlindReview) => (None, "reviewers who answer before they see the AI’s answer".to_owned()),
        None => (None, "nowhere: the spec names no source of it".to_owned()),
    };
    Watch::UnwatchedUntil { until, truth }
}
