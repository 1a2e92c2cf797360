use super::*;
use crate::fixture::World;
use std::collections::BTreeSet;

/// Written from governance's own table, which a test of that crate compares.
const TABLE: &str = include_str!("../../../../docs/reference/obligations.md");

/// The ids of the table, in general form.
fn obligations() -> BTreeSet<&'static str> {
    let table = TABLE.split("\n## ").next().unwrap();
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn the_data_is_read() {
    let read: Result<Mapping, _> = serde_saphyr::from_str(DATA);
    assert_eq!(read.as_ref().err().map(ToString::to_string), None);
    assert!(mapping().frameworks.len() >= 8 && mapping().as_of.parse::<seatrial_model::Day>().is_ok());
}

#[test]
fn every_obligation_is_mapped_or_named_with_a_reason_and_none_is_invented() {
    let known = obligations();
    assert!(known.len() > 25, "{known:?}");
    let rows = || mapping().frameworks.iter().flat_map(|f| &f.clauses);
    let mapped: BTreeSet<&str> = rows().flat_map(|c| &c.supports).map(String::as_str).collect();
    let unmapped: BTreeSet<&str> = mapping().unmapped.iter().map(|u| u.obligation.as_str()).collect();
    // Obligations of the handover that are not in the table are not in the mapping either.
    let invented: Vec<_> = mapped.union(&unmapped).filter(|id| !known.contains(**id)).collect();
    assert!(invented.is_empty(), "in the mapping, and no obligation: {invented:?}");
    let forgotten: Vec<_> = known.iter().filter(|id| !mapped.contains(**id) && !unmapped.contains(**id)).collect();
    assert!(forgotten.is_empty(), "neither mapped nor named: {forgotten:?}");
    assert!(mapping().unmapped.iter().all(|u| u.because.len() > 20 && !mapped.contains(u.obligation.as_str())));
}

#[test]
fn every_row_has_a_date_a_source_and_either_support_or_a_reason() {
    for framework in &mapping().frameworks {
        let place = &framework.id;
        assert!(framework.date.parse::<seatrial_model::Day>().is_ok(), "{place}: {}", framework.date);
        assert!(framework.source.starts_with("https://"), "{place}");
        let mut seen = BTreeSet::new();
        for clause in &framework.clauses {
            assert!(seen.insert(&clause.clause), "{place} {} twice", clause.clause);
            assert_eq!(clause.supports.is_empty(), clause.exclusion.is_some(), "{place} {}", clause.clause);
            let by_number = framework.id.starts_with("iso-");
            assert_eq!(clause.about.is_none(), by_number, "{place} {}", clause.clause);
        }
    }
}

#[test]
fn the_articles_of_the_design_are_there() {
    let act = mapping().framework("eu-ai-act").unwrap();
    for article in [9, 10, 11, 12, 13, 14, 15, 17, 19, 26, 27, 50, 72, 73] {
        assert!(act.clauses.iter().any(|c| c.clause == format!("Art. {article}")), "{article}");
    }
    assert!(act.clauses.iter().any(|c| c.clause == "Annex IV"));
    for id in ["nist-ai-rmf", "iso-42001", "soc-2", "sr-26-2", "pra-ss1-23", "dora", "gdpr"] {
        assert!(mapping().framework(id).is_some(), "{id}");
    }
    let functions: BTreeSet<_> =
        mapping().framework("nist-ai-rmf").unwrap().clauses.iter().filter_map(|c| c.clause.split(' ').next()).collect();
    assert_eq!(functions, ["GOVERN", "MANAGE", "MAP", "MEASURE"].into());
}

#[test]
fn nothing_promises_that_a_law_is_kept() {
    for word in ["complian", "certified under", "conforms to the", "fulfils"] {
        assert!(!DATA.to_lowercase().contains(word), "{word}");
    }
}

#[test]
fn ids_in_general_form() {
    for (id, expected) in [
        ("eval.golden", "eval.<set>"),
        ("eval.forbidden.injection", "eval.forbidden.<category>"),
        ("approval.risk", "approval.<role>"),
        ("drill.stop", "drill.stop"),
        ("release.approval", "release.approval"),
    ] {
        assert_eq!(general(id), expected);
    }
}

#[test]
fn support_follows_the_workflows_own_obligations() {
    let world = World::told();
    let act = mapping().framework("eu-ai-act").unwrap();
    let all = support(act, &world.obligations);
    let of = |clause: &str| all.iter().find(|s| s.clause.clause == clause).unwrap();
    let oversight = of("Art. 14");
    let told: Vec<_> = oversight.obligations.iter().map(|o| (o.id, o.state, o.settled)).collect();
    assert_eq!(told, [("spec.intent", "discharged", true), ("drill.stop", "open", false)]);
    assert!(oversight.absent.contains(&"oversight.efficacy"));
    assert!(of("Art. 50").obligations.is_empty() && of("Art. 50").clause.exclusion.is_some());
}
