//! Commands that print what the server would go by.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::config::{Config, ShowConfig};
use crate::error::ServerError;
use crate::paths::JupyterPaths;
use crate::settings::Raw;

/// `--version`.
pub(super) fn version() -> Result<ExitCode, ServerError> {
    super::print(&format!("{}\n", env!("CARGO_PKG_VERSION")))
}

/// `adrastea paths`: what `jupyter --paths` prints.
pub(super) fn paths(paths: &JupyterPaths, arguments: &[String]) -> Result<ExitCode, ServerError> {
    let texts = |paths: &[PathBuf]| -> Vec<String> {
        paths
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    };
    let runtime = vec![paths.runtime_dir.to_string_lossy().into_owned()];
    let groups = [
        ("config", texts(&paths.config)),
        ("data", texts(&paths.data)),
        ("runtime", runtime),
    ];
    if arguments.iter().any(|argument| argument == "--json") {
        let object: Map<String, Value> = groups
            .into_iter()
            .map(|(name, paths)| (name.to_owned(), json!(paths)))
            .collect();
        return super::print(&format!("{}\n", Value::Object(object)));
    }
    let mut text = String::new();
    for (name, paths) in groups {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name}:");
        for path in paths {
            let _ = writeln!(text, "    {path}");
        }
    }
    super::print(&text)
}

/// `--show-config` and `--show-config-json`: the settings that were given, from files and command line together.
pub(super) fn config(config: &Config, form: ShowConfig) -> Result<ExitCode, ServerError> {
    let mut classes = Map::new();
    let mut text = String::new();
    for path in &config.process.files {
        let _ = writeln!(text, "read {}", path.display());
    }
    let mut last = "";
    for (class, name, setting) in config.process.settings.iter() {
        if name.starts_with("show_config") {
            continue;
        }
        let value = match &setting.raw {
            Raw::Json(value) => value.clone(),
            Raw::Words(words) => match words.as_slice() {
                [one] => json!(one),
                several => json!(several),
            },
        };
        if class != last {
            let _ = writeln!(text, "\n{class}");
            last = class;
        }
        let _ = writeln!(text, "  .{name} = {value}    ({})", setting.source);
        if let Value::Object(traits) = classes.entry(class).or_insert_with(|| json!({})) {
            traits.insert(name.to_owned(), value);
        }
    }
    match form {
        ShowConfig::Text => super::print(&text),
        ShowConfig::Json => {
            let json = serde_json::to_string_pretty(&Value::Object(classes)).unwrap_or_default();
            super::print(&format!("{json}\n"))
        }
    }
}
