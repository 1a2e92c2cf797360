use super::*;

#[test]
fn kinds_follow_from_the_names_that_upstreams_give() {
    for (name, want) in [
        ("choices.0.text", PartKind::Text),
        ("choices.0.refusal", PartKind::Text),
        ("choices.0.reasoning", PartKind::Reasoning),
        ("choices.0.other", PartKind::Reasoning),
        ("other", PartKind::Reasoning),
        ("choices.1.tool_calls.0.name", PartKind::ToolArguments),
        ("choices.1.tool_calls.0.arguments", PartKind::ToolArguments),
    ] {
        assert_eq!(kind(name), want, "{name}");
    }
}
