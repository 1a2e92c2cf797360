//! `seatrial assess`.

use crate::args::{AssessArgs, Audience};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_assessment::report::{self, Reader};
use seatrial_assessment::{Assessment, Definition, Group, Item, Standing, definition, definitions};
use serde_json::Value;

impl From<Audience> for Reader {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Cto => Self::Cto,
            Audience::Founder => Self::Founder,
            Audience::Auditor => Self::Auditor,
        }
    }
}

/// Answers the questions of whoever asks, from the log.
pub(crate) async fn assess(args: &AssessArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let found = session.factory.assess(&workflow).await?;
    let reader = args.audience.map(Reader::from);
    if args.html {
        out.text(&report::html(&found, reader));
    } else if args.markdown {
        out.text(&report::markdown(&found, reader));
    } else if args.sarif {
        let folder = session.factory.folder(Some(&workflow))?;
        let folder = folder.strip_prefix(session.factory.root()).unwrap_or(&folder).to_string_lossy().into_owned();
        let sarif = report::sarif(&found, reader, &folder, env!("CARGO_PKG_VERSION"));
        out.text(&format!("{sarif:#}\n"));
    } else {
        out.json(&for_reader(&found, reader)?)?;
        if !out.is_json() {
            render(&found, reader, out);
        }
    }
    Ok(Exit::Done)
}

/// The document without the groups that the reader does not read.
fn for_reader(found: &Assessment, reader: Option<Reader>) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(found).map_err(|e| Failure::failed(format!("it is no JSON: {e}")))?;
    let groups = report::groups(reader);
    for group in Group::ALL.iter().filter(|g| !groups.contains(g)) {
        let name = serde_json::to_value(group).ok();
        if let (Some(object), Some(name)) = (value.as_object_mut(), name.as_ref().and_then(Value::as_str)) {
            object.remove(name);
        }
    }
    Ok(value)
}

fn render(found: &Assessment, reader: Option<Reader>, out: &mut Out) {
    let name = out.paint(Ink::Strong, &found.workflow);
    let mark = if found.simulation { "  SIMULATION" } else { "" };
    out.line(format!("{name}{mark}  spec {} at {}", found.spec.short(), found.at));
    out.line(found.caveat);
    for group in report::groups(reader) {
        let title = out.paint(Ink::Strong, group.title());
        out.line(format!("\n{title}"));
        for item in found.group(*group) {
            one(item, out);
        }
    }
    let sum = report::summary(found, reader);
    let counts: Vec<String> = sum.counts.iter().map(|(standing, n)| format!("{n} {}", standing.as_str())).collect();
    out.line(format!("\n{}; {} of {} detectors fired", counts.join(", "), sum.fired.len(), sum.detectors));
    if let Some(first) = sum.fired.first() {
        out.line(format!("What a detector sees, and what it does not: seatrial assess --explain {}", first.id));
    }
}

fn one(item: &Item, out: &mut Out) {
    let (ink, symbol) = match item.standing {
        Standing::Evidenced => (Ink::Good, "✔"),
        Standing::Partly => (Ink::Warn, "◐"),
        Standing::NoEvidence => (Ink::Warn, "○"),
        Standing::Contradicted => (Ink::Bad, "✘"),
    };
    let standing = out.paint(ink, &format!("{symbol} {}", item.standing.as_str()));
    let id = out.paint(Ink::Dim, item.id);
    out.line(format!("  {standing}  {}  {id}", item.question));
    for reason in &item.reasons {
        let cites: Vec<String> = reason.cites.iter().map(|c| format!("#{}", c.index)).collect();
        let cites = if cites.is_empty() { String::new() } else { format!(" [{}]", cites.join(" ")) };
        out.line(format!("      {}{cites}", shown(&reason.text)));
    }
    let place = |e: &seatrial_assessment::Element| match e.line {
        Some(line) => format!("{} (line {line})", e.path),
        None => e.path.to_string(),
    };
    if !item.elements.is_empty() {
        let elements: Vec<String> = item.elements.iter().map(place).collect();
        out.line(format!("      in the spec: {}", shown(&elements.join(", "))));
    }
    if let Some(better) = &item.better {
        let line = out.paint(Ink::Dim, &format!("      → {} {}", shown(&better.what), shown(&better.command)));
        out.line(line);
    }
}

/// What one question or detector is: needs no factory.
pub(crate) fn explain(id: &str, out: &mut Out) -> Result<Exit, Failure> {
    let Some(d) = definition(id) else {
        let known: Vec<&str> = definitions().map(|d| d.id).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("there is no question or detector `{}`; there are: {known}", shown(id))));
    };
    out.json(d)?;
    defined(d, out);
    Ok(Exit::Done)
}

fn defined(d: &Definition, out: &mut Out) {
    let id = out.paint(Ink::Strong, d.id);
    out.line(format!("{id}  {}", d.group.title()));
    out.line(format!("  {}", d.statement));
    let plain = |text: &str| text.replace('`', "");
    out.line(format!("  reads          {}", plain(d.reads)));
    out.line(format!("  answer         {}", plain(d.rule)));
    for t in d.thresholds {
        out.line(format!("  threshold      {} {} ({}): {}", t.value, t.unit, t.name, plain(t.why)));
    }
    out.line(format!("  limits         {}", plain(d.limits)));
    out.line(format!("  better         {} {}", plain(d.better), d.command));
    if d.detects() {
        out.line("It prompts an inquiry; it proves nothing.");
    }
}
