//! Every entry bundle and tile against the signed root.

use crate::report::Verified;
use crate::source::Source;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, Frontier, TILE_WIDTH, Tile, TilePath, TileTree, bundle, leaf_hash};
use seatrial_model::Digest;
use std::collections::BTreeMap;

/// A tree that is built again, leaf by leaf, with the tiles above level 0 that it comes to.
#[derive(Default)]
struct Rebuilt {
    frontier: Frontier,
    upper: BTreeMap<(u8, u64), Tile>,
}

impl Rebuilt {
    fn push(&mut self, leaves: &[Digest]) {
        for leaf in leaves {
            let filled = self.frontier.push(*leaf);
            self.upper.extend(filled.into_iter().filter(|t| t.level > 0).map(|t| ((t.level, t.n), t)));
        }
    }

    /// A tile above level 0, filled or partial.
    fn finish(&mut self) {
        self.upper.extend(self.frontier.edge().into_iter().filter(|t| t.level > 0).map(|t| ((t.level, t.n), t)));
    }
}

/// A bundle and the tile of its leaf hashes, which say different things.
struct Disagreement {
    n: u64,
    index: u64,
}

/// Checks every bundle and tile. `visit` is given each entry, in order.
pub(super) fn check<S: Source + ?Sized>(
    source: &S,
    checkpoint: &Checkpoint,
    report: &mut Verified,
    mut visit: impl FnMut(u64, &[u8], &mut Verified),
) {
    // Built twice: from the entries, and from the leaf hashes in the tiles. The signed root tells which of the two
    // is right where they disagree, so that a problem names the file that is wrong.
    let (mut entries, mut hashes) = (Rebuilt::default(), Rebuilt::default());
    let mut disagreements = Vec::new();
    let mut complete = true;
    for n in 0..checkpoint.size.div_ceil(TILE_WIDTH as u64) {
        let width = width_at(checkpoint.size, 0, n);
        let bundle = read(source, TilePath { tree: TileTree::Entries, n, width }, report, decode_bundle);
        let tile = read(source, TilePath { tree: TileTree::Hashes(0), n, width }, report, decode_tile);
        let leaves = bundle.as_ref().map(|b| b.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<_>>());
        if let (Some(leaves), Some(tile)) = (&leaves, &tile)
            && let Some(at) = leaves.iter().zip(tile).position(|(a, b)| a != b)
        {
            disagreements.push(Disagreement { n, index: n * TILE_WIDTH as u64 + at as u64 });
        }
        match (leaves.as_ref().or(tile.as_ref()), tile.as_ref().or(leaves.as_ref())) {
            (Some(from_entries), Some(from_hashes)) => {
                entries.push(from_entries);
                hashes.push(from_hashes);
            }
            _ => complete = false,
        }
        for (index, leaf) in (n * TILE_WIDTH as u64..).zip(bundle.iter().flatten()) {
            visit(index, leaf, report);
        }
        if report.is_full() {
            return;
        }
    }
    let (from_entries, from_hashes) = (entries.frontier.root(), hashes.frontier.root());
    let entries_right = complete && from_entries == checkpoint.root;
    let hashes_right = complete && from_hashes == checkpoint.root;
    if complete && !entries_right && !hashes_right {
        let what = format!("its root is `{}`, and the entries have the root `{from_entries}`", checkpoint.root);
        report.problem("checkpoint", what);
    }
    for Disagreement { n, index } in disagreements {
        let width = width_at(checkpoint.size, 0, n);
        let bundle = TilePath { tree: TileTree::Entries, n, width };
        let tile = TilePath { tree: TileTree::Hashes(0), n, width };
        if !entries_right {
            report.problem(bundle.to_string(), format!("entry {index} is not the one whose hash is in `{tile}`"));
        }
        if !hashes_right {
            report.problem(tile.to_string(), format!("it holds another hash for entry {index} than `{bundle}` has"));
        }
    }
    if complete {
        let mut right = if hashes_right && !entries_right { hashes } else { entries };
        right.finish();
        check_upper(source, checkpoint.size, &right, report);
    }
}

/// Compares the tiles above level 0 with those that the leaves come to.
fn check_upper<S: Source + ?Sized>(source: &S, size: u64, right: &Rebuilt, report: &mut Verified) {
    for path in TilePath::all(size) {
        let TileTree::Hashes(level @ 1..) = path.tree else { continue };
        let Some(bytes) = read(source, path, report, |bytes, _| Ok(bytes)) else { continue };
        if right.upper.get(&(level, path.n)).map(Tile::to_bytes).as_ref() != Some(&bytes) {
            report.problem(path.to_string(), "its hashes are not those of the tiles below it");
        }
        if report.is_full() {
            return;
        }
    }
}

/// Reads a file of the tree; what is missing or cannot be read is a problem.
fn read<S: Source + ?Sized, T>(
    source: &S,
    path: TilePath,
    report: &mut Verified,
    decode: impl FnOnce(Vec<u8>, usize) -> Result<T, String>,
) -> Option<T> {
    let bytes = source.tile(path).map_err(|e| e.reason).and_then(|b| b.ok_or_else(|| "it is missing".to_owned()));
    let decoded = bytes.and_then(|bytes| decode(bytes, usize::from(path.width)));
    decoded.map_err(|what| report.problem(path.to_string(), what)).ok()
}

fn decode_bundle(bytes: Vec<u8>, width: usize) -> Result<Vec<Vec<u8>>, String> {
    let entries = bundle::decode(&bytes).map_err(|e| e.to_string())?;
    if entries.len() != width {
        return Err(format!("it holds {} entries where {width} belong", entries.len()));
    }
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

fn decode_tile(bytes: Vec<u8>, width: usize) -> Result<Vec<Digest>, String> {
    let tile = Tile::from_bytes(0, 0, &bytes).map_err(|e| e.to_string())?;
    if tile.hashes.len() != width {
        return Err(format!("it holds {} hashes where {width} belong", tile.hashes.len()));
    }
    Ok(tile.hashes)
}
