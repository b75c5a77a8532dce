//! `/api/contents`, checkpoints, trust, `/files`, `/view`.

mod bad_input;
mod bodies;
mod checkpoints;
mod creating;
mod directories;
mod entries;
mod files;
mod limits;
mod links_swapped;
mod notebook_corpus;
mod other_routes;
mod paging;
mod permissions;
mod shared_trust;
mod uploads;
mod uploads_large;
mod versions;

use std::path::PathBuf;

use test_support::TestServer;

/// The bytes of a file in the root directory.
pub(crate) fn read(server: &TestServer, path: &str) -> Vec<u8> {
    std::fs::read(server.root().join(path)).expect("the file is there")
}

/// All names beneath the root directory, sorted.
pub(crate) fn tree(server: &TestServer) -> Vec<String> {
    let root = server.root();
    let mut names = Vec::new();
    let mut left = vec![root.clone()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.strip_prefix(&root).unwrap().display().to_string());
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            }
        }
    }
    names.sort();
    names
}

/// The Python with the reference, which `cargo xtask test` provides.
pub(crate) fn python() -> PathBuf {
    test_support::test_python().expect(
        "ADRASTEA_TEST_PYTHON names no Python with jupyter_server: run `cargo xtask test`, which provides one",
    )
}

/// A small valid notebook, with a version mark to tell it from others.
pub(crate) fn notebook(mark: u32) -> serde_json::Value {
    serde_json::json!({"cells": [], "metadata": {"mark": mark}, "nbformat": 4, "nbformat_minor": 5})
}
