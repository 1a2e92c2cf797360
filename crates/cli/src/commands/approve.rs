//! `seatrial approve`, `seatrial reaffirm` and `seatrial withdraw`: over exactly what is shown.

mod render;
mod sign;

pub(crate) use sign::sign;

use crate::args::{ApproveArgs, WithdrawArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Sink, Stream, shown};
use crate::owner::{self, Asked};
use crate::session::Session;
use crate::terminal;
use render::show;
use seatrial_factory::{ApprovalInput, ApprovalLook};
use seatrial_model::EventId;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The largest signature file that is read.
const SIGNATURE_FILE_BYTES_MAX: u64 = 64 * 1024;

/// What an approval is over, as it is shown, and its event once it is given.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    #[serde(flatten)]
    look: ApprovalLook,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<EventId>,
}

/// Shows, and approves where it was confirmed.
pub(crate) async fn approve(args: &ApproveArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    judge(args, session, false, out).await
}

/// Shows, and reaffirms where it was confirmed.
pub(crate) async fn reaffirm(args: &ApproveArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    judge(args, session, true, out).await
}

async fn judge(args: &ApproveArgs, session: &Session, reaffirms: bool, out: &mut Out) -> Result<Exit, Failure> {
    let workflow = session.workflow()?;
    let stage = session.stage(args.stage, &workflow).await?;
    let caller = if session.who.is_nobody() { None } else { Some(session.caller().await?) };
    let factory = &session.factory;
    let look = factory.look_at_approval(caller.as_ref(), &workflow, stage, &args.obligation).await?;
    let input = ApprovalInput {
        stage,
        obligation: args.obligation.clone(),
        role: args.role.clone(),
        key: Some(args.key.unwrap_or(look.key)),
        shown_ms: args.shown_ms,
    };
    if let Some(file) = &args.print_statement {
        let caller = session.caller().await?;
        let statement = factory.approval_statement(&caller, &workflow, &input, reaffirms).await?;
        return write_statement(&session.start, file, &statement, out);
    }
    let mut what = Shown { look, approval: None };
    if !out.is_json() {
        show(&what.look, out);
    }
    if args.show {
        out.json(&what)?;
        return Ok(Exit::Done);
    }
    let signature = signature(args, &session.start)?;
    if !args.yes && signature.is_none() {
        return Err(Failure {
            message: "confirm with `--yes`: nobody sits here who could be asked. Nothing was recorded".to_owned(),
            ..Failure::declined()
        });
    }
    let caller = session.caller().await?;
    let approval = match (&signature, reaffirms) {
        (Some(text), _) => factory.approve_signed(&caller, &workflow, input, reaffirms, text).await?,
        (None, true) => factory.reaffirm(&caller, &workflow, input).await?,
        (None, false) => factory.approve(&caller, &workflow, input).await?,
    };
    what.approval = Some(approval);
    out.json(&what)?;
    let done = if reaffirms { "reaffirmed" } else { "approved" };
    let how = if signature.is_some() { ", signed" } else { "" };
    out.line(format!("{done} by {}{how}: {approval}", shown(&caller.principal.id)));
    Ok(Exit::Done)
}

/// The signature that came along, in either form.
fn signature(args: &ApproveArgs, start: &Path) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(text) = &args.signature_text {
        return Ok(Some(text.clone().into_bytes()));
    }
    let Some(file) = &args.signature else { return Ok(None) };
    let path = start.join(file);
    let unread =
        |why: String| Failure::file(format!("`{}` cannot be read ({why}); nothing was approved", path.display()));
    let size = std::fs::metadata(&path).map_err(|e| unread(e.to_string()))?.len();
    if size > SIGNATURE_FILE_BYTES_MAX {
        return Err(unread(format!("it has {size} bytes, a signature has less than {SIGNATURE_FILE_BYTES_MAX}")));
    }
    std::fs::read(&path).map(Some).map_err(|e| unread(e.to_string()))
}

fn write_statement(start: &Path, file: &Path, statement: &[u8], out: &mut Out) -> Result<Exit, Failure> {
    if file == Path::new("-") {
        out.pass(Stream::Out, &String::from_utf8_lossy(statement));
        return Ok(Exit::Done);
    }
    let path = start.join(file);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut f| std::io::Write::write_all(&mut f, statement));
    written.map_err(|e| Failure::file(format!("`{}` was not written ({e}); name a new file", path.display())))?;
    out.line(format!("the statement is in `{}`; nothing is approved yet", path.display()));
    out.line(format!("  sign it:    ssh-keygen -Y sign -n seatrial -f KEYFILE {}", file.display()));
    out.line(format!("  approve it: the same command with --signature {}.sig", file.display()));
    Ok(Exit::Done)
}

/// What a run wrote to standard output; standard error goes through.
struct Ear(Arc<Mutex<String>>);

impl Ear {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn sink(&self) -> Sink {
        let heard = Arc::clone(&self.0);
        Box::new(move |stream, text| match stream {
            Stream::Out => heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(text),
            Stream::Err => terminal::sink()(stream, text),
        })
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A yes, and what it was said to.
struct Consent {
    look: ApprovalLook,
    shown_ms: u64,
}

/// Shows what is to be approved and asks; the exit of a run that came to nothing otherwise.
async fn consent(asked: &Asked, out: &mut Out) -> Result<Result<Consent, Exit>, Failure> {
    let ear = Ear::new();
    let looked = owner::run(with(asked, &["--show", "--format", "json"]), ear.sink()).await?;
    if looked != Exit::Done {
        return Ok(Err(looked));
    }
    let what: Shown = serde_json::from_str(&ear.take())
        .map_err(|e| Failure::failed(format!("what is to be approved cannot be read: {e}")))?;
    show(&what.look, out);
    let since = Instant::now();
    if !terminal::confirm("\nApprove this?") {
        return Err(Failure::declined());
    }
    let shown_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Ok(Consent { look: what.look, shown_ms }))
}

/// The options that hold a run to what was consented to.
fn bound(args: &ApproveArgs, consent: &Consent) -> Vec<String> {
    let mut options = vec!["--shown-ms".to_owned(), consent.shown_ms.to_string()];
    if args.key.is_none() {
        options.extend(["--key".to_owned(), consent.look.key.to_string()]);
    }
    if args.stage.is_none() {
        options.extend(["--stage".to_owned(), consent.look.stage.to_string()]);
    }
    options
}

/// Asks the person at the terminal: shows, measures how long, and approves the very key that was shown.
pub(crate) async fn ask(args: &ApproveArgs, asked: Asked, out: &mut Out) -> Result<Exit, Failure> {
    let consent = match consent(&asked, out).await? {
        Ok(consent) => consent,
        Err(exit) => return Ok(exit),
    };
    let mut options = bound(args, &consent);
    options.extend(["--yes", "--quiet", "--format", "json"].map(str::to_owned));
    finish(&asked, &options, out).await
}

/// Runs the approval itself, and says its event.
async fn finish(asked: &Asked, options: &[String], out: &mut Out) -> Result<Exit, Failure> {
    let ear = Ear::new();
    let exit = owner::run(with(asked, options), ear.sink()).await?;
    let text = ear.take();
    match serde_json::from_str::<Shown>(&text) {
        Ok(done) if !out.is_json() => {
            if let Some(approval) = done.approval {
                out.line(format!("approved: {approval}"));
            }
        }
        _ => out.pass(Stream::Out, &text),
    }
    Ok(exit)
}

/// The same command with more options. How its output was to look is for this process: what it runs answers as it asks.
pub(super) fn with<S: AsRef<str>>(asked: &Asked, options: &[S]) -> Asked {
    let mut argv = Vec::with_capacity(asked.argv.len() + options.len());
    let mut words = asked.argv.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--format" => drop(words.next()),
            "--quiet" | "-q" => {}
            word if word.starts_with("--format=") => {}
            word => argv.push(word.to_owned()),
        }
    }
    argv.extend(options.iter().map(|o| o.as_ref().to_owned()));
    Asked { argv, ..asked.clone() }
}

#[derive(Serialize)]
struct Withdrawn {
    event: EventId,
    approval: EventId,
}

/// Withdraws an approval.
pub(crate) async fn withdraw(args: &WithdrawArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let event = session.factory.withdraw(&caller, &workflow, args.event).await?;
    out.json(&Withdrawn { event, approval: args.event })?;
    out.line(format!("withdrawn: {event}"));
    Ok(Exit::Done)
}
