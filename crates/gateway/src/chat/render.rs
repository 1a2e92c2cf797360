//! Decisions on the OpenAI wire: what an unchanged client understands without knowing us.

use crate::answer::{Answer, bytes_answer, decided, decided_problem, json, seatrial, withheld};
use crate::body::{chunked, full};
use crate::chat::input::ChatCall;
use bytes::Bytes;
use http::StatusCode;
use seatrial_factory::api::Passed;
use seatrial_guard::port::Reply;
use seatrial_upstream::raw::RawObject;
use serde_json::{Value, json};

/// The answer to a chat completion request that was decided on. `created` is in seconds since 1970.
pub(crate) fn answer(call: &ChatCall, passed: &Passed, created: i64) -> Answer {
    let mut answer = match (passed.reply.as_deref(), passed.output.as_deref()) {
        (Some(reply), Some(_)) if reply.chunks.is_empty() != call.stream => unchanged(reply, passed),
        (_, Some(text)) => made(call, passed, created, Some(text)),
        (_, None) if passed.code == "output_denied" => made(call, passed, created, None),
        (_, None) => return decided_problem(&withheld(passed), passed),
    };
    decided(answer.headers_mut(), passed);
    answer
}

/// The upstream's own answer: a stream byte for byte in its own chunks; a JSON body with our object beside its
/// members, each of which keeps its bytes.
fn unchanged(reply: &Reply, passed: &Passed) -> Answer {
    if !reply.chunks.is_empty() {
        let all = Bytes::copy_from_slice(&reply.raw);
        let starts = std::iter::once(&0).chain(&reply.chunks);
        let pieces: Vec<Bytes> = starts
            .zip(&reply.chunks)
            .filter(|(start, end)| start <= end && **end <= all.len())
            .map(|(start, end)| all.slice(*start..*end))
            .collect();
        return bytes_answer(StatusCode::OK, EVENT_STREAM, chunked(pieces));
    }
    let with_ours = RawObject::parse(&reply.raw)
        .and_then(|mut body| body.set("seatrial", &seatrial(passed)).map(|()| body.to_bytes()));
    // What cannot take our object leaves as it came: the head says what was decided.
    let bytes = with_ours.unwrap_or_else(|_| reply.raw.clone());
    bytes_answer(StatusCode::OK, "application/json", full(bytes))
}

const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// An answer of our own making: the changed or reviewed output, a classifier's, or none at all.
fn made(call: &ChatCall, passed: &Passed, created: i64, text: Option<&str>) -> Answer {
    let id = format!("chatcmpl-{}", passed.decision);
    let model = format!("{}/{}", call.workflow, call.step);
    let finish = if text.is_some() { "stop" } else { "content_filter" };
    let usage = passed.usage.map(|u| {
        json!({"prompt_tokens": u.input, "completion_tokens": u.output, "total_tokens": u.input.saturating_add(u.output)})
    });
    if !call.stream {
        let mut body = json!({
            "id": id, "object": "chat.completion", "created": created, "model": model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": null,
                "finish_reason": finish,
            }],
            "seatrial": seatrial(passed),
        });
        if let (Some(usage), Some(members)) = (usage, body.as_object_mut()) {
            members.insert("usage".to_owned(), usage);
        }
        return json(StatusCode::OK, &body);
    }
    let chunk = |choices: Value, usage: Option<&Value>, ours: bool| {
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model, "choices": choices,
        });
        if let Some(members) = chunk.as_object_mut() {
            if let Some(usage) = usage {
                members.insert("usage".to_owned(), usage.clone());
            }
            if ours {
                members.insert("seatrial".to_owned(), seatrial(passed));
            }
        }
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let choice = |delta: Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let mut chunks = vec![chunk(choice(json!({"role": "assistant"}), None), None, true)];
    if let Some(text) = text {
        chunks.push(chunk(choice(json!({"content": text}), None), None, false));
    }
    chunks.push(chunk(choice(json!({}), Some(finish)), None, false));
    if call.include_usage {
        let usage = usage.unwrap_or_else(|| json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}));
        chunks.push(chunk(json!([]), Some(&usage), false));
    }
    chunks.push(Bytes::from_static(b"data: [DONE]\n\n"));
    bytes_answer(StatusCode::OK, EVENT_STREAM, chunked(chunks))
}

#[cfg(test)]
mod tests;
