//! Responses.

use super::fields::{Members, put};
use super::openai::{Form, read_common, read_format, read_text, write_common, write_format};
use super::talk::{Shown, Talk, Turn};
use crate::prompt::LOGPROBS;
use serde_json::{Map, Value, json};

pub(super) fn read(mut m: Members) -> Result<Talk, String> {
    let mut talk = Talk { model: m.text("model")?.unwrap_or_default(), ..Talk::default() };
    if let Some(text) = m.text("instructions")? {
        talk.turns.push(Turn::System { developer: false, text });
    }
    match m.take("input") {
        Some(Value::String(text)) => talk.turns.push(Turn::User(vec![Shown::Text(text)])),
        Some(Value::Array(items)) => {
            for (i, item) in items.into_iter().enumerate() {
                read_item(Members::of(item, &format!("input.{i}"))?, &mut talk.turns)?;
            }
        }
        _ => return Err(m.at("input")),
    }
    read_common(&mut m, Form::Beside, &mut talk)?;
    talk.max_tokens = m.count("max_output_tokens")?;
    for (i, wanted) in m.list("include")?.into_iter().enumerate() {
        match wanted.as_str() {
            Some(LOGPROBS) => talk.logprobs = true,
            // Where there is nothing sealed, none is included.
            Some("reasoning.encrypted_content") => {}
            _ => return Err(format!("include.{i}")),
        }
    }
    if let Some(mut text) = m.object("text")? {
        talk.verbosity = text.text("verbosity")?;
        if let Some(format) = text.object("format")? {
            talk.format = read_format(format, Form::Beside)?;
        }
        text.done()?;
    }
    if let Some(mut reasoning) = m.object("reasoning")? {
        talk.effort = reasoning.text("effort")?;
        // How much of the reasoning is shown says nothing about the answer.
        reasoning.drop(&["summary", "generate_summary"]);
        reasoning.done()?;
    }
    // Nothing is kept at the provider: what refers to it has no words, and that it may be kept says nothing.
    m.drop(&["store", "stream_options"]);
    m.only("background", &[json!(false)])?;
    m.only("truncation", &[json!("disabled")])?;
    m.done()?;
    Ok(talk)
}

fn read_item(mut m: Members, turns: &mut Vec<Turn>) -> Result<(), String> {
    let kind = m.text("type")?.unwrap_or_else(|| "message".to_owned());
    m.drop(&["id", "status"]);
    match kind.as_str() {
        "message" => read_message(&mut m, turns)?,
        "function_call" => {
            let (id, name, arguments) = (m.need("call_id")?, m.need("name")?, m.need("arguments")?);
            turns.push(Turn::Call { id, name, arguments });
        }
        "function_call_output" => {
            let id = m.need("call_id")?;
            let place = m.at("output");
            let output = m.take("output").ok_or_else(|| place.clone())?;
            let text = read_text(output, &place, "input_text")?;
            turns.push(Turn::Result { id, text });
        }
        // What a model thought is nobody's input.
        "reasoning" => m.drop(&["summary", "content", "encrypted_content"]),
        _ => return m.refuse(),
    }
    m.done()
}

fn read_message(m: &mut Members, turns: &mut Vec<Turn>) -> Result<(), String> {
    let role = m.need("role")?;
    let place = m.at("content");
    let content = m.take("content");
    m.drop(&["phase"]);
    match (role.as_str(), content) {
        ("system" | "developer", Some(content)) => {
            let text = read_text(content, &place, "input_text")?;
            turns.push(Turn::System { developer: role == "developer", text });
        }
        ("user", Some(Value::String(text))) => turns.push(Turn::User(vec![Shown::Text(text)])),
        ("user", Some(Value::Array(items))) => turns.push(Turn::User(read_shown(items, &place)?)),
        ("assistant", Some(Value::String(text))) => turns.push(Turn::Said(text)),
        ("assistant", Some(Value::Array(items))) => {
            for (i, item) in items.into_iter().enumerate() {
                let mut part = Members::of(item, &format!("{place}.{i}"))?;
                match part.need("type")?.as_str() {
                    "output_text" => turns.push(Turn::Said(part.need("text")?)),
                    "refusal" => turns.push(Turn::Refused(part.need("refusal")?)),
                    _ => return part.refuse(),
                }
                part.drop(&["annotations", "logprobs"]);
                part.done()?;
            }
        }
        _ => return Err(place),
    }
    Ok(())
}

fn read_shown(items: Vec<Value>, place: &str) -> Result<Vec<Shown>, String> {
    let mut out = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let mut part = Members::of(item, &format!("{place}.{i}"))?;
        match part.need("type")?.as_str() {
            "input_text" => out.push(Shown::Text(part.need("text")?)),
            "input_image" => {
                let (url, detail) = (part.need("image_url")?, part.text("detail")?.filter(|d| d != "auto"));
                out.push(Shown::Image { url, detail });
            }
            _ => return part.refuse(),
        }
        part.done()?;
    }
    Ok(out)
}

pub(super) fn write(talk: &Talk) -> Result<Value, String> {
    let mut body = Map::new();
    put(&mut body, "model", Some(talk.model.clone()));
    put(&mut body, "input", Some(talk.turns.iter().map(write_turn).collect::<Vec<_>>()));
    write_common(&mut body, Form::Beside, talk);
    put(&mut body, "max_output_tokens", talk.max_tokens);
    if !talk.stop.is_empty() {
        return Err("stop".to_owned());
    }
    put(&mut body, "include", talk.logprobs.then(|| json!([LOGPROBS])));
    let mut text = Map::new();
    put(&mut text, "format", talk.format.as_ref().map(|format| write_format(format, Form::Beside)));
    put(&mut text, "verbosity", talk.verbosity.clone());
    put(&mut body, "text", (!text.is_empty()).then_some(text));
    put(&mut body, "reasoning", talk.effort.as_ref().map(|effort| json!({"effort": effort})));
    // Nobody will refer to it by the provider's id.
    put(&mut body, "store", Some(false));
    Ok(Value::Object(body))
}

fn write_turn(turn: &Turn) -> Value {
    let message = |role: &str, content: Value| json!({"type": "message", "role": role, "content": content});
    match turn {
        Turn::System { developer, text } => message(if *developer { "developer" } else { "system" }, json!(text)),
        Turn::User(shown) => {
            let part = |shown: &Shown| match shown {
                Shown::Text(text) => json!({"type": "input_text", "text": text}),
                Shown::Image { url, detail } => {
                    let detail = detail.as_deref().unwrap_or("auto");
                    json!({"type": "input_image", "image_url": url, "detail": detail})
                }
            };
            message("user", shown.iter().map(part).collect())
        }
        Turn::Said(text) => message("assistant", json!([{"type": "output_text", "text": text, "annotations": []}])),
        Turn::Refused(text) => message("assistant", json!([{"type": "refusal", "refusal": text}])),
        Turn::Call { id, name, arguments } => {
            json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
        }
        Turn::Result { id, text } => json!({"type": "function_call_output", "call_id": id, "output": text}),
    }
}
