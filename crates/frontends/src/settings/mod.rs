//! JupyterLab's settings: a schema for each plugin, and what the user has set, kept as the text they wrote.
//!
//! A plugin's id is `<package>:<plugin>`. Its schema lies in an extension or in the application; the user's text
//! is JSON5 with comments and is never rewritten.

mod overrides;
mod plugin_id;
mod schema;
mod user;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::blocking::blocking;
use crate::config_sections::ConfigSections;
use crate::json_files::parse_json5;
use crate::translations::SchemaTranslator;
use crate::{FrontendsError, atomic_write};
use overrides::Overrides;
use plugin_id::PluginId;
use schema::{Schema, Schemas};
use user::UserSettings;

/// A user's settings of one plugin are at most this large.
const SETTINGS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The plugin whose setting `locale` says in which language schemas are sent.
const TRANSLATION_PLUGIN: &str = "@jupyterlab/translation-extension:plugin";

/// The settings of one installation and one user; a cheap clone.
#[derive(Debug, Clone)]
pub struct Settings {
    schemas: Schemas,
    app_settings_dir: Option<PathBuf>,
    labconfig: ConfigSections,
    settings_dir: PathBuf,
    translator: SchemaTranslator,
}

impl Settings {
    pub(crate) fn new(
        app_dir: Option<PathBuf>,
        labextensions_path: Vec<PathBuf>,
        labconfig: ConfigSections,
        settings_dir: PathBuf,
        translator: SchemaTranslator,
    ) -> Settings {
        Settings {
            schemas: Schemas::new(
                app_dir.as_ref().map(|app_dir| app_dir.join("schemas")),
                labextensions_path,
            ),
            app_settings_dir: app_dir.map(|app_dir| app_dir.join("settings")),
            labconfig,
            settings_dir,
            translator,
        }
    }

    /// All plugins with their schemas and settings: `{"settings": […]}`, by id from Z to A as the reference has it.
    ///
    /// # Errors
    /// When a schema cannot be read or a settings file is no JSON5.
    pub async fn list(&self) -> Result<Value, FrontendsError> {
        let settings = self.clone();
        blocking(move || {
            let (overrides, locale) = (settings.overrides(), settings.locale());
            let mut models = Vec::new();
            for id in settings.schemas.ids().iter().rev() {
                let mut model = settings.model(id, &overrides, locale.as_deref())?;
                model.insert("warning".into(), Value::Null);
                models.push(Value::Object(model));
            }
            Ok(json!({ "settings": models }))
        })
        .await
    }

    /// The ids alone: `{"settings": [{"id": …}, …]}`.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn ids(&self) -> Result<Value, FrontendsError> {
        let schemas = self.schemas.clone();
        blocking(move || {
            let ids: Vec<Value> = schemas
                .ids()
                .iter()
                .rev()
                .map(|id| json!({ "id": id.to_string() }))
                .collect();
            Ok(json!({ "settings": ids }))
        })
        .await
    }

    /// One plugin's schema and settings: `{id, schema, version, raw, settings, last_modified, created}`.
    ///
    /// # Errors
    /// [`FrontendsError::UnknownSchema`] when there is no such plugin; else as [`Settings::list`].
    pub async fn get(&self, id: &str) -> Result<Value, FrontendsError> {
        let (settings, id) = (self.clone(), id.parse::<PluginId>()?);
        blocking(move || {
            let (overrides, locale) = (settings.overrides(), settings.locale());
            settings
                .model(&id, &overrides, locale.as_deref())
                .map(Value::Object)
        })
        .await
    }

    /// Keeps `raw` (JSON5 with comments) as the user's settings of a plugin, exactly as written.
    ///
    /// # Errors
    /// When there is no such plugin, the text is no JSON5 or does not fit the schema (nothing is changed then), or
    /// the file cannot be written.
    pub async fn put(&self, id: &str, raw: String) -> Result<(), FrontendsError> {
        let (settings, id) = (self.clone(), id.parse::<PluginId>()?);
        if raw.len() > SETTINGS_BYTES_MAX {
            return Err(FrontendsError::TooLarge {
                what: "the settings",
                limit_bytes: SETTINGS_BYTES_MAX,
            });
        }
        blocking(move || {
            let value = parse_json5(&raw).map_err(|reason| FrontendsError::SettingsSyntax { reason })?;
            let schema = settings.schemas.read(&id, &settings.overrides())?;
            schema
                .validate(&value)?
                .map_err(|reason| FrontendsError::SettingsInvalid { reason })?;
            atomic_write::write(&user::path(&settings.settings_dir, &id), raw.as_bytes())
        })
        .await
    }

    /// The language that the user chose for the front ends; `None` for the system's. Blocks.
    pub(crate) fn locale(&self) -> Option<String> {
        let id: PluginId = TRANSLATION_PLUGIN.parse().ok()?;
        let schema = self.schemas.read(&id, &self.overrides()).ok()?;
        let settings = UserSettings::read(&self.settings_dir, &id, &schema)
            .ok()?
            .settings;
        let locale = settings.get("locale").and_then(Value::as_str)?;
        (locale != "default").then(|| locale.to_owned())
    }

    fn overrides(&self) -> Overrides {
        Overrides::read(self.app_settings_dir.as_deref(), &self.labconfig)
    }

    fn model(
        &self,
        id: &PluginId,
        overrides: &Overrides,
        locale: Option<&str>,
    ) -> Result<Map<String, Value>, FrontendsError> {
        let schema = self.schemas.read(id, overrides)?;
        let user = UserSettings::read(&self.settings_dir, id, &schema)?;
        let Schema { value, version, .. } = schema;
        let mut model = Map::new();
        model.insert("id".into(), json!(id.to_string()));
        model.insert("schema".into(), self.translator.translate(value, locale));
        model.insert("version".into(), json!(version));
        model.insert("raw".into(), json!(user.raw));
        model.insert("settings".into(), user.settings);
        model.insert("last_modified".into(), json!(user.last_modified));
        model.insert("created".into(), json!(user.created));
        Ok(model)
    }
}

#[cfg(test)]
mod tests;
