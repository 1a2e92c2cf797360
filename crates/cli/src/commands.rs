//! Every command as a function from a session to output and an exit code.

mod approve;
mod assess;
mod attest;
mod calibrate;
mod can;
mod check;
mod decision;
mod diff;
mod digest;
mod drill;
mod eval;
mod example;
mod explain;
pub(crate) mod handover;
mod incident;
mod log;
mod measure;
mod new;
mod next;
mod people;
mod pilot;
mod progress;
mod question;
mod questionnaire;
mod regulation;
mod rehearse;
mod release;
mod replay;
mod review;
mod seed;
mod serve;
mod simulate;
mod sprint;
mod stages;
mod status;
mod store;
mod submit;
mod switch;
mod token;
mod waive;
mod watch;
mod witness;

pub(crate) use approve::{ask as ask_approval, sign as sign_approval};
pub(crate) use assess::explain as explain_detector;
pub(crate) use attest::verify as verify_attestations;
pub(crate) use calibrate::plan as plan_calibration;
pub(crate) use check::check;
pub(crate) use diff::diff_alone;
pub(crate) use digest::digest;
pub(crate) use example::import as import_examples;
pub(crate) use log::{read as read_log, reads as reads_log};
pub(crate) use new::new as new_workflow;
pub(crate) use questionnaire::{alone as questionnaire, needs_store as questionnaire_needs_store};
pub(crate) use regulation::regulation;
pub(crate) use serve::serve;
pub(crate) use store::store;
pub(crate) use waive::ask as ask_grant;
pub(crate) use witness::witness;

use crate::args::{
    AttestCommand, Cli, Command, CompletionArgs, DecisionCommand, DrillArgs, ExampleCommand, HandoverCommand,
    IncidentCommand, LogCommand, PeopleCommand, PilotCommand, RegulationArgs, ReviewCommand, SprintCommand,
    TokenCommand, WaiveArgs, WaiveCommand,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Stream};
use crate::session::Session;
use clap::CommandFactory as _;

/// Whether the command may append. One that only reads makes no store where there is none.
pub(crate) const fn writes(command: &Command) -> bool {
    match command {
        Command::New(_)
        | Command::Check(_)
        | Command::Digest(_)
        | Command::Diff(_)
        | Command::Watch
        | Command::Status(_)
        | Command::Next
        | Command::Pilot(PilotCommand::List | PilotCommand::Show { .. })
        | Command::Explain(_)
        | Command::Assess(_)
        | Command::Attest(AttestCommand::Export { .. } | AttestCommand::Verify { .. })
        | Command::Questionnaire(_)
        | Command::Can(_)
        | Command::Policy(_)
        | Command::Waive(WaiveArgs {
            command: Some(WaiveCommand::List { .. } | WaiveCommand::Grant { show: true, .. }),
            ..
        })
        | Command::Completion(_)
        | Command::Witness(_)
        | Command::Store(_)
        | Command::Decision(DecisionCommand::List { .. } | DecisionCommand::Show { .. })
        | Command::Review(ReviewCommand::List { .. } | ReviewCommand::Show { .. })
        | Command::Token(TokenCommand::List)
        | Command::People(
            PeopleCommand::List { .. }
            | PeopleCommand::Show { .. }
            | PeopleCommand::Leaving { .. }
            | PeopleCommand::Approve { show: true, .. },
        )
        | Command::Drill(DrillArgs { command: None })
        | Command::Incident(IncidentCommand::List { .. } | IncidentCommand::Show { .. })
        | Command::Sprint(
            SprintCommand::Show { .. }
            | SprintCommand::Backlog { .. }
            | SprintCommand::Report { .. }
            | SprintCommand::Clarity { .. },
        )
        | Command::Regulation(_)
        | Command::Handover(HandoverCommand::Verify { .. } | HandoverCommand::Index(_))
        | Command::Log(
            LogCommand::Verify { .. }
            | LogCommand::Export { .. }
            | LogCommand::Parquet(_)
            | LogCommand::Watch(_)
            | LogCommand::Prove { .. }
            | LogCommand::Statement { .. }
            | LogCommand::Key
            | LogCommand::Restore(_)
            | LogCommand::Rebuild
            | LogCommand::Witness { now: false },
        ) => false,
        Command::Approve(args) | Command::Reaffirm(args) => !args.show && args.print_statement.is_none(),
        Command::Release(args) => !args.dry_run,
        Command::Eval(args) => args.agreement.is_none(),
        Command::Replay(args) => args.record,
        Command::Rollback(args) => !args.list,
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
            | Command::Witness(_)
            | Command::Store(_)
            | Command::Example(ExampleCommand::Import(_))
            | Command::Serve(_)
            | Command::Demo(_)
            | Command::Handover(HandoverCommand::Verify { .. })
            | Command::Attest(AttestCommand::Verify { .. })
            | Command::Regulation(RegulationArgs { states: false, .. })
            | Command::Log(
                LogCommand::Verify { .. }
                    | LogCommand::Export { .. }
                    | LogCommand::Parquet(_)
                    | LogCommand::Watch(_)
                    | LogCommand::Prove { .. }
                    | LogCommand::Statement { .. }
                    | LogCommand::Key
                    | LogCommand::Restore(_)
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
        Command::Example(ExampleCommand::Add(args)) => example::add(args, session, out).await,
        Command::Calibrate(args) => calibrate::calibrate(&args, session, out).await,
        Command::Replay(args) => replay::replay(&args, session, out).await,
        Command::Watch => watch::watch(session, out).await,
        Command::Sprint(command) => sprint::sprint(command, session, out).await,
        Command::Status(args) => status::status(&args, session, out).await,
        Command::Explain(args) => explain::explain(&args, session, out).await,
        Command::Approve(args) => approve::approve(&args, session, out).await,
        Command::Reaffirm(args) => approve::reaffirm(&args, session, out).await,
        Command::Withdraw(args) => approve::withdraw(&args, session, out).await,
        Command::Waive(args) => waive::waive(args, session, out).await,
        Command::File(args) => waive::file(&args, session, out).await,
        Command::Can(args) => can::can(&args, session, out).await,
        Command::Policy(command) => can::policy(&command, session, out),
        Command::Release(args) => release::release(&args, session, out).await,
        Command::Rehearse => rehearse::rehearse(session, out).await,
        Command::Stop(args) => switch::stop(&args, session, out).await,
        Command::Resume(args) => switch::resume(&args, session, out).await,
        Command::Review(command) => review::review(command, session, out).await,
        Command::Decision(command) => decision::decision(command, session, out).await,
        Command::Override(args) => decision::override_(args, session, out).await,
        Command::Outcome(args) => decision::outcome(&args, session, out).await,
        Command::Drill(command) => drill::drill(&command, session, out).await,
        Command::Incident(command) => incident::incident(command, session, out).await,
        Command::Seed(args) => seed::seed(args, session, out).await,
        Command::Next => next::next(session, out).await,
        Command::Rollback(args) => stages::rollback(&args, session, out).await,
        Command::Retire(args) => stages::retire(&args, session, out).await,
        Command::Pilot(command) => pilot::pilot(&command, session, out).await,
        Command::Measure(args) => measure::measure(&args, session, out).await,
        Command::Reconcile(args) => measure::reconcile(&args, session, out).await,
        Command::Token(command) => token::token(command, session, out).await,
        Command::People(command) => people::people(command, session, out).await,
        Command::Accept(args) => handover::accept(&args, session, out).await,
        Command::Handover(command) => handover::handover(&command, session, out).await,
        Command::Attest(command) => attest::attest(&command, session, out).await,
        Command::Regulation(args) => regulation::states(&args, session, out).await,
        Command::Assess(args) => assess::assess(&args, session, out).await,
        Command::Questionnaire(command) => questionnaire::with_log(&command, session, out).await,
        Command::Simulate(command) => simulate::simulate(command, session, out).await,
        Command::Log(LogCommand::Rebuild) => log::rebuild(session, out).await,
        Command::Log(LogCommand::Witness { now }) => log::witness(now, session, out).await,
        Command::Log(LogCommand::RotateKey { holder, key_file }) => {
            log::rotate(holder, key_file.as_deref(), session, out).await
        }
        Command::New(_)
        | Command::Check(_)
        | Command::Digest(_)
        | Command::Completion(_)
        | Command::Store(_)
        | Command::Witness(_)
        | Command::Example(ExampleCommand::Import(_))
        | Command::Serve(_)
        | Command::Demo(_)
        | Command::Log(_) => Err(Failure::usage("this command needs no open store; nothing was done")),
    }
}

/// `seatrial completion`.
pub(crate) fn completion(args: &CompletionArgs, out: &mut Out) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "seatrial", &mut script);
    out.pass(Stream::Out, &String::from_utf8_lossy(&script));
    Exit::Done
}
