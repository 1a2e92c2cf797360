//! Is the promise kept? Over splits of the example's real applications: seal, train, propose, certify, and then pass
//! every held-back application through the serving path. `SEATRIAL_SOAK=1` runs twenty splits instead of three,
//! `SEATRIAL_SPLITS` as many as it says.

use crate::support::{Yard, run};
use seatrial_classifier::{FitOptions, features_from_schema, fit};
use seatrial_factory::Quiet;
use seatrial_factory::api::Passage;
use seatrial_model::event::{ExamplesSealed, ModelTrained, SplitSide};
use seatrial_model::{Body, Digest};
use seatrial_sprint::split::{SHARES, side_digest};
use seatrial_sprint::stats::{lower_bound, upper_bound};
use seatrial_sprint::{Example, Split};
use seatrial_store::ReaderExt as _;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::Semaphore;

const MAX_WRONG: f64 = 0.08;
const ASSURANCE: f64 = 0.95;
/// How many applications are under way at once: commits are shared.
const IN_FLIGHT: usize = 32;

/// What one split came to.
#[derive(Debug, Default, Serialize)]
struct Seed {
    salt: String,
    /// The number that was proposed, and the power that it was proposed with.
    at: Option<f64>,
    power: f64,
    certified: bool,
    /// On the certification side: wrong of passed.
    certified_on: (u64, u64),
    /// On the held-back side: wrong of passed, of all.
    wrong: u64,
    passed: u64,
    held_back: u64,
    broken: bool,
}

/// What all of them came to.
#[derive(Debug, Serialize)]
struct Study {
    max_wrong: f64,
    assurance: f64,
    seeds: Vec<Seed>,
    certified: u64,
    broken: u64,
    /// Clopper–Pearson, 95 %, two-sided: the share of certificates whose promise the held-back side breaks.
    broken_interval: (f64, f64),
    /// Wrong of passed over all certified splits. They overlap, so no interval is given.
    wrong: u64,
    passed: u64,
    held_back: u64,
}

fn salts() -> Vec<String> {
    let soak = std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1");
    let asked = std::env::var("SEATRIAL_SPLITS").ok().and_then(|n| n.parse::<u8>().ok());
    (0..asked.unwrap_or(if soak { 20 } else { 3 })).map(|n| format!("5eed{n:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promise_holds_on_what_nobody_touched() {
    let mut seeds = Vec::new();
    for salt in salts() {
        seeds.push(one(&salt).await);
    }
    let certified = || seeds.iter().filter(|s| s.certified);
    let (n, k) = (certified().count() as u64, certified().filter(|s| s.broken).count() as u64);
    let study = Study {
        max_wrong: MAX_WRONG,
        assurance: ASSURANCE,
        certified: n,
        broken: k,
        broken_interval: (lower_bound(k, n, 0.025), upper_bound(k, n, 0.025)),
        wrong: certified().map(|s| s.wrong).sum(),
        passed: certified().map(|s| s.passed).sum(),
        held_back: certified().map(|s| s.held_back).sum(),
        seeds,
    };
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/promise.json"), serde_json::to_vec_pretty(&study).unwrap())
        .unwrap();
    println!("{}", table(&study));
    assert!(study.certified > 0, "a promise that is never given is always kept");
    // Were at most 5 % of the promises broken, this many would be seen in fewer than 5 % of studies.
    let incompatible = lower_bound(k, n, 0.05) > 1.0 - ASSURANCE;
    assert!(!incompatible, "{k} of {n} promises are broken:\n{}", table(&study));
    assert!(study.wrong as f64 <= MAX_WRONG * study.passed as f64, "{} of {}", study.wrong, study.passed);
}

async fn one(salt: &str) -> Seed {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    let proposed = yard.factory.propose(&dev, None, "approve", Some(salt.to_owned()), &Quiet).await.unwrap().body;
    let (examples, split) = yard.applications(salt);
    let mut seed = Seed { salt: salt.to_owned(), at: proposed.at, power: proposed.power, ..Seed::default() };
    if let Some(at) = proposed.at {
        yard.edit("at: none ", &format!("at: {at} "));
        let tested = yard.factory.certify(&dev, None, "approve", &Quiet).await.unwrap().body;
        seed.certified = tested.certified;
        seed.certified_on = (tested.certificate.errors, tested.certificate.examples);
        let reviewed = tested.certificate.reviewed;
        assert_eq!(reviewed.n, split.indexes(SplitSide::Certify).count() as u64, "all of the sealed side, once");
    }
    sides_are_apart(&examples, &split);
    trained_on_its_side_alone(&yard, &examples, &split).await;
    let (passed, wrong, of) = serve_held_back(&yard, &examples, &split).await;
    (seed.passed, seed.wrong, seed.held_back) = (passed, wrong, of);
    assert!(seed.certified || passed == 0, "without a certificate nothing passes: {seed:?}");
    seed.broken = wrong as f64 > MAX_WRONG * passed as f64;
    seed
}

/// Every held-back application through the serving path, in rehearsal: what is served there reads the same
/// certificates as production. Gives (passed, wrong among them, all).
async fn serve_held_back(yard: &Yard, examples: &[Example], split: &Split) -> (u64, u64, u64) {
    let gate = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut tasks = tokio::task::JoinSet::new();
    let mut all = 0;
    for place in split.indexes(SplitSide::HeldBack) {
        let example = examples[place].clone();
        let (factory, who, gate) = (yard.factory.clone(), yard.who("hana"), Arc::clone(&gate));
        all += 1;
        tasks.spawn(async move {
            let _permit = gate.acquire().await.unwrap();
            let passage = Passage { rehearsal: true, ..run(example.input) };
            let passed = factory.pass(&who, passage).await.unwrap();
            let output: Option<serde_json::Value> = passed.output.map(|o| serde_json::from_str(&o).unwrap());
            // Read off the label, by the words of `wrong_when`, and not by the code that reads them in the guard.
            output.map(|o| o["decision"] == "pre-approve" && example.expected.unwrap()["outcome"] == "bad")
        });
    }
    let passed: Vec<bool> = tasks.join_all().await.into_iter().flatten().collect();
    (passed.len() as u64, passed.iter().filter(|wrong| **wrong).count() as u64, all)
}

/// No example is on two sides, neither by its id nor by its input.
fn sides_are_apart(examples: &[Example], split: &Split) {
    let mut ids: HashMap<&str, SplitSide> = HashMap::new();
    let mut inputs: HashMap<Digest, SplitSide> = HashMap::new();
    let mut placed = 0;
    for (side, _) in SHARES {
        for place in split.indexes(side) {
            placed += 1;
            let example = &examples[place];
            assert_eq!(ids.insert(&example.id, side), None, "`{}` is on a side twice", example.id);
            let other = inputs.insert(example.input_digest().unwrap(), side);
            assert!(other.is_none_or(|o| o == side), "the input of `{}` is on two sides", example.id);
        }
    }
    assert_eq!(placed + split.set_aside().count(), examples.len());
    assert!(split.set_aside().count() * 100 < examples.len(), "hardly any application occurs twice");
}

/// The model is what its own side of the split makes of it, and was trained after that split was sealed; its bytes
/// are learned again here from that side alone.
async fn trained_on_its_side_alone(yard: &Yard, examples: &[Example], split: &Split) {
    let mut sealed: Option<(u64, ExamplesSealed)> = None;
    let mut trained: Option<(u64, ModelTrained)> = None;
    let size = yard.factory.summary(crate::support::WORKFLOW).await.unwrap().log_size;
    for index in 0..size {
        let event = yard.factory.store().event(&yard.log(), index).await.unwrap().unwrap();
        match event.body {
            Body::ExamplesSealed(body) => assert!(sealed.replace((index, body)).is_none(), "sealed once"),
            Body::ModelTrained(body) => assert!(trained.replace((index, body)).is_none(), "trained once"),
            Body::ThresholdProposed(_) | Body::ThresholdTested(_) => assert!(sealed.is_some() && trained.is_some()),
            Body::DecisionMade(_) => panic!("something was decided already"),
            _ => {}
        }
    }
    let ((sealed_at, sealed), (trained_at, trained)) = (sealed.unwrap(), trained.unwrap());
    assert!(sealed_at < trained_at);
    let by_side: BTreeMap<SplitSide, Vec<usize>> =
        SHARES.iter().map(|(side, _)| (*side, split.indexes(*side).collect())).collect();
    for (side, places) in &by_side {
        let of = &sealed.sides[side];
        assert_eq!((of.rows, of.digest), (places.len() as u64, side_digest(places, examples).unwrap()), "{side:?}");
    }
    let side = &sealed.sides[&SplitSide::Train];
    assert_eq!((trained.examples, trained.rows), (side.digest, side.rows));
    let workflow = yard.factory.work_tree(None).unwrap().checked.workflow.unwrap();
    let features = features_from_schema(&workflow.types["Application"].schema, &workflow.steps[0].withhold);
    let label = |e: &Example| e.expected.as_ref().unwrap()["decision"].as_str().unwrap().to_owned();
    let train = &by_side[&SplitSide::Train];
    let rows: Vec<_> = train.iter().map(|i| (examples[*i].input.clone(), label(&examples[*i]))).collect();
    let again = fit(&rows, &features, &FitOptions::default()).unwrap().to_json().unwrap();
    assert_eq!(Digest::of(&again), trained.model, "the model has seen something else");
}

/// The figures as they stand in `docs/measurements/promise.md`.
fn table(study: &Study) -> String {
    let mut out = String::from(
        "| salt | at | power | certificate | on sealed: wrong of passed | held back: wrong of passed | of | broken |\n|---|---|---|---|---|---|---|---|\n",
    );
    for s in &study.seeds {
        let at = s.at.map_or_else(|| "none".to_owned(), |at| at.to_string());
        let share =
            if s.passed == 0 { String::new() } else { format!(" ({:.1} %)", 100.0 * s.wrong as f64 / s.passed as f64) };
        let (k, n) = s.certified_on;
        let (given, broken) = (if s.certified { "given" } else { "refused" }, if s.broken { "yes" } else { "no" });
        writeln!(
            out,
            "| `{}` | {at} | {:.2} | {given} | {k} of {n} | {} of {}{share} | {} | {broken} |",
            s.salt, s.power, s.wrong, s.passed, s.held_back
        )
        .unwrap();
    }
    let (low, high) = study.broken_interval;
    writeln!(
        out,
        "\n{} of {} splits certified; {} of these broken on what was held back (95 % interval {:.1} % to {:.1} %); over them {} of {} passed are wrong ({:.1} %); {:.1} % of {} pass.",
        study.certified, study.seeds.len(), study.broken, 100.0 * low, 100.0 * high, study.wrong, study.passed,
        100.0 * study.wrong as f64 / study.passed as f64, 100.0 * study.passed as f64 / study.held_back as f64, study.held_back
    )
    .unwrap();
    out
}
