//! Chat completions.

use super::fields::{Members, put};
use super::openai::{Form, read_common, read_format, read_text, write_common, write_format};
use super::talk::{Shown, Talk, Turn};
use serde_json::{Map, Value, json};

pub(super) fn read(mut m: Members) -> Result<Talk, String> {
    let mut talk = Talk { model: m.text("model")?.unwrap_or_default(), ..Talk::default() };
    for message in m.objects("messages")? {
        read_message(message, &mut talk.turns)?;
    }
    read_common(&mut m, Form::Own, &mut talk)?;
    let older = m.count("max_tokens")?;
    talk.max_tokens = m.count("max_completion_tokens")?.or(older);
    talk.stop = match m.take("stop") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many
            .into_iter()
            .map(|v| v.as_str().map(str::to_owned).ok_or_else(|| m.at("stop")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(m.at("stop")),
    };
    if let Some(mut options) = m.object("stream_options")? {
        talk.include_usage = options.flag("include_usage")?.unwrap_or(false);
        options.drop(&["include_obfuscation"]);
        options.done()?;
    }
    talk.logprobs = m.flag("logprobs")?.unwrap_or(false);
    if let Some(format) = m.object("response_format")? {
        talk.format = read_format(format, Form::Own)?;
    }
    talk.effort = m.text("reasoning_effort")?;
    talk.verbosity = m.text("verbosity")?;
    m.only("n", &[json!(1)])?;
    m.only("frequency_penalty", &[json!(0), json!(0.0)])?;
    m.only("presence_penalty", &[json!(0), json!(0.0)])?;
    m.only("logit_bias", &[json!({})])?;
    m.only("store", &[json!(false)])?;
    m.only("modalities", &[json!(["text"])])?;
    m.done()?;
    Ok(talk)
}

fn read_message(mut m: Members, turns: &mut Vec<Turn>) -> Result<(), String> {
    let role = m.need("role")?;
    // A name that tells speakers of one role apart has no words elsewhere: it is refused as what is left over.
    match role.as_str() {
        "system" | "developer" => {
            let text = text_of(&mut m)?.unwrap_or_default();
            turns.push(Turn::System { developer: role == "developer", text });
        }
        "user" => turns.push(Turn::User(read_shown(&mut m)?)),
        "assistant" => {
            if let Some(text) = text_of(&mut m)?.filter(|t| !t.is_empty()) {
                turns.push(Turn::Said(text));
            }
            if let Some(text) = m.text("refusal")?.filter(|t| !t.is_empty()) {
                turns.push(Turn::Refused(text));
            }
            for mut call in m.objects("tool_calls")? {
                if call.text("type")?.is_some_and(|t| t != "function") {
                    return call.refuse();
                }
                let id = call.need("id")?;
                call.drop(&["index"]);
                let mut function = call.need_object("function")?;
                let (name, arguments) = (function.need("name")?, function.need("arguments")?);
                turns.push(Turn::Call { id, name, arguments });
                function.done()?;
                call.done()?;
            }
            // What a model thought is nobody's input.
            m.drop(&["reasoning", "reasoning_content"]);
            m.only("annotations", &[json!([])])?;
        }
        "tool" => {
            let id = m.need("tool_call_id")?;
            turns.push(Turn::Result { id, text: text_of(&mut m)?.unwrap_or_default() });
        }
        _ => return m.refuse(),
    }
    m.done()
}

fn text_of(m: &mut Members) -> Result<Option<String>, String> {
    m.take("content").map(|content| read_text(content, &m.at("content"), "text")).transpose()
}

fn read_shown(m: &mut Members) -> Result<Vec<Shown>, String> {
    let content = m.take("content");
    let items = match content {
        Some(Value::String(text)) => return Ok(vec![Shown::Text(text)]),
        Some(Value::Array(items)) => items,
        _ => return Err(m.at("content")),
    };
    let mut out = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let mut part = Members::of(item, &format!("{}.{i}", m.at("content")))?;
        match part.need("type")?.as_str() {
            "text" => out.push(Shown::Text(part.need("text")?)),
            "image_url" => {
                let mut image = part.need_object("image_url")?;
                let (url, detail) = (image.need("url")?, image.text("detail")?.filter(|d| d != "auto"));
                out.push(Shown::Image { url, detail });
                image.done()?;
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
    put(&mut body, "messages", Some(write_messages(&talk.turns)));
    write_common(&mut body, Form::Own, talk);
    put(&mut body, "max_completion_tokens", talk.max_tokens);
    put(&mut body, "stop", (!talk.stop.is_empty()).then(|| talk.stop.clone()));
    if talk.stream {
        // The tokens are recorded, whoever asked.
        put(&mut body, "stream_options", Some(json!({"include_usage": true})));
    }
    put(&mut body, "logprobs", talk.logprobs.then_some(true));
    put(&mut body, "response_format", talk.format.as_ref().map(|format| write_format(format, Form::Own)));
    put(&mut body, "reasoning_effort", talk.effort.clone());
    put(&mut body, "verbosity", talk.verbosity.clone());
    Ok(Value::Object(body))
}

fn write_messages(turns: &[Turn]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    let mut i = 0;
    while let Some(turn) = turns.get(i) {
        i += 1;
        match turn {
            Turn::System { developer, text } => {
                out.push(json!({"role": if *developer { "developer" } else { "system" }, "content": text}));
            }
            Turn::User(shown) => out.push(json!({"role": "user", "content": write_shown(shown)})),
            Turn::Result { id, text } => out.push(json!({"role": "tool", "tool_call_id": id, "content": text})),
            Turn::Said(_) | Turn::Refused(_) | Turn::Call { .. } => {
                let mut message = Map::new();
                put(&mut message, "role", Some("assistant"));
                let mut next = Some(turn);
                // What is said comes before what is called; a second text begins a message of its own.
                if let Some(Turn::Said(text)) = next {
                    put(&mut message, "content", Some(text.clone()));
                    next = turns.get(i);
                    i += 1;
                } else {
                    message.insert("content".to_owned(), Value::Null);
                }
                if let Some(Turn::Refused(text)) = next {
                    put(&mut message, "refusal", Some(text.clone()));
                    next = turns.get(i);
                    i += 1;
                }
                let mut calls = Vec::new();
                while let Some(Turn::Call { id, name, arguments }) = next {
                    let function = json!({"name": name, "arguments": arguments});
                    calls.push(json!({"id": id, "type": "function", "function": function}));
                    next = turns.get(i);
                    i += 1;
                }
                put(&mut message, "tool_calls", (!calls.is_empty()).then_some(calls));
                // The turn behind the last one that was taken was looked at only.
                i -= 1;
                out.push(Value::Object(message));
            }
        }
    }
    out
}

fn write_shown(shown: &[Shown]) -> Value {
    if let [Shown::Text(text)] = shown {
        return json!(text);
    }
    let part = |shown: &Shown| match shown {
        Shown::Text(text) => json!({"type": "text", "text": text}),
        Shown::Image { url, detail } => {
            let mut image = Map::new();
            put(&mut image, "url", Some(url.clone()));
            put(&mut image, "detail", detail.clone());
            json!({"type": "image_url", "image_url": image})
        }
    };
    shown.iter().map(part).collect()
}
