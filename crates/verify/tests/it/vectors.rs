//! The page of known answers (`docs/reference/vectors.md`), run: what it says is what this code computes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_ledger::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use seatrial_ledger::tile::{TILE_WIDTH, nodes_at};
use seatrial_ledger::{
    Checkpoint, Frontier, Note, Signer, Tile, TilePath, VerifierKey, bundle, dsse, leaf_hash, node_hash,
};
use seatrial_model::digest::{hex, unhex};
use seatrial_model::{Commitment, Digest, Salt, canonical_value};
use seatrial_sprint::calibrate::Promise;
use seatrial_sprint::{AuditRule, AuditState, stats};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../../docs/reference/vectors.md");

/// What runs one block.
type Runner = fn(&[&str]);

const RUNNERS: &[(&str, Runner)] = &[
    ("upper-bound", |lines| each(lines, |[k, n, d, u]| near(stats::upper_bound(int(k), int(n), real(d)), u))),
    ("lower-bound", |lines| each(lines, |[k, n, d, l]| near(stats::lower_bound(int(k), int(n), real(d)), l))),
    ("binomial-tail", |lines| each(lines, |[k, n, a, p]| near(stats::tail(int(k), int(n), real(a)), p))),
    ("items-needed", |lines| {
        each(lines, |[k, a, d, n]| assert_eq!(stats::items_needed(int(k), real(a), real(d)), Some(int(n))));
    }),
    ("fixed-sequence", fixed_sequence),
    ("audit", |lines| each(lines, audit)),
    ("canonical-number", |lines| each(lines, canonical_number)),
    ("canonical-document", canonical_document),
    ("commitment", |lines| each(lines, commitment)),
    ("root-of-named", |lines| each(lines, |[n, root]| assert_eq!(BASE64.encode(named(int(n)).as_bytes()), root))),
    ("root", |lines| each(lines, |[n, root]| assert_eq!(tree(int(n)).0.hex(), root))),
    ("inclusion", |lines| lines.iter().for_each(|line| included(&words(line)))),
    ("consistency", |lines| lines.iter().for_each(|line| consistent(&words(line)))),
    ("rfc-6962-example", worked_example),
    ("tile-path", |lines| each(lines, tile_path)),
    ("tiles-of", |lines| each(lines, tiles_of)),
    ("bundle", |lines| lines.iter().for_each(|line| bundled(&words(line)))),
    ("ed25519", |lines| each(lines, ed25519)),
    ("note", note),
    ("checkpoint", checkpoint),
    ("pae", |lines| {
        let (kind, payload) = lines[0].split_once(' ').unwrap();
        assert_eq!(dsse::pae(kind, payload.as_bytes()), lines[1].as_bytes());
    }),
];

/// Run where its code is: in `crates/factory`.
const ELSEWHERE: &[&str] = &["case-tag"];

#[test]
fn every_known_answer_of_the_page() {
    let mut run = BTreeSet::new();
    for block in PAGE.split("```vectors ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let lines: Vec<&str> = rest.split("\n```").next().unwrap().split('\n').collect();
        assert!(lines.iter().any(|l| !l.is_empty()), "`{name}` is empty");
        assert!(run.insert(name), "`{name}` stands there twice");
        if let Some((_, runner)) = RUNNERS.iter().find(|(n, _)| *n == name) {
            runner(&lines);
        } else {
            assert!(ELSEWHERE.contains(&name), "nobody runs `{name}`");
        }
    }
    let wanted: BTreeSet<&str> = RUNNERS.iter().map(|(n, _)| *n).chain(ELSEWHERE.iter().copied()).collect();
    assert_eq!(run, wanted, "the page lacks what stands on one side only");
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Runs each line, whose columns are these.
fn each<const N: usize>(lines: &[&str], run: impl Fn([&str; N])) {
    for line in lines {
        let columns: [&str; N] = words(line).try_into().unwrap_or_else(|_| panic!("`{line}` has not {N} columns"));
        run(columns);
    }
}

fn int(text: &str) -> u64 {
    text.parse().unwrap()
}

fn real(text: &str) -> f64 {
    text.parse().unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    if text == "-" { Vec::new() } else { unhex(text).unwrap() }
}

/// As many digits as the page has.
fn near(found: f64, expected: &str) {
    let digits = expected.split_once('.').map_or(0, |(_, d)| d.len()) as i32;
    let within = 0.5 * 10_f64.powi(-digits) * 1.000_001;
    assert!((found - real(expected)).abs() <= within, "{found} is not {expected}");
}

fn fixed_sequence(lines: &[&str]) {
    let rows: Vec<[&str; 5]> = lines.iter().map(|l| words(l).try_into().unwrap()).collect();
    rows.iter().for_each(|[_, n, k, p, _]| near(stats::tail(int(k), int(n), 0.05), p));
    let grid: Vec<(u64, u64)> = rows.iter().map(|[_, n, k, _, _]| (int(n), int(k))).collect();
    let last = stats::fixed_sequence(&grid, 0.05, 0.05).unwrap();
    let certified: Vec<bool> = rows.iter().map(|[.., c]| *c == "yes").collect();
    assert_eq!(certified, (0..rows.len()).map(|i| i <= last).collect::<Vec<_>>());
    assert!(stats::certifies(18, 600, 0.05, 0.05), "the loosest would pass alone, which is why it is the wrong way");
}

fn audit([wrong, audits, m, alarm]: [&str; 4]) {
    let rule = AuditRule::new(Promise::new(0.05, 0.95).unwrap());
    let state = AuditState::of(&rule, (0..int(audits)).map(|i| i >= int(audits) - int(wrong)));
    near(state.e(), m);
    assert_eq!(state.alarmed_at.is_some(), alarm == "yes", "{wrong} in {audits}");
}

fn canonical_number([bits, text]: [&str; 2]) {
    let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
    let found = seatrial_model::canonical_finite(&number);
    match text {
        "refused" => assert!(found.is_err(), "{bits}"),
        _ => assert_eq!(String::from_utf8(found.unwrap()).unwrap(), text, "{bits}"),
    }
}

fn canonical_document(lines: &[&str]) {
    for pair in lines.chunks(2) {
        let value: serde_json::Value = serde_json::from_str(pair[0]).unwrap();
        assert_eq!(String::from_utf8(canonical_value(&value).unwrap()).unwrap(), pair[1]);
    }
}

fn commitment([salt, payload, expected]: [&str; 3]) {
    let salt = Salt(bytes(salt).try_into().unwrap());
    let found = Commitment::of(&salt, &bytes(payload));
    assert!(found.to_string().ends_with(expected), "{found} is not {expected}");
}

type Tiles = BTreeMap<(u8, u64), Tile>;

fn grow(leaves: &[Digest]) -> (Digest, Tiles) {
    let mut frontier = Frontier::new();
    let tiles = frontier.extend(leaves).tiles;
    (frontier.root(), tiles.into_iter().map(|t| ((t.level, t.n), t)).collect())
}

fn named(n: u64) -> Digest {
    grow(&(0..n).map(|i| leaf_hash(format!("entry-{i}").as_bytes())).collect::<Vec<_>>()).0
}

fn leaves(n: u64) -> Vec<Digest> {
    let entries = ["-", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    entries[..n as usize].iter().map(|e| leaf_hash(&bytes(e))).collect()
}

fn tree(n: u64) -> (Digest, Tiles) {
    grow(&leaves(n))
}

fn hexes(path: &[Digest]) -> Vec<String> {
    path.iter().map(Digest::hex).collect()
}

fn included(columns: &[&str]) {
    let (index, size) = (int(columns[0]), int(columns[1]));
    let (root, tiles) = tree(size);
    let path = inclusion(&tiles, index, size).unwrap();
    assert_eq!(hexes(&path), columns[2..]);
    assert_eq!(verify_inclusion(&path, index, &leaves(size)[index as usize], size, &root), Ok(()));
}

fn consistent(columns: &[&str]) {
    let (old, size) = (int(columns[0]), int(columns[1]));
    let ((before, _), (root, tiles)) = (tree(old), tree(size));
    let path = consistency(&tiles, old, size).unwrap();
    assert_eq!(hexes(&path), columns[2..]);
    assert_eq!(verify_consistency(&path, old, &before, size, &root), Ok(()));
}

fn worked_example(lines: &[&str]) {
    let leaves: Vec<Digest> = (0..7).map(|i| leaf_hash(format!("d{i}").as_bytes())).collect();
    let mut nodes: BTreeMap<&str, Digest> =
        ["a", "b", "c", "d", "e", "f", "j"].into_iter().zip(leaves.clone()).collect();
    for (name, left, right) in [("g", "a", "b"), ("h", "c", "d"), ("i", "e", "f"), ("k", "g", "h"), ("l", "i", "j")] {
        nodes.insert(name, node_hash(&nodes[left], &nodes[right]));
    }
    let (root, tiles) = grow(&leaves);
    assert_eq!(root, node_hash(&nodes["k"], &nodes["l"]));
    for line in lines {
        let columns = words(line);
        let (question, number) = columns[0].trim_end_matches(')').split_once('(').unwrap();
        let (number, size) = (int(number), int(columns[1]));
        let path = match question {
            "path" => inclusion(&tiles, number, size),
            "proof" => consistency(&tiles, number, size),
            other => panic!("`{other}` is no question"),
        };
        let expected: Vec<Digest> = columns[2..].iter().map(|n| nodes[n]).collect();
        assert_eq!(path.unwrap(), expected, "{line}");
    }
}

fn tile_path([level, n, path]: [&str; 3]) {
    let read: TilePath = path.parse().unwrap();
    assert_eq!(read.to_string(), path);
    let tile = Tile { level: int(level) as u8, n: int(n), hashes: vec![Digest::of(b""); TILE_WIDTH] };
    assert_eq!(tile.path(), read);
}

fn tiles_of([size, level, full, partial]: [&str; 4]) {
    let nodes = nodes_at(int(size), int(level) as u8);
    let width = TILE_WIDTH as u64;
    assert_eq!((nodes / width, nodes % width), (int(full), int(partial)), "{size} {level}");
}

fn bundled(columns: &[&str]) {
    let (expected, entries) = columns.split_last().unwrap();
    let entries: Vec<Vec<u8>> = entries.iter().map(|e| bytes(e)).collect();
    assert_eq!(hex(&bundle::encode(&entries).unwrap()), *expected);
    assert_eq!(bundle::decode(&bytes(expected)).unwrap(), entries);
}

fn ed25519([seed, public, message, signature]: [&str; 4]) {
    let signer = Signer::from_seed("rfc8032", &bytes(seed).try_into().unwrap()).unwrap();
    assert_eq!(hex(signer.verifier_key().public_key()), public);
    assert_eq!(hex(&signer.sign(&bytes(message))), signature);
    assert!(signer.verifier_key().verify(&bytes(message), &bytes(signature)));
    assert!(!signer.verifier_key().verify(b"another message", &bytes(signature)));
}

fn note(lines: &[&str]) {
    let key: VerifierKey = lines[0].parse().unwrap();
    let text = format!("{}\n", lines[1..].join("\n"));
    let note = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap().len(), 1);
    let forged = Note::parse(text.replace("answer", "answers").as_bytes()).unwrap();
    assert!(forged.verify(&[key]).is_err());
}

fn checkpoint(lines: &[&str]) {
    let signer = Signer::from_seed(lines[2], &bytes(lines[0]).try_into().unwrap()).unwrap();
    assert_eq!(signer.verifier_key().to_string(), lines[1]);
    let expected = format!("{}\n", lines[2..].join("\n"));
    let made = Checkpoint::new(lines[2], int(lines[3]), named(int(lines[3]))).sign(&signer).unwrap();
    assert_eq!(made.to_string(), expected);
    let (read, _) = Checkpoint::open(expected.as_bytes(), signer.verifier_key()).unwrap();
    assert_eq!(BASE64.encode(read.root.as_bytes()), lines[4]);
}
