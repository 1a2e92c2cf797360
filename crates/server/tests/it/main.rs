//! The pages over HTTP, and what every page has to keep.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../samples/mod.rs"]
mod samples;
#[path = "../../yard/mod.rs"]
mod yard;

mod backend;
mod http;
mod markup;
mod real;
mod snapshots;

#[test]
fn no_file_was_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name} is not in main.rs");
    }
}
