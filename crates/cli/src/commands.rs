//! Every command as a function from a session to output and an exit code.

mod approve;
mod assess;
mod calibrate;
mod check;
mod decision;
mod diff;
mod digest;
mod eval;
mod explain;
mod handover;
mod log;
mod progress;
mod question;
mod rehearse;
mod release;
mod review;
mod serve;
mod simulate;
mod sprint;
mod status;
mod submit;
mod switch;
mod token;

pub(crate) use approve::ask as ask_approval;
pub(crate) use check::check;
pub(crate) use digest::digest;
pub(crate) use log::{read as read_log, reads as reads_log};
pub(crate) use serve::serve;

use crate::args::{
    Cli, Command, CompletionArgs, DecisionCommand, LogCommand, ReviewCommand, SprintCommand, TokenCommand,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Stream};
use crate::session::Session;
use clap::CommandFactory as _;

/// Whether the command may append. One that only reads makes no store where there is none.
pub(crate) const fn writes(command: &Command) -> bool {
    match command {
        Command::Check(_)
        | Command::Digest(_)
        | Command::Diff(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::Assess(_)
        | Command::Completion(_)
        | Command::Decision(DecisionCommand::List { .. } | DecisionCommand::Show { .. })
        | Command::Review(ReviewCommand::List { .. } | ReviewCommand::Show { .. })
        | Command::Token(TokenCommand::List)
        | Command::Sprint(
            SprintCommand::Show { .. }
            | SprintCommand::Backlog { .. }
            | SprintCommand::Report { .. }
            | SprintCommand::Clarity { .. },
        )
        | Command::Log(_) => false,
        Command::Approve(args) => !args.show,
        Command::Release(args) => !args.dry_run,
        _ => true,
    }
}

/// Whether the owner of a store runs it for others. What the others can do themselves, they do.
pub(crate) const fn goes_through_owner(command: &Command) -> bool {
    !matches!(
        command,
        Command::Check(_)
            | Command::Digest(_)
            | Command::Completion(_)
            | Command::Serve(_)
            | Command::Demo(_)
            | Command::Log(
                LogCommand::Verify { .. } | LogCommand::Export { .. } | LogCommand::Prove { .. } | LogCommand::Key
            )
    )
}

/// Runs a command of the store.
pub(crate) async fn run(command: Command, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        Command::Submit => submit::submit(session, out).await,
        Command::Diff(args) => diff::diff(&args, session, out).await,
        Command::Question(command) => question::question(command, session, out).await,
        Command::Answer(args) => question::settle(args, session, out).await,
        Command::Eval(args) => eval::eval(&args, session, out).await,
        Command::Calibrate(args) => calibrate::calibrate(&args, session, out).await,
        Command::Sprint(command) => sprint::sprint(command, session, out).await,
        Command::Status(args) => status::status(&args, session, out).await,
        Command::Explain(args) => explain::explain(&args, session, out).await,
        Command::Approve(args) => approve::approve(&args, session, out).await,
        Command::Withdraw(args) => approve::withdraw(&args, session, out).await,
        Command::Release(args) => release::release(&args, session, out).await,
        Command::Rehearse => rehearse::rehearse(session, out).await,
        Command::Stop(args) => switch::stop(&args, session, out).await,
        Command::Resume(args) => switch::resume(&args, session, out).await,
        Command::Review(command) => review::review(command, session, out).await,
        Command::Decision(command) => decision::decision(command, session, out).await,
        Command::Override(args) => decision::override_(args, session, out).await,
        Command::Outcome(args) => decision::outcome(&args, session, out).await,
        Command::Drill(command) => rehearse::drill(&command, session, out).await,
        Command::Token(command) => token::token(command, session, out).await,
        Command::Accept(args) => handover::accept(&args, session, out).await,
        Command::Handover(command) => handover::handover(&command, session, out).await,
        Command::Assess(args) => assess::assess(&args, session, out).await,
        Command::Simulate(command) => simulate::simulate(command, session, out).await,
        Command::Log(LogCommand::Rebuild) => log::rebuild(session, out).await,
        Command::Check(_)
        | Command::Digest(_)
        | Command::Completion(_)
        | Command::Serve(_)
        | Command::Demo(_)
        | Command::Log(
            LogCommand::Verify { .. } | LogCommand::Export { .. } | LogCommand::Prove { .. } | LogCommand::Key,
        ) => Err(Failure::usage("this command needs no open store; nothing was done")),
    }
}

/// `seatrial completion`.
pub(crate) fn completion(args: &CompletionArgs, out: &mut Out) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "seatrial", &mut script);
    out.pass(Stream::Out, &String::from_utf8_lossy(&script));
    Exit::Done
}
