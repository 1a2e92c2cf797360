//! `seatrial questionnaire`: for deliveries that are not run here. Needs no factory, but to set one beside the others.

mod folder;
mod serve;
mod show;

use crate::args::{CheckQuestionnaire, NewQuestionnaire, QuestionnaireCommand, ReportQuestionnaire};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::owner::Asked;
use crate::session::Session;
use folder::Folder;
use seatrial_assessment::questionnaire::{
    About, CANDIDATES_MAX, Column, Read, Report, compare, empty, markdown, of_log, read, report_page, to_yaml,
};
use seatrial_model::Time;
use seatrial_spec::diagnostic::{Subject, to_human_of, to_json, to_sarif};
use seatrial_spec::{Diagnostic, Severity};
use serde_json::json;
use std::io::Write as _;
use std::path::Path;

/// Runs what needs no store.
pub(crate) async fn alone(command: &QuestionnaireCommand, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        QuestionnaireCommand::New(args) => new(args, &asked.start, out),
        QuestionnaireCommand::Check(args) => check(args, &asked.start, out),
        QuestionnaireCommand::Report(args) => {
            let columns = columns(args, &asked.start)?;
            render(args, &asked.start, &compare(columns), out)
        }
        QuestionnaireCommand::Serve(args) => serve::serve(args, &asked.start, out).await,
    }
}

/// Whether a workflow's log is to stand beside the others.
pub(crate) const fn needs_store(command: &QuestionnaireCommand, workflow: Option<&String>) -> bool {
    matches!(command, QuestionnaireCommand::Report(_)) && workflow.is_some()
}

/// The report, with the column of a workflow that is run here.
pub(crate) async fn with_log(
    command: &QuestionnaireCommand,
    session: &Session,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let QuestionnaireCommand::Report(args) = command else {
        return Err(Failure::usage("only `seatrial questionnaire report` reads a log; nothing was done"));
    };
    let mut columns = columns(args, &session.start)?;
    let workflow = session.workflow()?;
    columns.push(of_log(&session.factory.assess(&workflow).await?));
    render(args, &session.start, &compare(columns), out)
}

fn new(args: &NewQuestionnaire, start: &Path, out: &mut Out) -> Result<Exit, Failure> {
    let path = start.join(&args.file);
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("candidate").to_owned();
    let about = About {
        name: args.name.clone().unwrap_or(stem),
        kind: args.kind.into(),
        date: args.date.unwrap_or_else(|| Time::from(jiff::Timestamp::now()).day()),
        answered_by: args.answered_by.clone(),
    };
    let text = to_yaml(&empty(about));
    // Names that cannot be written so that they are read again the same are found before there is a file.
    if read("", &text, &Folder::beside(&path)).questionnaire.is_none() {
        return Err(Failure::usage("the name or the person cannot be written (empty, or too long); nothing was made"));
    }
    let mut file = std::fs::File::create_new(&path)
        .map_err(|e| Failure::file(format!("`{}` cannot be made ({e}); nothing was done", args.file.display())))?;
    file.write_all(text.as_bytes())
        .map_err(|e| Failure::file(format!("`{}` cannot be written ({e})", args.file.display())))?;
    out.json(&json!({ "file": args.file }))?;
    out.line(format!("made {}", shown(&args.file.display().to_string())));
    let name = shown(&args.file.display().to_string());
    out.line(format!(
        "next: fill it in, or `seatrial questionnaire serve`; then `seatrial questionnaire report {name}`"
    ));
    Ok(Exit::Done)
}

/// A questionnaire as it was read; `label` is how it was named.
fn open(start: &Path, file: &Path) -> Result<Read, Failure> {
    let path = start.join(file);
    let label = file.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Failure::file(format!("`{}` cannot be read ({e}); nothing was done", shown(&label))))?;
    Ok(read(&label, &text, &Folder::beside(&path)))
}

fn check(args: &CheckQuestionnaire, start: &Path, out: &mut Out) -> Result<Exit, Failure> {
    let all = args.files.iter().map(|file| open(start, file)).collect::<Result<Vec<_>, _>>()?;
    let found: Vec<Diagnostic> = all.iter().flat_map(|read| read.diagnostics.iter().cloned()).collect();
    if args.sarif || out.is_json() {
        let value = if args.sarif { to_sarif(&found, env!("CARGO_PKG_VERSION")) } else { to_json(&found) };
        let text = serde_json::to_string_pretty(&value).map_err(|e| Failure::failed(e.to_string()))?;
        out.text(&format!("{text}\n"));
    } else {
        let color = out.layout().color;
        for (file, read) in args.files.iter().zip(&all) {
            if all.len() > 1 {
                let heading = out.paint(Ink::Strong, &shown(&file.display().to_string()));
                out.line(heading);
            }
            out.text(&to_human_of(Subject::Questionnaire, &read.diagnostics, &read.sources, color));
        }
    }
    Ok(Exit::ready(!found.iter().any(|d| args.strict || d.severity == Severity::Error)))
}

fn columns(args: &ReportQuestionnaire, start: &Path) -> Result<Vec<Column>, Failure> {
    if args.files.len() > CANDIDATES_MAX {
        return Err(Failure::usage(format!(
            "{} candidates were named, at most {CANDIDATES_MAX} stand side by side; nothing was done. Name fewer",
            args.files.len()
        )));
    }
    let column = |file: &std::path::PathBuf| {
        let label = file.display().to_string();
        let questionnaire = open(start, file)?.questionnaire.ok_or_else(|| Failure {
            exit: Exit::NotReady,
            code: "findings",
            message: format!(
                "`{}` has errors, which `seatrial questionnaire check` shows; nothing was compared",
                shown(&label)
            ),
        })?;
        Ok(Column::new(&label, &questionnaire))
    };
    args.files.iter().map(column).collect()
}

fn render(args: &ReportQuestionnaire, start: &Path, report: &Report, out: &mut Out) -> Result<Exit, Failure> {
    let text = if args.html {
        report_page(report)
    } else if args.markdown || args.out.is_some() && !out.is_json() {
        markdown(report)
    } else if out.is_json() {
        let text = serde_json::to_string_pretty(report).map_err(|e| Failure::failed(e.to_string()))?;
        format!("{text}\n")
    } else {
        show::human(report, out);
        return Ok(Exit::Done);
    };
    match &args.out {
        None => out.text(&text),
        Some(file) => {
            std::fs::write(start.join(file), text).map_err(|e| {
                Failure::file(format!("`{}` cannot be written ({e}); nothing was kept", file.display()))
            })?;
            out.json(&json!({ "file": file }))?;
            out.line(format!("written to {}", shown(&file.display().to_string())));
        }
    }
    Ok(Exit::Done)
}
