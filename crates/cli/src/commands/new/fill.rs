//! The files of a new workflow, as they are written: templates with names filled in.

use super::people::{Named, Pair};

/// What differs from workflow to workflow.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) model: String,
    /// The pilot's last day.
    pub(super) until: String,
    pub(super) pair: Pair,
}

/// Every file of the workflow's folder, with its template.
const TEMPLATES: [(&str, &str); 9] = [
    ("workflow.yaml", include_str!("template/workflow.yaml")),
    ("schemas/message.json", include_str!("template/schemas/message.json")),
    ("schemas/sorting.json", include_str!("template/schemas/sorting.json")),
    ("prompts/sort.md", include_str!("template/prompts/sort.md")),
    ("runbooks/by-hand.md", include_str!("template/runbooks/by-hand.md")),
    ("runbooks/exceptions.md", include_str!("template/runbooks/exceptions.md")),
    ("examples/starter.jsonl", include_str!("template/examples/starter.jsonl")),
    ("examples/danger.jsonl", include_str!("template/examples/danger.jsonl")),
    ("examples/probes.jsonl", include_str!("template/examples/probes.jsonl")),
];

const FACTORY: &str = include_str!("template/factory.yaml");

impl Setting {
    /// The files of the workflow's folder.
    pub(super) fn workflow(&self) -> Vec<(&'static str, String)> {
        let names = [
            ("@name@", self.name.clone()),
            ("@provider@", self.provider.clone()),
            ("@model@", quoted(&self.model)),
            ("@until@", self.until.clone()),
            ("@builders@", self.pair.builder.role.clone()),
            ("@owners@", self.pair.owner.role.clone()),
        ];
        TEMPLATES.iter().map(|(path, template)| (*path, filled(template, &names))).collect()
    }
}

/// `factory.yaml` of a factory with this one workflow.
pub(super) fn factory(name: &str, workflow: &str, pair: &Pair, url: &str, key: Option<&str>) -> String {
    let kind =
        "kind: simulation                    # for ever: one person plays everybody, and all that is signed says so\n";
    let key = key.map(|key| format!(", key: {{ env: {} }}", quoted(key))).unwrap_or_default();
    let person = |who: &Named| (quoted(&who.id), quoted(&who.name));
    let ((you, your_name), (colleague, colleague_name)) = (person(&pair.builder), person(&pair.owner));
    let names = [
        ("@factory@", quoted(name)),
        ("@kind@", if pair.simulation { kind.to_owned() } else { String::new() }),
        ("@you@", you),
        ("@your_name@", your_name),
        ("@colleague@", colleague),
        ("@colleague_name@", colleague_name),
        ("@provider_line@", format!("  model: {{ kind: openai, base_url: {}{key} }}", quoted(url))),
        ("@name@", workflow.to_owned()),
    ];
    filled(FACTORY, &names)
}

/// Each placeholder is looked for in the template alone: what is filled in is not filled again.
fn filled(template: &str, names: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some((placeholder, value)) = names.iter().find(|(placeholder, _)| from.starts_with(placeholder)) {
            out.push_str(value);
            rest = from.get(placeholder.len()..).unwrap_or_default();
        } else {
            out.push('@');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// As YAML reads it back as exactly this text: plain where that is safe.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "@._+-/".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
