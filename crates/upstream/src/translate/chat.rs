//! Chat completions.

use super::fields::{Members, put};
use super::talk::{Choice, Format, SCHEMA_NAME, Shown, Talk, Tool, Turn};
use serde_json::{Map, Value, json};

pub(super) fn read(mut m: Members) -> Result<Talk, String> {
    let mut talk = Talk { model: m.text("model")?.unwrap_or_default(), ..Talk::default() };
    for message in m.objects("messages")? {
        read_message(message, &mut talk.turns)?;
    }
    for tool in m.objects("tools")? {
        talk.tools.push(read_tool(tool)?);
    }
    talk.choice = read_choice(m.take("tool_choice"), &m.at("tool_choice"), true)?;
    talk.parallel = m.flag("parallel_tool_calls")?;
    talk.temperature = m.number("temperature")?;
    talk.top_p = m.number("top_p")?;
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
    talk.stream = m.flag("stream")?.unwrap_or(false);
    if let Some(mut options) = m.object("stream_options")? {
        talk.include_usage = options.flag("include_usage")?.unwrap_or(false);
        options.drop(&["include_obfuscation"]);
        options.done()?;
    }
    talk.logprobs = m.flag("logprobs")?.unwrap_or(false);
    talk.top_logprobs = m.count("top_logprobs")?;
    if let Some(mut format) = m.object("response_format")? {
        talk.format = match format.need("type")?.as_str() {
            "text" => None,
            "json_object" => Some(Format::Json),
            "json_schema" => {
                let schema = format.object("json_schema")?;
                Some(read_schema(schema.ok_or_else(|| format.at("json_schema"))?)?)
            }
            _ => return format.refuse(),
        };
        format.done()?;
    }
    talk.user = m.text("user")?;
    talk.metadata = m.take("metadata");
    talk.effort = m.text("reasoning_effort")?;
    talk.verbosity = m.text("verbosity")?;
    m.only("n", &[json!(1)])?;
    m.only("frequency_penalty", &[json!(0), json!(0.0)])?;
    m.only("presence_penalty", &[json!(0), json!(0.0)])?;
    m.only("logit_bias", &[json!({})])?;
    m.only("store", &[json!(false)])?;
    m.only("service_tier", &[json!("auto"), json!("default")])?;
    m.only("modalities", &[json!(["text"])])?;
    m.drop(&["prompt_cache_key", "prompt_cache_retention", "safety_identifier"]);
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
                let mut function = call.object("function")?.ok_or_else(|| call.at("function"))?;
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

/// A content that has to be text: a string, or a list of texts.
fn text_of(m: &mut Members) -> Result<Option<String>, String> {
    match m.take("content") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Array(items)) => {
            let mut out = String::new();
            for (i, item) in items.into_iter().enumerate() {
                let mut part = Members::of(item, &m.at(&format!("content-{i}")))?;
                if part.need("type")? != "text" {
                    return part.refuse();
                }
                out.push_str(&part.need("text")?);
                part.done()?;
            }
            Ok(Some(out))
        }
        Some(_) => Err(m.at("content")),
    }
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
                let mut image = part.object("image_url")?.ok_or_else(|| part.at("image_url"))?;
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

fn read_tool(mut m: Members) -> Result<Tool, String> {
    if m.need("type")? != "function" {
        return m.refuse();
    }
    let mut function = m.object("function")?.ok_or_else(|| m.at("function"))?;
    let tool = Tool {
        name: function.need("name")?,
        description: function.text("description")?,
        parameters: function.take("parameters"),
        // Here, silence means no.
        strict: Some(function.flag("strict")?.unwrap_or(false)),
    };
    function.done()?;
    m.done()?;
    Ok(tool)
}

/// A choice of tools, in chat completions (`function` in an object of its own) or in responses.
pub(super) fn read_choice(value: Option<Value>, place: &str, nested: bool) -> Result<Option<Choice>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(Some(Choice::None)),
            "required" => Ok(Some(Choice::Any)),
            _ => Err(place.to_owned()),
        },
        Some(value) => {
            let mut m = Members::of(value, place)?;
            if m.need("type")? != "function" {
                return m.refuse();
            }
            let name = if nested {
                let mut function = m.object("function")?.ok_or_else(|| m.at("function"))?;
                let name = function.need("name")?;
                function.done()?;
                name
            } else {
                m.need("name")?
            };
            m.done()?;
            Ok(Some(Choice::One(name)))
        }
    }
}

/// A schema with its name: an object in chat completions, members of the format in responses.
pub(super) fn read_schema(mut m: Members) -> Result<Format, String> {
    let format = Format::Schema {
        name: m.text("name")?,
        schema: m.take("schema").ok_or_else(|| m.at("schema"))?,
        strict: m.flag("strict")?,
        description: m.text("description")?,
    };
    m.done()?;
    Ok(format)
}

pub(super) fn write(talk: &Talk) -> Result<Value, String> {
    let mut body = Map::new();
    put(&mut body, "model", Some(talk.model.clone()));
    put(&mut body, "messages", Some(write_messages(&talk.turns)));
    if !talk.tools.is_empty() {
        let tools = talk.tools.iter().map(|tool| {
            let mut function = Map::new();
            put(&mut function, "name", Some(tool.name.clone()));
            put(&mut function, "description", tool.description.clone());
            put(&mut function, "parameters", tool.parameters.clone());
            put(&mut function, "strict", tool.strict);
            json!({"type": "function", "function": function})
        });
        put(&mut body, "tools", Some(tools.collect::<Vec<_>>()));
    }
    let choice = talk.choice.as_ref().map(|choice| match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Any => json!("required"),
        Choice::One(name) => json!({"type": "function", "function": {"name": name}}),
    });
    put(&mut body, "tool_choice", choice);
    put(&mut body, "parallel_tool_calls", talk.parallel);
    put(&mut body, "temperature", talk.temperature);
    put(&mut body, "top_p", talk.top_p);
    put(&mut body, "max_completion_tokens", talk.max_tokens);
    put(&mut body, "stop", (!talk.stop.is_empty()).then(|| talk.stop.clone()));
    if talk.stream {
        put(&mut body, "stream", Some(true));
        // The tokens are recorded, whoever asked.
        put(&mut body, "stream_options", Some(json!({"include_usage": true})));
    }
    put(&mut body, "logprobs", talk.logprobs.then_some(true));
    put(&mut body, "top_logprobs", talk.top_logprobs);
    let format = talk.format.as_ref().map(|format| match format {
        Format::Json => json!({"type": "json_object"}),
        Format::Schema { .. } => json!({"type": "json_schema", "json_schema": write_schema(format)}),
    });
    put(&mut body, "response_format", format);
    put(&mut body, "user", talk.user.clone());
    put(&mut body, "metadata", talk.metadata.clone());
    put(&mut body, "reasoning_effort", talk.effort.clone());
    put(&mut body, "verbosity", talk.verbosity.clone());
    Ok(Value::Object(body))
}

/// A schema's members, the same in chat completions and responses.
pub(super) fn write_schema(format: &Format) -> Map<String, Value> {
    let mut out = Map::new();
    if let Format::Schema { name, schema, strict, description } = format {
        put(&mut out, "name", Some(name.clone().unwrap_or_else(|| SCHEMA_NAME.to_owned())));
        put(&mut out, "description", description.clone());
        put(&mut out, "schema", Some(schema.clone()));
        put(&mut out, "strict", *strict);
    }
    out
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
