//! Layer 4, deciding: compiled program, checks, confidence, verdict; no I/O.
