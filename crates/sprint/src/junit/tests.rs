use super::*;
use proptest::prelude::*;
use seatrial_model::{ElementPath, Verdict};

fn result(id: &str, verdict: Option<Verdict>, outcome: Outcome) -> ExampleResult {
    ExampleResult { verdict, outcome, took_ms: 1_234, ..ExampleResult::unasked(id, false, vec![], vec![]) }
}

fn report(results: &[ExampleResult]) -> String {
    junit(&[Suite { name: "golden", class: "credit.assess", results }])
}

#[test]
fn each_example_is_a_case() {
    let text = report(&[
        result("a", Some(Verdict::Allow), Outcome::Passed),
        ExampleResult {
            differs: vec!["team".into()],
            rules: vec![(ElementPath::new("steps.a.forbid.x"), true)],
            ..result("b", Some(Verdict::Deny), Outcome::Failed)
        },
        result("c", Some(Verdict::Escalate), Outcome::Inconclusive),
        ExampleResult { must_not_pass: true, ..result("d", Some(Verdict::Escalate), Outcome::NotExpected) },
        ExampleResult { must_not_pass: true, ..result("e", Some(Verdict::Allow), Outcome::NotExpected) },
        result("f", None, Outcome::Inconclusive),
        ExampleResult { must_not_pass: true, ..result("g", None, Outcome::Inconclusive) },
    ]);
    assert_eq!(
        text,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="golden" tests="7" failures="3" errors="0" skipped="2" time="8.638">
    <testcase classname="credit.assess" name="a" time="1.234"/>
    <testcase classname="credit.assess" name="b" time="1.234">
      <failure message="verdict deny; not as expected: team; caught by steps.a.forbid.x"/>
    </testcase>
    <testcase classname="credit.assess" name="c" time="1.234">
      <skipped message="verdict escalate"/>
    </testcase>
    <testcase classname="credit.assess" name="d" time="1.234"/>
    <testcase classname="credit.assess" name="e" time="1.234">
      <failure message="must not pass, and did: verdict allow"/>
    </testcase>
    <testcase classname="credit.assess" name="f" time="1.234">
      <skipped message="no answer that could be judged"/>
    </testcase>
    <testcase classname="credit.assess" name="g" time="1.234">
      <failure message="must not pass, and was not shown to be stopped: no answer that could be judged"/>
    </testcase>
  </testsuite>
</testsuites>
"#
    );
}

proptest! {
    /// Whatever an id holds, the report has as many elements as it should, and no character that XML 1.0 forbids.
    #[test]
    fn an_id_stays_within_its_attribute(id in any::<String>()) {
        let text = report(&[result(&id, None, Outcome::Failed)]);
        prop_assert_eq!(text.matches('<').count(), 1 + 2 + 2 + 2 + 1);
        prop_assert_eq!(text.matches('"').count() % 2, 0);
        let allowed = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        prop_assert!(text.chars().all(allowed));
    }
}
