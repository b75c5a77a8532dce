//! `/api/config/<section>`: what NBClassic's pages and a few extensions keep on the server.
//!
//! A section is read from `<section>.json` and `<section>.d/*.json` in several directories, the most important
//! last, and written to one. The same files in `labconfig` hold the administrator's page configuration.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::blocking::blocking;
use crate::json_files::{read_object_or_warn, recursive_update, sorted_files};
use crate::{FrontendsError, atomic_write};

/// A section's file is at most this large.
const SECTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Sections of JSON configuration; a cheap clone.
#[derive(Debug, Clone)]
pub struct ConfigSections {
    /// Most important first.
    read_path: Vec<PathBuf>,
    write_dir: PathBuf,
}

impl ConfigSections {
    pub(crate) fn new(read_path: Vec<PathBuf>, write_dir: PathBuf) -> ConfigSections {
        ConfigSections { read_path, write_dir }
    }

    /// The section, merged from all directories; `{}` when there is none.
    ///
    /// # Errors
    /// When the name is not made of letters, digits and `_`.
    pub async fn get(&self, section: &str) -> Result<Value, FrontendsError> {
        let (sections, section) = (self.clone(), checked(section)?);
        blocking(move || Ok(Value::Object(sections.read(&section)))).await
    }

    /// Replaces the user's own section; what equals the defaults in `<section>.d` is not written.
    ///
    /// # Errors
    /// When `data` is no object, the name is bad, or the file cannot be written (it is then unchanged).
    pub async fn set(&self, section: &str, data: Value) -> Result<(), FrontendsError> {
        let (sections, section) = (self.clone(), checked(section)?);
        let Value::Object(data) = data else {
            return Err(FrontendsError::SectionNotObject);
        };
        blocking(move || sections.write(&section, data)).await
    }

    /// Merges `changes` into the user's own section (`null` deletes) and gives the result.
    ///
    /// # Errors
    /// As [`ConfigSections::set`].
    pub async fn update(&self, section: &str, changes: Value) -> Result<Value, FrontendsError> {
        let (sections, section) = (self.clone(), checked(section)?);
        let Value::Object(changes) = changes else {
            return Err(FrontendsError::SectionNotObject);
        };
        blocking(move || {
            let mut data = sections.written(&section);
            recursive_update(&mut data, &changes);
            sections.write(&section, data.clone())?;
            Ok(Value::Object(data))
        })
        .await
    }

    /// All directories merged; blocks.
    pub(crate) fn read(&self, section: &str) -> Map<String, Value> {
        let mut merged = Map::new();
        for directory in self.read_path.iter().rev() {
            for part in in_directory(directory, section, true) {
                recursive_update(&mut merged, &part);
            }
        }
        merged
    }

    fn written(&self, section: &str) -> Map<String, Value> {
        let mut merged = Map::new();
        for part in in_directory(&self.write_dir, section, true) {
            recursive_update(&mut merged, &part);
        }
        merged
    }

    pub(crate) fn write(&self, section: &str, mut data: Map<String, Value>) -> Result<(), FrontendsError> {
        let mut defaults = Map::new();
        for part in in_directory(&self.write_dir, section, false) {
            recursive_update(&mut defaults, &part);
        }
        remove_defaults(&mut data, &defaults);
        let path = self.write_dir.join(format!("{section}.json"));
        let text = serde_json::to_vec_pretty(&data).map_err(|error| FrontendsError::Write {
            path: path.clone(),
            source: error.into(),
        })?;
        if text.len() > SECTION_BYTES_MAX {
            return Err(FrontendsError::TooLarge {
                what: "the configuration section",
                limit_bytes: SECTION_BYTES_MAX,
            });
        }
        atomic_write::write(&path, &text)
    }
}

/// `<section>.d/*.json` in order of names and then `<section>.json`, which wins.
fn in_directory(directory: &std::path::Path, section: &str, with_root: bool) -> Vec<Map<String, Value>> {
    let mut paths = sorted_files(&directory.join(format!("{section}.d")), &["json"]);
    if with_root {
        paths.push(directory.join(format!("{section}.json")));
    }
    paths
        .iter()
        .filter_map(|path| read_object_or_warn(path))
        .collect()
}

/// Takes out of `data` what `defaults` says anyway, and objects that are empty then.
fn remove_defaults(data: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    data.retain(|key, value| match (value, defaults.get(key)) {
        (Value::Object(value), Some(Value::Object(default))) => {
            remove_defaults(value, default);
            !value.is_empty()
        }
        (value, Some(default)) => &*value != default,
        (_, None) => true,
    });
}

fn checked(section: &str) -> Result<String, FrontendsError> {
    let good = !section.is_empty()
        && section.len() <= 128
        && section
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_');
    if good {
        Ok(section.to_owned())
    } else {
        Err(FrontendsError::InvalidSection {
            section: section.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigSections;
    use crate::FrontendsError;
    use serde_json::json;

    #[tokio::test]
    async fn a_section_is_merged_and_what_equals_defaults_is_not_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let (user, system) = (directory.path().join("user"), directory.path().join("system"));
        std::fs::create_dir_all(user.join("tree.d")).expect("is made");
        std::fs::create_dir_all(&system).expect("is made");
        std::fs::write(user.join("tree.d/a.json"), r#"{"a": 1, "o": {"x": 1}}"#).expect("is written");
        std::fs::write(system.join("tree.json"), r#"{"a": 0, "s": true}"#).expect("is written");
        let sections = ConfigSections::new(vec![user.clone(), system], user.clone());
        assert_eq!(sections.get("none").await.expect("empty"), json!({}));
        let all = json!({"a": 1, "o": {"x": 1}, "s": true});
        assert_eq!(sections.get("tree").await.expect("is there"), all);
        let result = sections
            .update("tree", json!({"b": {"c": 2}}))
            .await
            .expect("is kept");
        assert_eq!(result, json!({"a": 1, "o": {"x": 1}, "b": {"c": 2}}));
        let written = std::fs::read_to_string(user.join("tree.json")).expect("is there");
        assert_eq!(written, "{\n  \"b\": {\n    \"c\": 2\n  }\n}");
        sections
            .update("tree", json!({"b": null}))
            .await
            .expect("is kept");
        assert_eq!(
            std::fs::read_to_string(user.join("tree.json")).expect("is there"),
            "{}"
        );
    }

    #[tokio::test]
    async fn names_and_bodies_that_are_none_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let sections = ConfigSections::new(Vec::new(), directory.path().to_owned());
        for bad in ["", "a/b", "..", "a.b", "a b"] {
            let refused = sections.get(bad).await;
            assert!(
                matches!(refused, Err(FrontendsError::InvalidSection { .. })),
                "{bad}"
            );
        }
        let refused = sections.set("a", json!([])).await;
        assert!(matches!(refused, Err(FrontendsError::SectionNotObject)));
    }
}
