//! The pages: candidates, one candidate, one question, the report.

use super::Held;
use super::form::{AnswerForm, ArtifactRow};
use crate::answer::sent;
use crate::assets;
use crate::pages::mark;
use crate::pages::parts::{encode, plural};
use crate::text::{house, prose};
use maud::{DOCTYPE, Markup, html};
use seatrial_assessment::Standing;
use seatrial_assessment::questionnaire::{
    ARTIFACTS_MAX, ArtifactKind, CANDIDATES_MAX, Claim, Column, Kind, LINE_CHARS_MAX, QUESTIONS, Question,
    Questionnaire, Report, Section, TEXT_CHARS_MAX, Tally, Weighed, badge, report_body, weigh,
};
use seatrial_model::Day;
use seatrial_spec::Severity;

/// What was sent and cannot be saved, and why.
type Refused<'a> = Option<(&'a str, &'a [(String, String)])>;

fn page(title: &str, here: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (house(title)) " · Questionnaire · Seatrial" }
                link rel="icon" href=(assets::url("mark.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::url("seatrial.css"));
                link rel="stylesheet" href="/report.css";
                link rel="stylesheet" href=(assets::url("questionnaire.css"));
            }
            body .questionnaire {
                a .skip href="#main" { "Skip to the page" }
                header .masthead {
                    a .brand href="/" { (mark()) span { "Seatrial" } }
                    p .factory { "Questionnaire" }
                }
                nav .tabs aria-label="Questionnaire" {
                    ul {
                        @for (name, to) in [("Candidates", "/"), ("Side by side", "/report")] {
                            li { a href=(to) aria-current=[(to == here).then_some("page")] { (name) } }
                        }
                    }
                }
                main #main tabindex="-1" { (body) }
                footer { p { "Served on this machine only. Answers are files in your folder; links are not opened." } }
            }
        }
    }
}

/// A page that says why there is nothing else.
pub(super) fn problem(title: &str, text: &str) -> Markup {
    let body = html! {
        div .narrow { h1 { (title) } p { (prose(text)) } p { a href="/" { "Candidates" } } }
    };
    page(title, "", &body)
}

/// All candidates, and a form for one more.
pub(super) fn candidates(label: &str, all: &[Held], csrf: &str, today: Day, refused: Refused<'_>) -> Markup {
    let body = html! {
        header .page-head {
            h1 { "Who answers?" }
            p .lead { "A vendor, your own team, a platform, a governed factory: the same " (QUESTIONS.len()) " questions, and the artifact behind each answer. A claim with nothing behind it counts as “no evidence”." }
        }
        @if all.is_empty() {
            div .empty { p .title { "Nobody yet." } p { "Begin with one candidate: the first nine questions are the conversation." } }
        } @else {
            ul .q-cards { @for held in all { (card(held)) } }
            p .acts { a .button .primary href="/report" { "Side by side" } }
        }
        section aria-labelledby="new" {
            h2 #new { "Another candidate" }
            @if let Some((problem, _)) = refused { p .note .bad role="alert" { (prose(problem)) } }
            form .stack method="post" action="/new" {
                (token(csrf))
                (about_fields(&Typed::new(None, refused.map(|(_, form)| form), today)))
                button .primary type="submit" { "Begin" }
            }
            p .muted .small { "Written to a file of its own in " code { (house(label)) } "." }
        }
    };
    page("Candidates", "/", &body)
}

fn card(held: &Held) -> Markup {
    let to = format!("/c/{}", encode(&held.name));
    let errors = held.read.diagnostics.iter().filter(|d| d.severity == Severity::Error).count() as u64;
    html! {
        li .q-card {
            @match &held.read.questionnaire {
                Some(questionnaire) => {
                    p .q-kind { (questionnaire.about.kind.title()) }
                    h2 { a href=(to) { (house(&questionnaire.about.name)) } }
                    p .muted { (house(&questionnaire.about.answered_by)) ", " (questionnaire.about.date) }
                    (tally(&Column::new("", questionnaire).tally))
                    p .muted { (answered(questionnaire)) " of " (QUESTIONS.len()) " answered" }
                }
                None => {
                    h2 { a href=(to) { (house(&held.name)) ".yaml" } }
                    p .note .bad { (plural(errors, "error", "errors")) " in the file" }
                }
            }
        }
    }
}

fn answered(questionnaire: &Questionnaire) -> usize {
    questionnaire.answers.values().filter(|a| a.claim != Claim::Unknown).count()
}

fn tally(t: &Tally) -> Markup {
    let all = [
        (Standing::Evidenced, t.evidenced),
        (Standing::Partly, t.partly),
        (Standing::NoEvidence, t.no_evidence),
        (Standing::Contradicted, t.contradicted),
    ];
    html! { ul .q-counts { @for (standing, n) in all { li { span .q-n { (n) } (badge(standing)) } } } }
}

/// The fields of `about`, as typed or as they stand.
struct Typed {
    name: String,
    kind: String,
    date: String,
    answered_by: String,
}

impl Typed {
    fn new(now: Option<&Questionnaire>, form: Option<&[(String, String)]>, today: Day) -> Self {
        let field = |name: &str, now: Option<String>| {
            form.and_then(|f| sent(f, name)).map(str::to_owned).or(now).unwrap_or_default()
        };
        Self {
            name: field("name", now.map(|q| q.about.name.clone())),
            kind: field("kind", Some(now.map_or("vendor", |q| q.about.kind.as_str()).to_owned())),
            date: field("date", Some(now.map_or(today, |q| q.about.date).to_string())),
            answered_by: field("answered_by", now.map(|q| q.about.answered_by.clone())),
        }
    }
}

fn about_fields(typed: &Typed) -> Markup {
    html! {
        div .q-pair {
            div { label for="name" { "Name" } input #name name="name" required maxlength=(LINE_CHARS_MAX) value=(typed.name) autocomplete="off"; }
            div { label for="kind" { "What it is" } select #kind name="kind" {
                @for kind in Kind::ALL { option value=(kind.as_str()) selected[typed.kind == kind.as_str()] { (kind.title()) } }
            } }
            div { label for="answered_by" { "Who answers" } input #answered_by name="answered_by" required maxlength=(LINE_CHARS_MAX) value=(typed.answered_by) autocomplete="off"; }
            div { label for="date" { "On" } input #date name="date" type="date" required value=(typed.date); }
        }
    }
}

/// One candidate: every question with how it stands.
pub(super) fn candidate(held: &Held, csrf: &str, refused: Refused<'_>) -> Markup {
    let Some(questionnaire) = &held.read.questionnaire else { return unread(held) };
    let about = &questionnaire.about;
    let column = Column::new("", questionnaire);
    let body = html! {
        header .page-head {
            p .crumbs { a href="/" { "Candidates" } " / " (about.kind.title()) }
            h1 { (house(&about.name)) }
            p .muted { (house(&about.answered_by)) ", " (about.date) " · " code { (house(&held.name)) ".yaml" } }
            (tally(&column.tally))
            @for sign in &column.signs { p .q-sign { (prose(sign)) } }
            p .acts {
                a .button .primary href=(question_at(held, first_open(questionnaire))) { @if answered(questionnaire) == 0 { "Begin" } @else { "Go on" } }
                a .button href={ "/report?c=" (encode(&held.name)) } { "Report" }
            }
        }
        div .q-columns {
            div {
                @for section in Section::ALL {
                    section {
                        h2 { (section.title()) }
                        ol .q-index { @for q in QUESTIONS.iter().filter(|q| q.section == section) { (entry(held, questionnaire, q)) } }
                    }
                }
            }
            aside {
                section {
                    h2 { "What to ask for next" }
                    @if column.next.is_empty() { p { "Nothing: every statement is evidenced." } }
                    ol .q-asklist-plain { @for next in &column.next { li {
                        p { (next.what.what()) }
                        p .q-settles { "settles " (plural(next.settles.len() as u64, "question", "questions")) }
                    } } }
                }
                section {
                    h2 { "About" }
                    @if let Some((problem, _)) = refused { p .note .bad role="alert" { (prose(problem)) } }
                    form .stack method="post" action={ "/c/" (encode(&held.name)) "/about" } {
                        (token(csrf)) (seen(held))
                        (about_fields(&Typed::new(Some(questionnaire), refused.map(|(_, form)| form), about.date)))
                        button type="submit" { "Save" }
                    }
                }
            }
        }
    };
    page(&about.name, "/", &body)
}

/// The first question that nobody answered, or the first.
fn first_open(questionnaire: &Questionnaire) -> &'static str {
    let open = |q: &&Question| questionnaire.answers.get(q.id).is_none_or(|a| a.claim == Claim::Unknown);
    QUESTIONS.iter().find(open).or(QUESTIONS.first()).map_or("", |q| q.id)
}

fn weighed(questionnaire: &Questionnaire, question: &Question) -> Weighed {
    weigh(question, questionnaire.answers.get(question.id), questionnaire.about.date)
}

fn entry(held: &Held, questionnaire: &Questionnaire, q: &Question) -> Markup {
    let weighed = weighed(questionnaire, q);
    html! {
        li {
            a href=(question_at(held, q.id)) { (q.asks) }
            span .q-stands { (badge(weighed.standing)) @for why in &weighed.because { span .muted { (house(why)) } } }
        }
    }
}

/// A file that does not load: what is wrong with it.
fn unread(held: &Held) -> Markup {
    let body = html! {
        header .page-head {
            p .crumbs { a href="/" { "Candidates" } }
            h1 { (house(&held.name)) ".yaml" }
            p .lead { "The file has errors, so that it is neither shown nor compared. Correct it in an editor." }
        }
        ul .q-errors {
            @for d in held.read.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
                li { p { code { (d.code) } " line " (d.line) ": " (prose(&d.message)) } @if let Some(help) = &d.help { p .muted { (prose(help)) } } }
            }
        }
    };
    page(&held.name, "/", &body)
}

/// One question, its answer, and the artifacts behind it.
pub(super) fn question(held: &Held, q: &Question, csrf: &str, refused: Option<(&str, &AnswerForm)>) -> Markup {
    let Some(questionnaire) = &held.read.questionnaire else { return unread(held) };
    let position = QUESTIONS.iter().position(|other| other.id == q.id).unwrap_or(0);
    let weighed = weighed(questionnaire, q);
    let stands = questionnaire.answers.get(q.id).map(AnswerForm::from).unwrap_or_default();
    let typed = refused.map_or(&stands, |(_, typed)| typed);
    let body = html! {
        p .crumbs { a href="/" { "Candidates" } " / " a href={ "/c/" (encode(&held.name)) } { (house(&questionnaire.about.name)) } " / " (q.section.title()) }
        (strip(held, questionnaire, q))
        div .q-question {
            div .q-asked {
                p .q-number { (position + 1) " of " (QUESTIONS.len()) }
                h1 { (q.asks) }
                p .q-says { (q.statement) }
                dl {
                    dt { "Ask for" } dd { (q.look_for) }
                    dt { "Recent enough" } dd { "not older than " (q.age.days_max()) " days" }
                    dt { "Without evidence" } dd { (q.consequence) }
                }
                p .q-now { "Stands as " (badge(weighed.standing)) }
                @for why in &weighed.because { p .muted { (house(why)) } }
            }
            form .q-form method="post" action=(question_at(held, q.id)) {
                (token(csrf)) (seen(held))
                @if let Some((problem, _)) = refused { p .note .bad role="alert" { (prose(problem)) } }
                fieldset {
                    legend { "Does it hold?" }
                    div .q-claims { @for claim in Claim::ALL { (choice(claim, typed)) } }
                }
                div { label for="text" { "In their own words" } textarea #text name="text" rows="3" maxlength=(TEXT_CHARS_MAX) { (typed.text) } }
                (artifacts(typed, &weighed))
                div .acts {
                    button .primary type="submit" name="then" value="next" { @if after(q.id).is_some() { "Save, and next" } @else { "Save" } }
                    button type="submit" name="then" value="stay" { "Save, and another artifact" }
                    @if let Some(next) = after(q.id) { a href=(question_at(held, next)) { "Leave it, and next" } }
                }
            }
        }
    };
    page(q.asks, "/", &body)
}

/// Every question as a mark: where one is, and what was answered.
fn strip(held: &Held, questionnaire: &Questionnaire, here: &Question) -> Markup {
    html! {
        nav .q-strip aria-label="Questions" {
            @for section in Section::ALL {
                span .q-part title=(section.title()) {
                    @for q in QUESTIONS.iter().filter(|q| q.section == section) {
                        @let standing = weighed(questionnaire, q).standing;
                        a href=(question_at(held, q.id)) title=(q.asks) aria-current=[(q.id == here.id).then_some("step")] {
                            (seatrial_assessment::questionnaire::glyph(standing)) span .sr { (q.asks) " " (standing.as_str()) }
                        }
                    }
                }
            }
        }
    }
}

fn choice(claim: Claim, typed: &AnswerForm) -> Markup {
    let (word, what) = match claim {
        Claim::Yes => ("Yes", "it holds"),
        Claim::Partly => ("Partly", "some of it does"),
        Claim::No => ("No", "it does not"),
        Claim::Unknown => ("Unknown", "nobody could say"),
    };
    let chosen = typed.claim == claim.as_str() || typed.claim.is_empty() && claim == Claim::Unknown;
    html! {
        label .choice {
            input type="radio" name="claim" value=(claim.as_str()) checked[chosen] autofocus[chosen];
            span { strong { (word) } " " span .muted { (what) } }
        }
    }
}

fn artifacts(typed: &AnswerForm, weighed: &Weighed) -> Markup {
    let mut rows: Vec<&ArtifactRow> = typed.rows.iter().filter(|r| !r.is_empty()).collect();
    let empty = ArtifactRow::default();
    let kept = rows.len();
    if kept < ARTIFACTS_MAX {
        rows.push(&empty);
    }
    html! {
        fieldset #artifacts .q-behind {
            legend { "What stands behind it" }
            p .muted .small { "A link, a file in the folder, or an entry of a register; of which day, and who stands for it. Without one the claim counts as “no evidence”." }
            @for (i, row) in rows.into_iter().enumerate() { (artifact(i, row, i < kept, weighed)) }
        }
    }
}

fn artifact(i: usize, row: &ArtifactRow, kept: bool, weighed: &Weighed) -> Markup {
    let name = |field: &str| format!("{field}-{i}");
    let why =
        if kept { weighed.supports.get(i).map(seatrial_assessment::questionnaire::Support::reasons) } else { None };
    html! {
        div .q-row .q-new[!kept] role="group" aria-label={ @if kept { "Artifact " (i + 1) } @else { "Another artifact" } } {
            div .q-kind-field { label for=(name("kind")) { "Kind" } select id=(name("kind")) name=(name("kind")) {
                @for kind in ArtifactKind::ALL { option value=(kind.as_str()) selected[row.kind == kind.as_str()] { (kind.as_str()) } }
            } }
            div .q-where { label for=(name("where")) { "Where" } input id=(name("where")) name=(name("where")) maxlength=(LINE_CHARS_MAX) value=(row.place) placeholder="https://…, evidence/file.pdf, ticket 4711" autocomplete="off"; }
            div .q-of { label for=(name("date")) { "Of" } input id=(name("date")) name=(name("date")) type="date" value=(row.date); }
            div .q-by { label for=(name("by")) { "Who stands for it" } input id=(name("by")) name=(name("by")) maxlength=(LINE_CHARS_MAX) value=(row.by) autocomplete="off"; }
            div .q-shows { label for=(name("shows")) { "What one sees in it" } input id=(name("shows")) name=(name("shows")) maxlength=(LINE_CHARS_MAX) value=(row.shows) autocomplete="off"; }
            input type="hidden" name=(name("sha256")) value=(row.sha256);
            div .q-ticks {
                label .check { input type="checkbox" name=(name("contradicts")) value="yes" checked[row.contradicts]; " It shows the opposite" }
                @if row.another { label .check { input type="checkbox" name=(name("retake")) value="yes"; " Take the file as it is now" } }
                @if kept { label .check { input type="checkbox" name=(name("remove")) value="yes"; " Remove" } }
            }
            @if let Some(why) = why { @for why in why { p .q-but { (house(&why)) } } }
        }
    }
}

/// The candidates side by side, as the files stand now.
pub(super) fn report(report: &Report, names: &[String], all: &[String], query: &[(String, String)]) -> Markup {
    let edit = |i: usize, id: &str| names.get(i).map(|name| format!("/c/{}/q/{id}", encode(name)));
    let chosen: String = names.iter().map(|n| format!("c={}", encode(n))).collect::<Vec<_>>().join("&");
    let body = html! {
        header .page-head {
            h1 { @if report.columns.len() > 1 { "Candidates, side by side" } @else { "How it stands" } }
        }
        @if all.len() > 1 {
            form .filter method="get" action="/report" {
                fieldset .q-picks {
                    legend .sr { "Which candidates" }
                    @for name in all { label .check { input type="checkbox" name="c" value=(name) checked[names.contains(name)]; " " (house(name)) } }
                }
                button type="submit" { "Show these" }
                @if !query.is_empty() { a .clear href="/report" { "All" } }
            }
        }
        @if all.len() > names.len() && query.is_empty() {
            p .note { "Left out: files with errors, and candidates beyond " (CANDIDATES_MAX) "." }
        }
        @if report.columns.is_empty() {
            div .empty { p .title { "Nobody to compare." } p { a href="/" { "Begin with one candidate" } } }
        } @else {
            (report_body(report, Some(&edit)))
            p .acts { a .button href={ "/report.html?" (chosen) } { "Keep as a file (HTML)" } }
        }
    };
    page("Side by side", "/report", &body)
}

/// The question after this one.
pub(super) fn after(id: &str) -> Option<&'static str> {
    let at = QUESTIONS.iter().position(|q| q.id == id)?;
    QUESTIONS.get(at.checked_add(1)?).map(|q| q.id)
}

fn question_at(held: &Held, id: &str) -> String {
    format!("/c/{}/q/{}", encode(&held.name), encode(id))
}

fn token(csrf: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(csrf); }
}

/// Which text the form changes.
fn seen(held: &Held) -> Markup {
    html! { input type="hidden" name="seen" value=(held.seen()); }
}
