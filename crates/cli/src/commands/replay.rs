//! `seatrial replay`: recorded decisions, decided again under a changed spec.

use crate::args::{Against, ReplayArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{PerDay, ReplayOptions, ReplayReport, Replayed, check_folder};
use seatrial_model::EventId;
use seatrial_spec::{Checked, Severity, Workflow};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many rules, and changed decisions, are shown to people.
const SHOWN_MAX: usize = 12;

/// How many changed decisions are given to programs; all of them stand in the recorded blob.
const LISTED_MAX: usize = 1_000;

#[derive(Serialize)]
struct Answer<'a> {
    workflow: &'a str,
    event: Option<EventId>,
    #[serde(flatten)]
    report: &'a ReplayReport,
    /// The first of the changed decisions: entry, decision, from, to, rule.
    changed_decisions: Vec<Value>,
    seconds: f64,
}

/// Decides recorded decisions again.
pub(crate) async fn replay(args: &ReplayArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = if args.record { session.caller().await? } else { session.reader().await? };
    let workflow = session.workflow()?;
    let against = against(args, session, &workflow).await?;
    let since = args.since.map(|span| session.factory.now().plus_millis(-span.signed_millis()));
    let options = ReplayOptions { since, limit: args.limit, threads: args.threads, record: args.record };
    let began = std::time::Instant::now();
    let Replayed { report, event } = session.factory.replay(&caller, &workflow, against, &options).await?;
    let seconds = began.elapsed().as_secs_f64();
    let listed = report.list().iter().take(LISTED_MAX);
    let changed_decisions = listed.map(|c| json!([c.index, c.decision, c.from, c.to, c.rule])).collect();
    out.json(&Answer { workflow: &workflow, event, report: &report, changed_decisions, seconds })?;
    if !out.is_json() {
        render(&workflow, &report, event, seconds, out);
    }
    Ok(if args.exit_code { Exit::ready(report.changed == 0) } else { Exit::Done })
}

async fn against(args: &ReplayArgs, session: &Session, workflow: &str) -> Result<Arc<Workflow>, Failure> {
    let stored = |spec| session.factory.spec_at(workflow, spec);
    let missing = |what: &str| Failure::usage(format!("{what} of `{}`; nothing was replayed", shown(workflow)));
    match &args.against {
        Against::WorkTree => {
            let folder = session.folder()?;
            let tree = session.factory.work_tree(Some(&folder.label))?;
            checked(tree.checked, workflow)
        }
        Against::Folder(path) => {
            let tree = check_folder(&session.start.join(path), Some(&session.factory.spec()))?;
            checked(tree.checked, workflow)
        }
        Against::Spec(spec) => Ok(stored(Some(*spec)).await?),
        Against::Submitted => {
            let spec = session.factory.summary(workflow).await?.candidate;
            Ok(stored(Some(spec.ok_or_else(|| missing("no spec was submitted"))?)).await?)
        }
        Against::Released => {
            let spec = session.factory.summary(workflow).await?.in_force.map(|r| r.spec);
            Ok(stored(Some(spec.ok_or_else(|| missing("no release is in force"))?)).await?)
        }
    }
}

fn checked(checked: Checked, workflow: &str) -> Result<Arc<Workflow>, Failure> {
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    match checked.workflow {
        Some(found) if found.name == workflow => Ok(Arc::new(found)),
        Some(found) => Err(Failure::usage(format!(
            "the folder holds `{}`, and the decisions are those of `{}`; nothing was replayed. `--workflow NAME` names another",
            shown(&found.name),
            shown(workflow)
        ))),
        None => Err(Failure {
            exit: Exit::NotReady,
            code: "findings",
            message: format!("the spec has {errors} error(s); nothing was replayed. `seatrial check` shows them"),
        }),
    }
}

fn render(workflow: &str, report: &ReplayReport, event: Option<EventId>, seconds: f64, out: &mut Out) {
    let name = out.paint(Ink::Strong, &shown(workflow));
    let spec = report.against.short();
    out.line(format!("{name}  {} decisions under {spec}, in {seconds:.1} s", report.decisions));
    let counted = [
        ("decided again", report.again, ""),
        ("need new outputs", report.need_outputs, "go to `seatrial eval`"),
        ("payload erased", report.erased, "a changed check needs it"),
        ("step is gone", report.gone, "the changed spec has no such step"),
    ];
    for (what, count, remark) in counted.iter().filter(|(what, count, _)| *count > 0 || *what == "decided again") {
        let why = report.need_outputs_why.iter().map(|(why, n)| format!("{why} {n}")).collect::<Vec<_>>().join(", ");
        let why = if *what == "need new outputs" { format!(" ({why})") } else { String::new() };
        out.line(format!(
            "  {count:>9} {what}{why}{}",
            if remark.is_empty() { String::new() } else { format!(": {remark}") }
        ));
    }
    let ink = if report.changed == 0 { Ink::Good } else { Ink::Warn };
    let changed = out.paint(ink, &format!("{} verdicts change", report.changed));
    out.line(format!("  {changed}"));
    for (change, count) in &report.changes {
        out.line(format!("    {count:>9} {change}"));
    }
    rules(report, out);
    load(report, out);
    if report.overrides.before > 0 {
        let (of, differ) = (report.overrides.before, report.overrides.after);
        out.line(format!("  overrides: {differ} of {of} overridden decisions would have gone another way"));
    }
    for threshold in &report.assumed {
        out.line(format!(
            "  {} was taken as certified: its number has no certificate yet, and without one it escalates",
            shown(threshold.as_str())
        ));
    }
    if let Some(event) = event {
        out.line(format!("  recorded: {event}"));
    }
}

fn rules(report: &ReplayReport, out: &mut Out) {
    let mut rules: Vec<_> = report.rules.iter().collect();
    rules.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (rule, count) in rules.iter().take(SHOWN_MAX) {
        out.line(format!("    {count:>9} by {}", shown(rule.as_str())));
    }
    if rules.len() > SHOWN_MAX {
        out.line(format!("    and {} rules more", rules.len() - SHOWN_MAX));
    }
}

fn load(report: &ReplayReport, out: &mut Out) {
    let day = |p: &PerDay| {
        let capacity = p.capacity.map_or_else(|| "not stated".to_owned(), |c| c.to_string());
        [format!("{:.1}", p.before), format!("{:.1}", p.after), capacity]
    };
    if report.roles.is_empty() {
        return;
    }
    out.line(format!("  questions to people: {} → {}", report.reviews.before, report.reviews.after));
    let mut rows = Rows::new(out.layout(), &["  role", "a day then", "a day now", "capacity"]);
    for (role, load) in &report.roles {
        let [before, after, capacity] = day(&load.per_day);
        rows.plain([format!("  {}", shown(role)), before, after, capacity]);
    }
    let text = rows.text();
    out.text(&text);
}
