//! `seatrial digest`: identity by meaning.

use crate::support::Yard;

fn digest(yard: &Yard) -> String {
    yard.run(&["digest"]).exits(0).out
}

#[test]
fn layout_changes_nothing_and_meaning_does() {
    let yard = Yard::new();
    let before = digest(&yard);
    assert!(before.starts_with("sha256:") && before.trim_end().len() == 71, "{before}");
    // A comment, an order of keys, a way of quoting.
    yard.edit("workflow: credit-preapproval\n", "# a comment\nworkflow:   \"credit-preapproval\"\n");
    yard.edit("    within: 5s\n    stream: buffer\n", "    stream: buffer\n\n    within: 5s # as before\n");
    yard.edit(
        "under-30: { where: \"has(input.applicant.age) && input.applicant.age < 30\", guarantee: reported }",
        "under-30: { guarantee: reported, where: 'has(input.applicant.age) && input.applicant.age < 30' }",
    );
    assert_eq!(digest(&yard), before);
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 2001");
    assert_ne!(digest(&yard), before);
}

#[test]
fn elements_have_two_digests() {
    let yard = Yard::new();
    let of = |path: &str| yard.run(&["digest", path, "--format", "json"]).exits(0).json();
    let path = "steps.assess.escalate.large";
    let before = of(path);
    yard.edit("Large credits are a head's decision", "Heads decide large credits");
    let after = of(path);
    assert_ne!(before["written"], after["written"], "people judge the reason too");
    assert_eq!(before["compiled"], after["compiled"], "the machine does the same");
    let ran = yard.run(&["digest", "steps.asess"]).exits(2);
    assert!(ran.err.contains("`steps.asess`"), "{}", ran.err);
}

#[test]
fn a_spec_with_errors_has_none() {
    let yard = Yard::new();
    yard.edit("tier: high ", "teir: high ");
    let ran = yard.run(&["digest"]).exits(1);
    assert!(ran.out.is_empty() && ran.err.contains("seatrial check"), "{ran:?}");
}
