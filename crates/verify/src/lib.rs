//! The auditor's verifier: needs only an export and a key.
