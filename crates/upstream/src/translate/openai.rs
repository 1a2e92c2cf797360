//! What chat completions and responses say alike: two dialects of one provider.

use super::fields::{Members, put};
use super::talk::{Choice, Format, SCHEMA_NAME, Talk, Tool};
use serde_json::{Map, Value, json};

/// Where the members of a function stand, and those of a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In an object of their own: chat completions.
    Own,
    /// Beside their type: responses.
    Beside,
}

impl Form {
    fn read<T>(
        self,
        m: &mut Members,
        name: &str,
        read: impl FnOnce(&mut Members) -> Result<T, String>,
    ) -> Result<T, String> {
        match self {
            Self::Beside => read(m),
            Self::Own => {
                let mut own = m.need_object(name)?;
                let value = read(&mut own)?;
                own.done()?;
                Ok(value)
            }
        }
    }

    fn write(self, kind: &str, name: &str, members: Map<String, Value>) -> Value {
        let mut out = Map::new();
        put(&mut out, "type", Some(kind));
        match self {
            Self::Beside => out.extend(members),
            Self::Own => put(&mut out, name, Some(members)),
        }
        Value::Object(out)
    }
}

/// Takes the members that have the same names and meanings.
pub(super) fn read_common(m: &mut Members, form: Form, talk: &mut Talk) -> Result<(), String> {
    for tool in m.objects("tools")? {
        talk.tools.push(read_function(tool, form, |function| read_tool(function, form))?);
    }
    talk.choice = read_choice(m, form)?;
    talk.parallel = m.flag("parallel_tool_calls")?;
    talk.temperature = m.number("temperature")?;
    talk.top_p = m.number("top_p")?;
    talk.stream = m.flag("stream")?.unwrap_or(false);
    talk.top_logprobs = m.count("top_logprobs")?;
    talk.user = m.text("user")?;
    talk.metadata = m.take("metadata");
    m.only("service_tier", &[json!("auto"), json!("default")])?;
    m.drop(&["prompt_cache_key", "prompt_cache_retention", "safety_identifier"]);
    Ok(())
}

/// Puts the members that have the same names and meanings.
pub(super) fn write_common(body: &mut Map<String, Value>, form: Form, talk: &Talk) {
    let tools: Vec<Value> = talk.tools.iter().map(|tool| write_tool(tool, form)).collect();
    put(body, "tools", (!tools.is_empty()).then_some(tools));
    put(body, "tool_choice", talk.choice.as_ref().map(|choice| write_choice(choice, form)));
    put(body, "parallel_tool_calls", talk.parallel);
    put(body, "temperature", talk.temperature);
    put(body, "top_p", talk.top_p);
    put(body, "stream", talk.stream.then_some(true));
    put(body, "top_logprobs", talk.top_logprobs);
    put(body, "user", talk.user.clone());
    put(body, "metadata", talk.metadata.clone());
}

/// Reads a content that has to be text: a string, or a list of parts of one type.
pub(super) fn read_text(content: Value, place: &str, kind: &str) -> Result<String, String> {
    let items = match content {
        Value::String(text) => return Ok(text),
        Value::Array(items) => items,
        _ => return Err(place.to_owned()),
    };
    let mut out = String::new();
    for (i, item) in items.into_iter().enumerate() {
        let mut part = Members::of(item, &format!("{place}.{i}"))?;
        if part.need("type")? != kind {
            return part.refuse();
        }
        out.push_str(&part.need("text")?);
        part.done()?;
    }
    Ok(out)
}

/// Reads what form the answer has; text is none in particular.
pub(super) fn read_format(mut m: Members, form: Form) -> Result<Option<Format>, String> {
    let format = match m.need("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => Some(form.read(&mut m, "json_schema", read_schema)?),
        _ => return m.refuse(),
    };
    m.done()?;
    Ok(format)
}

pub(super) fn write_format(format: &Format, form: Form) -> Value {
    let Format::Schema { name, schema, strict, description } = format else {
        return json!({"type": "json_object"});
    };
    let mut out = Map::new();
    put(&mut out, "name", Some(name.clone().unwrap_or_else(|| SCHEMA_NAME.to_owned())));
    put(&mut out, "description", description.clone());
    put(&mut out, "schema", Some(schema.clone()));
    put(&mut out, "strict", *strict);
    form.write("json_schema", "json_schema", out)
}

fn read_schema(m: &mut Members) -> Result<Format, String> {
    Ok(Format::Schema {
        name: m.text("name")?,
        schema: m.take("schema").ok_or_else(|| m.at("schema"))?,
        strict: m.flag("strict")?,
        description: m.text("description")?,
    })
}

/// Reads an object of the type `function`, and that it says no more.
fn read_function<T>(
    mut m: Members,
    form: Form,
    read: impl FnOnce(&mut Members) -> Result<T, String>,
) -> Result<T, String> {
    if m.need("type")? != "function" {
        return m.refuse();
    }
    let value = form.read(&mut m, "function", read)?;
    m.done()?;
    Ok(value)
}

fn read_tool(function: &mut Members, form: Form) -> Result<Tool, String> {
    let strict = |said: Option<bool>| match form {
        // Silence means no.
        Form::Own => Some(said.unwrap_or(false)),
        Form::Beside => said,
    };
    Ok(Tool {
        name: function.need("name")?,
        description: function.text("description")?,
        parameters: function.take("parameters"),
        strict: strict(function.flag("strict")?),
    })
}

fn write_tool(tool: &Tool, form: Form) -> Value {
    let parameters = match form {
        Form::Own => tool.parameters.clone(),
        Form::Beside => Some(tool.parameters.clone().unwrap_or_else(|| json!({"type": "object"}))),
    };
    let mut out = Map::new();
    put(&mut out, "name", Some(tool.name.clone()));
    put(&mut out, "description", tool.description.clone());
    put(&mut out, "parameters", parameters);
    put(&mut out, "strict", tool.strict);
    form.write("function", "function", out)
}

fn read_choice(m: &mut Members, form: Form) -> Result<Option<Choice>, String> {
    let place = m.at("tool_choice");
    let Some(value) = m.take("tool_choice") else { return Ok(None) };
    Ok(Some(match value.as_str() {
        Some("auto") => Choice::Auto,
        Some("none") => Choice::None,
        Some("required") => Choice::Any,
        Some(_) => return Err(place),
        None => Choice::One(read_function(Members::of(value, &place)?, form, |function| function.need("name"))?),
    }))
}

fn write_choice(choice: &Choice, form: Form) -> Value {
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Any => json!("required"),
        Choice::One(name) => form.write("function", "function", Map::from_iter([("name".to_owned(), json!(name))])),
    }
}
