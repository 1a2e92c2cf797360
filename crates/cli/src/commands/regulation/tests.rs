use super::{mapping, markdown};
use std::path::Path;

/// The page of the documentation is the mapping that is built in. `SEATRIAL_UPDATE=1` writes it again.
#[test]
fn the_page_of_the_documentation_is_the_mapping() {
    let all: Vec<_> = mapping().frameworks.iter().collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/regulation/mapping.md");
    let expected =
        format!("# The mapping\n\nWritten by `seatrial regulation --markdown`.\n\n{}", markdown(mapping(), &all));
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "SEATRIAL_UPDATE=1 writes it again");
}

#[test]
fn it_never_says_that_a_law_is_kept() {
    let all: Vec<_> = mapping().frameworks.iter().collect();
    assert!(!markdown(mapping(), &all).to_lowercase().contains("complian"));
}
