//! `cargo xtask`: test, bench, docs.
fn main() {}
