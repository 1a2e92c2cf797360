//! Decisions in the client's own dialect: what an unchanged client understands without knowing us.
//!
//! An upstream's reply leaves as it came where nothing was changed in it. Where something was, the reply is written
//! again with the changed parts, read again, and leaves only if what is read is what was judged; else an answer of our
//! own making says the parts.

mod chat;
mod choice;
mod messages;
mod responses;

use crate::answer::{Answer, Seatrial, bytes_answer, decided, decided_problem, seatrial, withheld};
use crate::body::{chunked, full};
use crate::call::Call;
use crate::dialect::Dialect;
use crate::problem::Problem;
use bytes::Bytes;
use choice::Choice;
use http::StatusCode;
use seatrial_factory::api::Passed;
use seatrial_guard::port::Reply;
use seatrial_guard::{Part, PartKind};
use seatrial_model::Action;
use seatrial_upstream::raw::RawObject;
use seatrial_upstream::sse::Scanner;
use serde_json::{Value, json};

pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// What a decision lets out.
pub(crate) enum Leaves {
    /// A JSON body.
    Whole(Vec<u8>),
    /// A stream, in chunks.
    Stream(Vec<Bytes>),
    /// Nothing, and why.
    Nothing(Problem),
}

/// The answer to a call that was decided on. `created` is in seconds since 1970.
pub(crate) fn answer(call: &Call, passed: &Passed, request: &str, created: i64) -> Answer {
    let mut answer = match leaves(call, passed, created) {
        Leaves::Whole(bytes) => bytes_answer(StatusCode::OK, "application/json", full(bytes)),
        Leaves::Stream(chunks) => bytes_answer(StatusCode::OK, EVENT_STREAM, chunked(chunks)),
        Leaves::Nothing(problem) => return decided_problem(call.dialect, &problem, passed, request),
    };
    decided(answer.headers_mut(), passed);
    answer
}

/// What a decision lets out, in the dialect and the form that the call asked for.
pub(crate) fn leaves(call: &Call, passed: &Passed, created: i64) -> Leaves {
    // Where only tools are called there is no text, and changed parts leave all the same.
    let Some(output) = passed.output.as_deref().or_else(|| (!passed.parts.is_empty()).then_some("")) else {
        return match passed.code.as_str() {
            "output_denied" => made(call, passed, created, &choice::denied(call.choices)),
            _ => Leaves::Nothing(withheld(passed)),
        };
    };
    if let Some(reply) = passed.reply.as_deref() {
        let own = passed.action == Action::Allow && passed.parts.is_empty();
        if own && reply.chunks.is_empty() != call.stream {
            return unchanged(reply, passed);
        }
        let parts = if own { &reply.parts } else { &passed.parts };
        if let Some(whole) = rewritten(call.dialect, reply, parts) {
            return written(call, passed, whole);
        }
    }
    let choices = if passed.parts.is_empty() { vec![Choice::text(output)] } else { choice::of_parts(&passed.parts) };
    made(call, passed, created, &choices)
}

/// The upstream's own answer: a stream byte for byte in its own chunks; a JSON body with our object beside its
/// members, each of which keeps its bytes.
fn unchanged(reply: &Reply, passed: &Passed) -> Leaves {
    if !reply.chunks.is_empty() {
        let all = Bytes::copy_from_slice(&reply.raw);
        let starts = std::iter::once(&0).chain(&reply.chunks);
        let pieces = starts
            .zip(&reply.chunks)
            .filter(|(start, end)| start <= end && **end <= all.len())
            .map(|(start, end)| all.slice(*start..*end));
        return Leaves::Stream(pieces.collect());
    }
    let with_ours = RawObject::parse(&reply.raw)
        .and_then(|mut body| body.set("seatrial", &Seatrial::of(passed)).map(|()| body.to_bytes()));
    // What cannot take our object leaves as it came: the head says what was decided.
    Leaves::Whole(with_ours.unwrap_or_else(|_| reply.raw.clone()))
}

/// An answer of our own making: a reviewed output, a classifier's, changed parts, or none at all.
fn made(call: &Call, passed: &Passed, created: i64, choices: &[Choice]) -> Leaves {
    let whole = match call.dialect {
        Dialect::Chat => Some(chat::whole(call, passed, created, choices)),
        Dialect::Responses => Some(responses::whole(call, passed, created, choices)),
        Dialect::Messages => messages::whole(call, passed, choices),
    };
    match whole {
        Some(whole) => written(call, passed, whole),
        // Only a tool's arguments that are no object have no form in a dialect: nothing leaves.
        None => Leaves::Nothing(Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "not_expressible",
            format!("the answer has no form in this protocol; nothing was released. Decision `{}`", passed.decision),
        )),
    }
}

/// A whole body in the form that the call asked for, with our object in it.
fn written(call: &Call, passed: &Passed, mut whole: Value) -> Leaves {
    if let Some(members) = whole.as_object_mut() {
        members.insert("seatrial".to_owned(), seatrial(passed));
    }
    if !call.stream {
        return Leaves::Whole(whole.to_string().into_bytes());
    }
    Leaves::Stream(match call.dialect {
        Dialect::Chat => chat::stream(&whole, call.include_usage),
        Dialect::Responses => responses::stream(&whole),
        Dialect::Messages => messages::stream(&whole),
    })
}

/// The upstream's reply as one body that says exactly these parts; none where that cannot be shown by reading it.
fn rewritten(dialect: Dialect, reply: &Reply, parts: &[Part]) -> Option<Value> {
    let mut whole = if reply.chunks.is_empty() {
        serde_json::from_slice(&reply.raw).ok()?
    } else {
        let events = events(&reply.raw)?;
        match dialect {
            Dialect::Chat => chat::gathered(&events)?,
            Dialect::Responses => responses::gathered(&events)?,
            Dialect::Messages => messages::gathered(&events)?,
        }
    };
    match dialect {
        Dialect::Chat => chat::rewrite(&mut whole, parts),
        Dialect::Responses => responses::rewrite(&mut whole, parts),
        Dialect::Messages => messages::rewrite(&mut whole, parts),
    }
    let read = read(dialect, &serde_json::to_vec(&whole).ok()?)?;
    says(&read, parts).then_some(whole)
}

/// Whether what was read is what was judged: nothing else, and no answer, tool or argument less. Reasoning and what no
/// version knows may be missing.
fn says(read: &[Part], judged: &[Part]) -> bool {
    let same = |a: &Part, b: &Part| a.name == b.name && a.text == b.text;
    let optional = |p: &Part| matches!(p.kind, PartKind::Reasoning | PartKind::Other);
    read.iter().all(|r| judged.iter().any(|j| same(r, j)))
        && judged.iter().all(|j| optional(j) || read.iter().any(|r| same(r, j)))
}

/// The parts of a whole body.
fn read(dialect: Dialect, body: &[u8]) -> Option<Vec<Part>> {
    seatrial_upstream::read::read_body(dialect.protocol(), body).ok().map(|read| read.parts)
}

/// The data of a stream's events.
fn events(raw: &[u8]) -> Option<Vec<Value>> {
    let mut scanner = Scanner::default();
    let mut events = scanner.push(raw).ok()?;
    events.extend(scanner.finish());
    let data = events.iter().map(|e| e.data.trim()).filter(|d| !d.is_empty() && *d != "[DONE]");
    data.map(|d| serde_json::from_str(d).ok()).collect()
}

/// A text of a part, by its name.
fn part<'a>(parts: &'a [Part], name: &str) -> Option<&'a str> {
    parts.iter().find(|p| p.name == name).map(|p| p.text.as_str())
}

/// Tokens, as a member of this name.
fn tokens(input: &str, output: &str, passed: &Passed) -> Value {
    let usage = passed.usage.unwrap_or_default();
    json!({input: usage.input, output: usage.output, "total_tokens": usage.input.saturating_add(usage.output)})
}

#[cfg(test)]
mod tests;
