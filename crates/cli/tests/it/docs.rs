//! Every page of the documentation is found from its front page. (That links lead somewhere is tidy's.)

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, into);
        } else if path.extension().is_some_and(|e| e == "md") {
            into.push(path);
        }
    }
}

/// The files that a page links to, code left out.
fn links(page: &Path) -> BTreeSet<PathBuf> {
    let text = std::fs::read_to_string(page).unwrap();
    // A link may stand around code, so only the blocks are left out.
    let prose: String = text.split("\n```").step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|t| t.split('#').next().unwrap().to_owned());
    let local = targets.filter(|t| !t.is_empty() && !t.contains("://") && !t.contains(char::is_whitespace));
    local.map(|t| page.parent().unwrap().join(t)).collect()
}

#[test]
fn every_page_is_found_from_the_front_page() {
    let front = root().join("docs/README.md");
    let mut found: BTreeSet<PathBuf> = [front.clone()].into();
    let mut open = vec![front];
    while let Some(page) = open.pop() {
        let linked = links(&page).into_iter().filter_map(|l| l.canonicalize().ok());
        for link in linked.filter(|l| l.extension().is_some_and(|e| e == "md")) {
            if found.insert(link.clone()) {
                open.push(link);
            }
        }
    }
    let mut all = Vec::new();
    pages(&root().join("docs"), &mut all);
    let lost: Vec<String> = all.iter().filter(|p| !found.contains(*p)).map(|p| p.display().to_string()).collect();
    // Measurements are named where their figure stands: in tests and decisions.
    let lost: Vec<&String> = lost.iter().filter(|p| !p.contains("/docs/measurements/")).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}
