use super::*;

#[test]
fn nothing_in_somebody_elses_words_acts() {
    let hostile = "</details> @everyone [x](http://evil) ![](y) `code` | cell\n# heading <script> \u{202e}";
    let shown = text(hostile);
    for bad in ["<", ">", "|", "`", "@", "[", "]", "\n", "://", "\u{202e}", "!"] {
        assert!(!shown.contains(bad), "{bad}: {shown}");
    }
    assert_eq!(path("steps.a`|b"), "steps.a__b");
}
