//! `seatrial simulate`: traffic, people and time of a simulated factory. Trainings, demos and scenarios run on it; in a
//! real factory nothing of it can be done.

use super::progress;
use crate::args::{Assignment, SimulateCommand, TrafficArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::session::Session;
use crate::simulated;
use seatrial_factory::api::{Again, Caller, DecisionChain, Held, Passage, PassageEntry, Passed, ReviewView};
use seatrial_factory::{DecisionFilter, NewToken, PAGE_ROWS_MAX, Progress, ReviewFilter, TruthInput};
use seatrial_model::event::{SplitSide, TokenKind};
use seatrial_model::{Action, Answer, Body, DecisionId, Span};
use seatrial_spec::Workflow;
use seatrial_sprint::{Example, Split, parse_examples};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many truths are told in one commit.
const TRUTHS_AT_ONCE: usize = 100;

/// How long the token of the simulated caller lives: it is used at once.
const TOKEN_LIVES_MS: u64 = 3_600_000;

/// What a simulated case id begins with; the example's id is after the last of two more slashes.
const CASE: &str = "simulated/";

/// `seatrial simulate …`.
pub(crate) async fn simulate(command: SimulateCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    if !session.factory.is_simulation() {
        let why = "only a factory of `kind: simulation` can be simulated";
        return Err(seatrial_factory::api::Refused::Forbidden(why.to_owned()).into());
    }
    match command {
        SimulateCommand::Traffic(args) => traffic(&args, session, out).await,
        SimulateCommand::Answers { count, drills, taking } => {
            answers(count.unwrap_or(usize::MAX), drills, taking, session, out).await
        }
        SimulateCommand::Truths => truths(session, out).await,
        SimulateCommand::Clock { by } => {
            let ms = u64::try_from(by.signed_millis()).unwrap_or(0);
            session.factory.advance_clock(ms).await?;
            let now = session.factory.now();
            out.json(&json!({ "now": now }))?;
            out.line(format!("the simulation's clock says {now}"));
            Ok(Exit::Done)
        }
    }
}

/// What came of simulated traffic.
#[derive(Serialize)]
struct Sent {
    sent: u64,
    changed: u64,
    actions: BTreeMap<Action, u64>,
    codes: BTreeMap<String, u64>,
    /// Of those that passed without a person, how many their example calls wrong; none where it does not say.
    wrong: u64,
    passed: u64,
}

async fn traffic(args: &TrafficArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let spec = session.factory.shown_spec(&workflow)?;
    let step = spec.examples.get(&args.set).map(|s| s.step.clone());
    let step = step.ok_or_else(|| Failure::usage(format!("there is no example set `{}`", shown(&args.set))))?;
    let mut examples = side_of(session, &workflow, &spec, &args.set, args.side.into()).await?;
    examples = examples.into_iter().skip(args.skip).take(args.count).collect();
    if examples.is_empty() {
        return Err(Failure::usage("no example is left on that side; nothing was sent. Ask for fewer with `--skip`"));
    }
    let mut changed = 0;
    for example in examples.iter_mut().filter(|_| !args.change.is_empty()) {
        if args.chosen.iter().all(|a| at(example, &a.path) == Some(&a.value)) {
            changed += 1;
            args.change.iter().try_for_each(|a| put(&mut example.input, a))?;
        }
    }
    let token = NewToken {
        kind: TokenKind::Caller,
        principal: "simulated-traffic".to_owned(),
        steps: vec![format!("{workflow}/{step}")],
        lives: Span::from_millis(TOKEN_LIVES_MS),
    };
    let text = session.factory.issue_token(&caller, token).await?;
    let sender = session.factory.authenticate(&text).await?;
    let passed = send(&examples, &workflow, &step, &sender, session, progress::of(out).as_ref()).await?;
    if let Some(file) = &args.cases {
        let known = std::iter::once("case_id").chain(passed.iter().map(|p| p.case.as_str()));
        let text: String = known.flat_map(|id| [id, "\n"]).collect();
        let file = session.start.join(file);
        std::fs::write(&file, text).map_err(|e| {
            Failure::file(format!("the cases were sent, and `{}` could not be written: {e}", file.display()))
        })?;
    }
    let mut sent = Sent { sent: 0, changed, actions: BTreeMap::new(), codes: BTreeMap::new(), wrong: 0, passed: 0 };
    for (example, passed) in examples.iter().zip(passed) {
        sent.sent += 1;
        *sent.actions.entry(passed.action).or_default() += 1;
        *sent.codes.entry(passed.code.clone()).or_default() += 1;
        if matches!(passed.action, Action::Allow | Action::Modify) {
            sent.passed += 1;
            let said: Option<Value> = passed.output.as_deref().and_then(|o| serde_json::from_str(o).ok());
            let agrees = said.as_ref().zip(example.expected.as_ref()).is_some_and(|(s, e)| simulated::agrees(s, e));
            sent.wrong += u64::from(!agrees);
        }
    }
    out.json(&sent)?;
    out.line(format!("{} simulated cases of `{}`, {changed} of them changed", sent.sent, shown(&args.set)));
    for (action, n) in &sent.actions {
        out.line(format!("  {action:<9} {n}"));
    }
    Ok(Exit::Done)
}

async fn send(
    examples: &[Example],
    workflow: &str,
    step: &str,
    sender: &Caller,
    session: &Session,
    bar: &dyn Progress,
) -> Result<Vec<Passed>, Failure> {
    let run = session.factory.now().as_millis();
    let mut passed = Vec::with_capacity(examples.len());
    // One after the other: which of them a ceiling stops must not depend on the machine.
    for example in examples {
        let passage = Passage {
            workflow: workflow.to_owned(),
            step: step.to_owned(),
            entry: PassageEntry::Run { input: example.input.clone() },
            case: Some(format!("{CASE}{run}/{}", example.id)),
            rehearsal: false,
            again: Again::default(),
        };
        passed.push(session.factory.pass(sender, passage).await?);
        bar.done("cases", passed.len() as u64, examples.len() as u64);
    }
    Ok(passed)
}

/// The examples of one side, in the set's order. Where the set was never sealed, no side is known, and all of them.
async fn side_of(
    session: &Session,
    workflow: &str,
    spec: &Workflow,
    set: &str,
    side: SplitSide,
) -> Result<Vec<Example>, Failure> {
    let examples = examples_of(spec, set)?;
    let history = session.factory.history(workflow).await?;
    let salt = history.iter().find_map(|logged| match &logged.event.body {
        Body::ExamplesSealed(sealed) if sealed.set == set => Some(sealed.salt.clone()),
        _ => None,
    });
    let Some(salt) = salt else { return Ok(examples) };
    let split = Split::of(&salt, &examples).map_err(|e| Failure::failed(e.to_string()))?;
    Ok(split.indexes(side).filter_map(|i| examples.get(i).cloned()).collect())
}

fn examples_of(spec: &Workflow, set: &str) -> Result<Vec<Example>, Failure> {
    let file = spec.examples.get(set).and_then(|s| spec.files.get(&s.file));
    let file = file.ok_or_else(|| Failure::usage(format!("there is no example set `{}`", shown(set))))?;
    parse_examples(&file.bytes)
        .map_err(|errors| Failure::failed(format!("`{}` has {} error(s)", shown(set), errors.len())))
}

fn at<'e>(example: &'e Example, path: &[String]) -> Option<&'e Value> {
    let (first, rest) = path.split_first()?;
    let root = if first == "input" { &example.input } else { example.expected.as_ref()? };
    rest.iter().try_fold(root, |value, name| value.get(name))
}

fn put(input: &mut Value, assignment: &Assignment) -> Result<(), Failure> {
    let names = assignment.path.get(1..).unwrap_or_default();
    if assignment.path.first().map(String::as_str) != Some("input") || names.is_empty() {
        return Err(Failure::usage("only the input can be changed: `--change input.PATH=JSON`; nothing was sent"));
    }
    let mut place = input;
    for name in names {
        let object = place.as_object_mut().ok_or_else(|| {
            Failure::usage(format!("`{}` is not in the input; nothing was sent", shown(&assignment.path.join("."))))
        })?;
        place = object.entry(name.clone()).or_insert(Value::Null);
    }
    *place = assignment.value.clone();
    Ok(())
}

/// What each example of the spec's sets expects, by its id.
fn known(spec: &Workflow) -> Result<BTreeMap<String, Value>, Failure> {
    let mut out = BTreeMap::new();
    for set in spec.examples.keys() {
        for example in examples_of(spec, set)? {
            if let Some(expected) = example.expected {
                out.insert(example.id, expected);
            }
        }
    }
    Ok(out)
}

/// The example that a simulated case was made of.
fn example_of(chain: &DecisionChain) -> Option<&str> {
    let Held::Text { text, .. } = &chain.case else { return None };
    text.raw().strip_prefix(CASE)?.split_once('/').map(|(_, id)| id)
}

/// What simulated people did.
#[derive(Default, Serialize)]
struct Answered {
    answered: u64,
    audits: u64,
    agreed: u64,
    own: u64,
    /// Reviews of cases that are not simulated, or that nobody present may answer.
    left: u64,
}

async fn answers(count: usize, drills: bool, taking: Span, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let spec = session.factory.shown_spec(&workflow)?;
    let known = known(&spec)?;
    let people: Vec<Caller> =
        session.factory.spec().people.iter().filter_map(|p| session.factory.local(&p.id).ok()).collect();
    let roles: Vec<String> = spec.roles.keys().cloned().collect();
    let mut all = Answered::default();
    let mut left: Vec<seatrial_model::ReviewId> = Vec::new();
    loop {
        let most = count.saturating_sub(usize::try_from(all.answered).unwrap_or(usize::MAX));
        let mut open: Vec<(ReviewView, &Caller)> = Vec::new();
        for role in &roles {
            let Some(reader) = people.iter().find(|p| p.principal.has_role(role)) else { continue };
            let filter =
                ReviewFilter { workflow: Some(workflow.clone()), roles: vec![role.clone()], limit: PAGE_ROWS_MAX };
            let found = session.factory.reviews(reader, filter).await?;
            let found =
                found.into_iter().filter(|r| r.rehearsal == drills && r.to == *role && !left.contains(&r.review));
            let fitting: Vec<&Caller> = people.iter().filter(|p| p.principal.has_role(role)).collect();
            open.extend(found.enumerate().filter_map(|(n, r)| Some((r, *fitting.get(n % fitting.len().max(1))?))));
        }
        open.truncate(most);
        if open.is_empty() {
            break;
        }
        for (review, person) in open {
            let mut given = answer(&review, person, &spec, &known, taking, session).await;
            // Whoever seeded an item does not answer it: somebody else of the role does.
            for other in
                people.iter().filter(|p| p.principal.has_role(&review.to) && p.principal.id != person.principal.id)
            {
                if !given.as_ref().is_err_and(|failure| failure.code == "forbidden") {
                    break;
                }
                given = answer(&review, other, &spec, &known, taking, session).await;
            }
            match given? {
                Some(answer) => {
                    all.answered += 1;
                    all.audits += u64::from(review.audit);
                    all.agreed += u64::from(answer == Answer::Accept);
                    all.own += u64::from(answer == Answer::Own);
                }
                None => left.push(review.review),
            }
        }
    }
    all.left = left.len() as u64;
    out.json(&all)?;
    let rejected = all.answered - all.agreed - all.own;
    let marked = if rejected > 0 { format!(", {rejected} rejected") } else { String::new() };
    out.line(format!(
        "{} answers by simulated people: {} accepted the AI's, {} were their own{marked}; {} left",
        all.answered, all.agreed, all.own, all.left
    ));
    Ok(Exit::Done)
}

async fn answer(
    review: &ReviewView,
    person: &Caller,
    spec: &Arc<Workflow>,
    known: &BTreeMap<String, Value>,
    taking: Span,
    session: &Session,
) -> Result<Option<Answer>, Failure> {
    let chain = session.factory.decision(person, review.decision).await?;
    let truth = example_of(&chain).and_then(|id| known.get(id));
    let shown_ms = u64::try_from(taking.signed_millis()).ok();
    let Some(input) = simulated::answer(spec, review, &chain, truth, shown_ms) else { return Ok(None) };
    let answer = input.answer;
    session.factory.answer(person, review.review, input).await?;
    Ok(Some(answer))
}

async fn truths(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let known = known(session.factory.shown_spec(&workflow)?.as_ref())?;
    let mut found: Vec<TruthInput> = Vec::new();
    let mut before: Option<DecisionId> = None;
    loop {
        let filter = DecisionFilter { before, limit: PAGE_ROWS_MAX, ..DecisionFilter::default() };
        let page = session.factory.decisions(&workflow, filter).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.decision);
        for row in page.iter().filter(|r| !r.rehearsal && matches!(r.action, Action::Allow | Action::Modify)) {
            let chain = session.factory.decision(&caller, row.decision).await?;
            if chain.outcome.is_some() {
                continue;
            }
            let truth = example_of(&chain).and_then(|id| known.get(id));
            found.extend(truth.map(|truth| TruthInput { decision: row.decision, truth: truth.clone() }));
        }
    }
    // In the order in which they were decided: lists are newest first.
    found.reverse();
    let (mut told, mut alarm) = (0, None);
    for chunk in found.chunks(TRUTHS_AT_ONCE) {
        let done = session.factory.truths(&caller, chunk.to_vec()).await?;
        told += done.recorded;
        alarm = done.alarm;
        if alarm.is_some() {
            break;
        }
    }
    out.json(&json!({ "told": told, "alarm": alarm }))?;
    out.line(format!("{told} truths told, as the examples say"));
    if let Some(alarm) = alarm {
        out.line(format!("alarm: {} of {} audited are wrong; the certificate is revoked", alarm.k, alarm.n));
    }
    Ok(Exit::Done)
}
