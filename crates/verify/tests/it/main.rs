//! The verifier on exports: in order, damaged byte by byte, falsified by whoever holds the key, and read by others.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

mod alone;
mod aside;
mod attested;
mod binary;
mod damage;
mod falsified;
mod fixture;
mod go_interop;
mod in_order;
mod keys_change;
mod pack;
mod signed;
mod vectors;
mod watching;

#[test]
fn no_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = std::fs::read_to_string(format!("{here}/main.rs")).unwrap();
    for file in std::fs::read_dir(here).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs") else { continue };
        assert!(module == "main" || main.contains(&format!("mod {module};")), "`{name}` is not a module of main.rs");
    }
}
