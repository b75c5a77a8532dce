//! What the user has set.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::plugin_id::PluginId;
use super::schema::Schema;
use crate::json_files::{parse_json5, read_text};
use crate::{FrontendsError, times};

/// The ending of JupyterLab's settings files.
const EXTENSION: &str = ".jupyterlab-settings";

/// One plugin's settings as on disk.
pub(super) struct UserSettings {
    /// The text as the user wrote it; `{}` when there is none or it does not fit the schema.
    pub(super) raw: String,
    /// The same, parsed.
    pub(super) settings: Value,
    pub(super) last_modified: Option<String>,
    pub(super) created: Option<String>,
}

pub(super) fn path(settings_dir: &Path, id: &PluginId) -> PathBuf {
    id.file_in(settings_dir, EXTENSION)
}

impl UserSettings {
    /// Reads and checks them. Settings that do not fit the schema (any more) count as none, with a line in the log.
    pub(super) fn read(
        settings_dir: &Path,
        id: &PluginId,
        schema: &Schema,
    ) -> Result<UserSettings, FrontendsError> {
        let path = path(settings_dir, id);
        let mut user = UserSettings {
            raw: "{}".to_owned(),
            settings: json!({}),
            last_modified: None,
            created: None,
        };
        let Some(text) = read_text(&path)? else {
            return Ok(user);
        };
        if let Ok(metadata) = std::fs::metadata(&path) {
            user.last_modified = times::modified(&metadata);
            user.created = times::created(&metadata);
        }
        if text.is_empty() {
            return Ok(user);
        }
        let settings = parse_json5(&text).map_err(|reason| FrontendsError::ParseFile {
            path: path.clone(),
            reason,
        })?;
        let is_empty = settings.as_object().is_some_and(serde_json::Map::is_empty);
        match if is_empty {
            Ok(())
        } else {
            schema.validate(&settings)?
        } {
            Ok(()) => {
                user.raw = text;
                user.settings = settings;
            }
            Err(reason) => {
                tracing::warn!(plugin = %id, "ignoring the settings of {id}, they do not fit its schema: {reason}");
            }
        }
        Ok(user)
    }
}
