use crate::fixture::World;
use crate::pack;
use seatrial_model::words::FactoryKind;

#[test]
fn nothing_from_outside_is_markup_and_nothing_runs() {
    let page = pack(&World::told().input());
    assert!(!page.contains("<script"), "a script tag got through");
    assert!(!page.contains("<img src=x"));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains("Bo &lt;script&gt;"));
    assert!(page.contains("src=\"data:image/svg+xml;base64,"), "the curve is a picture");
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = pack(&World::told().input());
    for loading in ["http://", "https://", "url(", "@import", "<link", "<iframe", "srcset"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn every_citation_leads_to_an_entry_of_the_page() {
    let page = pack(&World::told().input());
    let mut cited = 0;
    for part in page.split("href=\"#").skip(1) {
        let target = part.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        cited += 1;
    }
    assert!(cited > 15, "{cited} citations");
    assert!(page.contains("title=\"evt_01939000-0000-7000-8000-000000000002\""));
}

#[test]
fn what_it_says() {
    let page = pack(&World::told().input());
    for said in [
        "SIMULATION",
        "Customers hear at once.",
        "⊘ never: declines",
        "A person declines",
        "<td class=\"number\">41</td>",
        "3 wrong of 200",
        "at most 3.83 % of what passes is wrong",
        "Is it reliable for thin files?",
        "Fewer than 400 a day",
        "✓ accepted",
        "○ not accepted",
        "12",
        "Released for pilot",
        "shown for 95 s",
        "seatrial stop --workflow credit",
        "seatrial log verify FOLDER --key KEY",
        "bank/credit+c02c150e+AQ",
        "<code>drill.stop</code>",
    ] {
        assert!(page.contains(said), "the pack does not say: {said}");
    }
}

#[test]
fn a_real_factory_is_no_simulation() {
    let mut world = World::told();
    world.factory.kind = FactoryKind::Real;
    assert!(!pack(&world.input()).contains("<strong>SIMULATION"));
}

#[test]
fn a_bare_spec_says_what_there_is_no_event_for() {
    let mut world = World::new();
    world.curves.clear();
    let page = pack(&world.input());
    assert!(page.contains("no event: this spec was not submitted"));
    assert!(page.contains("No certification was attempted"));
    assert!(page.contains("Nothing was approved, and nothing was released."));
}

fn parts() -> crate::PackParts {
    crate::pack_parts(&World::told().input())
}

fn json(parts: &crate::PackParts, file: &str) -> serde_json::Value {
    serde_json::from_slice(&parts.files[file]).unwrap()
}

#[test]
fn the_folder_has_every_file_of_the_design() {
    let parts = parts();
    for file in [
        "KEY",
        "CODEOWNERS",
        "catalog-info.yaml",
        "oscal-assessment-results.json",
        "cyclonedx.json",
        "regulation.json",
        "spec/workflow.yaml",
        "spec/labelled.jsonl",
    ] {
        assert!(parts.files.contains_key(file), "{file}: {:?}", parts.files.keys());
    }
    assert_eq!(parts.files["KEY"], b"bank/credit+c02c150e+AQ\n");
    assert!(!parts.missing.is_empty() && parts.page.contains("Handover pack"));
}

#[test]
fn the_table_of_contents_leads_to_sections_that_are_there() {
    let page = parts().page;
    for (id, words) in super::CONTENTS {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">{words}</a>")), "{id}");
    }
}

#[test]
fn oscal_says_of_each_obligation_what_the_log_says() {
    let document = json(&parts(), "oscal-assessment-results.json");
    let results = &document["assessment-results"];
    assert_eq!(results["metadata"]["oscal-version"], "1.2.0");
    let findings = results["results"][0]["findings"].as_array().unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|f| (f["target"]["target-id"].as_str().unwrap(), f["target"]["status"]["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("spec.intent", "satisfied"), ("drill.stop", "not-satisfied"), ("ownership.accepted", "not-satisfied")]
    );
    let observation = &results["results"][0]["observations"][0];
    assert_eq!(findings[0]["related-observations"][0]["observation-uuid"], observation["uuid"]);
    assert_eq!(observation["props"][0]["value"], "evt_01939000-0000-7000-8000-000000000001");
}

#[test]
fn what_is_waived_is_not_satisfied() {
    let mut world = World::told();
    world.obligations[0].state = "waived".to_owned();
    let document = json(&crate::pack_parts(&world.input()), "oscal-assessment-results.json");
    let status = &document["assessment-results"]["results"][0]["findings"][0]["target"]["status"];
    assert_eq!((status["state"].as_str(), status["remarks"].as_str()), (Some("not-satisfied"), Some("waived")));
}

#[test]
fn the_bill_of_materials_names_models_data_and_claims() {
    let bom = json(&parts(), "cyclonedx.json");
    let of = |kind: &str| bom["components"].as_array().unwrap().iter().filter(|c| c["type"] == kind).count();
    assert_eq!((of("machine-learning-model"), of("data")), (1, 1));
    let model = &bom["components"][0];
    assert_eq!(model["modelCard"]["modelParameters"]["datasets"][0]["ref"], "set/labelled");
    assert!(model["modelCard"].to_string().contains("never left to AI: declines"));
    let map = bom["declarations"]["attestations"][0]["map"].as_array().unwrap();
    let scores: Vec<_> = map.iter().map(|m| m["conformance"]["score"].as_u64().unwrap()).collect();
    assert_eq!(scores, [1, 0, 0]);
}

#[test]
fn releases_evaluations_and_approvals_are_statements() {
    let parts = parts();
    let names: Vec<_> = parts.statements.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["000005-release.json"], "the approval of the fixture was over something else than it showed");
    let release: serde_json::Value = serde_json::from_slice(&parts.statements[0].payload).unwrap();
    assert_eq!(release["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(release["predicate"]["verifiedLevels"][0], "SEATRIAL_SIMULATION");
    assert_eq!(release["subject"][0]["digest"]["sha256"], World::told().workflow.digest.hex());
}

#[test]
fn a_catalog_and_codeowners_name_the_receiving_side() {
    let parts = parts();
    let text = |file: &str| String::from_utf8(parts.files[file].clone()).unwrap();
    let catalog = text("catalog-info.yaml");
    assert!(catalog.contains("owner: \"group:default/officers\"") && catalog.contains("lifecycle: experimental"));
    // Two colons in a title would end a plain YAML scalar.
    assert!(catalog.contains("description: \"Customers hear at once. <img src=x onerror=alert(1)>\""), "{catalog}");
    let owners = text("CODEOWNERS");
    assert!(owners.contains("\n* ana@bank.example bo@bank.example\n"), "{owners}");
    assert!(owners.contains("\n/labelled.jsonl ana@bank.example bo@bank.example\n"), "{owners}");
}

#[test]
fn the_page_shows_the_index_waivers_and_the_mapping_and_promises_nothing() {
    use crate::{ActionCount, ActionKind, transfer_index};
    use seatrial_model::Side;
    let mut world = World::told();
    let count = |side, count| ActionCount { day: "2026-11-20".parse().unwrap(), kind: ActionKind::Review, side, count };
    let counts = [count(Side::Receiving, 3), count(Side::Delivery, 1)];
    world.index = Some(transfer_index(&counts, "2026-11-01".parse().unwrap(), "2026-11-23".parse().unwrap()));
    let page = pack(&world.input());
    for said in ["75 %", "Transfer index by week", "Art. 14", "supports evidence for", "not of this workflow"] {
        assert!(page.contains(said), "the pack does not say: {said}");
    }
    assert!(!page.to_lowercase().contains("complian"));
}

#[test]
fn what_does_not_apply_is_neither_shown_nor_missing() {
    let mut world = World::told();
    world.obligations[1].state = "not_applicable".to_owned();
    world.obligations[1].settled = true;
    let parts = crate::pack_parts(&world.input());
    let result = &json(&parts, "oscal-assessment-results.json")["assessment-results"]["results"][0];
    assert_eq!(result["findings"].as_array().unwrap().len(), 2);
    let selection = &result["reviewed-controls"]["control-selections"][0];
    assert_eq!(selection["exclude-controls"][0]["control-id"], "drill.stop");
    assert!(parts.page.contains("not applicable") && !parts.page.contains("not_applicable"));
}

#[test]
fn an_obligation_that_is_listed_is_missing_once() {
    let mut world = World::told();
    let listed = crate::ObligationLine { id: "ownership.unaided".to_owned(), ..world.obligations[1].clone() };
    world.obligations.push(listed);
    let missing = crate::pack_parts(&world.input()).missing;
    assert_eq!(missing.iter().filter(|gap| gap.obligation == "ownership.unaided").count(), 1);
}
