//! The evidence log's mathematics, usable alone: RFC 6962 Merkle hashing, an append-only tree that keeps
//! only its right edge, C2SP `tlog-tiles` (tiles, entry bundles and their paths), inclusion and consistency
//! proofs, C2SP signed notes, checkpoints, `tlog-proof` files, DSSE envelopes, the in-toto Statements of others, and signatures
//! that people make with their own SSH keys.
//!
//! Nothing here does I/O, reads a clock or draws a random number: tiles come through [`TileReader`], and a
//! key's seed comes from the caller.
//!
//! Sources: RFC 6962 § 2.1, and the C2SP pages `tlog-tiles`, `signed-note`, `tlog-checkpoint`,
//! `tlog-cosignature` and `tlog-proof`; OpenSSH's `PROTOCOL.sshsig`.

pub mod attestation;
pub mod bundle;
pub mod checkpoint;
pub mod dsse;
pub mod hash;
pub mod note;
pub mod proof;
pub mod rotation;
pub mod served;
pub mod ssh;
pub mod tile;
pub mod tlog_proof;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::{empty_root, leaf_hash, node_hash};
pub use note::{Note, NoteError, NoteSignature, Signer, VerifierKey};
pub use proof::{ProofError, TileReader};
pub use rotation::Rotation;
pub use served::LogPath;
pub use tile::{TILE_WIDTH, Tile, TilePath, TileTree};
pub use tlog_proof::TlogProof;
pub use tree::{Appended, Frontier};
pub use witness::{AddCheckpoint, Objection, Witness};
