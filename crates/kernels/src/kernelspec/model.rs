//! A kernelspec as `/api/kernelspecs` shows it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{KernelJson, Kernelspec};
use crate::KernelspecName;

/// The files of a kernelspec that front ends load by fixed names.
const SCRIPTS: [&str; 2] = ["kernel.js", "kernel.css"];

/// `{"name", "spec", "resources"}`.
#[derive(Clone, Debug, Serialize)]
pub struct KernelspecModel {
    /// Its name.
    pub name: KernelspecName,
    /// Its `kernel.json`.
    pub spec: KernelJson,
    /// URLs of its logos (by file name without extension), `kernel.js` and `kernel.css`.
    pub resources: Map<String, Value>,
}

impl KernelspecModel {
    /// The model, with URLs below `base_url` (which begins and ends with a slash). Reads the resource directory.
    #[must_use]
    pub(crate) fn read(kernelspec: &Kernelspec, base_url: &str) -> Self {
        let mut resources = Map::new();
        for file in resource_files(kernelspec) {
            let key = if SCRIPTS.contains(&file.as_str()) {
                &file
            } else {
                file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem)
            };
            let url = format!(
                "{}/kernelspecs/{}/{file}",
                base_url.trim_end_matches('/'),
                kernelspec.name
            );
            resources.insert(key.to_owned(), Value::from(url));
        }
        Self {
            name: kernelspec.name.clone(),
            spec: kernelspec.spec.clone(),
            resources,
        }
    }
}

/// `kernel.js`, `kernel.css` and `logo-*`, in an order that does not change.
fn resource_files(kernelspec: &Kernelspec) -> Vec<String> {
    let Some(dir) = &kernelspec.resource_dir else {
        return Vec::new();
    };
    // A directory that cannot be read has no logos to show.
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| SCRIPTS.contains(&name.as_str()) || name.starts_with("logo-"))
        .collect();
    names.sort_by_key(|name| {
        let script = SCRIPTS.iter().position(|script| script == name);
        (script.unwrap_or(SCRIPTS.len()), name.clone())
    });
    names
}
