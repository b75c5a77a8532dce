//! Defaults that administrators set in place of the plugins' own.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::plugin_id::PluginId;
use crate::config_sections::ConfigSections;
use crate::json_files::{read_object_or_warn, recursive_update, sorted_files};

/// The plugin that asks whether to fetch news from the Jupyter project.
const NOTIFICATIONS: &str = "@jupyterlab/apputils-extension:notification";

/// New defaults by plugin and key.
pub(super) struct Overrides(Map<String, Value>);

impl Overrides {
    /// Ours, then `overrides.d/*`, `overrides.json`, `overrides.json5` beside the application, then
    /// `labconfig/default_setting_overrides`; what comes later wins.
    pub(super) fn read(app_settings_dir: Option<&Path>, labconfig: &ConfigSections) -> Overrides {
        let mut merged = ours();
        if let Some(directory) = app_settings_dir {
            let mut files = sorted_files(&directory.join("overrides.d"), &["json", "json5"]);
            files.extend(["overrides.json", "overrides.json5"].map(|name| directory.join(name)));
            for overrides in files.iter().filter_map(|file| read_object_or_warn(file)) {
                recursive_update(&mut merged, &overrides);
            }
        }
        recursive_update(&mut merged, &labconfig.read("default_setting_overrides"));
        Overrides(merged)
    }

    /// Puts the new defaults into the plugin's schema.
    pub(super) fn apply(&self, id: &PluginId, schema: &mut Value) {
        let Some(Value::Object(defaults)) = self.0.get(&id.to_string()) else {
            return;
        };
        let Some(schema) = schema.as_object_mut() else {
            return;
        };
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        let Some(properties) = properties.as_object_mut() else {
            return;
        };
        for (key, new) in defaults {
            let property = properties.entry(key.clone()).or_insert_with(|| json!({}));
            let Some(property) = property.as_object_mut() else {
                continue;
            };
            match (property.get_mut("default"), new) {
                (Some(Value::Object(old)), Value::Object(new)) => recursive_update(old, new),
                _ => {
                    property.insert("default".into(), new.clone());
                }
            }
        }
    }
}

/// News come from this server and nowhere else, so there is no need to ask the user about them.
fn ours() -> Map<String, Value> {
    let mut overrides = Map::new();
    overrides.insert(NOTIFICATIONS.into(), json!({ "fetchNews": "true" }));
    overrides
}
