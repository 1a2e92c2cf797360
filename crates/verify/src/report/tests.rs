use super::*;

#[test]
fn problems_are_bounded_and_the_report_says_so() {
    let mut report = Verified::default();
    for i in 0..=PROBLEMS_MAX {
        report.problem(format!("entry {i}"), "it is wrong");
    }
    assert_eq!(report.problems.len(), PROBLEMS_MAX);
    assert!(report.is_full());
    assert!(report.human().contains("more than 1000 problems: the rest is not listed\nNOT VERIFIED\n"));
}

#[test]
fn a_simulation_says_so_first() {
    let report = Verified { simulation: true, verified: true, ..Verified::default() };
    assert!(report.human().starts_with("SIMULATION: "));
    assert!(report.json().unwrap().contains("\"simulation\": true"));
}

#[test]
fn json_names_the_place_where() {
    let mut report = Verified::default();
    report.problem("checkpoint", "it is missing");
    let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    assert_eq!(json["problems"][0], serde_json::json!({ "where": "checkpoint", "what": "it is missing" }));
}
