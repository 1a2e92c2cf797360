//! Layer 2, learning: evaluation statistics, calibration, the audit, sprint reports.
