//! The handover pack: one self-contained page.
//!
//! Nothing in it is loaded from elsewhere and nothing in it runs: no script, no external style, font or picture. Every
//! statement cites the entry of the log that it rests on, and the last section lists those entries.

mod authority;
mod catalog;
mod cite;
mod cyclonedx;
mod drawn;
mod history;
mod ident;
mod incidents;
mod intoto;
mod law;
mod oscal;
mod owners;
mod rules;
mod runbooks;
mod waivers;

pub use intoto::{Attested, Statement, statements};

use crate::{Gap, PackInput, gaps};
use cite::{Citations, t, ticks};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use seatrial_model::words::FactoryKind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most characters of a prose field: a purpose is a paragraph, not a book.
const PROSE_CHARS_MAX: usize = 2_000;

const STYLE: &str = include_str!("pack/pack.css");

/// Everything of a pack that follows from its input: whoever writes it adds the log, signs the statements, and seals.
#[derive(Clone, Debug)]
pub struct PackParts {
    /// The page.
    pub page: String,
    /// All other files, by path within the pack.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Statements to be signed.
    pub statements: Vec<Statement>,
    /// Entries of the factory's log that the page cites.
    pub factory_entries: BTreeSet<u64>,
    /// What is still missing for the handover.
    pub missing: Vec<Gap>,
}

/// Makes the parts of a workflow's handover pack.
#[must_use]
pub fn pack_parts(input: &PackInput<'_>) -> PackParts {
    let (page, cites) = page(input);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    files.insert("KEY".to_owned(), format!("{}\n", input.log.key).into_bytes());
    files.insert("CODEOWNERS".to_owned(), catalog::codeowners(input).into_bytes());
    files.insert("catalog-info.yaml".to_owned(), catalog::catalog_info(input).into_bytes());
    files.insert("oscal-assessment-results.json".to_owned(), written(&oscal::assessment_results(input)));
    files.insert("cyclonedx.json".to_owned(), written(&cyclonedx::bom(input)));
    files.insert("regulation.json".to_owned(), written(&law::json(input)));
    for (path, file) in &input.workflow.files {
        files.insert(format!("spec/{path}"), file.bytes.to_vec());
    }
    for path in runbooks::files(input.workflow) {
        if let Some(file) = input.workflow.files.get(path) {
            files.insert(format!("runbooks/{path}"), file.bytes.to_vec());
        }
    }
    PackParts {
        page,
        files,
        statements: statements(&Attested {
            workflow: &input.workflow.name,
            origin: &input.log.origin,
            events: input.events,
            blobs: input.blobs,
        }),
        factory_entries: cites.of_factory(),
        missing: gaps(input),
    }
}

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Draws the handover pack of a workflow as one HTML page.
#[must_use]
pub fn pack(input: &PackInput<'_>) -> String {
    page(input).0
}

fn page<'a>(input: &PackInput<'a>) -> (String, Citations<'a>) {
    let mut cites = Citations::new(input);
    let sections = html! {
        (purpose(input, &mut cites))
        (authority::section(input, &mut cites))
        (rules::section(input, &mut cites))
        (rules::thresholds(input, &mut cites))
        (history::unknowns(input, &mut cites))
        (owners::section(input, &mut cites))
        (drawn::index(input, &mut cites))
        (how_to(input, &mut cites))
        (runbooks::section(input, &mut cites))
        (history::drills(input, &mut cites))
        (incidents::section(input, &mut cites))
        (waivers::section(input, &mut cites))
        (history::decisions(input, &mut cites))
        (missing(input, &mut cites))
        (law::section(input, &mut cites))
        (log(input))
    };
    let html = document(input, &sections, &cites);
    (html, cites)
}

/// The sections of the page, by the id of each and the words in its table of contents.
const CONTENTS: [(&str, &str); 15] = [
    ("purpose", "What it is for"),
    ("authority", "Where AI may influence outcomes"),
    ("rules", "The rules, and why"),
    ("unknowns", "What is not known"),
    ("owners", "Who owns what"),
    ("index", "Is the transfer true?"),
    ("how", "Stop, override, change, release, leave"),
    ("runbooks", "Runbooks"),
    ("drills", "Controls that were exercised"),
    ("incidents", "Incidents"),
    ("waivers", "Waivers"),
    ("history", "Approvals and releases"),
    ("missing", "What is still missing"),
    ("regulation", "Laws and standards"),
    ("log", "How to check this pack"),
];

fn document(input: &PackInput<'_>, sections: &Markup, cites: &Citations<'_>) -> String {
    let title = format!("Handover pack: {}", t(&input.workflow.title, 200));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // A page that is opened from a disk has no headers; this is its policy.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (banner(input))
                header { (head(input)) }
                nav.contents aria-label="Contents" { ol { @for (id, words) in CONTENTS { li { a href={ "#" (id) } { (words) } } } } }
                main { (sections) (cites.appendix()) }
            }
        }
    }
    .into_string()
}

fn banner(input: &PackInput<'_>) -> Markup {
    html! {
        @if input.factory.kind == FactoryKind::Simulation {
            p.simulation role="alert" { strong { "SIMULATION" } " — the people, approvals and cases in this pack are simulated. Nothing here is evidence about a real organisation." }
        }
    }
}

fn head(input: &PackInput<'_>) -> Markup {
    html! {
        p.kicker { "Handover pack · " (t(&input.factory.name, 100)) "/" (t(&input.workflow.name, 100)) }
        h1 { (t(&input.workflow.title, 200)) }
        dl.facts {
            dt { "Spec" } dd { code { (input.workflow.digest) } }
            dt { "As of" } dd { time datetime=(input.now) { (input.now) } }
            dt { "Log" } dd { code { (t(&input.log.origin, 200)) } ", " (input.log.point.size) " entries" }
        }
    }
}

fn purpose(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let w = input.workflow;
    html! {
        section #purpose {
            h2 { "What it is for" }
            p.prose { (t(&w.purpose, PROSE_CHARS_MAX)) (cites.spec()) }
            @if !w.population.is_empty() { p { b { "Whom it is about: " } (t(&w.population, PROSE_CHARS_MAX)) (cites.spec()) } }
            @if !w.outcomes.is_empty() {
                table {
                    caption { "Outcomes" }
                    thead { tr { th { "Outcome" } th { "Measured as" } th { "Before" } th { "Target" } th { "Source" } } }
                    tbody {
                        @for (name, outcome) in &w.outcomes {
                            tr {
                                td { code { (t(name, 80)) } }
                                td { (t(&outcome.measure, 400)) }
                                td { @match outcome.today { Some(v) => (v), None => "not known" } }
                                td { (bar(&outcome.target)) }
                                td { (cites.spec()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bar(bar: &seatrial_spec::workflow::Bar) -> String {
    use seatrial_spec::workflow::BarOp;
    let op = match bar.op {
        BarOp::AtLeast => "≥",
        BarOp::AtMost => "≤",
        BarOp::Above => ">",
        BarOp::Below => "<",
    };
    format!("{op} {}", bar.value)
}

fn how_to(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let name = t(&input.workflow.name, 64);
    let rows = [
        (
            "Stop everything now",
            format!("seatrial stop --workflow {name} --reason \"…\""),
            "Whoever stops does not resume: another person does.",
        ),
        (
            "Resume",
            format!("seatrial resume --workflow {name} --reason \"…\""),
            "Needs another person than the one who stopped.",
        ),
        (
            "Override one decision",
            "seatrial override DECISION block --reason REASON".to_owned(),
            "The verdict stays as it was; the change stands beside it.",
        ),
        (
            "Change the spec",
            format!("seatrial check {name} && seatrial submit --workflow {name}"),
            "What the change makes stale is shown with its path; the release in force stays.",
        ),
        (
            "Release",
            format!(
                "seatrial status --workflow {name} --stage production && seatrial release production --workflow {name}"
            ),
            "Cuts only if nothing is missing.",
        ),
        (
            "Leave",
            format!("seatrial log export FOLDER --workflow {name}"),
            "The export verifies without Seatrial's server.",
        ),
    ];
    html! {
        section #how {
            h2 { "How to stop, override, change, release and leave" }
            table {
                thead { tr { th { "To" } th { "Command" } th { "Good to know" } } }
                tbody { @for (what, command, note) in &rows { tr { td { (what) } td { code.command { (command) } } td { (note) } } } }
            }
            @for step in input.workflow.steps.iter().filter(|s| s.fallback.is_some()) {
                @if let Some(fallback) = &step.fallback {
                    p { "While " code { (t(&step.name, 80)) } " is stopped, " b { (t(&fallback.to, 80)) } " do the work"
                        @if let Some(n) = fallback.per_day { ", up to " (n) " cases a day" }
                        @if let Some(runbook) = &fallback.runbook { ", by " code { (t(runbook, 200)) } }
                        "." (cites.spec()) }
                }
            }
        }
    }
}

fn missing(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let gaps = gaps(input);
    let settled = input.obligations.iter().filter(|o| o.settled);
    html! {
        section #missing {
            h2 { "What is still missing" }
            @if gaps.is_empty() { p { "Nothing that can be told from this log." } }
            @else {
                table.missing {
                    thead { tr { th { "Obligation" } th { "How it stands" } th { "Next" } } }
                    tbody {
                        @for gap in &gaps {
                            tr { td { code { (t(&gap.obligation, 120)) } } td { (ticks(&gap.why, 600)) } td { code.command { (t(&gap.next, 200)) } } }
                        }
                    }
                }
            }
            h3 { "What is shown" }
            ul.shown {
                @for o in settled {
                    li { code { (t(&o.id, 120)) } " " (t(o.state_words(), 40)) ": " (ticks(&o.why, 600))
                        @for index in &o.events { (cites.index(*index)) } }
                }
            }
        }
    }
}

fn log(input: &PackInput<'_>) -> Markup {
    html! {
        section #log {
            h2 { "How to check this pack without us" }
            p { "This page is one file of a folder. " code { "MANIFEST" } " names every file with its digest, and " code { "MANIFEST.sig" }
                " seals it with the log's own key; the log is a Merkle tree whose checkpoint the same key signs. The folder, the key and the small program "
                code { "seatrial-verify" } " are all that is needed: no server, no network, nobody's word." }
            p { "The key stands in the folder too; take it from somebody you trust instead, or you check the pack against its own word." }
            dl.facts {
                dt { "Origin" } dd { code { (t(&input.log.origin, 200)) } }
                dt { "Entries" } dd { (input.log.point.size) }
                dt { "Root" } dd { code { (input.log.point.root) } }
                dt { "Key" } dd { code { (t(&input.log.key, 300)) } }
                dt { "Verify" } dd { code.command { (t(&input.log.verify, 400)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
