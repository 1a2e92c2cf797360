//! Layer 5, owning: responsibilities, drills, handover pack.
