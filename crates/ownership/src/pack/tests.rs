use crate::fixture::World;
use crate::pack;
use seatrial_model::words::FactoryKind;

#[test]
fn nothing_from_outside_is_markup_and_nothing_runs() {
    let page = pack(&World::told().input());
    assert!(!page.contains("<script"), "a script tag got through");
    assert!(!page.contains("<img src=x"));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains("Bo &lt;script&gt;"));
    assert!(page.contains("src=\"data:image/svg+xml;base64,"), "the curve is a picture");
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = pack(&World::told().input());
    for loading in ["http://", "https://", "url(", "@import", "<link", "<iframe", "srcset"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn every_citation_leads_to_an_entry_of_the_page() {
    let page = pack(&World::told().input());
    let mut cited = 0;
    for part in page.split("href=\"#").skip(1) {
        let target = part.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        cited += 1;
    }
    assert!(cited > 15, "{cited} citations");
    assert!(page.contains("title=\"evt_01939000-0000-7000-8000-000000000002\""));
}

#[test]
fn what_it_says() {
    let page = pack(&World::told().input());
    for said in [
        "SIMULATION",
        "Customers hear at once.",
        "⊘ never: declines",
        "A person declines",
        "<td class=\"number\">41</td>",
        "3 wrong of 200",
        "at most 3.83 % of what passes is wrong",
        "Is it reliable for thin files?",
        "Fewer than 400 a day",
        "✓ accepted",
        "○ not accepted",
        "12",
        "Released for pilot",
        "shown for 95 s",
        "seatrial stop --workflow credit",
        "seatrial log verify FOLDER --key KEY",
        "bank/credit+c02c150e+AQ",
        "<code>drill.stop</code>",
    ] {
        assert!(page.contains(said), "the pack does not say: {said}");
    }
}

#[test]
fn a_real_factory_is_no_simulation() {
    let mut world = World::told();
    world.factory.kind = FactoryKind::Real;
    assert!(!pack(&world.input()).contains("<strong>SIMULATION"));
}

#[test]
fn a_bare_spec_says_what_there_is_no_event_for() {
    let mut world = World::new();
    world.curves.clear();
    let page = pack(&world.input());
    assert!(page.contains("no event: this spec was not submitted"));
    assert!(page.contains("No certification was attempted"));
    assert!(page.contains("Nothing was approved, and nothing was released."));
}
