//! The evidence log's mathematics: Merkle tree, tiles, checkpoints, proofs, signed notes.
