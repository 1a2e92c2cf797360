//! Sealed examples: no example changes side, and every look at them is counted and paid for.

use crate::support::{Only, SALT, Yard, edit, run};
use seatrial_factory::api::{Passage, Refused};
use seatrial_factory::{CertifiedOutcome, Quiet};
use seatrial_governance::State;
use seatrial_model::event::{Certificate, SplitSide};
use seatrial_model::facts::CertificateState;
use seatrial_model::{Body, Stage};
use seatrial_sprint::calibrate::recomputes;
use seatrial_sprint::{Split, parse_examples};
use seatrial_store::ReaderExt as _;
use serde_json::Value;
use std::path::Path;

const SPEC: &str = "workflows/credit-preapproval/workflow.yaml";
const APPLICATIONS: &str = "workflows/credit-preapproval/examples/applications.jsonl";

/// The example, its spec changed, with the sides sealed under the shared salt and a number in force.
async fn yard(at: &str, changes: &[(&str, &str)]) -> Yard {
    let yard = Yard::with(Only(None), |root: &Path| {
        for (from, to) in changes {
            edit(&root.join(SPEC), from, to);
        }
    })
    .await;
    yard.factory.propose(&yard.who("dev"), None, "approve", Some(SALT.to_owned()), &Quiet).await.unwrap();
    yard.edit("at: none ", &format!("at: {at} "));
    yard
}

async fn certify(yard: &Yard) -> Result<CertifiedOutcome, Refused> {
    let done = yard.factory.certify(&yard.who("dev"), None, "approve", &Quiet).await;
    if let Ok(done) = &done {
        assert!(recomputes(&done.body), "{:?}", done.body);
    }
    done
}

fn attempt(c: &Certificate) -> (u64, u64, f64) {
    (c.attempt, c.attempts, c.delta)
}

async fn threshold(yard: &Yard) -> (State, String) {
    let standing = yard.standing(Stage::Production).await;
    let found = standing.states.iter().find(|s| s.obligation.id == "threshold.approve").unwrap();
    (found.state, found.why.clone())
}

/// Changes the lines of the applications.
fn rewrite(root: &Path, change: impl FnOnce(Vec<Value>) -> Vec<Value>) {
    let file = root.join(APPLICATIONS);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = change(text.lines().map(|l| serde_json::from_str(l).unwrap()).collect());
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
}

/// The places of the certification side under the shared salt.
fn sealed(yard: &Yard) -> Vec<usize> {
    yard.applications(SALT).1.indexes(SplitSide::Certify).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_attempt_has_the_whole_of_delta_and_there_is_no_other() {
    let yard = Yard::production().await;
    let events = || async { yard.factory.summary(crate::support::WORKFLOW).await.unwrap().log_size };
    yard.edit("at: 0.94 ", "at: 0.93 ");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let before = events().await;
    let refused = certify(&yard).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, Refused::Conflict { .. }) && text.contains("are spent"), "{text}");
    assert_eq!(events().await, before, "nothing was opened, nothing recorded");
    // To declare more attempts now opens nothing either.
    yard.edit("method: split", "method: split\n    attempts: 4");
    assert!(certify(&yard).await.unwrap_err().to_string().contains("counts as it was before the first"));
    // What is served has its certificate still: it is bound to its own number.
    assert_eq!(yard.allowed(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_attempts_divide_delta_and_are_counted() {
    let yard = yard("0.5", &[("method: split", "method: split\n    attempts: 3")]).await;
    let first = certify(&yard).await.unwrap();
    let c = &first.body.certificate;
    assert_eq!(attempt(c), (1, 3, 0.025));
    assert!(
        !first.body.certified && c.withheld && c.examples == 0,
        "half of what passes at 0.5 cannot be certified: {c:?}"
    );
    assert!(first.points.is_empty(), "nothing of the sealed side is shown while attempts are left");
    assert_eq!(threshold(&yard).await.0, State::Failed);
    yard.edit("at: 0.5 ", "at: 0.95 ");
    // The number declared before the first attempt counts, whatever the spec says by now.
    yard.edit("attempts: 3", "attempts: 8");
    let second = certify(&yard).await.unwrap();
    let c = &second.body.certificate;
    assert_eq!(attempt(c), (2, 3, 0.0125));
    assert!(second.body.certified && !c.withheld && c.examples > 0, "{c:?}");
    yard.edit("at: 0.95 ", "at: 0.6 ");
    let third = certify(&yard).await.unwrap();
    assert_eq!(attempt(&third.body.certificate), (3, 3, 0.0125));
    assert!(!third.body.certificate.withheld && third.body.certificate.examples > 0, "nothing is left to choose by it");
    assert!(certify(&yard).await.is_err(), "three were declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_example_changes_side_and_only_fresh_ones_certify_again() {
    let yard = Yard::production().await;
    let dev = yard.who("dev");
    let other = yard.factory.propose(&dev, None, "approve", Some("beef".to_owned()), &Quiet).await.unwrap_err();
    assert!(matches!(&other, Refused::Conflict { now: Some(now), .. } if now == SALT), "{other}");
    // As many applications again, each a little different: another set, sealed under the same salt, and every one known
    // stays where it was. The model learns from another side then, so nothing of what was measured stands.
    let (_, before) = yard.applications(SALT);
    let known = sealed(&yard).len() as u64;
    rewrite(&yard.root, |mut lines| {
        let more: Vec<Value> = lines.iter().map(fresh).collect();
        lines.extend(more);
        lines
    });
    let (examples, after) = yard.applications(SALT);
    assert!((0..examples.len() / 2).all(|i| before.side(i) == after.side(i)));
    let proposed = yard.factory.propose(&dev, None, "approve", None, &Quiet).await.unwrap();
    assert_eq!((proposed.left_out, proposed.attempt), (known, (1, 1)));
    assert_eq!(threshold(&yard).await.0, State::Stale);
    let again = certify(&yard).await.unwrap().body.certificate;
    assert_eq!(attempt(&again), (1, 1, 0.05), "fresh examples have the whole of δ again");
    assert_eq!(
        (again.left_out, again.reviewed.n),
        (known, proposed.certify_on),
        "and those that are spent are left out"
    );
    assert_eq!(again.reviewed.n, sealed(&yard).len() as u64 - known);
    assert!(certify(&yard).await.is_err(), "now they are spent, too");
}

/// Another applicant, and nearly the same application.
fn fresh(line: &Value) -> Value {
    let mut line = line.clone();
    let id = format!("B{}", line["id"].as_str().unwrap());
    line["id"] = Value::from(id);
    let months = line["input"]["credit"]["price"].as_f64().unwrap();
    line["input"]["credit"]["price"] = Value::from(months + 0.5);
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relabelling_is_no_fresh_example() {
    let yard = yard("0.95", &[("method: split", "method: split\n    attempts: 2")]).await;
    let first = certify(&yard).await.unwrap().body.certificate;
    assert_eq!(attempt(&first), (1, 2, 0.025));
    // All that had been wrong is right now, under other ids.
    let sealed = sealed(&yard);
    rewrite(&yard.root, |mut lines| {
        for place in sealed {
            lines[place]["expected"]["outcome"] = Value::from("good");
        }
        lines
    });
    let second = certify(&yard).await.unwrap().body.certificate;
    assert_eq!(attempt(&second), (2, 2, 0.025), "another digest, and the same inputs");
    assert_ne!(second.sealed, first.sealed);
    assert_eq!(second.errors, 0);
    // A set of another name under which half of the applications stand.
    let file = yard.workflow_folder().join("examples/applications.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let half: Vec<&str> = text.lines().step_by(2).collect();
    std::fs::write(yard.workflow_folder().join("examples/others.jsonl"), half.join("\n") + "\n").unwrap();
    yard.edit("  boundary: {", "  others: { file: examples/others.jsonl, step: assess, drawn: random }\n  boundary: {");
    yard.edit("examples: applications\n    method", "examples: others\n    method");
    // Sides are drawn anew for it. What the model learned from, the number was proposed from, or was tested: all of that
    // is left out, and what nobody touched is left.
    let dev = yard.who("dev");
    let proposed = yard.factory.propose(&dev, None, "approve", Some("beef".to_owned()), &Quiet).await.unwrap();
    let others = parse_examples(half.join("\n").as_bytes()).unwrap();
    let split = Split::of("beef", &others).unwrap();
    let (before, sides) = yard.applications(SALT);
    let side_before = |id: &str| sides.side(before.iter().position(|e| e.id == id).unwrap());
    let certify: Vec<&str> = split.indexes(SplitSide::Certify).map(|i| others[i].id.as_str()).collect();
    // One that was set aside under its old name has another's input, which is on a side.
    let untouched = certify.iter().filter(|id| side_before(id) == Some(SplitSide::HeldBack)).count() as u64;
    assert!(proposed.certify_on.abs_diff(untouched) <= 2, "{} {untouched}", proposed.certify_on);
    assert_eq!(proposed.certify_on + proposed.left_out, certify.len() as u64);
    assert_eq!(proposed.attempt, (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_keeps_off_what_is_sealed() {
    let yard = Yard::pilot().await;
    let sets = ["applications".to_owned()];
    let done = yard.factory.evaluate(&yard.who("dev"), None, &sets, &Quiet).await.unwrap();
    assert_eq!(done[0].side, Some(SplitSide::Tune), "neither sealed nor learned from");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_of_sealed_examples_under_another_name_spends_them() {
    let yard = yard("0.95", &[]).await;
    let places = sealed(&yard);
    let text = std::fs::read_to_string(yard.root.join(APPLICATIONS)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let peeked: Vec<&str> = places.iter().take(40).map(|i| lines[*i]).collect();
    std::fs::write(yard.workflow_folder().join("examples/peek.jsonl"), peeked.join("\n") + "\n").unwrap();
    yard.edit("  boundary: {", "  peek: { file: examples/peek.jsonl, step: assess, drawn: curated }\n  boundary: {");
    yard.factory.evaluate(&yard.who("dev"), None, &["peek".to_owned()], &Quiet).await.unwrap();
    let c = certify(&yard).await.unwrap().body.certificate;
    assert_eq!((c.left_out, c.reviewed.n), (40, places.len() as u64 - 40));
    assert_eq!(attempt(&c), (1, 1, 0.05));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_each_cluster_certifies() {
    let yard = Yard::with(Only(None), |root| {
        rewrite(root, |mut lines| {
            for (i, line) in lines.iter_mut().enumerate() {
                line["cluster"] = Value::from(format!("household-{}", i / 3));
            }
            lines
        });
    })
    .await;
    yard.factory.propose(&yard.who("dev"), None, "approve", Some(SALT.to_owned()), &Quiet).await.unwrap();
    yard.edit("at: none ", "at: 0.95 ");
    let (examples, split) = yard.applications(SALT);
    let clusters: std::collections::BTreeSet<_> =
        split.indexes(SplitSide::Certify).map(|i| examples[i].cluster.clone().unwrap()).collect();
    let c = certify(&yard).await.unwrap().body.certificate;
    assert_eq!(c.reviewed.n, clusters.len() as u64);
    assert_eq!(c.thinned, sealed(&yard).len() as u64 - clusters.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_sequence_certifies_every_point_that_it_passes() {
    let grid = "method: fixed-sequence\n    grid: [0.97, 0.96, 0.95, 0.9, 0.3]";
    let yard = yard("0.96", &[("method: split", grid)]).await;
    let first = certify(&yard).await.unwrap();
    let c = &first.body.certificate;
    assert!(first.body.certified && c.method == "fixed-sequence" && c.grid.len() == 5, "{c:?}");
    let loosest = first.loosest.unwrap();
    assert!(c.sequence.len() >= 3 && loosest <= 0.95, "{c:?}");
    // A looser point that it passed: nothing is opened for it, and nothing spent.
    yard.edit("at: 0.96 ", &format!("at: {loosest} "));
    let taken = certify(&yard).await.unwrap();
    assert!(taken.taken_over && taken.body.certified);
    let t = &taken.body.certificate;
    assert_eq!(attempt(t), attempt(c));
    assert_eq!((t.at, t.sequence.clone(), t.curve), (Some(loosest), c.sequence.clone(), c.curve));
    assert_eq!(threshold(&yard).await.0, State::Discharged);
    // One that it did not come to is not certified by it, and there is no other attempt.
    yard.edit(&format!("at: {loosest} "), "at: 0.3 ");
    assert!(certify(&yard).await.is_err());
    // Nor is a passed one, once a rule is another.
    yard.edit("at: 0.3 ", "at: 0.97 ");
    yard.edit("output.confidence >= 0.5", "output.confidence >= 0.51");
    assert!(certify(&yard).await.is_err(), "the step is another by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_slice_without_its_certificate_goes_to_a_person() {
    let small = "input.applicant.age > 58\", guarantee: required";
    let yard = yard("0.95", &[("input.applicant.age > 50\", guarantee: reported", small)]).await;
    let proposed = yard.factory.propose(&yard.who("dev"), None, "approve", None, &Quiet).await.unwrap();
    assert_eq!(proposed.slices.len(), 1, "its power is said before it is tested");
    let done = certify(&yard).await.unwrap();
    let c = &done.body.certificate;
    let slice = c.required["over-50"];
    assert!((slice.delta - 0.025).abs() < 1e-12 && (c.delta - 0.05).abs() < 1e-12);
    assert!(done.body.certified && !slice.certified, "few are over 58: {slice:?} {:?}", c.remainder);
    assert!(c.remainder.unwrap().certified);
    let (examples, split) = yard.applications(SALT);
    let (mut in_slice, mut passed) = (0, 0);
    for place in split.indexes(SplitSide::HeldBack).take(700) {
        let input = examples[place].input.clone();
        let is_over = input["applicant"]["age"].as_f64().is_some_and(|age| age > 58.0);
        let rehearsal = Passage { rehearsal: true, ..run(input) };
        let done = yard.factory.pass(&yard.who("hana"), rehearsal).await.unwrap();
        let by_slice = done.because.iter().any(|p| p.as_str() == "slices.over-50");
        // Where the input or a rule denies, there is nothing to weigh.
        assert!(!by_slice || is_over);
        in_slice += u32::from(by_slice);
        passed += u32::from(done.output.is_some());
        assert!(!is_over || done.output.is_none(), "nobody over 58 passes without a person");
    }
    assert!(in_slice > 5 && passed > 20, "{in_slice} {passed}");
    let size = yard.factory.summary(crate::support::WORKFLOW).await.unwrap().log_size;
    let mut told = 0;
    for index in 0..size {
        let Body::DecisionMade(made) = yard.factory.store().event(&yard.log(), index).await.unwrap().unwrap().body
        else {
            continue;
        };
        told += made.facts.slices.len();
        assert!(made.facts.slices.iter().all(|s| s.state == CertificateState::None && !s.failed));
    }
    assert!(told > 5, "the facts say which slices an input lay in: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidence_that_the_caller_claims_backs_no_certificate() {
    let yard = Yard::new().await;
    yard.edit("confidence: output.confidence", "confidence: caller");
    let refused = yard.factory.propose(&yard.who("dev"), None, "approve", Some(SALT.to_owned()), &Quiet).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("what its caller claims"), "{text}");
}
