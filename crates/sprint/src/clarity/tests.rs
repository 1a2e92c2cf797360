use super::*;
use proptest::prelude::*;

fn moment(ms: i64, what: &str, states: &[(&str, &str)]) -> Moment {
    Moment {
        time: Time::from_millis(1_795_427_751_120 + ms),
        what: what.to_owned(),
        states: states.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect(),
    }
}

fn draw(points: &[ClarityPoint], look: Look) -> String {
    svg(points, look, &|at| at.day().to_string())
}

#[test]
fn added_and_removed_are_told_apart_from_done() {
    let moments = [
        moment(0, "sprint 1 opened", &[("spec.valid", "discharged"), ("eval.a", "open"), ("old", "open")]),
        moment(
            1,
            "sprint 1 closed",
            &[("spec.valid", "discharged"), ("eval.a", "waived"), ("eval.b", "open"), ("old", "not_applicable")],
        ),
    ];
    let points = points(&moments, layer_of);
    let sprint = points[1].layers[&Layer::Sprint];
    assert_eq!(sprint, LayerCount { discharged: 0, waived: 1, total: 2, added: 1, removed: 0 });
    let governance = points[1].layers[&Layer::Governance];
    assert_eq!(governance, LayerCount { removed: 1, ..LayerCount::default() }, "what applies no more is removed");
    assert_eq!(points[0].all(), LayerCount { discharged: 1, total: 3, ..LayerCount::default() });
}

#[test]
fn the_picture_says_everything_in_words_and_shapes() {
    let moments = [
        moment(0, "sprint 1 opened", &[("spec.valid", "discharged"), ("eval.a", "open"), ("eval.old", "open")]),
        moment(
            86_400_000,
            "<now> & \"then\"",
            &[("spec.valid", "discharged"), ("eval.a", "waived"), ("eval.b", "open")],
        ),
    ];
    let alone = draw(&points(&moments, layer_of), Look::Alone);
    for part in [
        "role=\"img\"",
        "<title>",
        "Sprints 0 of 2 discharged and 1 waived",
        ">discharged<",
        ">waived<",
        ">+1<",
        ">−1<",
        "2026-11-23",
        "&lt;now&gt;",
        "prefers-color-scheme:dark",
    ] {
        assert!(alone.contains(part), "no `{part}` in {alone}");
    }
    assert!(!alone.contains("<now>") && !alone.contains('%'), "no share in per cent");
    let within = draw(&points(&moments, layer_of), Look::Within);
    assert!(!within.contains("<style") && !within.contains("style="), "a page's policy allows no style of its own");
}

#[test]
fn nothing_yet_is_no_error() {
    assert!(points(&[], layer_of).is_empty());
    assert!(draw(&[], Look::Alone).contains("No moment was recorded yet."));
}

#[test]
fn the_oldest_of_too_many_are_left_out_and_the_picture_says_so() {
    let moments: Vec<Moment> = (0..100).map(|i| moment(i * 1_000, "x", &[("spec.valid", "discharged")])).collect();
    let drawn = draw(&points(&moments, layer_of), Look::Within);
    assert!(drawn.contains("60 earlier moments are not drawn"));
}

proptest! {
    #[test]
    fn totals_follow_from_what_was_added_and_removed(
        moments in prop::collection::vec(
            prop::collection::btree_map(
                "(spec|eval|drill|x)\\.[ab]",
                prop::sample::select(vec!["discharged", "open", "waived", "not_applicable", "stale"]),
                0..8,
            ),
            0..8,
        ),
    ) {
        let moments: Vec<Moment> = moments
            .into_iter()
            .map(|states| Moment {
                time: Time::from_millis(0),
                what: String::new(),
                states: states.into_iter().map(|(id, s)| (id, s.to_owned())).collect(),
            })
            .collect();
        let points = points(&moments, layer_of);
        for pair in points.windows(2) {
            for layer in Layer::ALL {
                let (before, now) = (pair[0].layers[layer], pair[1].layers[layer]);
                prop_assert_eq!(before.total + now.added - now.removed, now.total);
                prop_assert!(now.discharged + now.waived <= now.total);
            }
        }
    }

    #[test]
    fn any_text_gives_well_formed_markup(what in "\\PC*") {
        let moments = [moment(0, &what, &[("spec.valid", "open")])];
        let drawn = draw(&points(&moments, layer_of), Look::Alone);
        let body = drawn.split_once("</style>").unwrap().1;
        prop_assert_eq!(body.matches("<text").count(), body.matches("</text>").count());
        let bare = body.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").replace("&quot;", "").replace("&#39;", "");
        prop_assert!(!bare.contains('&'), "{}", bare);
    }
}
