//! Approvals, waivers, releases, pilots, and what changed since the release.

use super::boards::{GATES, state};
use super::payloads::text;
use super::words::references;
use crate::backend::Person;
use crate::view::{
    ApprovalSent, ApprovePage, ChangeLine, DiffLine, DiffPage, EventRef, ObligationState, PilotFinding,
    PilotReportPage, PilotRow, ReleaseRow, ReleasesPage, Since, WaiverLine, WaiverSent, WaiversPage,
};
use seatrial_factory::api::{Caller, Refused};
use seatrial_factory::{ApprovalInput, Factory, WaiverInput};
use seatrial_model::{EventId, Stage};
use seatrial_spec::{Direction, compare};
use std::cmp::Reverse;

pub(super) async fn approval(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    obligation: &str,
    stage: Stage,
) -> Result<ApprovePage, Refused> {
    let look = factory.look_at_approval(Some(caller), workflow, stage, obligation).await?;
    let since = match look.since {
        Some(since) => Some(Since {
            event: references(factory, workflow, [since.approval]).await?.pop(),
            by: since.by,
            at: since.at,
            own: since.own,
            withdrawn: since.withdrawn,
            changes: since
                .changes
                .into_iter()
                .map(|c| ChangeLine { what: c.what, name: c.name, was: c.was, now: c.now })
                .collect(),
        }),
        None => None,
    };
    let now = state(&look.state);
    let mine = look.roles.iter().filter(|role| caller.principal.has_role(role)).cloned().collect();
    let stale = now == ObligationState::Stale && look.obligations.is_empty();
    Ok(ApprovePage {
        obligation: look.obligation,
        title: look.title,
        stage: look.stage,
        state: now,
        why: look.why,
        key: look.key,
        spec: look.spec,
        roles: look.roles,
        mine,
        text: look.text.into_iter().map(|(path, text)| (path.to_string(), text)).collect(),
        elements: count(look.scope.len()),
        inputs: look.inputs.into_iter().collect(),
        obligations: look.obligations.into_iter().map(|(id, word)| (id, state(&word))).collect(),
        can_reaffirm: stale && since.as_ref().is_some_and(|s| !s.withdrawn && !s.changes.is_empty()),
        since,
    })
}

pub(super) async fn approve(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    obligation: &str,
    sent: ApprovalSent,
) -> Result<(), Refused> {
    let input = ApprovalInput {
        stage: sent.stage,
        obligation: obligation.to_owned(),
        role: sent.role,
        key: Some(sent.key),
        shown_ms: sent.shown_ms,
    };
    let done = match sent.reaffirm {
        true => factory.reaffirm(caller, workflow, input).await,
        false => factory.approve(caller, workflow, input).await,
    };
    done.map(drop)
}

pub(super) async fn waivers(factory: &Factory, who: &Person, workflow: &str) -> Result<WaiversPage, Refused> {
    let mut lines: Vec<WaiverLine> = Vec::new();
    let mut waivable = Vec::new();
    for stage in GATES {
        for look in factory.waivers(workflow, stage).await? {
            let waiver = look.waiver;
            let standing = waiver.standing.as_str();
            lines.push(WaiverLine {
                event: references(factory, workflow, [waiver.request]).await?.pop(),
                request: waiver.request,
                obligation: waiver.obligation,
                stage,
                waits: standing == "asked",
                in_force: standing == "in_force",
                standing: standing.to_owned(),
                why: waiver.why,
                own: waiver.requested_by == who.principal.id,
                requested: (waiver.requested_by, waiver.requested_at),
                granted: waiver.granted_by,
                until: waiver.until,
                days: waiver.days,
                reason: text(&look.reason).cloned(),
                measure: text(&look.measure).cloned(),
            });
        }
        for s in factory.standing(workflow, stage).await?.missing() {
            if s.obligation.no_waiver(s.under).is_none() {
                waivable.push((stage, s.obligation.id.clone(), state(s.state.as_str())));
            }
        }
    }
    lines.sort_by_key(|line| Reverse(line.requested.1));
    Ok(WaiversPage { waivers: lines, waivable, days_max: factory.waiver_days_max() })
}

pub(super) async fn ask_waiver(
    factory: &Factory,
    caller: &Caller,
    workflow: &str,
    sent: WaiverSent,
) -> Result<(), Refused> {
    let until = sent.until.parse().map_err(|_| {
        Refused::Invalid("a waiver's last day is written as `2026-12-31`; nothing was asked for".to_owned())
    })?;
    let input = WaiverInput {
        stage: sent.stage,
        obligation: sent.obligation,
        reason: sent.reason.raw().to_owned(),
        measure: sent.measure.raw().to_owned(),
        until,
        renews: None,
        key: None,
    };
    factory.request_waiver(caller, workflow, input).await.map(drop)
}

pub(super) async fn releases(factory: &Factory, workflow: &str) -> Result<ReleasesPage, Refused> {
    let looks = factory.releases(workflow).await?;
    let served = looks.iter().find(|r| r.in_force).map(|r| r.release.stage);
    let mut releases = Vec::with_capacity(looks.len());
    for look in looks {
        let release = look.release;
        releases.push(ReleaseRow {
            event: references(factory, workflow, [release.event]).await?.pop(),
            can_return: !look.in_force && look.ended.is_none() && Some(release.stage) == served,
            release: release.release,
            stage: release.stage,
            level: release.level,
            spec: release.spec,
            since: release.since,
            until: release.until,
            by: look.by,
            in_force: look.in_force,
            ended: look.ended,
        });
    }
    let pilots = factory.pilots(workflow).await?.into_iter().rev().map(|pilot| PilotRow {
        number: pilot.number,
        shadow: pilot.terms.shadow,
        continue_if: pilot.terms.continue_if,
        from: pilot.from,
        until: pilot.until,
        per_day: pilot.per_day,
        in_force: pilot.in_force,
        decisions: pilot.decisions,
        today: pilot.today,
        releases: count(pilot.releases.len()),
        reports: pilot.reports,
    });
    Ok(ReleasesPage { pilots: pilots.collect(), releases })
}

pub(super) async fn pilot_report(
    factory: &Factory,
    workflow: &str,
    event: EventId,
) -> Result<PilotReportPage, Refused> {
    let report = factory.pilot_reported(workflow, event).await?;
    let mut findings = Vec::with_capacity(report.findings.len());
    for finding in report.findings {
        let mut figures: Vec<(String, String, Vec<EventRef>)> = Vec::with_capacity(finding.figures.len());
        for figure in finding.figures {
            figures.push((figure.what, figure.value, references(factory, workflow, figure.events).await?));
        }
        let answer = finding.answer.as_str().to_owned();
        findings.push(PilotFinding { question: finding.question, answer, says: finding.says, figures });
    }
    Ok(PilotReportPage {
        event: references(factory, workflow, [event]).await?.pop(),
        pilot: report.pilot,
        shadow: report.shadow,
        window: (report.from, report.until),
        decisions: report.decisions,
        continues: report.continues,
        findings,
    })
}

pub(super) async fn diff(factory: &Factory, workflow: &str) -> Result<DiffPage, Refused> {
    let summary = factory.summary(workflow).await?;
    let released = summary.in_force.map(|r| r.spec);
    let mut page = DiffPage { released, submitted: summary.candidate, items: Vec::new(), stale: Vec::new() };
    let (Some(old), Some(new)) = (released, summary.candidate) else { return Ok(page) };
    let (old, new) = (factory.spec_at(workflow, Some(old)).await?, factory.spec_at(workflow, Some(new)).await?);
    let compared = compare(&old, &new);
    let lists = [("added", &compared.added), ("removed", &compared.removed), ("changed", &compared.changed)];
    let mut items: Vec<(Direction, DiffLine)> = Vec::new();
    for (how, list) in lists {
        items.extend(list.iter().map(|item| {
            let line = DiffLine {
                path: item.path.to_string(),
                how: how.to_owned(),
                direction: item.direction.as_str().to_owned(),
                why: item.why.clone(),
                prose: how == "changed" && !item.compiled,
            };
            (item.direction, line)
        }));
    }
    items.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.path.cmp(&y.path)));
    page.items = items.into_iter().map(|(_, line)| line).collect();
    for stage in GATES {
        for s in factory.standing(workflow, stage).await?.missing() {
            if state(s.state.as_str()) == ObligationState::Stale {
                let paths = s.changed.iter().map(ToString::to_string).collect();
                page.stale.push((stage, s.obligation.id.clone(), paths));
            }
        }
    }
    Ok(page)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
