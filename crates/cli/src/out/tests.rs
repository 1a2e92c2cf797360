use super::*;
use std::sync::{Arc, Mutex};

fn heard(format: Format, quiet: bool, say: impl FnOnce(&mut Out)) -> (String, String) {
    let all = Arc::new(Mutex::new((String::new(), String::new())));
    let ear = Arc::clone(&all);
    let sink: Sink = Box::new(move |stream, text| {
        let mut all = ear.lock().unwrap();
        match stream {
            Stream::Out => all.0.push_str(text),
            Stream::Err => all.1.push_str(text),
        }
    });
    let layout = Layout { color: false, width: 60, progress: false };
    say(&mut Out::new(sink, layout, format, quiet));
    let all = all.lock().unwrap();
    all.clone()
}

#[test]
fn programs_get_one_document_and_people_get_lines() {
    let say = |out: &mut Out| {
        out.line("a line");
        out.note("a remark");
        out.json(&json!({ "a": 1 })).unwrap();
    };
    assert_eq!(heard(Format::Human, false, say), ("a line\n".to_owned(), "a remark\n".to_owned()));
    assert_eq!(heard(Format::Human, true, say), ("a line\n".to_owned(), String::new()));
    assert_eq!(heard(Format::Json, false, say), ("{\n  \"a\": 1\n}\n".to_owned(), String::new()));
}

#[test]
fn what_others_wrote_cannot_act_on_a_terminal() {
    let failure = Failure::usage("no `x\u{1b}[2J\u{202e}y`\nline two");
    let (_, err) = heard(Format::Human, false, |out| {
        out.failure(&failure);
    });
    assert_eq!(err, "error: no `x⟨U+001B⟩[2J⟨U+202E⟩y`\nline two\n");
    let (_, err) = heard(Format::Json, false, |out| {
        out.failure(&failure);
    });
    let value: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!((value["error"]["code"].as_str(), value["exit"].as_u64()), (Some("usage"), Some(2)));
    assert!(!err.contains('\u{1b}'));
}

#[test]
fn tables_wrap_at_the_width() {
    let layout = Layout { color: false, width: 50, progress: false };
    let mut rows = Rows::new(layout, &["id", "why"]);
    rows.plain(["one", &"word ".repeat(30)]);
    let text = rows.text();
    assert!(text.lines().count() > 3 && text.lines().all(|l| l.chars().count() <= 50), "{text}");
    assert!(text.lines().all(|l| l == l.trim_end()));
    assert_eq!(Rows::new(layout, &["id"]).text(), "");
}
