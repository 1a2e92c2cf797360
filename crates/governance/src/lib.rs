//! Layer 3, governing: obligations, staleness, approvals, stages, releases.
