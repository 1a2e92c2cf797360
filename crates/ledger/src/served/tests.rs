use super::*;
use crate::tile::{LEVEL_MAX, TileTree};
use proptest::prelude::*;

#[test]
fn what_is_served_has_one_spelling() {
    for good in ["checkpoint", "key", "proof/0", "proof/9007199254740991", "tile/0/x001/067", "tile/entries/000.p/12"] {
        assert_eq!(good.parse::<LogPath>().unwrap().to_string(), good);
    }
    for wrong in [
        "",
        "/",
        "checkpoint/",
        "/checkpoint",
        "Checkpoint",
        "key/",
        "proof",
        "proof/",
        "proof/00",
        "proof/01",
        "proof/-1",
        "proof/+1",
        "proof/1.5",
        "proof/9007199254740992",
        "proof/99999999999999999999999999",
        "proof/1/2",
        "../checkpoint",
        "tile/../checkpoint",
        "tile/0/../000",
        "tile/0/x001/..",
        "tile/0/%2e%2e/000",
        "tile/0/x001/x/000",
        "tile/0/xx01/000",
        "tile/0/001.p/1/..",
        "tile/entries/x000/000",
        "tile/0/000\0",
        "tile/0/٠٠٠",
    ] {
        assert!(wrong.parse::<LogPath>().is_err(), "`{wrong}`");
    }
    let long = format!("tile/0/{}000", "x001/".repeat(100_000));
    assert!(long.parse::<LogPath>().unwrap_err().to_string().len() < 300, "what is refused is not repeated whole");
}

proptest! {
    #[test]
    fn paths_read_back(kind in 0u8..4, level in 0..=LEVEL_MAX, n: u64, width in 1u16..=256, index in 0..SIZE_MAX) {
        let path = match kind {
            0 => LogPath::Checkpoint,
            1 => LogPath::Key,
            2 => LogPath::Proof(index),
            _ => LogPath::Tile(TilePath { tree: TileTree::Hashes(level), n, width }),
        };
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn hostile_paths_are_refused_or_themselves(
        text in "(tile|proof|checkpoint|key|\\.\\.|%2e)?/?(entries|[0-9]{0,3}|x[0-9]{3}|\\.\\.)?(/(x?[0-9]{0,4}|\\.\\.|\\.p|\\PC{0,3})){0,9}"
    ) {
        if let Ok(path) = text.parse::<LogPath>() {
            prop_assert_eq!(path.to_string(), text.clone());
            prop_assert!(!text.contains("..") && !text.contains('%') && text.is_ascii());
        }
    }
}
