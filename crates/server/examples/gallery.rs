//! Writes every page with made-up views into a folder, for looking at: `cargo run -p seatrial-server --example
//! gallery -- FOLDER`.

#![expect(clippy::expect_used, reason = "a tool for whoever works on the pages; it may end with a message")]

#[path = "../samples/mod.rs"]
mod samples;

use maud::Markup;
use seatrial_server::pages::{self, ApproveForm, ReviewForm, SignInNote};
use seatrial_server::{assets, view::Frame};
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("give a folder to write to");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets")).expect("the folder cannot be made");
    for (name, bytes) in assets::all() {
        let hashed = assets::url(&name);
        std::fs::write(folder.join(hashed.trim_start_matches('/')), bytes).expect("cannot write");
    }
    let mut index = String::from("<!doctype html><title>Gallery</title><h1>Samples, made up</h1><ul>");
    for (name, markup) in all() {
        // From files, addresses have to be relative.
        let page = markup.into_string().replace("=\"/assets/", "=\"assets/");
        std::fs::write(folder.join(format!("{name}.html")), page).expect("cannot write");
        index += &format!("<li><a href={name}.html>{name}</a>");
    }
    std::fs::write(folder.join("index.html"), index).expect("cannot write");
}

fn all() -> Vec<(&'static str, Markup)> {
    let frame = samples::frame();
    let bare = samples::bare();
    let out = Frame { me: None, ..samples::bare() };
    let form = ReviewForm::default();
    let failed = ReviewForm {
        problem: Some(
            "`output.reason` is too short (12 of 20 characters); the answer was not recorded. Say more.".into(),
        ),
        ..ReviewForm::default()
    };
    vec![
        ("sign-in", pages::sign_in(&out, None, "/", SignInNote::Refused, false)),
        ("sign-in-link", pages::sign_in(&out, Some("one-time"), "/", SignInNote::None, true)),
        ("overview", pages::overview(&bare, &samples::overview())),
        ("overview-empty", pages::overview(&bare, &seatrial_server::view::Overview { workflows: vec![] })),
        ("board", pages::board(&frame, &samples::board())),
        ("board-stopped", pages::board(&frame, &samples::stopped())),
        ("board-new", pages::board(&frame, &samples::new_board())),
        ("obligation", pages::obligation(&frame, &samples::obligation())),
        ("decisions", pages::decisions(&frame, &samples::decisions())),
        ("decision", pages::decision(&frame, &samples::decision())),
        ("decision-erased", pages::decision(&frame, &samples::erased())),
        ("reviews", pages::reviews(&frame, &samples::reviews())),
        ("review", pages::review(&frame, &samples::review(), &form)),
        ("review-own", pages::review(&frame, &samples::own_review(), &failed)),
        ("review-blind", pages::review(&frame, &samples::blind_audit(), &form)),
        ("log", pages::log(&frame, &samples::log())),
        ("certificate", pages::certificate(&frame, &samples::certificate())),
        ("certificate-none", pages::certificate(&frame, &samples::unwatched())),
        ("sprint", pages::sprint(&frame, &samples::sprint())),
        ("sprint-none", pages::sprint(&frame, &samples::no_sprint())),
        ("approve", pages::approve(&frame, &samples::approval(), &ApproveForm::default())),
        ("approve-release", pages::approve(&frame, &samples::release_approval(), &ApproveForm::default())),
        ("waivers", pages::waivers(&frame, &samples::waivers(), None)),
        ("waivers-none", pages::waivers(&frame, &samples::no_waivers(), None)),
        ("releases", pages::releases(&frame, &samples::releases(), None)),
        ("releases-none", pages::releases(&frame, &samples::no_releases(), None)),
        ("pilot", pages::pilot_report(&frame, &samples::pilot_report())),
        ("diff", pages::diff(&frame, &samples::diff())),
        ("diff-none", pages::diff(&frame, &samples::no_diff())),
        ("assessment", pages::assessment(&frame, &samples::assessment())),
        ("ownership", pages::ownership(&frame, &samples::ownership())),
        ("ownership-owned", pages::ownership(&frame, &samples::owned())),
        ("drills", pages::drills(&frame, &samples::drills(), None)),
        ("drills-after", pages::drills(&frame, &samples::drills_after(), None)),
        ("incidents", pages::incidents(&frame, &samples::incidents(), None)),
        ("incident", pages::incident(&frame, &samples::incident(), None)),
        ("incident-resolved", pages::incident(&frame, &samples::resolved_incident(), None)),
        (
            "problem",
            pages::problem(
                &frame,
                "Nothing was done",
                "There is no decision `dec_…` in this log.",
                Some(("/", "Workflows")),
            ),
        ),
    ]
}
