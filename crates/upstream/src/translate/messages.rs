//! Messages.

use super::fields::{Members, put};
use super::talk::{Choice, Format, Shown, Talk, Tool, Turn};
use crate::prompt::MAX_TOKENS_DEFAULT;
use serde_json::{Map, Value, json};

/// Efforts that all protocols name alike.
const EFFORTS: [&str; 3] = ["low", "medium", "high"];

pub(super) fn read(mut m: Members) -> Result<Talk, String> {
    let mut talk = Talk { model: m.text("model")?.unwrap_or_default(), ..Talk::default() };
    match m.take("system") {
        None => {}
        Some(Value::String(text)) => talk.turns.push(Turn::System { developer: false, text }),
        Some(Value::Array(items)) => {
            for (i, item) in items.into_iter().enumerate() {
                let mut block = Members::of(item, &format!("system.{i}"))?;
                let text = text_block(&mut block)?;
                talk.turns.push(Turn::System { developer: false, text });
                block.done()?;
            }
        }
        Some(_) => return Err(m.at("system")),
    }
    for message in m.objects("messages")? {
        read_message(message, &mut talk.turns)?;
    }
    for tool in m.objects("tools")? {
        talk.tools.push(read_tool(tool)?);
    }
    if let Some(mut choice) = m.object("tool_choice")? {
        talk.choice = Some(match choice.need("type")?.as_str() {
            "auto" => Choice::Auto,
            "any" => Choice::Any,
            "none" => Choice::None,
            "tool" => Choice::One(choice.need("name")?),
            _ => return choice.refuse(),
        });
        talk.parallel = choice.flag("disable_parallel_tool_use")?.map(|off| !off);
        choice.done()?;
    }
    talk.temperature = m.number("temperature")?;
    talk.top_p = m.number("top_p")?;
    talk.max_tokens = m.count("max_tokens")?;
    for stop in m.list("stop_sequences")? {
        talk.stop.push(stop.as_str().map(str::to_owned).ok_or_else(|| m.at("stop_sequences"))?);
    }
    talk.stream = m.flag("stream")?.unwrap_or(false);
    if let Some(mut config) = m.object("output_config")? {
        if let Some(effort) = config.text("effort")? {
            if !EFFORTS.contains(&effort.as_str()) {
                return Err(config.at("effort"));
            }
            talk.effort = Some(effort);
        }
        if let Some(mut format) = config.object("format")? {
            if format.need("type")? != "json_schema" {
                return format.refuse();
            }
            let schema = format.take("schema").ok_or_else(|| format.at("schema"))?;
            talk.format = Some(Format::Schema { name: None, schema, strict: Some(true), description: None });
            format.done()?;
        }
        config.done()?;
    }
    if let Some(mut metadata) = m.object("metadata")? {
        talk.user = metadata.text("user_id")?;
        metadata.done()?;
    }
    m.only("thinking", &[json!({"type": "disabled"})])?;
    m.only("service_tier", &[json!("auto"), json!("standard_only")])?;
    m.drop(&["cache_control"]);
    m.done()?;
    Ok(talk)
}

/// A text, with a mark for the provider's cache: it says nothing about the answer.
fn text_block(block: &mut Members) -> Result<String, String> {
    if block.need("type")? != "text" {
        return block.refuse();
    }
    block.drop(&["cache_control"]);
    block.only("citations", &[json!([])])?;
    block.need("text")
}

fn read_message(mut m: Members, turns: &mut Vec<Turn>) -> Result<(), String> {
    let role = m.need("role")?;
    let place = m.at("content");
    match (role.as_str(), m.take("content")) {
        ("user", Some(Value::String(text))) => turns.push(Turn::User(vec![Shown::Text(text)])),
        ("assistant", Some(Value::String(text))) => turns.push(Turn::Said(text)),
        ("user", Some(Value::Array(blocks))) => {
            let mut shown = Vec::new();
            for (i, block) in blocks.into_iter().enumerate() {
                let block = Members::of(block, &format!("{place}.{i}"))?;
                read_users(block, &mut shown, turns)?;
            }
            if !shown.is_empty() {
                turns.push(Turn::User(shown));
            }
        }
        ("assistant", Some(Value::Array(blocks))) => {
            for (i, block) in blocks.into_iter().enumerate() {
                read_assistants(Members::of(block, &format!("{place}.{i}"))?, turns)?;
            }
        }
        _ => return Err(place),
    }
    m.done()
}

fn read_users(mut block: Members, shown: &mut Vec<Shown>, turns: &mut Vec<Turn>) -> Result<(), String> {
    let kind = block.need("type")?;
    block.drop(&["cache_control"]);
    match kind.as_str() {
        "text" => shown.push(Shown::Text(block.need("text")?)),
        "image" => {
            let mut source = block.need_object("source")?;
            let url = match source.need("type")?.as_str() {
                "url" => source.need("url")?,
                "base64" => format!("data:{};base64,{}", source.need("media_type")?, source.need("data")?),
                _ => return source.refuse(),
            };
            shown.push(Shown::Image { url, detail: None });
            source.done()?;
        }
        "tool_result" => {
            // Results come before what is shown beside them.
            if !shown.is_empty() {
                return block.refuse();
            }
            let id = block.need("tool_use_id")?;
            let place = block.at("content");
            let text = match block.take("content") {
                None => String::new(),
                Some(Value::String(text)) => text,
                Some(Value::Array(items)) => {
                    let mut out = String::new();
                    for (i, item) in items.into_iter().enumerate() {
                        let mut part = Members::of(item, &format!("{place}.{i}"))?;
                        out.push_str(&text_block(&mut part)?);
                        part.done()?;
                    }
                    out
                }
                Some(_) => return Err(place),
            };
            // That it failed is said by its text; elsewhere there is no other way.
            block.flag("is_error")?;
            turns.push(Turn::Result { id, text });
        }
        _ => return block.refuse(),
    }
    block.done()
}

fn read_assistants(mut block: Members, turns: &mut Vec<Turn>) -> Result<(), String> {
    let kind = block.need("type")?;
    block.drop(&["cache_control"]);
    match kind.as_str() {
        "text" => {
            block.drop(&["citations"]);
            turns.push(Turn::Said(block.need("text")?));
        }
        "tool_use" => {
            let (id, name) = (block.need("id")?, block.need("name")?);
            let input = block.take("input").unwrap_or_else(|| json!({}));
            block.drop(&["caller"]);
            turns.push(Turn::Call { id, name, arguments: input.to_string() });
        }
        // What a model thought is nobody's input.
        "thinking" | "redacted_thinking" => block.drop(&["thinking", "signature", "data"]),
        _ => return block.refuse(),
    }
    block.done()
}

fn read_tool(mut m: Members) -> Result<Tool, String> {
    if m.text("type")?.is_some_and(|t| t != "custom") {
        return m.refuse();
    }
    let tool = Tool {
        name: m.need("name")?,
        description: m.text("description")?,
        parameters: m.take("input_schema"),
        strict: Some(m.flag("strict")?.unwrap_or(false)),
    };
    m.drop(&["cache_control"]);
    m.done()?;
    Ok(tool)
}

pub(super) fn write(talk: &Talk) -> Result<Value, String> {
    let mut body = Map::new();
    put(&mut body, "model", Some(talk.model.clone()));
    put(&mut body, "max_tokens", Some(talk.max_tokens.unwrap_or(MAX_TOKENS_DEFAULT)));
    let begins = talk.turns.iter().take_while(|t| matches!(t, Turn::System { .. })).count();
    let (system, turns) = talk.turns.split_at(begins);
    let text = |turn: &Turn| match turn {
        Turn::System { text, .. } if !text.is_empty() => Some(json!({"type": "text", "text": text})),
        _ => None,
    };
    let system: Vec<Value> = system.iter().filter_map(text).collect();
    put(&mut body, "system", (!system.is_empty()).then_some(system));
    put(&mut body, "messages", Some(write_messages(turns)?));
    if !talk.tools.is_empty() {
        put(&mut body, "tools", Some(talk.tools.iter().map(write_tool).collect::<Vec<_>>()));
    }
    put(&mut body, "tool_choice", write_choice(talk));
    if talk.temperature.is_some_and(|t| t > 1.0) {
        return Err("temperature".to_owned());
    }
    put(&mut body, "temperature", talk.temperature);
    put(&mut body, "top_p", talk.top_p);
    put(&mut body, "stop_sequences", (!talk.stop.is_empty()).then(|| talk.stop.clone()));
    put(&mut body, "stream", talk.stream.then_some(true));
    if talk.logprobs || talk.top_logprobs.is_some() {
        return Err("logprobs".to_owned());
    }
    let mut config = Map::new();
    match &talk.format {
        None => {}
        Some(Format::Json) => return Err("response_format".to_owned()),
        // What the schema is called says nothing about the answer; whether it binds does, and here it does.
        Some(Format::Schema { schema, .. }) => {
            put(&mut config, "format", Some(json!({"type": "json_schema", "schema": schema})));
        }
    }
    match &talk.effort {
        Some(effort) if !EFFORTS.contains(&effort.as_str()) => return Err("reasoning_effort".to_owned()),
        effort => put(&mut config, "effort", effort.clone()),
    }
    put(&mut body, "output_config", (!config.is_empty()).then_some(config));
    if talk.verbosity.as_deref().is_some_and(|v| v != "medium") {
        return Err("verbosity".to_owned());
    }
    put(&mut body, "metadata", talk.user.as_ref().map(|user| json!({"user_id": user})));
    Ok(Value::Object(body))
}

fn write_tool(tool: &Tool) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", Some(tool.name.clone()));
    put(&mut out, "description", tool.description.clone());
    put(&mut out, "input_schema", Some(tool.parameters.clone().unwrap_or_else(|| json!({"type": "object"}))));
    put(&mut out, "strict", tool.strict.filter(|strict| *strict));
    Value::Object(out)
}

fn write_choice(talk: &Talk) -> Option<Value> {
    let mut out = Map::new();
    match &talk.choice {
        // Without tools there is nothing to choose from.
        None if talk.parallel.is_none() || talk.tools.is_empty() => return None,
        None | Some(Choice::Auto) => put(&mut out, "type", Some("auto")),
        Some(Choice::Any) => put(&mut out, "type", Some("any")),
        Some(Choice::None) => return Some(json!({"type": "none"})),
        Some(Choice::One(name)) => {
            put(&mut out, "type", Some("tool"));
            put(&mut out, "name", Some(name.clone()));
        }
    }
    put(&mut out, "disable_parallel_tool_use", talk.parallel.map(|on| !on));
    Some(Value::Object(out))
}

/// Turns of one speaker stand together in one message.
fn write_messages(turns: &[Turn]) -> Result<Vec<Value>, String> {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for (i, turn) in turns.iter().enumerate() {
        let (role, blocks) = match turn {
            // Instructions in the midst of a conversation bind from there on; here they can only stand at its start.
            Turn::System { .. } => return Err(format!("messages: a system message as turn {i}, behind the first")),
            Turn::User(shown) => {
                let blocks: Result<Vec<Value>, String> = shown.iter().map(write_shown).collect();
                ("user", blocks?)
            }
            Turn::Result { id, text } => {
                ("user", vec![json!({"type": "tool_result", "tool_use_id": id, "content": text})])
            }
            Turn::Said(text) | Turn::Refused(text) => ("assistant", vec![json!({"type": "text", "text": text})]),
            Turn::Call { id, name, arguments } => {
                let input = if arguments.trim().is_empty() { Some(json!({})) } else { None };
                let input = input.or_else(|| crate::json::parse(arguments.as_bytes()).ok().filter(Value::is_object));
                let input = input.ok_or_else(|| "tool_calls: arguments that are no JSON object".to_owned())?;
                ("assistant", vec![json!({"type": "tool_use", "id": id, "name": name, "input": input})])
            }
        };
        match out.last_mut() {
            Some((last, known)) if *last == role => known.extend(blocks),
            _ => out.push((role, blocks)),
        }
    }
    Ok(out.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect())
}

fn write_shown(shown: &Shown) -> Result<Value, String> {
    Ok(match shown {
        Shown::Text(text) => json!({"type": "text", "text": text}),
        // How closely to look is a hint, and the provider's own affair here.
        Shown::Image { url, .. } => {
            let source = match url.strip_prefix("data:") {
                None => json!({"type": "url", "url": url}),
                Some(data) => {
                    let (media_type, data) = data.split_once(";base64,").ok_or_else(|| "image_url.url".to_owned())?;
                    json!({"type": "base64", "media_type": media_type, "data": data})
                }
            };
            json!({"type": "image", "source": source})
        }
    })
}
