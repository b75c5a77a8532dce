//! One file for each word after `cargo xtask`.

pub(crate) mod bench;
pub(crate) mod docs;
pub(crate) mod test;
