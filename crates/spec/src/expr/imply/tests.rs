use super::*;

#[track_caller]
fn relates(a: &str, b: &str, forwards: bool, backwards: bool) {
    assert_eq!(relate(a, b), Relation { forwards, backwards }, "`{a}` and `{b}`");
}

#[test]
fn what_follows_from_the_form() {
    relates("input.x > 10.0", "input.x > 5.0", true, false);
    relates("input.x > 5.0", "input.x >= 5.0", true, false);
    relates("input.x == 7.0", "input.x > 5.0", true, false);
    relates("10.0 < input.x", "input.x > 10.0", true, true);
    relates("input.x > 10.0", "input.y > 5.0", false, false);
    relates("input.x > 10.0", "input.x < 5.0", false, false);
    relates("size(input.t) > 3", "size(input.t) > 2", true, false);
    relates("a.b", "a.b || a.c", true, false);
    relates("a.b && a.c", "a.c", true, false);
    relates("a.b && a.c", "a.c && a.b", true, true);
    relates("a.b || a.c || a.d", "a.d || a.b", false, true);
    relates("input.x > 10.0 && a.b", "input.x > 5.0 || a.d", true, false);
    relates("output.a == \"x\"", "output.a != \"y\"", true, false);
    relates("!a.b", "!(a.b || a.c)", false, false);
    relates("a.b ? a.c : a.d", "a.b ? a.c : a.d", true, true);
    relates("has(a.b) && a.b > 1.0", "has(a.b) && a.b > 2.0", false, true);
    relates("output.r.matches(\"a\")", "output.r.matches(\"a|b\")", false, false);
    relates("not an expression", "a.b", false, false);
}

#[test]
fn integers_keep_their_size() {
    // Beyond 2^53 two integers may be one double: nothing is said that the doubles do not.
    relates("a.n > 9007199254740993", "a.n > 9007199254740992", false, false);
}

#[test]
fn a_loop_may_exhaust_its_budget() {
    relates("input.l.exists(x, x.a > 1.0) && a.b", "a.b", false, false);
    relates("input.l.exists(x, x.a > 1.0) && a.b", "input.l.exists(x, x.a > 1.0)", true, false);
}

#[test]
fn raising_a_threshold() {
    for (when, rises) in [
        ("confidence < thresholds.route", true),
        ("confidence <= thresholds.route || input.x > 3.0", true),
        ("thresholds.route > confidence && input.x > 3.0", true),
        ("confidence > thresholds.route", false),
        ("!(confidence < thresholds.route)", false),
        ("confidence < thresholds.route == true", false),
        ("confidence < thresholds.other", true),
        ("confidence < thresholds[\"route\"]", true),
        ("confidence < 1.0 - thresholds.route", false),
        ("thresholds.route < thresholds.route", false),
        ("input.x in [thresholds.route]", false),
    ] {
        assert_eq!(rises_with(when, "route"), rises, "{when}");
    }
}
