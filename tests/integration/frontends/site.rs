//! A server with the real front ends.

use std::path::PathBuf;

use serde_json::Value;
use test_support::{Answer, TestServer, TestServerBuilder, test_python};

/// The interpreter of the environment that has the front ends. These tests mean nothing without them.
pub(super) fn python() -> PathBuf {
    test_python().unwrap_or_else(|| panic!("set ADRASTEA_TEST_PYTHON, or run `cargo xtask test`"))
}

/// A server that finds the front ends in that environment.
pub(super) fn builder() -> TestServerBuilder {
    TestServer::builder()
        .python(python())
        .file(
            "sub ∂/nb 1.ipynb",
            r#"{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#,
        )
        .file("a.txt", "text")
        .file(".hidden/x.txt", "text")
}

/// What a page tells its scripts.
#[track_caller]
pub(super) fn page_config(page: &Answer) -> Value {
    page_config_of(&page.text())
}

/// The same of a page's text.
#[track_caller]
pub(super) fn page_config_of(html: &str) -> Value {
    let (_, rest) = html
        .split_once(r#"<script id="jupyter-config-data" type="application/json">"#)
        .unwrap_or_else(|| panic!("no configuration in {html}"));
    let (json, _) = rest.split_once("</script>").expect("the end of the script");
    serde_json::from_str(json).expect("JSON")
}
