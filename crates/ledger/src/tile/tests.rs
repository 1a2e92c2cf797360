use super::*;
use proptest::prelude::*;

#[test]
fn the_example_of_tlog_tiles() {
    let path = TilePath { tree: TileTree::Hashes(0), n: 1_234_067, width: 256 };
    assert_eq!(path.to_string(), "tile/0/x001/x234/067");
    let path = TilePath { tree: TileTree::Entries, n: 273, width: 112 };
    assert_eq!(path.to_string(), "tile/entries/273.p/112");
    assert_eq!(
        "tile/63/x001/x234/067.p/8".parse(),
        Ok(TilePath { tree: TileTree::Hashes(63), n: 1_234_067, width: 8 })
    );
}

#[test]
fn the_tiles_of_70000_entries() {
    let all: Vec<String> = TilePath::all(70_000).map(|p| p.to_string()).collect();
    let of = |prefix: &str| all.iter().filter(|p| p.starts_with(prefix)).count();
    assert_eq!((of("tile/0/"), of("tile/1/"), of("tile/2/"), of("tile/entries/")), (274, 2, 1, 274));
    assert_eq!(all.len(), 551);
    for partial in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"] {
        assert!(all.iter().any(|p| p == partial), "{partial}");
    }
    let all: Vec<String> = TilePath::all(256).map(|p| p.to_string()).collect();
    assert_eq!(all, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(TilePath::all(0).count(), 0);
}

#[test]
fn a_full_tile_is_8192_bytes() {
    let tile = Tile { level: 3, n: 5, hashes: vec![Digest::of(b"x"); TILE_WIDTH] };
    let bytes = tile.to_bytes();
    assert_eq!(bytes.len(), 8_192);
    assert_eq!(Tile::from_bytes(3, 5, &bytes), Ok(tile));
    for length in [0, 1, 31, 33, 8_191, 8_193, 8_224] {
        assert_eq!(Tile::from_bytes(0, 0, &vec![0; length]), Err(TileError::Bytes(length)));
    }
}

#[test]
fn one_spelling_of_each_path() {
    for wrong in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/1234",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/+01",
        "tile/0/000/",
        "/tile/0/000",
        "tile/entries/x001",
        "tile/Entries/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/000.p/8.p/8",
        "tile/8/0/000",
    ] {
        assert!(wrong.parse::<TilePath>().is_err(), "`{wrong}`");
    }
}

proptest! {
    #[test]
    fn paths_read_back(level in 0..=LEVEL_MAX, n: u64, width in 1u16..=256, entries: bool) {
        let tree = if entries { TileTree::Entries } else { TileTree::Hashes(level) };
        let path = TilePath { tree, n, width };
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn hostile_paths_never_panic(text in "(tile/)?(entries|[0-9]{0,3})?/?[x0-9/.p+-]{0,90}|.{0,90}") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
