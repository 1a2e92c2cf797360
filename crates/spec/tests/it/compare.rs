//! What a difference does to what AI may do.

use crate::fixture::{WORKFLOW, changed, files, load};
use expect_test::{Expect, expect};
use seatrial_spec::{Comparison, Direction, check, compare};

/// What is said, a line each.
pub fn lines(found: &Comparison) -> String {
    let all = [("+", &found.added), ("-", &found.removed), ("~", &found.changed)];
    let line = |sign: &str, i: &seatrial_spec::Item| {
        format!("{sign} {} {}{}: {}\n", i.path, i.direction, if i.compiled { "" } else { " (prose)" }, i.why)
    };
    all.iter().flat_map(|(sign, items)| items.iter().map(move |i| line(sign, i))).collect()
}

/// One edit a line: what it is, and what is said of it; forwards and backwards.
fn table(edits: &[(&str, &str)]) -> String {
    let old = load(WORKFLOW);
    let one = |(from, to): &(&str, &str)| {
        let new = load(&changed(from, to));
        format!("> {}< {}", lines(&compare(&old, &new)), lines(&compare(&new, &old)))
    };
    edits.iter().map(one).collect()
}

#[track_caller]
fn says(edits: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&table(edits));
}

#[test]
fn nothing_changed() {
    let w = load(WORKFLOW);
    assert!(compare(&w, &w).is_empty());
    assert_eq!(compare(&w, &w).direction(), Direction::Neutral);
}

#[test]
fn how_far_ai_may_reach() {
    says(
        &[
            ("influence: decide", "influence: suggest"),
            ("reversible: true", "reversible: false"),
            ("per_day: 300\n    input", "per_day: 400\n    input"),
            ("withhold: [age, marital, home]", "withhold: [age, marital]"),
            ("    within: 5s", "    within: 5s\n    attempts: 3"),
            ("within: 5s", "within: 10s"),
            ("limits: { per_minute: 600 }", "limits: { per_minute: 900 }"),
            ("limits: { per_minute: 600 }", "limits: { per_minute: 600, tokens_per_day: 5 }"),
            ("    limits: { per_minute: 600 }\n", ""),
            ("name: credit-logistic", "name: other"),
            ("actor: system\n", "actor: person\n"),
            ("  offer:\n    does: \"Send the offer\"\n    actor: system\n", ""),
            ("keep: 2y, payloads: 90d", "keep: 1y, payloads: 90d"),
        ],
        expect![[r#"
            > ~ steps.assess.influence narrows: how far AI may reach: decide → suggest
            < ~ steps.assess.influence widens: how far AI may reach: suggest → decide
            > ~ steps.assess.reversible widens: its effect cannot be taken back any more
            < ~ steps.assess.reversible unclear: its effect counts as one that can be taken back, so less has to be shown for it
            > ~ steps.assess.per_day neutral: cases a day that are expected: 300 → 400
            < ~ steps.assess.per_day neutral: cases a day that are expected: 400 → 300
            > ~ steps.assess.withhold widens: the model sees `home` now
            < ~ steps.assess.withhold narrows: the model does not see `home` any more
            > ~ steps.assess.attempts widens: attempts: 1 → 3: more chances to pass the same rules
            < ~ steps.assess.attempts unclear: attempts: 3 → 1: an earlier output is the one that is judged
            > ~ steps.assess.within widens: the step's time: 5s → 10s
            < ~ steps.assess.within narrows: the step's time: 10s → 5s
            > ~ steps.assess.limits widens: calls a minute: 600 → 900
            < ~ steps.assess.limits narrows: calls a minute: 900 → 600
            > ~ steps.assess.limits narrows: tokens a day: none → 5
            < ~ steps.assess.limits widens: tokens a day: 5 → none: there is no bound any more
            > - steps.assess.limits widens: calls a minute: 600 → none: there is no bound any more
            < + steps.assess.limits narrows: calls a minute: none → 600
            > ~ steps.assess.model unclear: another model answers: `credit-logistic` → `other`
            < ~ steps.assess.model unclear: another model answers: `other` → `credit-logistic`
            > ~ steps.offer.actor neutral: who does it: system → person
            < ~ steps.offer.actor unclear: who does it: person → system
            > - steps.offer unclear: a program does this step no longer
            < + steps.offer unclear: a new step that a program does
            > ~ steps.assess.trace unclear: how long events are kept: 730d → 365d
            < ~ steps.assess.trace neutral: how long events are kept: 365d → 730d
        "#]],
    );
}

#[test]
fn what_holds_it_back() {
    says(
        &[
            (
                "      says-why: { rule: \"size(output.reason) >= 10\", because: \"Underwriters must see the reason\" }\n",
                "      {}\n",
            ),
            ("size(output.reason) >= 10", "size(output.reason) >= 12"),
            ("size(output.reason) >= 10", "size(output.reason) >= 10 && output.confidence > 0.5"),
            ("size(output.reason) >= 10", "size(output.reason) >= 10 || input.amount < 100"),
            ("guarantee|promise", "guarantee"),
            ("Only the contract promises", "Only contracts promise"),
            ("[email, phone, iban, {", "[email, phone, {"),
            ("{ regex: \"[A-Z]{2}-[0-9]{6}\" }", "{ regex: \"[A-Z]{2}-[0-9]{5}\" }"),
            ("in: output.reason, else: modify", "else: modify"),
            ("in: output.reason, else: modify", "in: output.reason, else: warn"),
            ("in: output.reason, else: modify", "in: output.reason, else: deny"),
            ("else: escalate, to: underwriters }", "else: deny }"),
            ("else: escalate, to: underwriters }", "else: escalate, to: heads }"),
        ],
        expect![[r#"
            > - steps.assess.require.says-why widens: a rule is gone: `size(output.reason) >= 10`; else escalate
            < + steps.assess.require.says-why narrows: a new rule: `size(output.reason) >= 10`; else escalate
            > ~ steps.assess.require.says-why narrows: it must hold that: `size(output.reason) >= 10` → `size(output.reason) >= 12`, which holds in fewer cases
            < ~ steps.assess.require.says-why widens: it must hold that: `size(output.reason) >= 12` → `size(output.reason) >= 10`, which holds in more cases
            > ~ steps.assess.require.says-why narrows: it must hold that: `size(output.reason) >= 10` → `size(output.reason) >= 10 && output.confidence > 0.5`, which holds in fewer cases
            < ~ steps.assess.require.says-why widens: it must hold that: `size(output.reason) >= 10 && output.confidence > 0.5` → `size(output.reason) >= 10`, which holds in more cases
            > ~ steps.assess.require.says-why widens: it must hold that: `size(output.reason) >= 10` → `size(output.reason) >= 10 || input.amount < 100`, which holds in more cases
            < ~ steps.assess.require.says-why narrows: it must hold that: `size(output.reason) >= 10 || input.amount < 100` → `size(output.reason) >= 10`, which holds in fewer cases
            > ~ steps.assess.forbid.promises-terms unclear: it objects where: `output.reason.matches('(?i)guarantee|promise')` → `output.reason.matches('(?i)guarantee')`; neither follows from the other by its form
            < ~ steps.assess.forbid.promises-terms unclear: it objects where: `output.reason.matches('(?i)guarantee')` → `output.reason.matches('(?i)guarantee|promise')`; neither follows from the other by its form
            > ~ steps.assess.forbid.promises-terms neutral (prose): reason given: Only the contract promises → Only contracts promise
            < ~ steps.assess.forbid.promises-terms neutral (prose): reason given: Only contracts promise → Only the contract promises
            > ~ steps.assess.forbid.personal-data widens: it looks for `iban` no longer
            < ~ steps.assess.forbid.personal-data narrows: it looks for `iban`, too
            > ~ steps.assess.forbid.personal-data unclear: it looks for `[A-Z]{2}-[0-9]{6}` no longer; it looks for `[A-Z]{2}-[0-9]{5}`, too
            < ~ steps.assess.forbid.personal-data unclear: it looks for `[A-Z]{2}-[0-9]{5}` no longer; it looks for `[A-Z]{2}-[0-9]{6}`, too
            > ~ steps.assess.forbid.personal-data narrows: where it looks: output.reason → all text
            < ~ steps.assess.forbid.personal-data widens: where it looks: all text → output.reason
            > ~ steps.assess.forbid.personal-data widens: where it objects: modify → warn
            < ~ steps.assess.forbid.personal-data narrows: where it objects: warn → modify
            > ~ steps.assess.forbid.personal-data narrows: where it objects: modify → deny
            < ~ steps.assess.forbid.personal-data widens: where it objects: deny → modify
            > ~ steps.assess.never.declines narrows: where it objects: escalate → deny
            < ~ steps.assess.never.declines widens: where it objects: deny → escalate
            > ~ steps.assess.never.declines unclear: who answers: `underwriters` → `heads`
            < ~ steps.assess.never.declines unclear: who answers: `heads` → `underwriters`
        "#]],
    );
}

#[test]
fn where_it_is_held_back() {
    says(
        &[
            ("output.decision == 'decline'", "output.decision == 'decline' || output.outcome == 'bad'"),
            ("input.amount > 5000", "input.amount > 4000"),
            ("input.amount > 5000", "input.amount > 5000 && output.outcome == 'bad'"),
            ("input.amount > 5000", "input.amount >= 5000.0"),
            ("input.amount > 5000", "input.price > 5000"),
            (
                "      large: { when: \"input.amount > 5000\", to: heads, because: \"Large credits are decided by two\" }\n",
                "",
            ),
            ("confidence < thresholds.approve", "confidence < thresholds.approve || input.amount > 3000"),
            ("input.income < 1\"", "input.income < 2\""),
        ],
        expect![[r#"
            > ~ steps.assess.never.declines narrows: it objects where: `output.decision == 'decline'` → `output.decision == 'decline' || output.outcome == 'bad'`, which holds in more cases
            < ~ steps.assess.never.declines widens: it objects where: `output.decision == 'decline' || output.outcome == 'bad'` → `output.decision == 'decline'`, which holds in fewer cases
            > ~ steps.assess.escalate.large narrows: it escalates where: `input.amount > 5000` → `input.amount > 4000`, which holds in more cases
            < ~ steps.assess.escalate.large widens: it escalates where: `input.amount > 4000` → `input.amount > 5000`, which holds in fewer cases
            > ~ steps.assess.escalate.large widens: it escalates where: `input.amount > 5000` → `input.amount > 5000 && output.outcome == 'bad'`, which holds in fewer cases
            < ~ steps.assess.escalate.large narrows: it escalates where: `input.amount > 5000 && output.outcome == 'bad'` → `input.amount > 5000`, which holds in more cases
            > ~ steps.assess.escalate.large narrows: it escalates where: `input.amount > 5000` → `input.amount >= 5000.0`, which holds in more cases
            < ~ steps.assess.escalate.large widens: it escalates where: `input.amount >= 5000.0` → `input.amount > 5000`, which holds in fewer cases
            > ~ steps.assess.escalate.large unclear: it escalates where: `input.amount > 5000` → `input.price > 5000`; neither follows from the other by its form
            < ~ steps.assess.escalate.large unclear: it escalates where: `input.price > 5000` → `input.amount > 5000`; neither follows from the other by its form
            > - steps.assess.escalate.large widens: an escalation is gone: `input.amount > 5000` asked `heads`
            < + steps.assess.escalate.large narrows: a new escalation: `input.amount > 5000` asks `heads`
            > ~ steps.assess.escalate.unsure narrows: it escalates where: `confidence < thresholds.approve` → `confidence < thresholds.approve || input.amount > 3000`, which holds in more cases
            < ~ steps.assess.escalate.unsure widens: it escalates where: `confidence < thresholds.approve || input.amount > 3000` → `confidence < thresholds.approve`, which holds in fewer cases
            > ~ steps.assess.refuse_input.no-income narrows: it objects where: `has(input.income) && input.income != null && input.income < 1` → `has(input.income) && input.income != null && input.income < 2`, which holds in more cases
            < ~ steps.assess.refuse_input.no-income widens: it objects where: `has(input.income) && input.income != null && input.income < 2` → `has(input.income) && input.income != null && input.income < 1`, which holds in fewer cases
        "#]],
    );
}

#[test]
fn who_looks_at_it() {
    says(
        &[
            ("audit: { sample: 0.05,", "audit: { sample: 0.02,"),
            ("to: heads, blind: true", "to: heads, blind: false"),
            ("    audit: { sample: 0.05, to: heads, blind: true }\n", ""),
            ("people: 1,", "people: 2,"),
            ("late: heads, people", "late: underwriters, people"),
            ("within: 4h", "within: 8h"),
            ("override: { by: [heads]", "override: { by: [heads, risk]"),
            ("    override: { by: [heads], reasons: [wrong-decision, policy-changed, other] }\n", ""),
            ("fallback: { to: underwriters, per_day: 300", "fallback: { to: underwriters, per_day: 200"),
        ],
        expect![[r#"
            > ~ steps.assess.audit widens: share audited: 0.05 → 0.02
            < ~ steps.assess.audit narrows: share audited: 0.02 → 0.05
            > ~ steps.assess.audit widens: audits are not blind any more
            < ~ steps.assess.audit narrows: audits are blind now
            > - steps.assess.audit widens: nobody audits any more; it was 0.05 of what passes
            < + steps.assess.audit narrows: 0.05 of what passes is audited
            > ~ steps.assess.review narrows: people who answer a review: 1 → 2
            < ~ steps.assess.review widens: people who answer a review: 2 → 1
            > ~ steps.assess.review unclear: who takes late reviews: `heads` → `underwriters`
            < ~ steps.assess.review unclear: who takes late reviews: `underwriters` → `heads`
            > ~ steps.assess.review neutral: a review is late after: 4h → 8h
            < ~ steps.assess.review neutral: a review is late after: 8h → 4h
            > ~ steps.assess.override unclear: who may override: heads → heads, risk
            < ~ steps.assess.override unclear: who may override: heads, risk → heads
            > - steps.assess.override widens: nobody may override its decisions any more
            < + steps.assess.override unclear: its decisions may be overridden, also those that held back: by heads
            > ~ steps.assess.fallback neutral: cases a day by hand: 300 → 200
            < ~ steps.assess.fallback neutral: cases a day by hand: 200 → 300
        "#]],
    );
}

#[test]
fn what_is_promised_and_shown() {
    says(
        &[
            ("at: 0.93", "at: 0.9"),
            ("at: 0.93", "at: none"),
            ("max_wrong: 0.08", "max_wrong: 0.1"),
            ("assurance: 0.95", "assurance: 0.9"),
            (
                "output.outcome != expected.outcome",
                "output.outcome != expected.outcome || output.decision == 'decline'",
            ),
            ("method: split", "method: fixed-sequence\n    grid: [0.97, 0.93]"),
            ("truth: { from: outcome, matures: 90d }", "truth: { from: blind-review }"),
            ("detect_within: 120d", "detect_within: 140d"),
        ],
        expect![[r#"
            > ~ thresholds.approve.at widens: what may pass without a person: 0.93 → 0.9
            < ~ thresholds.approve.at narrows: what may pass without a person: 0.9 → 0.93
            > ~ thresholds.approve.at narrows: what may pass without a person: 0.93 → none
            < ~ thresholds.approve.at widens: what may pass without a person: none → 0.93; until now nothing passed without a person
            > ~ thresholds.approve.max_wrong widens: wrong ones allowed: 0.08 → 0.1
            < ~ thresholds.approve.max_wrong narrows: wrong ones allowed: 0.1 → 0.08
            > ~ thresholds.approve.assurance widens: assurance: 0.95 → 0.9
            < ~ thresholds.approve.assurance narrows: assurance: 0.9 → 0.95
            > ~ thresholds.approve.wrong_when narrows: what counts as wrong: `output.outcome != expected.outcome` → `output.outcome != expected.outcome || output.decision == 'decline'`, which holds in more cases
            < ~ thresholds.approve.wrong_when widens: what counts as wrong: `output.outcome != expected.outcome || output.decision == 'decline'` → `output.outcome != expected.outcome`, which holds in fewer cases
            > + thresholds.approve.grid unclear: grid: none → 0.97, 0.93
            ~ thresholds.approve.method unclear: method: split → fixed-sequence
            < - thresholds.approve.grid unclear: grid: 0.97, 0.93 → none
            ~ thresholds.approve.method unclear: method: fixed-sequence → split
            > ~ thresholds.approve.truth unclear: how truth becomes known: outcomes, after 90d → blind reviews
            < ~ thresholds.approve.truth unclear: how truth becomes known: blind reviews → outcomes, after 90d
            > ~ thresholds.approve.detect_within widens: an error is noticed within: 120d → 140d
            < ~ thresholds.approve.detect_within narrows: an error is noticed within: 140d → 120d
        "#]],
    );
}

#[test]
fn what_is_shown() {
    says(
        &[
            ("guarantee: reported", "guarantee: required"),
            ("input.age < 30", "input.age < 25"),
            ("  young: { where: \"has(input.age) && input.age < 30\", guarantee: reported }\n", "  {}\n"),
            ("target: \">= 0.25\"", "target: \">= 0.2\""),
            ("target: \">= 0.25\"", "target: \"> 0.25\""),
            ("tier: high", "tier: limited"),
            ("residual: low", "residual: medium"),
            ("blocks: production }", "blocks: pilot }"),
            (
                "  seasonal: { ask: \"Does the share of sound applications move with the season?\", about: [steps.assess, slices], owner: engineering, blocks: production }\n",
                "  {}\n",
            ),
            ("metrics.per_day <= 400", "metrics.per_day <= 500"),
            (
                "workflow: { delivery: engineering, receiving: heads }",
                "workflow: { delivery: engineering, receiving: risk }",
            ),
            ("purpose: |\n  A customer", "purpose: |\n  Each customer"),
            ("title: \"Pre-approve consumer", "title: \"Approve consumer"),
            ("drawn: curated, category: prompt-injection", "drawn: curated"),
        ],
        expect![[r#"
            > ~ slices.young narrows: it needs a certificate of its own
            < ~ slices.young widens: it needs no certificate of its own any more
            > ~ slices.young unclear: where: has(input.age) && input.age < 30 → has(input.age) && input.age < 25: it is another part of the population
            < ~ slices.young unclear: where: has(input.age) && input.age < 25 → has(input.age) && input.age < 30: it is another part of the population
            > - slices.young widens: a slice's figures are reported no longer
            < + slices.young neutral: a new slice whose figures are reported
            > ~ outcomes.waiting widens: target: >= 0.25 → >= 0.2
            < ~ outcomes.waiting narrows: target: >= 0.2 → >= 0.25
            > ~ outcomes.waiting narrows: target: >= 0.25 → > 0.25
            < ~ outcomes.waiting widens: target: > 0.25 → >= 0.25
            > ~ risks.tier widens: tier: high → limited
            < ~ risks.tier narrows: tier: limited → high
            > ~ risks.items unclear (prose): residual risk: low → medium
            < ~ risks.items unclear (prose): residual risk: medium → low
            > ~ questions.seasonal narrows (prose): blocks: production → pilot
            < ~ questions.seasonal widens (prose): blocks: pilot → production
            > - questions.seasonal widens (prose): a question is asked no longer: `Does the share of sound applications move with the season?`
            < + questions.seasonal neutral (prose): a question was raised: `Does the share of sound applications move with the season?`
            > ~ assumptions.volume widens: watched: `metrics.per_day <= 400` → `metrics.per_day <= 500`, which holds in more cases
            < ~ assumptions.volume narrows: watched: `metrics.per_day <= 500` → `metrics.per_day <= 400`, which holds in fewer cases
            > ~ responsibilities.workflow unclear (prose): receiving: `heads` → `risk`
            < ~ responsibilities.workflow unclear (prose): receiving: `risk` → `heads`
            > ~ purpose unclear (prose): what it is for: A customer with a sound application hears at once; everybody else is looked at … → Each customer with a sound application hears at once; everybody else is looked …: in words, so only a person can tell
            < ~ purpose unclear (prose): what it is for: Each customer with a sound application hears at once; everybody else is looked … → A customer with a sound application hears at once; everybody else is looked at …: in words, so only a person can tell
            > ~ title neutral (prose): title: Pre-approve consumer credit that is clearly sound → Approve consumer credit that is clearly sound
            < ~ title neutral (prose): title: Approve consumer credit that is clearly sound → Pre-approve consumer credit that is clearly sound
            > ~ examples.hostile widens: category: `prompt-injection` → none
            < ~ examples.hostile unclear: category: none → `prompt-injection`
        "#]],
    );
}

#[test]
fn what_bounds_a_stage() {
    says(
        &[
            ("until: 2027-01-31", "until: 2027-03-31"),
            ("per_day: 200", "per_day: 250"),
            ("mode: live", "mode: shadow"),
            ("review: all", "review: audit"),
            ("metrics.reviewed >= 500", "metrics.reviewed >= 400"),
            ("    continue_if: \"metrics.agreement >= 0.85 && metrics.reviewed >= 500\"\n", ""),
            ("over: [purpose, steps]", "over: [purpose]"),
            ("over: [purpose, steps]", "over: [purpose, steps, \"steps.*.never\"]"),
            ("hostile: \">= 1\"", "hostile: \">= 0.9\""),
            ("stop: 1min, ", ""),
            ("override: 1d, escalation", "override: 2d, escalation"),
            ("hypercare: 60d", "hypercare: 90d"),
            ("on_lapse: escalate", "on_lapse: warn"),
            ("transfer_index: \">= 0.9\"", "transfer_index: \">= 0.8\""),
        ],
        expect![[r#"
            > ~ gates.pilot.until widens: the pilot's end: 2027-01-31 → 2027-03-31
            < ~ gates.pilot.until narrows: the pilot's end: 2027-03-31 → 2027-01-31
            > ~ gates.pilot.per_day widens: cases a day: 200 → 250
            < ~ gates.pilot.per_day narrows: cases a day: 250 → 200
            > ~ gates.pilot.mode unclear: mode: live → shadow: the guard judges, and holds nothing back
            < ~ gates.pilot.mode unclear: mode: shadow → live: what the guard says takes effect
            > ~ gates.pilot.review widens: what people review: all, before → all, after
            < ~ gates.pilot.review narrows: what people review: all, after → all, before
            > ~ gates.pilot.continue_if widens: the pilot goes on if: `metrics.agreement >= 0.85 && metrics.reviewed >= 500` → `metrics.agreement >= 0.85 && metrics.reviewed >= 400`, which holds in more cases
            < ~ gates.pilot.continue_if narrows: the pilot goes on if: `metrics.agreement >= 0.85 && metrics.reviewed >= 400` → `metrics.agreement >= 0.85 && metrics.reviewed >= 500`, which holds in fewer cases
            > - gates.pilot.continue_if widens: nothing says when the pilot goes on; it was `metrics.agreement >= 0.85 && metrics.reviewed >= 500`
            < + gates.pilot.continue_if narrows: the pilot goes on if `metrics.agreement >= 0.85 && metrics.reviewed >= 500`
            > ~ gates.pilot.approvals widens (prose): `heads` approves `steps` no longer
            < ~ gates.pilot.approvals narrows (prose): `heads` approves `steps`, too
            > ~ gates.pilot.approvals neutral (prose): the approvals are listed otherwise, over the same elements
            < ~ gates.pilot.approvals neutral (prose): the approvals are listed otherwise, over the same elements
            > ~ gates.production.evaluation.hostile widens: bar: >= 1 → >= 0.9
            < ~ gates.production.evaluation.hostile narrows: bar: >= 0.9 → >= 1
            > - gates.production.drills.stop widens: longest time: 1min → none: there is no bound any more
            < + gates.production.drills.stop narrows: longest time: none → 1min
            > ~ gates.production.drills.override widens: longest time: 1d → 2d
            < ~ gates.production.drills.override narrows: longest time: 2d → 1d
            > ~ gates.production.hypercare widens: time until the handover: 60d → 90d
            < ~ gates.production.hypercare narrows: time until the handover: 90d → 60d
            > ~ gates.production.on_lapse widens: when the release lapses: escalate → warn
            < ~ gates.production.on_lapse narrows: when the release lapses: warn → escalate
            > ~ gates.handover widens: transfer index: >= 0.9 → >= 0.8
            < ~ gates.handover narrows: transfer index: >= 0.8 → >= 0.9
        "#]],
    );
}

#[test]
fn a_step_in_which_ai_decides_comes_and_goes() {
    let step = "  second:\n    does: \"Looks again\"\n    actor: ai\n    influence: suggest\n    input: Application\n    output: Assessment\n  offer:\n";
    let new = load(&changed("  offer:\n", step));
    expect![[r#"
        + steps.second widens: a new step in which AI may suggest
        - steps.second narrows: AI does this step no longer
    "#]]
    .assert_eq(&format!("{}{}", lines(&compare(&load(WORKFLOW), &new)), lines(&compare(&new, &load(WORKFLOW)))));
}

#[test]
fn examples_are_compared_one_by_one() {
    let old = load(WORKFLOW);
    let with = |change: &dyn Fn(&str) -> String| {
        let mut files = files();
        let text = String::from_utf8(files.0["examples/applications.jsonl"].clone()).unwrap();
        files.0.insert("examples/applications.jsonl".to_owned(), change(&text).into_bytes());
        lines(&compare(&old, &check(WORKFLOW, &files, None).workflow.unwrap()))
    };
    let more =
        "{\"id\":\"a-9\",\"input\":{\"amount\":1,\"price\":2,\"text\":\"x\"},\"expected\":{\"outcome\":\"good\"}}\n";
    expect![[r#"
        ~ examples.applications widens: 1 example(s) gone: `a-1`
        ~ examples.applications neutral: 1 example(s) more: `a-9`
        ~ examples.applications unclear: 1 example(s) say something else: `a-1`
    "#]]
    .assert_eq(
        &[
            with(&|t| t.lines().skip(1).map(|l| format!("{l}\n")).collect()),
            with(&|t| format!("{t}{more}")),
            with(&|t| t.replacen("900,", "901,", 1)),
        ]
        .concat(),
    );
}
