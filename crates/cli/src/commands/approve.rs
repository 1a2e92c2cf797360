//! `seatrial approve` and `seatrial withdraw`: over exactly what is shown.

use crate::args::{ApproveArgs, WithdrawArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, Sink, Stream, shown};
use crate::owner::{self, Asked};
use crate::session::Session;
use crate::terminal;
use seatrial_factory::ApprovalInput;
use seatrial_governance::Explanation;
use seatrial_model::{Digest, ElementPath, EventId, LogName, Stage};
use seatrial_spec::check::WORKFLOW_FILE;
use seatrial_spec::yaml;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What an approval is over, as it is shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    workflow: LogName,
    obligation: String,
    title: String,
    stage: Stage,
    state: String,
    why: String,
    /// The key that the approval is bound to.
    key: Digest,
    /// The spec's elements that it covers, with their digests; none where it covers the state of obligations.
    scope: Vec<(ElementPath, Digest)>,
    /// What stands at these elements in `workflow.yaml`; empty where the work tree is another than what was submitted.
    text: Vec<(ElementPath, String)>,
    /// What changed since it was approved last.
    changed: Vec<ElementPath>,
    /// External inputs of the key.
    inputs: BTreeMap<String, String>,
    /// The other obligations as they stand, for a release's approval: id → state.
    obligations: BTreeMap<String, String>,
    /// The approval's event, once it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<EventId>,
}

/// Shows, and approves where it was confirmed.
pub(crate) async fn approve(args: &ApproveArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let stage = session.stage(args.stage, &workflow).await?;
    let explained = session.factory.explain(Some(&workflow), false, stage, &args.obligation).await?;
    let mut what = shown_of(session, &workflow, stage, explained).await?;
    if !out.is_json() {
        show(&what, out);
    }
    if args.show {
        out.json(&what)?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        return Err(Failure {
            message: "confirm with `--yes`: nobody sits here who could be asked. Nothing was recorded".to_owned(),
            ..Failure::declined()
        });
    }
    let caller = session.caller().await?;
    let input = ApprovalInput {
        stage,
        obligation: args.obligation.clone(),
        role: args.role.clone(),
        key: Some(args.key.unwrap_or(what.key)),
        shown_ms: args.shown_ms,
    };
    let approval = session.factory.approve(&caller, &workflow, input).await?;
    what.approval = Some(approval);
    out.json(&what)?;
    out.line(format!("approved by {}: {approval}", shown(&caller.principal.id)));
    Ok(Exit::Done)
}

async fn shown_of(session: &Session, workflow: &str, stage: Stage, e: Explanation) -> Result<Shown, Failure> {
    let mut obligations = BTreeMap::new();
    if e.obligation == "release.approval" {
        let standing = session.factory.standing(workflow, stage).await?;
        obligations = standing
            .states
            .iter()
            .filter(|s| s.obligation.id != e.obligation)
            .map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned()))
            .collect();
    }
    let scope: Vec<(ElementPath, Digest)> = e.scope.into_iter().map(|entry| (entry.0, entry.1)).collect();
    Ok(Shown {
        workflow: workflow.parse().map_err(|e| Failure::usage(format!("{e}; nothing was done")))?,
        obligation: e.obligation,
        title: e.title,
        stage,
        state: e.state.as_str().to_owned(),
        why: e.why,
        key: e.key,
        changed: e.changed,
        text: excerpts(session, &scope).await?,
        scope,
        inputs: e.inputs,
        obligations,
        approval: None,
    })
}

/// What stands at these elements, of each only the outermost. The work tree is read where it is what was submitted.
async fn excerpts(session: &Session, scope: &[(ElementPath, Digest)]) -> Result<Vec<(ElementPath, String)>, Failure> {
    let folder = session.folder()?;
    let tree = session.factory.work_tree(Some(&folder.label))?;
    let Some(spec) = tree.checked.workflow else { return Ok(Vec::new()) };
    let summary = session.factory.summary(&spec.name).await?;
    let file = spec.files.get(WORKFLOW_FILE).map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    let (Some(text), true) = (file, summary.candidate == Some(spec.digest)) else { return Ok(Vec::new()) };
    let (Some(root), _) = yaml::parse(&text) else { return Ok(Vec::new()) };
    let covered = |path: &ElementPath| scope.iter().any(|(other, _)| other != path && path.is_within(other));
    let outermost = scope.iter().map(|(path, _)| path).filter(|path| !covered(path));
    Ok(outermost.filter_map(|path| excerpt(&text, &root, path).map(|found| (path.clone(), found))).collect())
}

/// The text of an element, as it stands in the file.
fn excerpt(text: &str, root: &yaml::Node, path: &ElementPath) -> Option<String> {
    let mut node = root;
    for segment in path.segments() {
        node = node.get(segment)?;
    }
    // From the start of its first line on, so that the indentation tells what belongs to what.
    let first = text.get(..node.range.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let lead = text.get(first..node.range.start)?;
    let lead = if lead.chars().all(|c| c == ' ') { lead } else { "" };
    let found = format!("{lead}{}", text.get(node.range.clone())?);
    let indent = found.lines().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min()?;
    let lines: Vec<&str> = found.lines().map(|l| l.get(indent..).unwrap_or_default().trim_end()).collect();
    Some(lines.join("\n").trim_end().to_owned())
}

fn show(what: &Shown, out: &mut Out) {
    let id = out.paint(Ink::Strong, &what.obligation);
    out.line(format!("{id} of {} for {}: {}", what.workflow, what.stage, what.state.replace('_', " ")));
    out.line(format!("  {}", shown(&what.title)));
    out.line(format!("  {}", shown(&what.why)));
    if !what.changed.is_empty() {
        out.line("\nchanged since it was approved last");
        for path in &what.changed {
            let line = out.paint(Ink::Warn, &format!("  {}", shown(path.as_str())));
            out.line(line);
        }
    }
    if !what.scope.is_empty() {
        out.line(format!("\nover {} elements of the spec", what.scope.len()));
        let mut rows = Rows::new(out.layout(), &[]);
        for (path, digest) in &what.scope {
            let path = if path.as_str().is_empty() { "(the spec)" } else { path.as_str() };
            rows.plain([format!("  {}", shown(path)), digest.short()]);
        }
        let text = rows.text();
        out.text(&text);
    }
    if !what.scope.is_empty() && what.text.is_empty() {
        out.note("the work tree is another than what was submitted, so its text is not shown; `seatrial submit` first");
    }
    for (path, text) in &what.text {
        let path = out.paint(Ink::Strong, &shown(path.as_str()));
        out.line(format!("\n{path}"));
        for line in text.lines() {
            out.line(format!("  {}", shown(line)));
        }
    }
    if !what.obligations.is_empty() {
        out.line("\nover the state of all other obligations");
        let mut rows = Rows::new(out.layout(), &[]);
        for (id, state) in &what.obligations {
            rows.plain([format!("  {id}"), state.replace('_', " ")]);
        }
        let text = rows.text();
        out.text(&text);
    }
    for (name, value) in &what.inputs {
        out.line(format!("  {} = {}", shown(name), shown(value)));
    }
    out.line(format!("\nkey {}", what.key));
}

/// Asks the person at the terminal: shows, measures how long, and approves the very key that was shown.
pub(crate) async fn ask(args: &ApproveArgs, asked: Asked, out: &mut Out) -> Result<Exit, Failure> {
    let heard = Arc::new(Mutex::new(String::new()));
    let ear = Arc::clone(&heard);
    let sink: Sink = Box::new(move |stream, text| match stream {
        Stream::Out => ear.lock().unwrap_or_else(PoisonError::into_inner).push_str(text),
        Stream::Err => terminal::sink()(stream, text),
    });
    let looking = with(&asked, &["--show", "--format", "json"]);
    let looked = owner::run(looking, sink).await?;
    if looked != Exit::Done {
        return Ok(looked);
    }
    let text = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let what: Shown = serde_json::from_str(&text)
        .map_err(|e| Failure::failed(format!("what is to be approved cannot be read: {e}")))?;
    show(&what, out);
    let since = Instant::now();
    if !terminal::confirm("\nApprove this?") {
        return Err(Failure::declined());
    }
    let shown_ms = since.elapsed().as_millis().to_string();
    let key = args.key.unwrap_or(what.key).to_string();
    let stage = what.stage.to_string();
    let mut options = vec!["--yes", "--quiet", "--shown-ms", &shown_ms, "--format", "json"];
    if args.key.is_none() {
        options.extend(["--key", &key]);
    }
    if args.stage.is_none() {
        options.extend(["--stage", &stage]);
    }
    heard.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let ear = Arc::clone(&heard);
    let sink: Sink = Box::new(move |stream, text| match stream {
        Stream::Out => ear.lock().unwrap_or_else(PoisonError::into_inner).push_str(text),
        Stream::Err => terminal::sink()(stream, text),
    });
    let exit = owner::run(with(&asked, &options), sink).await?;
    let text = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(approval) = serde_json::from_str::<Shown>(&text).ok().and_then(|s| s.approval) {
        out.line(format!("approved: {approval}"));
    }
    Ok(exit)
}

/// The same command with more options.
fn with(asked: &Asked, options: &[&str]) -> Asked {
    let mut more = asked.clone();
    more.argv.extend(options.iter().map(|&o| o.to_owned()));
    more
}

#[derive(Serialize)]
struct Withdrawn {
    event: EventId,
    approval: EventId,
}

/// Withdraws an approval.
pub(crate) async fn withdraw(args: &WithdrawArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let event = session.factory.withdraw(&caller, &workflow, args.event).await?;
    out.json(&Withdrawn { event, approval: args.event })?;
    out.line(format!("withdrawn: {event}"));
    Ok(Exit::Done)
}
