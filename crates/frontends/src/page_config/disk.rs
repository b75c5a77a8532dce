//! The part of a page's configuration that administrators and extensions write to disk.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config_sections::ConfigSections;
use crate::json_files::{read_json, recursive_update};
use crate::labextensions::{Labextension, strings};

/// `page_config` as found on disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct DiskPageConfig {
    /// Objects with true and false under their keys, not yet lists.
    merged: Map<String, Value>,
    federated_extensions: Vec<Value>,
}

impl DiskPageConfig {
    /// Reads `<app dir>/settings/page_config.json5` (else `.json`), then `labconfig/page_config` of the configuration
    /// directories, then what extensions say about each other. Blocks.
    pub(crate) fn read(
        app_dir: Option<&Path>,
        labconfig: &ConfigSections,
        extensions: &[Labextension],
    ) -> DiskPageConfig {
        let mut merged = app_dir.map(of_the_application).unwrap_or_default();
        recursive_update(&mut merged, &labconfig.read("page_config"));
        let disabled = disabled_extensions(&merged, app_dir, extensions);
        merged.insert("disabledExtensions".into(), Value::Object(disabled));
        let federated_extensions = extensions.iter().filter_map(Labextension::federated).collect();
        DiskPageConfig {
            merged,
            federated_extensions,
        }
    }

    /// The ids that are switched off.
    pub(crate) fn disabled(&self) -> Vec<String> {
        true_keys(self.merged.get("disabledExtensions"))
    }

    /// The ids that users must not switch.
    pub(crate) fn locked(&self) -> Vec<String> {
        true_keys(self.merged.get("lockedExtensions"))
    }

    /// Puts everything into the page; objects become the lists of their true keys, as the front ends expect.
    pub(crate) fn add_to(self, page: &mut Map<String, Value>) {
        page.insert(
            "federated_extensions".into(),
            Value::Array(self.federated_extensions),
        );
        for (key, value) in self.merged {
            let value = if value.is_object() {
                json!(true_keys(Some(&value)))
            } else {
                value
            };
            page.insert(key, value);
        }
    }
}

fn of_the_application(app_dir: &Path) -> Map<String, Value> {
    for name in ["page_config.json5", "page_config.json"] {
        let path = app_dir.join("settings").join(name);
        match read_json(&path) {
            Ok(Some(Value::Object(mut object))) => {
                for key in ["disabledExtensions", "deferredExtensions"] {
                    if object.get(key).is_some_and(Value::is_array) {
                        let ids = strings(object.get(key))
                            .into_iter()
                            .map(|id| (id, Value::Bool(true)));
                        let ids = Value::Object(ids.collect());
                        object.insert(key.to_owned(), ids);
                    }
                }
                return object;
            }
            Ok(None) => {}
            Ok(Some(_)) => tracing::warn!("ignoring `{}`: it is no JSON object", path.display()),
            Err(error) => tracing::warn!("ignoring `{}`: {error}", path.display()),
        }
    }
    Map::new()
}

/// What the configuration disables (or, with `false`, enables again) on top of what extensions disable.
fn disabled_extensions(
    merged: &Map<String, Value>,
    app_dir: Option<&Path>,
    extensions: &[Labextension],
) -> Map<String, Value> {
    let configured = match merged.get("disabledExtensions") {
        Some(Value::Object(object)) => object.clone(),
        Some(list @ Value::Array(_)) => strings(Some(list))
            .into_iter()
            .map(|id| (id, Value::Bool(true)))
            .collect(),
        _ => Map::new(),
    };
    let mut by_extensions: Vec<(String, Vec<String>)> = extensions
        .iter()
        .map(|extension| (extension.name.clone(), extension.disables()))
        .collect();
    for (name, disables) in app_dir.map(of_source_extensions).unwrap_or_default() {
        if by_extensions
            .iter()
            .all(|(known, disabled)| *known != name || disabled.is_empty())
        {
            by_extensions.push((name, disables));
        }
    }
    by_extensions.sort();
    let is_off = |name: &str| configured.get(name) == Some(&Value::Bool(true));
    let mut disabled: Map<String, Value> = by_extensions
        .into_iter()
        .filter(|(name, _)| !is_off(name))
        .flat_map(|(_, disables)| disables)
        .map(|id| (id, Value::Bool(true)))
        .collect();
    disabled.extend(configured);
    disabled
}

/// What extensions that were built into the application disable.
fn of_source_extensions(app_dir: &Path) -> Vec<(String, Vec<String>)> {
    let path = app_dir.join("static/package.json");
    let package = read_json(&path).unwrap_or_else(|error| {
        tracing::warn!("ignoring `{}`: {error}", path.display());
        None
    });
    let metadata = package
        .as_ref()
        .and_then(|package| package.pointer("/jupyterlab/extensionMetadata"));
    let metadata = metadata.and_then(Value::as_object).into_iter().flatten();
    metadata
        .map(|(name, data)| (name.clone(), strings(data.get("disabledExtensions"))))
        .collect()
}

fn true_keys(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Object(object)) => object
            .iter()
            .filter(|(_, on)| is_true(on))
            .map(|(key, _)| key.clone())
            .collect(),
        list => strings(list),
    }
}

/// As Python sees it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}
