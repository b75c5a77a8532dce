//! What was configured and has no effect: each named once.

use std::path::PathBuf;

use super::classes::{LAB, NBCLASSIC, NOTEBOOK, SERVER};
use crate::settings::reader::Reader;

/// Server extensions whose work this server does itself.
const BUILT_IN: &[&str] = &[
    "jupyterlab",
    "notebook",
    "nbclassic",
    "notebook_shim",
    "jupyter_server_terminals",
    "jupyter_lsp",
    "jupyterlab_server",
    "jupyter_resource_usage",
];

/// A sentence for each kind of thing that has no effect.
pub(super) fn warnings(reader: &Reader<'_>, python_files: &[PathBuf]) -> Vec<String> {
    let mut warnings = Vec::new();
    know_the_other_front_ends(reader);
    // Asked for here, so that it is not left over: every package that extends the server sets it.
    let extensions = reader
        .class(SERVER)
        .dictionary("jpserver_extensions")
        .ok()
        .flatten()
        .unwrap_or_default();
    let foreign: Vec<&str> = extensions
        .iter()
        .filter(|(name, enabled)| enabled.as_bool() == Some(true) && !BUILT_IN.contains(&name.as_str()))
        .map(|(name, _)| name.as_str())
        .collect();
    if !foreign.is_empty() {
        warnings.push(format!(
            "server extensions written in Python do not run here: {}",
            foreign.join(", ")
        ));
    }
    if !python_files.is_empty() {
        let names: Vec<String> = python_files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        warnings.push(format!(
            "configuration files written in Python are not read: {} (write their settings into a .json file beside them)",
            names.join(", ")
        ));
    }
    let unused = reader.unused();
    if !unused.is_empty() {
        warnings.push(format!(
            "settings that do not exist here have no effect: {}",
            unused.join(", ")
        ));
    }
    warnings
}

/// Settings of the front ends that do not open first this time, and those that flags set for all.
fn know_the_other_front_ends(reader: &Reader<'_>) {
    for classes in [LAB, NOTEBOOK, NBCLASSIC] {
        let front_end = reader.class(classes);
        for name in ["default_url", "open_browser", "log_level"] {
            front_end.know(name);
        }
    }
    // What NBClassic's package enables in the old server.
    reader.class(NBCLASSIC).know("nbserver_extensions");
}
