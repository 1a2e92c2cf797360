//! The binary as people and programs meet it: arguments, output, exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

mod attested;
mod calibration;
mod check;
mod delivery;
mod diff;
mod digest;
mod directory;
mod docs;
mod evaluation;
mod evidence;
mod example;
mod judgement;
mod new;
mod operations;
mod owner;
mod people;
mod questionnaire;
mod scenario;
mod seeds;
mod support;
mod tutorial;
mod usage;

/// Every file beside this one is part of the binary.
#[test]
fn no_file_was_forgotten() {
    let main = include_str!("main.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|m| *m != "main") else { continue };
        assert!(main.contains(&format!("mod {module};")), "{name} is not in main.rs");
    }
}
