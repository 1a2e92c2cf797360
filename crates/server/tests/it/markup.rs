//! What every page keeps: landmarks, labels, unique ids, nothing inline, no hostile markup.

use crate::samples;
use maud::Markup;
use seatrial_server::pages::{self, ApproveForm, ReviewForm, SignInNote};
use seatrial_server::view::Frame;
use std::collections::BTreeSet;

fn all() -> Vec<(&'static str, String)> {
    let frame = samples::frame();
    let bare = samples::bare();
    let out = Frame { me: None, ..samples::bare() };
    let form = ReviewForm { problem: Some("Nothing was recorded.".into()), ..ReviewForm::default() };
    let refused = ApproveForm { problem: Some("Nothing was recorded.".into()), ..ApproveForm::default() };
    let text = |m: Markup| m.into_string();
    vec![
        ("sign-in", text(pages::sign_in(&out, None, "/", SignInNote::Refused, false))),
        ("sign-in-link", text(pages::sign_in(&out, Some("t"), "/\"><script>", SignInNote::Ended, true))),
        ("overview", text(pages::overview(&bare, &samples::overview()))),
        ("board", text(pages::board(&frame, &samples::board()))),
        ("stopped", text(pages::board(&frame, &samples::stopped()))),
        ("new", text(pages::board(&frame, &samples::new_board()))),
        ("obligation", text(pages::obligation(&frame, &samples::obligation()))),
        ("decisions", text(pages::decisions(&frame, &samples::decisions()))),
        ("decision", text(pages::decision(&frame, &samples::decision()))),
        ("erased", text(pages::decision(&frame, &samples::erased()))),
        ("reviews", text(pages::reviews(&frame, &samples::reviews()))),
        ("review", text(pages::review(&frame, &samples::review(), &form))),
        ("own", text(pages::review(&frame, &samples::own_review(), &form))),
        ("blind", text(pages::review(&frame, &samples::blind_audit(), &form))),
        ("log", text(pages::log(&frame, &samples::log()))),
        ("certificate", text(pages::certificate(&frame, &samples::certificate()))),
        ("unwatched", text(pages::certificate(&frame, &samples::unwatched()))),
        ("sprint", text(pages::sprint(&frame, &samples::sprint()))),
        ("no-sprint", text(pages::sprint(&frame, &samples::no_sprint()))),
        ("approve", text(pages::approve(&frame, &samples::approval(), &refused))),
        ("approve-release", text(pages::approve(&frame, &samples::release_approval(), &refused))),
        ("waivers", text(pages::waivers(&frame, &samples::waivers(), Some("Nothing was <b>granted</b>.")))),
        ("no-waivers", text(pages::waivers(&frame, &samples::no_waivers(), None))),
        ("releases", text(pages::releases(&frame, &samples::releases(), Some("Nothing was changed.")))),
        ("no-releases", text(pages::releases(&frame, &samples::no_releases(), None))),
        ("pilot", text(pages::pilot_report(&frame, &samples::pilot_report()))),
        ("diff", text(pages::diff(&frame, &samples::diff()))),
        ("no-diff", text(pages::diff(&frame, &samples::no_diff()))),
        ("assessment", text(pages::assessment(&frame, &samples::assessment()))),
        ("ownership", text(pages::ownership(&frame, &samples::ownership()))),
        ("owned", text(pages::ownership(&frame, &samples::owned()))),
        ("drills", text(pages::drills(&frame, &samples::drills(), Some("Nothing was <b>done</b>.")))),
        ("drills-after", text(pages::drills(&frame, &samples::drills_after(), None))),
        ("incidents", text(pages::incidents(&frame, &samples::incidents(), Some("Nothing was opened.")))),
        ("incident", text(pages::incident(&frame, &samples::incident(), Some("Nothing was recorded.")))),
        ("incident-resolved", text(pages::incident(&frame, &samples::resolved_incident(), None))),
        ("problem", text(pages::problem(&frame, "Not found", "<b>`x`</b>", None))),
    ]
}

/// Every tag with its attributes, as written.
fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).map(|t| t.split('>').next().unwrap_or(""))
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

#[test]
fn every_page_has_its_landmarks_and_one_heading() {
    for (name, page) in all() {
        let count = |what: &str| tags(&page).filter(|t| t.split_whitespace().next() == Some(what)).count();
        assert_eq!((count("main"), count("h1"), count("header") > 0, count("footer")), (1, 1, true, 1), "{name}");
        assert!(page.contains("<html lang=\"en\""), "{name}");
        assert!(page.contains("href=\"#main\""), "{name}: no way past the tabs");
    }
}

#[test]
fn ids_are_unique_and_labels_point_at_something() {
    for (name, page) in all() {
        let ids: Vec<&str> = tags(&page).filter_map(|t| attribute(t, "id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for reference in
            tags(&page).flat_map(|t| ["for", "aria-labelledby"].into_iter().filter_map(|a| attribute(t, a)))
        {
            for id in reference.split(' ') {
                assert!(unique.contains(id), "{name}: nothing has the id `{id}`");
            }
        }
    }
}

#[test]
fn every_control_is_labelled_and_every_form_carries_its_token() {
    for (name, page) in all() {
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.contains("method=\"post\"") && !form.contains("/sign-in") {
                assert!(form.contains("name=\"csrf\" value=\"sample\""), "{name}: {form}");
            }
            for tag in tags(form).filter(|t| ["input", "select", "textarea"].contains(&t.split(' ').next().unwrap())) {
                let wrapped = ["radio", "checkbox"].iter().any(|k| attribute(tag, "type") == Some(k));
                let labelled = attribute(tag, "id").is_some_and(|id| form.contains(&format!("for=\"{id}\"")));
                assert!(labelled || wrapped || attribute(tag, "type") == Some("hidden"), "{name}: {tag}");
            }
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (name, page) in all() {
        for tag in tags(&page) {
            assert!(attribute(tag, "style").is_none(), "{name}: {tag}");
            assert!(!tag.split(' ').skip(1).any(|a| a.starts_with("on")), "{name}: {tag}");
            for address in ["href", "src", "action"].into_iter().filter_map(|a| attribute(tag, a)) {
                assert!(address.starts_with('/') || address.starts_with('#'), "{name}: {tag}");
                assert!(!address.starts_with("//"), "{name}: {tag}");
            }
        }
        for script in page.split("<script").skip(1) {
            assert!(script.split_once('>').unwrap().1.starts_with("</script>"), "{name}: an inline script");
        }
        assert!(!page.contains("<style"), "{name}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let decisions = pages::decisions(&samples::frame(), &samples::decisions()).into_string();
    assert!(decisions.contains("C-20927⟨U+202E⟩&lt;script&gt;alert(1)&lt;/script&gt;"));
    for (name, page) in all() {
        assert!(!page.contains("<script>") && !page.contains("<b>") && !page.contains('\u{202e}'), "{name}");
    }
}

#[test]
fn a_simulation_says_so_on_every_page_and_a_real_factory_on_none() {
    for (name, page) in all() {
        assert!(page.contains(">SIMULATION<"), "{name}");
    }
    let real = Frame { simulation: false, ..samples::frame() };
    assert!(!pages::board(&real, &samples::board()).into_string().contains("<p class=\"simulation\""));
}

#[test]
fn a_blind_audit_shows_nothing_of_the_ai() {
    let page = pages::review(&samples::frame(), &samples::blind_audit(), &ReviewForm::default()).into_string();
    for told in ["0.611", "bo@mail.example", "/decisions/dec_", "Charged twice for a card", "selected value=\"cards\""]
    {
        assert!(!page.contains(told), "{told}");
    }
    assert!(page.contains("you answer first"));
}

#[test]
fn what_is_not_open_to_a_reviewer_is_not_offered() {
    let own = pages::review(&samples::frame(), &samples::own_review(), &ReviewForm::default()).into_string();
    assert!(own.contains("value=\"own\"") && !own.contains("value=\"accept\"") && !own.contains("value=\"edit\""));
    let review = pages::review(&samples::frame(), &samples::review(), &ReviewForm::default()).into_string();
    assert!(review.contains("value=\"accept\"") && !review.contains("value=\"own\""));
    let mut barred = samples::review();
    barred.barred = Some("It takes the role `handlers`.".into());
    let barred = pages::review(&samples::frame(), &barred, &ReviewForm::default()).into_string();
    assert!(barred.contains("It takes the role <code>handlers</code>.") && !barred.contains("<form class=\"answer\""));
}

#[test]
fn the_switch_is_there_for_who_may_and_nobody_else() {
    let mut board = samples::board();
    assert!(pages::board(&samples::frame(), &board).into_string().contains("action=\"/w/complaint-routing/stop\""));
    board.can_stop = false;
    assert!(!pages::board(&samples::frame(), &board).into_string().contains("/stop\""));
    let mut stopped = samples::stopped();
    assert!(pages::board(&samples::frame(), &stopped).into_string().contains("/resume\""));
    stopped.can_resume = false;
    let page = pages::board(&samples::frame(), &stopped).into_string();
    assert!(!page.contains("/resume\"") && page.contains("Whoever stops does not resume"));
}

#[test]
fn an_erased_payload_says_when_and_by_whom() {
    let page = pages::decision(&samples::frame(), &samples::erased()).into_string();
    assert!(page.contains("by ria@bank.example") && page.contains("every proof still verifies"));
    assert!(!page.contains("Charged twice"));
}

#[test]
fn who_holds_no_role_gets_no_form_and_is_told_which() {
    let page = |view| pages::approve(&samples::frame(), &view, &ApproveForm::default()).into_string();
    let mine = page(samples::approval());
    assert!(mine.contains("name=\"key\"") && mine.contains("name=\"reaffirm\""));
    assert!(
        mine.contains("!output.reason.contains(&#39;refund&#39;)")
            || mine.contains("!output.reason.contains('refund')")
    );
    let other = page(samples::release_approval());
    assert!(!other.contains("<form class=\"answer\"") && other.contains("You hold none of these."));
    assert!(other.contains("Nobody approved it before"));
}

#[test]
fn whoever_asked_is_not_offered_to_grant() {
    let mut view = samples::waivers();
    view.waivers.retain(|w| w.own);
    let own = pages::waivers(&samples::frame(), &view, None).into_string();
    assert!(!own.contains("/grant\"") && own.contains("another person grants it"));
    let others = pages::waivers(&samples::frame(), &samples::waivers(), None).into_string();
    assert_eq!(others.matches("/grant\"").count(), 1, "only what waits can be granted");
}

#[test]
fn only_what_can_return_is_offered_as_a_way_back() {
    let page = pages::releases(&samples::frame(), &samples::releases(), None).into_string();
    assert_eq!(page.matches("name=\"release\"").count(), 1);
}

#[test]
fn clarity_stands_there_as_a_picture_and_in_numbers() {
    let page = pages::sprint(&samples::frame(), &samples::sprint()).into_string();
    assert!(page.contains("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"clarity\""));
    assert!(page.contains("production released") && page.contains("The same in numbers"));
    assert!(!page.contains(" % discharged"), "never one percentage");
}
