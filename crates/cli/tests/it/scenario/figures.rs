//! Figures of the prose: `<!--= NAME/pointer | how -->the figure<!--/-->`.
//!
//! `NAME` is what a `keep` kept, `/pointer` an RFC 6901 pointer into its JSON. `how` is nothing (as it is), `%` (a share
//! as per cent), `of` (`k` of `n`), `k%` (`k` of `n` as per cent), `count` (of an array or object), `count STATE` (of the
//! members whose `state` it is), `day` (of a time), `keys` (of an object), `list` (members, or their `id`), or a number of decimals.

use serde_json::Value;
use std::collections::BTreeMap;

const OPEN: &str = "<!--=";
const CLOSE: &str = "<!--/-->";

/// What the page kept.
#[derive(Default)]
pub struct Figures(BTreeMap<String, Value>);

impl Figures {
    /// Keeps a command's JSON.
    pub fn keep(&mut self, name: &str, json: &str) -> Result<(), String> {
        let value = serde_json::from_str(json).map_err(|e| format!("`{name}` is no JSON: {e}\n{json}"))?;
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// The prose with its figures computed.
    pub fn fill(&self, prose: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = prose;
        while let Some(start) = rest.find(OPEN) {
            out.push_str(&rest[..start]);
            let after = &rest[start + OPEN.len()..];
            let (asked, after) = after.split_once("-->").ok_or("a figure's comment does not end")?;
            let (_, after) = after.split_once(CLOSE).ok_or("a figure does not end")?;
            let figure = self.figure(asked.trim())?;
            out.push_str(&format!("{OPEN}{asked}-->{figure}{CLOSE}"));
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn figure(&self, asked: &str) -> Result<String, String> {
        let (what, how) = asked.split_once('|').map_or((asked, ""), |(w, h)| (w.trim(), h.trim()));
        let (name, pointer) = what.split_once('/').map_or((what, String::new()), |(n, p)| (n, format!("/{p}")));
        let kept = self.0.get(name).ok_or(format!("nothing was kept as `{name}`"))?;
        let value = kept.pointer(&pointer).ok_or_else(|| format!("`{what}` is not in\n{kept:#}"))?;
        say(value, how).ok_or_else(|| format!("`{what}` cannot be said as `{how}`: {value}"))
    }
}

fn say(value: &Value, how: &str) -> Option<String> {
    let share = || Some((value.get("k")?.as_f64()?, value.get("n")?.as_f64()?));
    Some(match how {
        "" => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        "%" => format!("{:.1} %", value.as_f64()? * 100.0),
        "of" => share().map(|(k, n)| format!("{k} of {n}"))?,
        "k%" => share().map(|(k, n)| format!("{:.1} %", 100.0 * k / n))?,
        "count" => value.as_array().map(Vec::len).or(value.as_object().map(serde_json::Map::len))?.to_string(),
        "day" => value.as_str()?.get(..10)?.to_owned(),
        "list" => {
            let each = value.as_array()?.iter().map(|v| v.as_str().or(v.get("id")?.as_str()).map(|s| format!("`{s}`")));
            each.collect::<Option<Vec<_>>>()?.join(", ")
        }
        "keys" => value.as_object()?.keys().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "),
        how if how.starts_with("count ") => {
            let state = how.trim_start_matches("count ");
            value
                .as_array()?
                .iter()
                .filter(|v| v.get("state").and_then(Value::as_str) == Some(state))
                .count()
                .to_string()
        }
        decimals => format!("{:.*}", decimals.parse::<usize>().ok()?, value.as_f64()?),
    })
}
