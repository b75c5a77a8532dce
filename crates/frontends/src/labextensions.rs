//! Prebuilt extensions of JupyterLab and Notebook 7, on Jupyter's search path.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::json_files::read_object_or_warn;

/// Extensions looked at in one search path; more are ignored with a line in the log.
const LABEXTENSIONS_MAX: usize = 2_000;

/// One installed extension: the first of its name on the search path.
#[derive(Debug, Clone)]
pub(crate) struct Labextension {
    /// As in its `package.json`, with scope.
    pub name: String,
    /// Where it lies.
    pub directory: PathBuf,
    /// Its whole `package.json`.
    pub package: Map<String, Value>,
}

/// Every extension below `search_path`; a name that comes twice is the first one.
pub(crate) fn list(search_path: &[PathBuf]) -> Vec<Labextension> {
    let mut extensions: Vec<Labextension> = Vec::new();
    for directory in search_path
        .iter()
        .flat_map(|directory| extension_directories(directory))
    {
        if extensions.len() >= LABEXTENSIONS_MAX {
            tracing::warn!("more than {LABEXTENSIONS_MAX} labextensions: ignoring the rest");
            break;
        }
        let Some(package) = read_object_or_warn(&directory.join("package.json")) else {
            continue;
        };
        let Some(name) = package.get("name").and_then(Value::as_str).map(str::to_owned) else {
            tracing::warn!(
                "ignoring the labextension in `{}`: it has no name",
                directory.display()
            );
            continue;
        };
        if extensions.iter().all(|earlier| earlier.name != name) {
            extensions.push(Labextension {
                name,
                directory,
                package,
            });
        }
    }
    extensions
}

/// `<path>/<name>` and `<path>/@<scope>/<name>`, by name; develop installs are symbolic links.
pub(crate) fn extension_directories(search_directory: &Path) -> Vec<PathBuf> {
    let is_scope = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"))
    };
    let (scopes, plain): (Vec<_>, Vec<_>) = subdirectories(search_directory).into_iter().partition(is_scope);
    plain
        .into_iter()
        .chain(scopes.iter().flat_map(|scope| subdirectories(scope)))
        .collect()
}

/// The directories in a directory, symbolic links to directories included, by name.
pub(crate) fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut directories: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    directories.sort();
    directories
}

impl Labextension {
    fn jupyterlab(&self, key: &str) -> Option<&Value> {
        self.package.get("jupyterlab")?.get(key)
    }

    /// Its entry in `federated_extensions`; `None` (with a line in the log) when it was not built.
    pub(crate) fn federated(&self) -> Option<Value> {
        let Some(build) = self.jupyterlab("_build") else {
            tracing::warn!("{} is not a valid extension: it was not built", self.name);
            return None;
        };
        let mut entry = Map::new();
        entry.insert("name".into(), json!(self.name));
        entry.insert("load".into(), build.get("load")?.clone());
        for key in ["extension", "mimeExtension", "style"] {
            if let Some(value) = build.get(key) {
                entry.insert(key.into(), value.clone());
            }
        }
        entry.insert(
            "entrypoints".into(),
            build.get("entrypoints").cloned().unwrap_or(Value::Null),
        );
        Some(Value::Object(entry))
    }

    /// The extensions that this one wants disabled.
    pub(crate) fn disables(&self) -> Vec<String> {
        strings(self.jupyterlab("disabledExtensions"))
    }

    /// A text of its `package.json`; empty when missing.
    pub(crate) fn text(&self, key: &str) -> String {
        self.package
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// Its home page, else its repository.
    pub(crate) fn homepage(&self) -> String {
        match self.package.get("homepage").and_then(Value::as_str) {
            Some(homepage) => homepage.to_owned(),
            None => self.repository().unwrap_or_default(),
        }
    }

    /// Where its source is.
    pub(crate) fn repository(&self) -> Option<String> {
        Some(self.package.get("repository")?.get("url")?.as_str()?.to_owned())
    }

    /// How it was installed (`install.json`), `{}` when it does not say.
    pub(crate) fn install(&self) -> Value {
        read_object_or_warn(&self.directory.join("install.json")).map_or_else(|| json!({}), Value::Object)
    }
}

/// The strings of a JSON list.
pub(crate) fn strings(list: Option<&Value>) -> Vec<String> {
    let items = list
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
