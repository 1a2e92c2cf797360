//! The embedded model: pure fitting and prediction of a small, real classifier.
