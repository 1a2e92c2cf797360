use super::*;

#[test]
fn the_reference_lists_them() {
    let page = include_str!("../../../../docs/reference/spec.md");
    assert!(page.contains(&reference()), "docs/reference/spec.md wants this table:\n{}", reference());
}

#[test]
fn names_are_unique_and_found() {
    for metric in METRICS {
        assert_eq!(metric_named(metric.name), Some(&metric));
        assert_eq!(METRICS.iter().filter(|m| m.name == metric.name).count(), 1);
    }
    assert_eq!(metric_named("override_share"), None);
}
