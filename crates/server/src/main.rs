//! The binary `adrastea`.
fn main() {}
