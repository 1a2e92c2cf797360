//! Whatever is thrown at the checker ends in diagnostics, in bounded time.

use crate::fixture::{WORKFLOW, files};
use proptest::prelude::*;
use seatrial_spec::diagnostic::{to_human, to_json, to_sarif};
use seatrial_spec::{check, check_factory};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The fixture with a piece cut out and another put in.
    #[test]
    fn a_damaged_spec_never_panics(from in 0_usize..6000, length in 0_usize..400, piece in "[\\PC\n]{0,30}") {
        let boundary = |mut at: usize| { at = at.min(WORKFLOW.len()); while !WORKFLOW.is_char_boundary(at) { at -= 1; } at };
        let (start, end) = (boundary(from), boundary(from + length));
        let text = format!("{}{piece}{}", &WORKFLOW[..start], &WORKFLOW[end..]);
        let checked = check(&text, &files(), None);
        let _ = to_human(&checked.diagnostics, &checked.sources, true);
        let _ = to_json(&checked.diagnostics);
        let _ = to_sarif(&checked.diagnostics, "0");
        if checked.workflow.is_none() {
            prop_assert!(!checked.diagnostics.is_empty(), "refused without a word");
        }
    }

    #[test]
    fn a_hostile_expression_never_panics(parts in proptest::collection::vec(prop_oneof![
        Just("input"), Just(".amount"), Just("output"), Just(".reason"), Just("("), Just(")"), Just("["), Just("]"), Just("{"),
        Just("}"), Just("!"), Just("-"), Just(" ? "), Just(" : "), Just(" && "), Just(" || "), Just(" == "), Just(" < "),
        Just("1"), Just("0x"), Just("'a'"), Just("'"), Just("\""), Just("has("), Just(".exists(x, "), Just("é"), Just("`"),
        Just("\\"), Just("1e999"), Just("9223372036854775808"), Just(" in "), Just("b'x'"), Just("1u"), Just("."), Just(","),
    ], 0..40)) {
        let text = WORKFLOW.replacen("\"input.amount > 5000\"", &serde_json::to_string(&parts.concat()).unwrap(), 1);
        let checked = check(&text, &files(), None);
        prop_assert_eq!(checked.workflow.is_none(), checked.diagnostics.iter().any(|d| d.severity == seatrial_spec::Severity::Error));
    }

    #[test]
    fn a_hostile_factory_never_panics(text in "[a-z:{} \\[\\]\n'\"-]{0,200}") {
        let _ = check_factory(&format!("seatrial: 1\nfactory: x\n{text}"));
    }
}

#[test]
fn deep_and_long_expressions_end() {
    for rule in [
        "(".repeat(3000),
        "!".repeat(3000),
        "[".repeat(3000),
        "-".repeat(3000),
        "a.".repeat(2000),
        "1+".repeat(2000),
        "a?".repeat(1300),
        "f(".repeat(1300),
        "a&&".repeat(1300),
        "x".repeat(5000),
        "'\\".repeat(2000),
        format!("'{}", "(".repeat(3000)),
        "a||b&&".repeat(600),
        // A raw text ends at its quote, whatever stands before it.
        format!("r'\\' == {}", "(".repeat(3000)),
        format!("'''a' == {}", "(".repeat(3000)),
        "a.b".repeat(180),
        "-".repeat(190),
        format!("1{}", "+1".repeat(198)),
        format!("{}a", "!".repeat(199)),
        format!("{}1{}", "(".repeat(24), ")".repeat(24)),
        format!("a{}", ".b()".repeat(199)),
        format!("{}1", "1<".repeat(199)),
        format!("{}1", "true?1:".repeat(99)),
    ] {
        let text = WORKFLOW.replacen("\"input.amount > 5000\"", &serde_json::to_string(&rule).unwrap(), 1);
        let started = std::time::Instant::now();
        assert!(check(&text, &files(), None).workflow.is_none(), "{rule}");
        assert!(
            started.elapsed().as_secs() < 10,
            "{} took {:?}",
            rule.chars().take(20).collect::<String>(),
            started.elapsed()
        );
    }
}

/// The deepest expressions within the limits are read, whatever stack the caller has.
#[test]
fn the_limits_hold_on_a_small_stack() {
    let deepest = [
        format!("{}true{}", "(".repeat(24), ")".repeat(24)),
        format!("{}true", "!".repeat(199)),
        format!("1{} > 0", "+1".repeat(198)),
        format!("{}1 > 0{}", "[".repeat(24), "]".repeat(24)),
        format!("{}size('a'){} > 0", "int(".repeat(23), ")".repeat(23)),
        format!("true{}", " && (true || true)".repeat(66)),
        format!("{}true", "true ? true : ".repeat(8)),
    ];
    let reader = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
        for rule in deepest {
            let text = WORKFLOW.replacen("\"input.amount > 5000\"", &serde_json::to_string(&rule).unwrap(), 1);
            let checked = check(&text, &files(), None);
            assert!(!checked.diagnostics.iter().any(|d| d.code.as_str() == "ST0324"), "{rule}");
        }
    });
    reader.unwrap().join().unwrap();
}

/// Files as large as is read, built to make the checker count, compare and list for ever.
#[test]
fn large_files_end_too() {
    let many = |line: &dyn Fn(usize) -> String, n: usize| (0..n).map(line).collect::<String>();
    let texts = [
        many(&|i| format!("k{i}: 1\n"), 45_000),
        many(&|_| "a: 1\n".to_owned(), 45_000),
        format!("roles:\n{}", many(&|i| format!("  R{i}: x\n"), 45_000)),
        WORKFLOW.replacen(
            "    escalate:\n",
            &format!(
                "    escalate:\n{}",
                many(&|i| format!("      e{i}: {{ when: \"size(input.text) > {i}\", to: nobody{i} }}\n"), 9_000)
            ),
            1,
        ),
        format!(
            "{}\n{}",
            WORKFLOW.replacen("approvals: [{ by: heads, over: [purpose, steps] }]", "", 1),
            "#".repeat(900_000)
        ),
    ];
    for text in texts {
        let started = std::time::Instant::now();
        let checked = check(&text, &files(), None);
        assert!(checked.diagnostics.len() <= seatrial_spec::diagnostic::DIAGNOSTICS_MAX);
        assert!(started.elapsed().as_secs() < 30, "{}… took {:?}", &text[..40], started.elapsed());
        println!("{:?} {} {}", started.elapsed(), checked.diagnostics.len(), &text[..20]);
    }
}
