//! Chores: test, tidy, bench, soak.

fn main() {}
