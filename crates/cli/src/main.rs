//! The one binary: arguments, rendering, exit codes.

mod args;
mod commands;
mod demo;
mod edit;
mod exit;
mod failure;
mod operations;
mod out;
mod owner;
mod place;
mod serving;
mod session;
mod simulated;
mod source;
mod telemetry;
mod terminal;
mod web;

use args::{AssessArgs, Cli, Command};
use clap::Parser as _;
use exit::Exit;
use failure::Failure;
use out::Out;
use std::process::ExitCode;

/// A decision makes thousands of small things: this allocator is quick at these.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let argv: Vec<String> = match std::env::args_os().map(std::ffi::OsString::into_string).collect() {
        Ok(argv) => argv,
        Err(bad) => {
            let failure =
                Failure::usage(format!("an argument is not UTF-8: `{}`; nothing was done", bad.to_string_lossy()));
            return terminal::plain_out().failure(&failure).into();
        }
    };
    // Usage errors end with 2, help and version with 0: clap's own contract is ours.
    let cli = Cli::try_parse_from(&argv).unwrap_or_else(|error| error.exit());
    telemetry::logs::start(match &cli.command {
        Command::Serve(args) => args.log_format,
        _ => telemetry::logs::LogFormat::Text,
    });
    let mut out = terminal::out(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return out.failure(&Failure::failed(format!("the runtime could not be started: {error}"))).into();
        }
    };
    let done = runtime.block_on(run(cli, argv, &mut out));
    done.unwrap_or_else(|failure| out.failure(&failure)).into()
}

/// Runs a command: those that need no store here, the others where the store's owner is.
async fn run(cli: Cli, argv: Vec<String>, out: &mut Out) -> Result<Exit, Failure> {
    if let Command::Completion(args) = &cli.command {
        return Ok(commands::completion(args, out));
    }
    if let Command::Demo(args) = cli.command {
        return demo::run(args, out).await;
    }
    let asked = terminal::asked(&cli.global, argv)?;
    match cli.command {
        Command::New(args) => commands::new_workflow(&args, &asked, terminal::asks(&cli.global), out),
        Command::Check(args) => commands::check(&args, &asked, cli.global.workflow.as_deref(), out),
        Command::Digest(args) => commands::digest(&args, &asked, cli.global.workflow.as_deref(), out),
        Command::Calibrate(args::CalibrateArgs { command: Some(command), .. }) => {
            commands::plan_calibration(&command, &asked, cli.global.workflow.as_deref(), out)
        }
        Command::Diff(args) if place::find_root(&asked.start).is_none() => {
            commands::diff_alone(&args, &asked, cli.global.workflow.as_deref(), out).await
        }
        Command::Example(args::ExampleCommand::Import(args)) => {
            commands::import_examples(&args, &asked, cli.global.workflow.as_deref(), out)
        }
        Command::Handover(args::HandoverCommand::Verify { pack, key, witnesses }) => {
            commands::handover::verify(&pack, key, witnesses, &asked, out)
        }
        Command::Attest(args::AttestCommand::Verify { files, keys, subject }) => {
            commands::verify_attestations(&files, &keys, subject.as_deref(), &asked, out)
        }
        Command::Assess(AssessArgs { explain: Some(id), .. }) => commands::explain_detector(&id, out),
        Command::Regulation(args) if !args.states => commands::regulation(&args, out),
        Command::Serve(args) => commands::serve(&args, &asked, out).await,
        Command::Questionnaire(command)
            if !commands::questionnaire_needs_store(&command, cli.global.workflow.as_ref()) =>
        {
            commands::questionnaire(&command, &asked, out).await
        }
        Command::Store(command) => commands::store(&command, &asked, out).await,
        Command::Witness(command) => commands::witness(&command, &asked, out).await,
        Command::Log(args) if commands::reads_log(&args) => {
            commands::read_log(args, &asked, cli.global.workflow.as_deref(), out).await
        }
        Command::Approve(args) | Command::Reaffirm(args) if args.sign_with.is_some() => {
            commands::sign_approval(&args, asked, terminal::asks(&cli.global), out).await
        }
        Command::Approve(args) | Command::Reaffirm(args) if terminal::asks(&cli.global) && args.is_to_be_asked() => {
            commands::ask_approval(&args, asked, out).await
        }
        Command::Waive(args) if terminal::asks(&cli.global) && args.is_to_be_asked() => {
            commands::ask_grant(&asked).await
        }
        _ => owner::run(asked, terminal::sink()).await,
    }
}
