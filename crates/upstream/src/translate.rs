//! A client's request, said in a provider's protocol.
//!
//! A request is read into a [`Talk`], which knows what all protocols have words for, and written from it. Every member
//! is either carried over, or known to say nothing about the answer (`docs/reference/dialects.md` lists both), or
//! refused by its place: nothing is dropped in silence because this version does not know it.

mod chat;
mod fields;
mod messages;
mod openai;
mod responses;
mod talk;

use crate::say::Manner;
use fields::Members;
use seatrial_guard::port::Protocol;
use serde_json::Value;
use talk::Talk;

/// The most turns of one request, tool calls and results counted: agents' sessions have thousands.
pub const TURNS_MAX: usize = 20_000;

/// Says a request in another protocol, and how its reply is to be said. The model's name is left as it is.
///
/// # Errors
/// The place of what the other protocol has no words for (`n`, `messages.2.content.0`): no text of the client.
pub fn request(bytes: &[u8], from: Protocol, to: Protocol) -> Result<(Vec<u8>, Manner), String> {
    let value = crate::json::parse(bytes).map_err(|e| format!("body: {e}"))?;
    let talk = read(from, Members::of(value, "body")?)?;
    let manner = Manner { include_usage: talk.include_usage, logprobs: talk.logprobs };
    let body = write(to, &talk)?;
    Ok((body.to_string().into_bytes(), manner))
}

fn read(from: Protocol, members: Members) -> Result<Talk, String> {
    let talk = match from {
        Protocol::OpenAiChat => chat::read(members),
        Protocol::OpenAiResponses => responses::read(members),
        Protocol::AnthropicMessages => messages::read(members),
    }?;
    if talk.turns.len() > TURNS_MAX {
        return Err("more turns than are translated".to_owned());
    }
    Ok(talk)
}

fn write(to: Protocol, talk: &Talk) -> Result<Value, String> {
    match to {
        Protocol::OpenAiChat => chat::write(talk),
        Protocol::OpenAiResponses => responses::write(talk),
        Protocol::AnthropicMessages => messages::write(talk),
    }
}

#[cfg(test)]
mod tests;
