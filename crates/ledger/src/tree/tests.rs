use super::*;
use crate::hash::leaf_hash;
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(crate) fn leaves(n: u64) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(format!("entry-{i}").as_bytes())).collect()
}

/// A tree and all its tiles, each at its last width.
pub(crate) fn grown(steps: &[u64]) -> (Frontier, BTreeMap<(u8, u64), Tile>) {
    let (mut frontier, mut tiles) = (Frontier::new(), BTreeMap::new());
    let all = leaves(steps.iter().sum());
    for step in steps {
        let from = frontier.size() as usize;
        for tile in frontier.extend(&all[from..from + *step as usize]).tiles {
            tiles.insert((tile.level, tile.n), tile);
        }
    }
    (frontier, tiles)
}

#[test]
fn known_roots() {
    use base64::Engine as _;
    for (size, root) in [
        (0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (1, "QHZrIDNCkCb1PVRQJnmoOXBrR0H43K86i7pfQbX/4HU="),
        (3, "pkvybgkSj2/i/m+LLYyAHhZrV8BHp82bK4Ceepai8cs="),
        (5, "GqaNMHSQWlgfhMu9D3U3lJBP2ARRvEwT5p2aU7xZUCw="),
    ] {
        let (frontier, _) = grown(&[size]);
        assert_eq!(base64::engine::general_purpose::STANDARD.encode(frontier.root().as_bytes()), root, "{size}");
    }
}

#[test]
fn the_root_is_rfc_6962s_at_every_size_up_to_600() {
    let all = leaves(600);
    let mut frontier = Frontier::new();
    for size in 0..=600 {
        assert_eq!(frontier.root(), root_of(&all[..size]), "{size}");
        if let Some(leaf) = all.get(size) {
            frontier.push(*leaf);
        }
    }
}

#[test]
fn an_append_names_exactly_the_tiles_that_changed() {
    let mut frontier = Frontier::new();
    let all = leaves(70_000);
    let changed = |a: &Appended| a.tiles.iter().map(|t| t.path().to_string()).collect::<Vec<_>>();
    assert_eq!(changed(&frontier.extend(&[])), Vec::<String>::new());
    assert_eq!(changed(&frontier.extend(&all[..3])), ["tile/0/000.p/3"]);
    assert_eq!(changed(&frontier.extend(&all[3..256])), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(changed(&frontier.extend(&all[256..257])), ["tile/0/001.p/1"]);
    assert_eq!(changed(&frontier.extend(&all[257..600])), ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]);
    frontier.extend(&all[600..65_535]);
    assert_eq!(changed(&frontier.extend(&all[65_535..65_536])), ["tile/0/255", "tile/1/000", "tile/2/000.p/1"]);
    let end = frontier.extend(&all[65_536..]);
    assert_eq!(end.tiles.len(), 17 + 1 + 1, "17 full, and what is partial at levels 0 and 1");
    assert_eq!((end.size, end.root), (70_000, root_of(&all)));
}

#[test]
fn a_tile_of_the_edge_that_is_missing_or_narrow_is_an_error() {
    let (frontier, mut tiles) = grown(&[300]);
    assert_eq!(Frontier::load(300, &tiles), Ok(frontier));
    tiles.get_mut(&(0, 1)).unwrap().hashes.pop();
    let error = Frontier::load(300, &tiles).unwrap_err().to_string();
    assert_eq!(error, "tile `tile/0/001.p/44` was not read: it holds 43 hashes where 44 belong");
    tiles.remove(&(1, 0));
    assert!(Frontier::load(300, &tiles).is_err());
    // A size that was never reached asks for tiles that are not there: an error, and in bounded time.
    assert!(Frontier::load(u64::MAX, &tiles).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn however_it_grew_it_is_the_same_tree(steps in prop::collection::vec(0u64..400, 0..8)) {
        let (frontier, tiles) = grown(&steps);
        let (at_once, tiles_at_once) = grown(&[steps.iter().sum()]);
        prop_assert_eq!(&frontier, &at_once);
        prop_assert_eq!(&tiles, &tiles_at_once);
        prop_assert_eq!(frontier.root(), root_of(&leaves(frontier.size())));
        prop_assert_eq!(Frontier::load(frontier.size(), &tiles).unwrap(), frontier.clone());
        let listed: Vec<(u8, u64, u16)> = crate::TilePath::all(frontier.size())
            .filter_map(|p| match p.tree { crate::TileTree::Hashes(l) => Some((l, p.n, p.width)), crate::TileTree::Entries => None })
            .collect();
        let held: Vec<(u8, u64, u16)> = tiles.values().map(|t| (t.level, t.n, t.hashes.len() as u16)).collect();
        prop_assert_eq!(listed, held);
    }

    #[test]
    fn an_older_edge_loads_from_wider_tiles(old in 0u64..700, more in 0u64..700) {
        let (frontier, _) = grown(&[old]);
        let (_, tiles) = grown(&[old, more]);
        prop_assert_eq!(Frontier::load(old, &tiles).unwrap(), frontier);
    }
}
