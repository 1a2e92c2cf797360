use super::*;
use proptest::prelude::*;

fn mark(start: u64, end: u64, code: &str) -> Mark {
    Mark { start, end, path: "steps.route.forbid.data".into(), code: code.into() }
}

#[test]
fn a_span_is_marked_and_named() {
    let text = Untrusted::new("write to <bo@x.example> now");
    let got = marked(&text, &[mark(10, 22, "email")]).into_string();
    assert!(got.contains("&lt;<mark title=\"steps.route.forbid.data: email\">bo@x.example<"), "{got}");
    assert!(!got.contains("<bo@"));
}

#[test]
fn overlapping_and_absurd_spans_lose_no_text() {
    let text = Untrusted::new("añb\u{202e}c");
    let got = marked(&text, &[mark(0, 3, "a"), mark(2, 99, "b"), mark(50, 10, "c"), mark(u64::MAX, u64::MAX, "d")]);
    assert_eq!(plain(&got.into_string()), "añb⟨U+202E⟩c");
}

#[test]
fn backticks_become_code_and_nothing_else_does() {
    assert_eq!(prose("`a<b` is `c`, 5` long").into_string(), "<code>a&lt;b</code> is <code>c</code>, 5` long");
    assert_eq!(prose("plain").into_string(), "plain");
    assert_eq!(prose("`").into_string(), "`");
}

#[test]
fn a_long_text_is_capped_across_its_pieces() {
    let text = Untrusted::new("x".repeat(SHOWN_CHARS_MAX * 2));
    let got = plain(&marked(&text, &[mark(10, 3_990, "a")]).into_string());
    assert_eq!(got.chars().filter(|c| *c == 'x').count(), SHOWN_CHARS_MAX);
    assert!(got.ends_with('…'));
}

/// The text a reader sees: tags and the words for screen readers taken away.
fn plain(markup: &str) -> String {
    let mut out = String::new();
    for (i, piece) in markup.split("<span class=\"sr\">").enumerate() {
        let piece = if i == 0 { piece } else { piece.split_once("</span>").map_or("", |(_, rest)| rest) };
        let mut tag = false;
        for c in piece.chars() {
            match c {
                '<' => tag = true,
                '>' => tag = false,
                c if !tag => out.push(c),
                _ => {}
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn hostile_text_and_offsets_never_break_out(
        text in "\\PC{0,60}[<>&\"'\u{202e}\u{0}é]{0,10}\\PC{0,20}",
        offsets in prop::collection::vec((any::<u64>(), 0u64..120), 0..8),
    ) {
        let marks: Vec<_> = offsets.iter().map(|(a, b)| mark(a % 120, *b, "<x>")).collect();
        let got = marked(&Untrusted::new(text.clone()), &marks).into_string();
        // Only our own elements appear.
        for tag in got.split('<').skip(1) {
            prop_assert!(["bdi", "/bdi", "mark", "/mark", "span", "/span"].iter().any(|t| tag.starts_with(t)), "{}", tag);
        }
        let hidden = got.chars().any(|c| c == '\u{202e}' || c == '\u{0}');
        prop_assert!(!hidden, "an invisible character came through");
        let shown = Untrusted::new(text).html(SHOWN_CHARS_MAX);
        let count = |s: &str| s.chars().filter(|c| *c == 'é').count();
        prop_assert_eq!(count(&plain(&got)), count(&shown));
    }
}
