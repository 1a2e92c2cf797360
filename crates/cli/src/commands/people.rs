//! `seatrial people`: who holds what, and what rests on them.

use crate::args::PeopleCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::{PersonLook, PersonState, Reread};
use seatrial_governance::people::{PendingChange, effect, side, today};
use seatrial_model::Digest;
use seatrial_spec::check::{DIRECTORY_BYTES_MAX, FACTORY_FILE};
use seatrial_spec::{FileError, FileSource, Severity, check_factory_with};
use serde_json::json;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// `seatrial people …`.
pub(crate) async fn people(command: PeopleCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        PeopleCommand::List { role } => list(role.as_deref(), session, out).await,
        PeopleCommand::Show { person } => show(&person, session, out).await,
        PeopleCommand::Leaving { person } => leaving(&person, session, out).await,
        PeopleCommand::Approve { people, show, seen } => approve(&people, show, seen, session, out).await,
        PeopleCommand::Reload => {
            session.caller().await?;
            let reread = session.factory.reread().await?;
            said(&reread, out)?;
            Ok(Exit::Done)
        }
        PeopleCommand::Import { file, dry_run } => import(&file, dry_run, session, out).await,
    }
}

const fn word(state: PersonState) -> (&'static str, Option<Ink>) {
    match state {
        PersonState::There => ("there", None),
        PersonState::Away => ("away", Some(Ink::Dim)),
        PersonState::NotYet => ("not yet", Some(Ink::Dim)),
        PersonState::Left => ("left", Some(Ink::Dim)),
        PersonState::Pending => ("waits", Some(Ink::Warn)),
    }
}

async fn list(role: Option<&str>, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    session.reader().await?;
    let people = session.factory.people(role).await;
    out.json(&people)?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    let mut rows = Rows::new(out.layout(), &[]);
    for person in &people {
        let (state, ink) = word(person.state);
        rows.row([
            (ink, Cow::Borrowed(state)),
            (Some(Ink::Strong), Cow::Owned(shown(&person.id))),
            (None, Cow::Borrowed(side(person.side))),
            (None, Cow::Owned(shown(&person.roles.join(", ")))),
            (Some(Ink::Dim), Cow::Owned(shown(&remark(person)))),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    if people.is_empty() {
        out.line("nobody");
    }
    if people.iter().any(|p| !p.pending.is_empty()) {
        out.line("what waits holds once the receiving side approved it: seatrial people approve");
    }
    Ok(Exit::Done)
}

/// What else is to be said of a person, in a few words.
fn remark(person: &PersonLook) -> String {
    let mut all = Vec::new();
    all.extend(person.from.map(|day| format!("from {day}")));
    all.extend(person.until.map(|day| format!("until {day}")));
    all.extend(person.deputy.as_ref().map(|deputy| format!("deputy {deputy}")));
    if !person.pending.is_empty() {
        all.push(format!("waits: {}", person.pending.join(", ")));
    }
    all.join("; ")
}

fn head(person: &PersonLook, out: &mut Out) {
    let id = out.paint(Ink::Strong, &shown(&person.id));
    let (state, _) = word(person.state);
    out.line(format!("{id}  {}, {} side, {state}", shown(&person.name), side(person.side)));
    let roles = if person.roles.is_empty() { "no role".to_owned() } else { person.roles.join(", ") };
    out.line(format!("  roles     {}", shown(&roles)));
    let remark = remark(person);
    if !remark.is_empty() {
        out.line(format!("            {}", shown(&remark)));
    }
}

async fn show(id: &str, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    session.reader().await?;
    let (person, did) = session.factory.person_of(id).await?;
    out.json(&json!({ "person": person, "did": did }))?;
    if out.is_json() {
        return Ok(Exit::Done);
    }
    match &person {
        Some(person) => head(person, out),
        None => out.line(format!("{}  is no person of this factory any more", shown(id))),
    }
    let mut rows = Rows::new(out.layout(), &[]);
    for one in &did {
        let (mark, ink) = if one.counts { ("counts", None) } else { ("counts not", Some(Ink::Dim)) };
        rows.row([
            (ink, Cow::Borrowed(mark)),
            (None, Cow::Owned(format!("{} {}", one.workflow, one.stage))),
            (None, Cow::Owned(shown(&one.obligation))),
            (None, Cow::Owned(format!("{} at {}", one.kind.split('/').next().unwrap_or(""), one.index))),
            (Some(Ink::Dim), Cow::Owned(shown(&one.why))),
        ]);
    }
    if did.is_empty() {
        out.line("nothing that an obligation looks at is theirs");
    }
    let text = rows.text();
    out.text(&text);
    Ok(Exit::Done)
}

async fn leaving(id: &str, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    session.reader().await?;
    let found = session.factory.people_leaving(id).await?;
    out.json(&found)?;
    if !out.is_json() {
        head(&found.person, out);
        match found.grace {
            Some(until) => out.line(format!("  grace     until {until}, with the deputy")),
            None => out.line("  grace     none: no deputy is there"),
        }
        for loses in &found.loses {
            out.line(format!("{} for {}", loses.workflow, loses.stage));
            for (obligation, why) in &loses.in_grace {
                out.line(format!("  in grace  {obligation}: {}", shown(why)));
            }
            for (obligation, why) in &loses.stale {
                let line = out.paint(Ink::Warn, &format!("  lost      {obligation}: {}", shown(why)));
                out.line(line);
            }
        }
        if found.loses.is_empty() {
            out.line("nothing would go stale");
        }
    }
    Ok(Exit::ready(found.loses.iter().all(|l| l.stale.is_empty())))
}

fn waiting(pending: &[PendingChange], out: &mut Out) {
    for change in pending {
        out.line(format!("  waits     {}: {}", shown(&change.person), shown(&change.adds.join(", "))));
    }
}

fn said(reread: &Reread, out: &mut Out) -> Result<(), Failure> {
    out.json(&json!({ "changed": reread.changed, "pending": reread.pending }))?;
    out.line(if reread.changed {
        "taken: the files had changed"
    } else {
        "nothing had changed since the files were read"
    });
    waiting(&reread.pending, out);
    Ok(())
}

async fn approve(
    people: &[String],
    only_shown: bool,
    seen: Option<Digest>,
    session: &Session,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let (pending, digest) = session.factory.pending_people(people).await?;
    if only_shown {
        session.reader().await?;
        out.json(&json!({ "pending": pending, "shown": digest }))?;
        waiting(&pending, out);
        out.line(format!("  digest    {digest}"));
        return Ok(Exit::Done);
    }
    let caller = session.caller().await?;
    let event = session.factory.approve_people(&caller, people, Some(seen.unwrap_or(digest))).await?;
    let names: Vec<&str> = pending.iter().map(|p| p.person.as_str()).collect();
    out.json(&json!({ "event": event, "people": names, "shown": digest }))?;
    waiting(&pending, out);
    out.line(format!("approved by {}: {event}", shown(&caller.principal.id)));
    Ok(Exit::Done)
}

/// The factory's folder with another directory in it.
struct With<'a> {
    root: &'a Path,
    path: &'a str,
    bytes: &'a [u8],
}

impl FileSource for With<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if path == self.path {
            return Ok(self.bytes.to_vec());
        }
        seatrial_factory::DiskFiles::new(self.root).read(path)
    }
}

async fn import(file: &Path, dry_run: bool, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    session.caller().await?;
    let (source, root) = (session.start.join(file), session.factory.root());
    let unread = |path: &PathBuf, e: std::io::Error| {
        Failure::file(format!("`{}` cannot be read ({e}); nothing was imported", path.display()))
    };
    let size = std::fs::metadata(&source).map_err(|e| unread(&source, e))?.len();
    if size > DIRECTORY_BYTES_MAX as u64 {
        return Err(Failure::file(format!(
            "`{}` has {size} bytes, at most {DIRECTORY_BYTES_MAX} are read; nothing was imported",
            source.display()
        )));
    }
    let bytes = std::fs::read(&source).map_err(|e| unread(&source, e))?;
    let yaml = root.join(FACTORY_FILE);
    let text = std::fs::read_to_string(&yaml).map_err(|e| unread(&yaml, e))?;
    let now = session.factory.spec();
    let target = now.directory.clone().ok_or_else(|| {
        Failure::usage("`factory.yaml` names no directory; nothing was imported. Write `directory: people.csv` into it")
    })?;
    let (spec, diagnostics, _) = check_factory_with(&text, &With { root, path: &target, bytes: &bytes });
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{}:{}: {} {}", d.place.file, d.line, d.code, d.message))
        .collect();
    let Some(spec) = spec.filter(|_| errors.is_empty()) else {
        return Err(Failure::file(format!("the file has errors; nothing was imported:\n{}", errors.join("\n"))));
    };
    let got = effect(&now.people, &spec.people, &|_| false, today(&now, session.factory.now()));
    let left: Vec<String> = got.left.iter().map(|c| format!("{} leaves `{}`", c.person, c.role)).collect();
    let written = if dry_run {
        None
    } else {
        replace(&root.join(&target), &bytes)?;
        Some(session.factory.reread().await?)
    };
    let waits = written.as_ref().map(|r| &r.pending);
    out.json(&json!({ "adds": got.pending, "takes": got.left, "written": written.is_some(), "pending": waits }))?;
    for change in &got.pending {
        out.line(format!("  + {}: {}", shown(&change.person), shown(&change.adds.join(", "))));
    }
    for line in &left {
        out.line(format!("  - {}", shown(line)));
    }
    match &written {
        None => out.line("nothing was written: --dry-run"),
        Some(reread) => {
            out.line(format!("written: `{}`", shown(&target)));
            waiting(&reread.pending, out);
        }
    }
    Ok(Exit::Done)
}

/// Writes a file whole, or leaves it as it was.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::file(format!("`{}` was not written ({e})", path.display()));
    let beside = path.with_extension("csv.new");
    std::fs::write(&beside, bytes).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
