use super::*;

/// The figures that the audit's own rule gives, copied: the checker and the audit count the same.
#[test]
fn the_same_figures_as_the_audit() {
    for (max_wrong, assurance, audits) in [
        (0.05, 0.95, 146.0),
        (0.05, 0.99, 223.0),
        (0.08, 0.95, 87.0),
        (0.02, 0.9, 291.0),
        (0.2, 0.95, 29.0),
        (0.6, 0.95, 33.0),
    ] {
        let found = audits_to_notice(max_wrong, assurance);
        assert!((found - audits).abs() < 0.5, "{max_wrong} {assurance}: {found}");
    }
}

#[test]
fn any_promise_has_a_number() {
    for i in 1..1000_u32 {
        let share = f64::from(i) / 1000.0;
        let n = audits_to_notice(share, 0.95);
        assert!(n.is_finite() && n >= 1.0, "{share}: {n}");
    }
}
