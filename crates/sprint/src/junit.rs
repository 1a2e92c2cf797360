//! Evaluations as JUnit XML, for pipelines that show tests: each example is a test case. An inconclusive one is skipped;
//! one that must not pass, and of which nothing was seen, fails.

use crate::evaluate::{ExampleResult, Outcome};
use std::fmt::Write as _;

/// The longest name or message: reports are for reading.
const TEXT_CHARS_MAX: usize = 400;

/// One evaluated set.
#[derive(Clone, Copy, Debug)]
pub struct Suite<'s> {
    /// The set.
    pub name: &'s str,
    /// What is evaluated: the workflow and its step.
    pub class: &'s str,
    /// Its examples, in order.
    pub results: &'s [ExampleResult],
}

/// What an example comes to, for a report: a sentence where it did not pass.
enum Case {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The report, as UTF-8 text. It holds no text of an example but its id.
#[must_use]
pub fn junit(suites: &[Suite<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in suites {
        let cases: Vec<(&ExampleResult, Case)> = suite.results.iter().map(|r| (r, case(r))).collect();
        let failures = cases.iter().filter(|(_, c)| matches!(c, Case::Failed(_))).count();
        let skipped = cases.iter().filter(|(_, c)| matches!(c, Case::Skipped(_))).count();
        let took: u64 = suite.results.iter().fold(0, |sum, r| sum.saturating_add(r.took_ms));
        // Writing into a string does not fail.
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{}\">",
            escaped(suite.name),
            cases.len(),
            seconds(took)
        );
        for (result, case) in &cases {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
                escaped(suite.class),
                escaped(&result.id),
                seconds(result.took_ms)
            );
            let _ = match case {
                Case::Passed => writeln!(out, "/>"),
                Case::Failed(why) => {
                    writeln!(out, ">\n      <failure message=\"{}\"/>\n    </testcase>", escaped(why))
                }
                Case::Skipped(why) => {
                    writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escaped(why))
                }
            };
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(result: &ExampleResult) -> Case {
    if result.must_not_pass && result.released() {
        return Case::Failed(format!("must not pass, and did: {}", said(result)));
    }
    // Skipped, it would let a pipeline go on as if it had been stopped.
    if result.must_not_pass && result.is_unjudged() {
        return Case::Failed(format!("must not pass, and was not shown to be stopped: {}", said(result)));
    }
    match result.outcome {
        Outcome::Passed => Case::Passed,
        Outcome::Failed => Case::Failed(why(result)),
        Outcome::Inconclusive => Case::Skipped(why(result)),
        Outcome::NotExpected if result.must_not_pass => Case::Passed,
        Outcome::NotExpected => Case::Skipped(format!("nothing is expected of it; {}", said(result))),
    }
}

/// Why an example did not pass, in words: verdict, fields, rules. No text of the example or of an answer.
#[must_use]
pub fn why(result: &ExampleResult) -> String {
    let mut parts = vec![said(result)];
    if result.unstable {
        parts.push("repeated answers differ".to_owned());
    }
    if !result.differs.is_empty() {
        parts.push(format!("not as expected: {}", result.differs.join(", ")));
    }
    let caught: Vec<&str> = result.rules.iter().filter(|(_, c)| *c).map(|(path, _)| path.as_str()).collect();
    if !caught.is_empty() {
        parts.push(format!("caught by {}", caught.join(", ")));
    }
    parts.join("; ")
}

fn said(result: &ExampleResult) -> String {
    result.verdict.map_or_else(|| "no answer that could be judged".to_owned(), |v| format!("verdict {v}"))
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// As the value of an attribute. What XML 1.0 cannot hold, and what would change how a line reads, is shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(TEXT_CHARS_MAX) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            // Overrides of the direction of writing, and characters that nobody sees.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                out.push('\u{fffd}');
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
