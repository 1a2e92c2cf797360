use super::{Reader, groups, html, markdown, sarif, summary};
use crate::fixture::History;
use crate::{Assessment, Group, definitions};
use seatrial_model::Stage;

/// A demo that says of itself what it is.
fn demo() -> Assessment {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.approve("ana", "spec.intent", Stage::Production, 40);
    h.release("ana", Stage::Production);
    h.submit("dev", &["steps.assess.never.declines"], &[]);
    h.simulate();
    h.assess()
}

#[test]
fn every_reader_reads_the_detectors_that_fired() {
    let demo = demo();
    let everything = summary(&demo, Some(Reader::Auditor));
    assert!(everything.fired.iter().any(|i| i.id == "theatre.simulated"));
    assert_eq!(everything.detectors, definitions().filter(|d| d.detects()).count());
    for reader in [Reader::Cto, Reader::Founder] {
        assert!(groups(Some(reader)).contains(&Group::Theatre));
        assert!(!summary(&demo, Some(reader)).fired.is_empty());
    }
    assert_eq!(groups(None), Group::ALL);
}

#[test]
fn sarif_has_a_rule_for_each_detector_and_a_result_for_each_that_fired() {
    let demo = demo();
    let sarif = sarif(&demo, None, "workflows/a b", "1.0.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), definitions().filter(|d| d.detects()).count());
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), demo.fired().count());
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "workflows/a%20b/workflow.yaml");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(!result["message"]["text"].as_str().unwrap().contains('`'));
    }
    let late = results.iter().find(|r| r["ruleId"] == "flag.controls-after-launch").unwrap();
    let logical = late["locations"][0]["logicalLocations"].as_array().unwrap();
    assert_eq!(logical[0]["fullyQualifiedName"], "steps.assess.never.declines");
    assert!(logical[1..].iter().all(|l| l["kind"] == "log-entry"));
}

#[test]
fn the_page_stands_alone() {
    for reader in [None, Some(Reader::Cto), Some(Reader::Founder), Some(Reader::Auditor)] {
        let page = html(&demo(), reader);
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Simulation"));
        for fetched in ["<script", "<img", "<link", "http://", "https://", "url("] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert_eq!(page.contains("How this is found"), reader == Some(Reader::Auditor));
        for item in demo().fired() {
            let read = groups(reader).contains(&crate::definition(item.id).unwrap().group);
            assert_eq!(page.contains(&format!("id=\"{}\"", item.id)), read);
        }
    }
}

/// Every citation of the page leads to an entry that is listed.
#[test]
fn citations_lead_somewhere() {
    let page = html(&demo(), None);
    let cited = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    for anchor in cited {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

#[test]
fn markdown_names_what_fired() {
    let text = markdown(&demo(), Some(Reader::Founder));
    assert!(text.starts_with("# Assessment of `credit`, for a founder") && text.contains("**SIMULATION**"));
    assert!(text.contains("(`theatre.simulated`): *contradicted: fired*"));
    assert!(!text.contains("cto."));
}
