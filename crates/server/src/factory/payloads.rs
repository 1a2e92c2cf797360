//! A payload as its parts: what the model never saw, and where checks found something.

use crate::view::{Field, Mark, Payload};
use seatrial_factory::api::Held;
use seatrial_model::{Commitment, Finding, Untrusted};
use serde_json::Value;

/// The most parts of one payload on a page: beyond it they are counted.
const FIELDS_MAX: usize = 200;

/// What is known about a payload besides its text.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    /// What the event committed to.
    pub commitment: Option<Commitment>,
    /// Dotted paths that the model never saw.
    pub withheld: &'a [String],
    /// Findings with places in it.
    pub findings: &'a [Finding],
    /// Why there is none, where there is none.
    pub absent: &'a str,
}

/// Shows a payload.
pub(super) fn payload(held: &Held, about: About<'_>) -> Payload {
    match held {
        Held::Text { text, commitment } => Payload::Held { fields: fields(text, about), commitment: *commitment },
        Held::Erased { on, by } => Payload::Erased { on: *on, by: by.clone(), commitment: about.commitment },
        Held::Hidden { .. } => Payload::None { why: "Not shown: its blind audit waits for your answer.".to_owned() },
        Held::None => Payload::None { why: about.absent.to_owned() },
    }
}

/// A text that is one text, whatever it looks like: a case id.
pub(super) fn whole(held: &Held, commitment: Option<Commitment>) -> Payload {
    match held {
        Held::Text { text, commitment } => {
            let field =
                Field { pointer: Untrusted::default(), value: text.clone(), withheld: false, marks: Vec::new() };
            Payload::Held { fields: vec![field], commitment: *commitment }
        }
        other => payload(other, About { commitment, absent: "There is no case id.", ..About::default() }),
    }
}

/// The text, while it is held.
pub(super) fn text(held: &Held) -> Option<&Untrusted> {
    match held {
        Held::Text { text, .. } => Some(text),
        Held::Erased { .. } | Held::Hidden { .. } | Held::None => None,
    }
}

fn fields(text: &Untrusted, about: About<'_>) -> Vec<Field> {
    let parsed: Option<Value> = serde_json::from_str(text.raw()).ok();
    let Some(value) = parsed.filter(|v| v.is_object() || v.is_array()) else {
        return vec![field(String::new(), text.raw().to_owned(), about)];
    };
    let mut leaves = Vec::new();
    let beyond = walk(&value, &mut String::new(), &mut leaves);
    let mut fields: Vec<Field> = leaves.into_iter().map(|(pointer, text)| field(pointer, text, about)).collect();
    if beyond > 0 {
        fields.push(Field {
            pointer: Untrusted::new("…"),
            value: Untrusted::new(format!("{beyond} more parts are not shown")),
            withheld: false,
            marks: Vec::new(),
        });
    }
    fields
}

/// Gathers the leaves; says how many did not fit.
fn walk(value: &Value, pointer: &mut String, leaves: &mut Vec<(String, String)>) -> usize {
    let length = pointer.len();
    let mut beyond = 0;
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) if !map.is_empty() => map.iter().map(|(k, v)| (escape(k), v)).collect(),
        Value::Array(items) if !items.is_empty() => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        leaf => {
            if leaves.len() >= FIELDS_MAX {
                return 1;
            }
            let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
            leaves.push((pointer.clone(), text));
            return 0;
        }
    };
    for (name, child) in children {
        pointer.push('/');
        pointer.push_str(&name);
        beyond += walk(child, pointer, leaves);
        pointer.truncate(length);
    }
    beyond
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn field(pointer: String, value: String, about: About<'_>) -> Field {
    let withheld = about.withheld.iter().any(|path| is_below(&pointer, path));
    let marks = about
        .findings
        .iter()
        .filter(|finding| finding.objects())
        .flat_map(|finding| finding.spans.iter().map(move |span| (finding, span)))
        .filter(|(_, span)| matches(&span.part, &pointer))
        .map(|(finding, span)| Mark {
            start: span.start,
            end: span.end,
            path: finding.path.to_string(),
            // A finding names one detector; where it found several places, that may not be this one's.
            code: if finding.spans.len() == 1 { finding.code.clone() } else { String::new() },
        })
        .collect();
    Field { pointer: Untrusted::new(pointer), value: Untrusted::new(value), withheld, marks }
}

/// Whether a pointer lies at or below a dotted path; arrays on the way are passed through.
fn is_below(pointer: &str, path: &str) -> bool {
    let mut names = path.split('.').map(escape).peekable();
    for segment in pointer.split('/').skip(1) {
        match names.peek() {
            None => return true,
            Some(name) if name == segment => drop(names.next()),
            Some(_) if segment.bytes().all(|b| b.is_ascii_digit()) => {}
            Some(_) => return false,
        }
    }
    names.peek().is_none()
}

/// Whether a finding's part is this one. A key that the schema does not declare stands as `*` in findings.
fn matches(part: &str, pointer: &str) -> bool {
    let (mut want, mut have) = (part.split('/'), pointer.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(w), Some(h)) if w == h || w == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests;
