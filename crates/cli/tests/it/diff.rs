//! What changed in meaning, told in each way, between the work tree, the store, folders and git revisions.

use crate::support::{DEV, Yard};
use expect_test::expect;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const GENTLER: (&str, &str) = ("input.credit.amount > 2000", "input.credit.amount > 3000");
const STRICTER: (&str, &str) = ("sample: 0.05", "sample: 0.1");

/// The text up to what goes stale, which depends on the whole table of obligations; digests left out.
fn told(text: &str) -> String {
    let end = [" obligation(s)", "#### What goes stale"].iter().filter_map(|mark| text.find(mark)).min();
    let end = end.map(|end| text[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len());
    let text = &text[..end.unwrap_or(text.len())];
    let is_digest = |word: &str| word.len() == 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.trim_end().split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let masked =
        |w: &str| if is_digest(w.get(..12).unwrap_or("")) { w.replacen(&w[..12], "DIGEST", 1) } else { w.to_owned() };
    words.map(masked).chain(["\n".to_owned()]).collect()
}

fn git(dir: &Path, args: &[&str]) {
    let names = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").arg("-C").arg(dir).args(names).args(args).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A yard in a repository, its example committed as `main`.
fn repository() -> Yard {
    let yard = Yard::new();
    git(yard.path(), &["init", "-q", "-b", "main"]);
    git(yard.path(), &["add", "-A"]);
    git(yard.path(), &["commit", "-q", "-m", "first"]);
    yard
}

fn items(value: &Value, list: &str) -> Vec<(String, String)> {
    let text = |i: &Value, k: &str| i[k].as_str().unwrap().to_owned();
    value[list].as_array().unwrap().iter().map(|i| (text(i, "path"), text(i, "direction"))).collect()
}

#[test]
fn against_a_revision_in_every_format() {
    let yard = repository();
    assert!(yard.run(&["diff", "main"]).exits(0).out.contains("nothing changed in meaning"));
    yard.edit(GENTLER.0, GENTLER.1);
    yard.edit(STRICTER.0, STRICTER.1);
    yard.edit("title: \"", "title: \"New: ");

    let human = yard.run(&["diff", "main"]).exits(0).out;
    expect![[r#"
        credit-preapproval  revision main (DIGEST) DIGEST → work tree DIGEST
          ~ narrows   steps.assess.audit
                       share audited: 0.05 → 0.1
          ~ widens    steps.assess.escalate.large
                       it escalates where: `input.credit.amount > 2000` → `input.credit.amount > 3000`, which holds in fewer cases
          ~ neutral   title  prose
                       title: Pre-approve consumer credits that an underwriter need not read → New: Pre-approve consumer credits that an underwriter need not read

          1 widening, 1 narrowing, 1 neutral
    "#]]
    .assert_eq(&told(&human));
    assert!(human.contains("obligation(s) depend on what changed"), "{human}");
    assert!(human.contains("steps.assess.escalate.large"), "{human}");

    let page = yard.run(&["diff", "main", "--markdown"]).exits(0).out;
    expect![[r#"
        ### Seatrial: credit-preapproval

        revision main (DIGEST) DIGEST → work tree DIGEST

        **It widens what AI may do, or shows less of it**: 1 widening, 1 narrowing, 1 neutral.

        | | element | | why |
        |---|---|---|---|
        | **widens** | `steps.assess.escalate.large` | changed | it escalates where: &#96;input.credit.amount &#62; 2000&#96; → &#96;input.credit.amount &#62; 3000&#96;, which holds in fewer cases |

        <details><summary>2 that widen nothing</summary>

        | | element | | why |
        |---|---|---|---|
        | narrows | `steps.assess.audit` | changed | share audited: 0.05 → 0.1 |
        | neutral | `title` | changed, prose | title: Pre-approve consumer credits that an underwriter need not read → New: Pre-approve consumer credits that an underwriter need not read |

        </details>
    "#]]
    .assert_eq(&told(&page));
    assert!(page.contains("| `spec.exercised` | production |"), "{page}");

    let json = yard.run(&["diff", "main", "--format", "json"]).exits(0).json();
    assert_eq!(json["direction"], "widens");
    assert_eq!((&json["old"]["what"], &json["old"]["name"]), (&"revision".into(), &"main".into()));
    assert_eq!(json["old"]["commit"].as_str().unwrap().len(), 40);
    assert_eq!(json["new"]["what"], "work tree");
    let mut changed = items(&json, "changed");
    changed.sort();
    let wanted = [("steps.assess.audit", "narrows"), ("steps.assess.escalate.large", "widens"), ("title", "neutral")];
    assert_eq!(changed, wanted.map(|(p, d)| (p.to_owned(), d.to_owned())));
    assert_eq!(json["stale"]["told_by"], "keys");
    let exercised =
        json["stale"]["obligations"].as_array().unwrap().iter().find(|o| o["obligation"] == "spec.exercised");
    assert!(exercised.unwrap()["paths"].as_array().unwrap().contains(&"steps.assess.escalate.large".into()));
    assert!(!yard.path().join(".seatrial").exists(), "looking makes no store");
}

#[test]
fn exit_codes_for_a_pipeline() {
    let yard = repository();
    yard.run(&["diff", "main", "--exit-code", "--fail-on", "unclear"]).exits(0);
    yard.edit(STRICTER.0, STRICTER.1);
    yard.run(&["diff", "main", "--fail-on", "unclear"]).exits(0);
    yard.run(&["diff", "main", "--exit-code"]).exits(1);
    yard.edit("keep: 10y", "keep: 9y");
    yard.run(&["diff", "main", "--fail-on", "widening"]).exits(0);
    yard.run(&["diff", "main", "--fail-on", "unclear"]).exits(1);
    yard.edit(GENTLER.0, GENTLER.1);
    let markdown = yard.run(&["diff", "main", "--fail-on", "widening", "--markdown"]).exits(1);
    assert!(markdown.out.contains("**widens**"), "what fails is shown all the same");
    // The other way round it narrows.
    yard.run(&["diff", "work-tree", "main", "--fail-on", "widening"]).exits(1);
}

#[test]
fn folders_revisions_and_paths() {
    let yard = repository();
    let flow = "workflows/credit-preapproval";
    git(yard.path(), &["tag", "v1"]);
    yard.edit(GENTLER.0, GENTLER.1);
    git(yard.path(), &["commit", "-q", "-a", "-m", "second"]);
    let direction =
        |old: &str, new: &str| yard.run(&["diff", old, new, "--format", "json"]).exits(0).json()["direction"].clone();
    assert_eq!(direction("v1", "HEAD"), "widens");
    assert_eq!(direction("HEAD", "v1"), "narrows");
    assert_eq!(direction(&format!("v1:{flow}"), flow), "widens");
    assert_eq!(direction(&format!("HEAD:{flow}"), &format!("{flow}/workflow.yaml")), "neutral");
    assert_eq!(direction(&format!("HEAD~1:./{flow}"), "work-tree"), "widens");
    // A folder that was not there yet: a first spec, and as wide as it is.
    let first = yard.run(&["diff", "v1:elsewhere", "--fail-on", "widening", "--format", "json"]).exits(1).json();
    assert_eq!((&first["old"]["what"], &first["direction"]), (&"nothing".into(), &Value::Null));
    yard.run(&["diff", "HEAD", "v1:elsewhere"]).exits(2);
    for bad in ["no-such-revision", "HEAD^{tree}", "--", "docs", "@{upstream}"] {
        let ran = yard.run(&["diff", "--", bad]);
        assert_eq!(ran.code, 2, "{bad}: {}", ran.err);
        assert!(ran.err.contains("nothing was compared"), "{}", ran.err);
    }
    // An old spec with an error says so, and is not compared.
    yard.edit("title: \"", "titel: \"");
    git(yard.path(), &["commit", "-q", "-a", "-m", "broken"]);
    assert!(yard.run(&["diff", "HEAD", "v1"]).exits(1).err.contains("error(s)"));
}

#[test]
fn without_a_factory_folders_and_revisions_are_compared() {
    let yard = repository();
    yard.edit(GENTLER.0, GENTLER.1);
    std::fs::remove_file(yard.path().join("factory.yaml")).unwrap();
    let flow = "workflows/credit-preapproval";
    let json = yard.run(&["diff", &format!("main:{flow}"), flow, "--format", "json"]).exits(0).json();
    assert_eq!((&json["direction"], &json["stale"]), (&"widens".into(), &Value::Null));
    assert!(yard.run(&["diff"]).exits(2).err.contains("factory.yaml"));
    assert!(yard.run(&["diff", "released", flow]).exits(2).err.contains("factory.yaml"));
}

#[test]
fn what_is_settled_and_would_not_be() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    yard.run_as(DEV, &["eval", "boundary"]);
    let before = yard.run(&["diff", "--format", "json"]).exits(0).json();
    assert_eq!(before["stale"], serde_json::json!({ "told_by": "evidence", "obligations": [] }));
    yard.edit(GENTLER.0, GENTLER.1);
    let json = yard.run(&["diff", "submitted", "work-tree", "--format", "json"]).exits(0).json();
    assert_eq!(json["stale"]["told_by"], "evidence");
    let stale = json["stale"]["obligations"].as_array().unwrap().clone();
    let pilot = stale.iter().find(|o| o["obligation"] == "eval.boundary" && o["stage"] == "pilot").unwrap();
    assert_eq!((&pilot["was"], &pilot["would_be"]), (&"discharged".into(), &"stale".into()));
    assert_eq!(pilot["paths"], serde_json::json!(["steps.assess.escalate.large"]));
    // What status says once it is submitted is what diff said before.
    yard.run_as(DEV, &["submit"]).exits(0);
    let status = yard.run(&["status", "--stage", "pilot", "--format", "json"]).json().to_string();
    assert!(status.contains("\"stale\""));
    let human = yard.run(&["diff", "submitted"]).exits(0).out;
    assert!(human.contains("nothing changed in meaning"), "{human}");
}
