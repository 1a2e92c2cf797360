//! RFC 6962 § 2.1: leaves and inner nodes are hashed under different prefixes, so that neither can pass for
//! the other.

use seatrial_model::Digest;
use sha2::{Digest as _, Sha256};

/// The prefix of a leaf.
const LEAF: [u8; 1] = [0];
/// The prefix of an inner node.
const NODE: [u8; 1] = [1];

/// The hash of an entry as a leaf: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(LEAF);
    hasher.update(entry);
    Digest::from_bytes(hasher.finalize().into())
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(NODE);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Digest::from_bytes(hasher.finalize().into())
}

/// The root of the tree without entries: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The Merkle Tree Hash over already hashed nodes, in order; [`empty_root`] where there are none.
#[must_use]
pub fn root_of(nodes: &[Digest]) -> Digest {
    match nodes {
        [] => empty_root(),
        [one] => *one,
        more => {
            // RFC 6962: the left part is the greatest power of two smaller than the number of nodes.
            let split = more.len().next_power_of_two() / 2;
            let (left, right) = more.split_at(split);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_never_hashes_like_a_node() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let glued: Vec<u8> = [a.as_bytes().as_slice(), b.as_bytes()].concat();
        assert_ne!(leaf_hash(&glued), node_hash(&a, &b));
        assert_ne!(node_hash(&a, &b), node_hash(&b, &a));
    }

    #[test]
    fn root_of_splits_as_rfc_6962_says() {
        let n: Vec<Digest> = (0..5u8).map(|i| leaf_hash(&[i])).collect();
        let left = node_hash(&node_hash(&n[0], &n[1]), &node_hash(&n[2], &n[3]));
        assert_eq!(root_of(&n), node_hash(&left, &n[4]));
        assert_eq!(root_of(&[]), empty_root());
        assert_eq!(root_of(&n[..1]), n[0]);
    }
}
