use super::*;

#[test]
fn codes_are_unique_and_in_order() {
    let all: Vec<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
    let mut sorted = all.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(all, sorted);
    assert!(all.iter().all(|c| c.len() == 6 && c.starts_with("ST")));
}

#[test]
fn the_nearest_word() {
    assert_eq!(nearest("amout", ["amount", "about", "team"]), Some("amount"));
    assert_eq!(nearest("taem", ["amount", "team"]), Some("team"));
    assert_eq!(nearest("xyz", ["amount", "team"]), None);
}

#[test]
fn lines_and_columns_count_characters() {
    assert_eq!(line_column("é\nab", 4), (2, 2));
    assert_eq!(line_column("é\nab", 1), (1, 1));
    assert_eq!(line_column("", 9), (1, 1));
}

#[test]
fn a_hostile_place_is_still_rendered() {
    let mut report = Report::default();
    report.sources.insert("w.yaml", "a: \u{202e}é\u{1b}[31m");
    report
        .add(Code::Syntax, "w.yaml", 4..900, "bad \u{1b}[31m")
        .help("h")
        .other("w.yaml", Range { start: 1, end: 0 }, "x")
        .done();
    report.add(Code::Syntax, "missing.yaml", 4..9, "bad").done();
    let (diagnostics, sources) = report.sorted("w.yaml");
    let text = to_human(&diagnostics, &sources, false);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("2 errors; nothing was loaded"), "{text}");
}

#[test]
fn every_code_has_its_section() {
    let text = reference();
    for code in Code::ALL {
        assert!(text.contains(&format!("\n## {code}: {}\n", code.title())));
        assert!(
            !code.why().ends_with('.') && !code.what_to_write().ends_with('.'),
            "{code}: the reference adds the full stop"
        );
    }
}
