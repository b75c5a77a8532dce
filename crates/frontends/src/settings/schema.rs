//! Schemas of plugins, as the packages bring them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::overrides::Overrides;
use super::plugin_id::PluginId;
use crate::FrontendsError;
use crate::json_files::{read_json, sorted_files};
use crate::labextensions::{extension_directories, subdirectories};

/// Violations named in one message; a broken file has hundreds.
const VIOLATIONS_NAMED_MAX: usize = 5;

/// Where schemas are.
#[derive(Debug, Clone)]
pub(super) struct Schemas {
    /// Of the application: `share/jupyter/lab/schemas`.
    schemas_dir: Option<PathBuf>,
    /// Of extensions: `<path>/<extension>/schemas`.
    labextensions_path: Vec<PathBuf>,
}

/// One plugin's schema.
pub(super) struct Schema {
    id: PluginId,
    /// With the overridden defaults.
    pub(super) value: Value,
    /// Of the package it comes from, `N/A` when unknown.
    pub(super) version: String,
}

impl Schemas {
    pub(super) fn new(schemas_dir: Option<PathBuf>, labextensions_path: Vec<PathBuf>) -> Schemas {
        Schemas {
            schemas_dir,
            labextensions_path,
        }
    }

    /// Every plugin that has a schema, by id.
    pub(super) fn ids(&self) -> BTreeSet<PluginId> {
        let extensions = self
            .labextensions_path
            .iter()
            .flat_map(|path| extension_directories(path));
        let schemas_dirs = extensions
            .map(|extension| extension.join("schemas"))
            .chain(self.schemas_dir.clone());
        schemas_dirs.flat_map(|directory| ids_in(&directory)).collect()
    }

    /// The schema of a plugin: an extension's comes first, then the application's.
    pub(super) fn read(&self, id: &PluginId, overrides: &Overrides) -> Result<Schema, FrontendsError> {
        let of_extensions = self
            .labextensions_path
            .iter()
            .map(|path| path.join(id.package()).join("schemas"));
        for directory in of_extensions.chain(self.schemas_dir.clone()) {
            let path = id.file_in(&directory, ".json");
            let Some(mut value) = read_json(&path)? else {
                continue;
            };
            overrides.apply(id, &mut value);
            let version = version_beside(&path).unwrap_or_else(|| "N/A".to_owned());
            return Ok(Schema {
                id: id.clone(),
                value,
                version,
            });
        }
        Err(FrontendsError::UnknownSchema { id: id.to_string() })
    }
}

impl Schema {
    /// Whether settings fit; the inner error says where not. Schemas are of JSON Schema's draft 7.
    pub(super) fn validate(&self, settings: &Value) -> Result<Result<(), String>, FrontendsError> {
        let validator =
            jsonschema::draft7::new(&self.value).map_err(|error| FrontendsError::InvalidSchema {
                id: self.id.to_string(),
                reason: error.to_string(),
            })?;
        let violations: Vec<String> = validator
            .iter_errors(settings)
            .take(VIOLATIONS_NAMED_MAX)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                place => format!("{error} (at {place})"),
            })
            .collect();
        Ok(if violations.is_empty() {
            Ok(())
        } else {
            Err(violations.join("\n"))
        })
    }
}

/// `<package>/<plugin>.json` and `@<scope>/<package>/<plugin>.json`.
fn ids_in(schemas_dir: &Path) -> Vec<PluginId> {
    let mut ids = Vec::new();
    for directory in extension_directories(schemas_dir) {
        for nested in std::iter::once(directory.clone()).chain(nested_directories(&directory)) {
            let Ok(package) = nested.strip_prefix(schemas_dir) else {
                continue;
            };
            for file in sorted_files(&nested, &["json"]) {
                let Some(plugin) = file.file_stem() else { continue };
                let id = format!("{}:{}", package.display(), plugin.display());
                ids.extend(id.parse::<PluginId>());
            }
        }
    }
    ids
}

/// `@jupyter-notebook/lab-extension` has its schemas one level further down, as some other extensions do.
fn nested_directories(directory: &Path) -> Vec<PathBuf> {
    subdirectories(directory)
}

/// The version in `package.json.orig`, which the build puts beside the schemas.
fn version_beside(schema: &Path) -> Option<String> {
    let package = read_json(&schema.with_file_name("package.json.orig")).ok()??;
    package.get("version")?.as_str().map(str::to_owned)
}
