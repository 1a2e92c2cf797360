//! Two kinds of history, generated through the real product: the guard, the embedded model, the store, people with tokens,
//! and a clock that lets months pass. One is honest; each of the others differs from it in one behaviour. Each detector
//! fires on its own and on no other, and none on the honest one.

mod house;
mod story;

use crate::support::WORKFLOW;
use house::{House, Kept};
use seatrial_assessment::{Assessment, Standing, definitions};

/// Theatres that differ before the pilot, during it, and after the launch.
const EARLY: [&str; 9] = [
    "flag.governance-after-build",
    "flag.artifacts",
    "theatre.last-day",
    "theatre.moved-bar",
    "theatre.examples",
    "theatre.simulated",
    "assumption.requirements",
    "assumption.governance",
    "assumption.ownership",
];
const MIDDLE: [&str; 5] =
    ["flag.pilot-evidence", "theatre.reading-time", "theatre.bulk", "theatre.no-rejection", "assumption.velocity"];
const LATE: [&str; 7] = [
    "flag.velocity",
    "flag.controls-after-launch",
    "flag.responsibilities",
    "theatre.waivers",
    "theatre.producer",
    "theatre.served-digest",
    "theatre.drills",
];

async fn begin(twist: &'static str) -> House {
    let house = House::new(twist).await;
    house.build().await;
    house.to_pilot().await;
    house
}

async fn middle(house: &House) {
    let cases = house.pilot().await;
    house.learn(cases).await;
    house.to_production().await;
}

async fn end(house: House) -> (&'static str, Assessment) {
    house.operate().await;
    (house.twist, house.factory.assess(WORKFLOW).await.unwrap())
}

async fn from_the_start(twist: &'static str) -> (&'static str, Assessment) {
    let house = begin(twist).await;
    middle(&house).await;
    end(house).await
}

async fn from_the_pilot(kept: &Kept, twist: &'static str) -> (&'static str, Assessment) {
    let house = kept.go_on(twist).await;
    middle(&house).await;
    end(house).await
}

fn fired(assessment: &Assessment) -> Vec<&'static str> {
    assessment.fired().map(|i| i.id).collect()
}

fn table(assessment: &Assessment) -> String {
    let line = |i: &seatrial_assessment::Item| {
        let reasons: Vec<&str> = i.reasons.iter().map(|r| r.text.as_str()).collect();
        format!("{:<28} {:<12} {}\n", i.id, i.standing.as_str(), reasons.join(" | "))
    };
    assessment.items().map(line).collect()
}

/// Several histories from the start, on a thread of their own.
fn stage(twists: &[&'static str]) -> Vec<(&'static str, Assessment)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut found = Vec::new();
        for twist in twists {
            found.push(from_the_start(twist).await);
        }
        found
    })
}

#[tokio::test]
async fn each_detector_fires_on_its_own_theatre_and_on_no_other() {
    let early = EARLY.chunks(EARLY.len().div_ceil(2)).map(|part| std::thread::spawn(move || stage(part)));
    let early: Vec<_> = early.collect();
    let pilot = begin("").await.keep();
    let launched = pilot.go_on("").await;
    middle(&launched).await;
    let launched = launched.keep();
    let (_, honest) = end(launched.go_on("").await).await;
    assert!(fired(&honest).is_empty(), "on the honest history {:?} fired:\n{}", fired(&honest), table(&honest));
    let unsure: Vec<&str> = honest.items().filter(|i| i.standing != Standing::Evidenced).map(|i| i.id).collect();
    assert!(unsure.is_empty(), "the honest history leaves {unsure:?} unanswered:\n{}", table(&honest));

    let mut found = Vec::new();
    for twist in MIDDLE {
        found.push(from_the_pilot(&pilot, twist).await);
    }
    for twist in LATE {
        found.push(end(launched.go_on(twist).await).await);
    }
    for part in early {
        found.extend(part.join().unwrap());
    }
    let wrong: Vec<String> = found
        .iter()
        .filter(|(twist, assessment)| fired(assessment) != [*twist])
        .map(|(twist, assessment)| format!("{twist}: {:?} fired\n{}", fired(assessment), table(assessment)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut staged: Vec<&str> = found.iter().map(|(twist, _)| *twist).collect();
    let mut defined: Vec<&str> = definitions().filter(|d| d.detects()).map(|d| d.id).collect();
    staged.sort_unstable();
    defined.sort_unstable();
    assert_eq!(staged, defined, "every detector has its theatre");
}
