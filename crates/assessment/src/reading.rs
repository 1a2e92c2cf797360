//! How much text an approval was over, and how fast nobody reads.

use seatrial_model::{ElementPath, PathPattern};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Check, Rule};

/// Characters a second above which nobody reads. A practised reader has 238 words of English prose a minute (Brysbaert 2019,
/// a meta-analysis of 190 studies), about 24 characters a second with the blanks; this is more than three times as fast, so
/// that whoever skims what they know is not accused.
pub(crate) const READ_CHARS_PER_S_MAX: u64 = 80;

/// The characters of the prose and rules that a scope shows.
pub(crate) fn characters(workflow: &Workflow, scope: &[PathPattern]) -> u64 {
    let seen = |path: &ElementPath| scope.iter().any(|p| p.matches(path));
    let count = |path: String, text: &str| if seen(&ElementPath::new(path)) { text.chars().count() as u64 } else { 0 };
    let mut sum = count("purpose".to_owned(), &workflow.purpose) + count("population".to_owned(), &workflow.population);
    for (name, outcome) in &workflow.outcomes {
        sum += count(format!("outcomes.{name}"), &outcome.measure);
    }
    for step in &workflow.steps {
        for rule in step.rules() {
            sum += count(rule.path.as_str().to_owned(), &text(rule));
        }
        for e in &step.escalate {
            sum +=
                count(e.path.as_str().to_owned(), &format!("{}{}", e.when.source, e.because.as_deref().unwrap_or("")));
        }
        sum += count(format!("{}.does", step.path()), &step.does);
    }
    if scope.iter().any(|p| p.as_str().starts_with("risks")) {
        sum += workflow
            .risks
            .items
            .iter()
            .map(|r| (r.risk.chars().count() + r.measure.chars().count()) as u64)
            .sum::<u64>();
    }
    sum
}

fn text(rule: &Rule) -> String {
    let what = match &rule.check {
        Check::Rule(expr) => expr.source.clone(),
        Check::Detect { detectors, regexes, .. } => format!("{}{}", detectors.join(" "), regexes.join(" ")),
        Check::Grounded { quote, within } => format!("{quote}{within}"),
        Check::Judge { step, rule } => format!("{step}{}", rule.source),
    };
    format!("{what}{}", rule.because.as_deref().unwrap_or(""))
}
