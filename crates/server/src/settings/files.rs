//! Configuration files along Jupyter's configuration path.
//!
//! Read in this order, later ones win: the files of the front ends (`jupyter_lab_config.json`,
//! `jupyter_notebook_config.json`, `jupyter_nbclassic_config.json`), then `jupyter_config.json`, then
//! `jupyter_server_config.json` (or the one file that `--config` names). Each is looked for in every directory of the
//! path, the least important first, and in each directory `<name>.d/*.json` comes before `<name>.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Raw, Settings, Source};
use crate::error::ServerError;

/// The base names, least important first.
const NAMES: &[&str] = &[
    "jupyter_nbclassic_config",
    "jupyter_notebook_config",
    "jupyter_lab_config",
    "jupyter_config",
];

/// The base name of the server's own file.
const SERVER: &str = "jupyter_server_config";

/// What was read, and what was seen and not read.
#[derive(Debug, Default)]
pub struct Files {
    /// The settings of all files.
    pub settings: Settings,
    /// The files that were read, in this order.
    pub read: Vec<PathBuf>,
    /// Python configuration files: they are programs, and this server runs none.
    pub python: Vec<PathBuf>,
}

/// Reads the configuration files of `config_path` (most important directory first); `explicit` takes the place of the
/// server's own file.
pub fn read(config_path: &[PathBuf], explicit: Option<&Path>) -> Result<Files, ServerError> {
    let mut files = Files::default();
    for name in NAMES {
        files.along(config_path, name)?;
    }
    match explicit {
        None => files.along(config_path, SERVER)?,
        Some(path) if path.extension().is_some_and(|it| it == "py") => {
            // The reference also looks for the JSON file of the same name.
            files.python.push(path.to_owned());
            files.file_if_there(&path.with_extension("json"))?;
        }
        Some(path) => files.file(path)?,
    }
    Ok(files)
}

impl Files {
    fn along(&mut self, config_path: &[PathBuf], name: &str) -> Result<(), ServerError> {
        for directory in config_path.iter().rev() {
            self.fragments(&directory.join(format!("{name}.d")));
            let python = directory.join(format!("{name}.py"));
            if python.is_file() {
                self.python.push(python);
            }
            self.file_if_there(&directory.join(format!("{name}.json")))?;
        }
        Ok(())
    }

    /// The files of a `.d` directory in alphabetical order. Packages put them there, so one that is broken is the
    /// package's fault and only warned about.
    fn fragments(&mut self, directory: &Path) {
        let Ok(entries) = directory.read_dir() else { return };
        let paths: BTreeSet<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        for path in paths {
            if let Err(error) = self.file(&path) {
                self.settings
                    .warnings
                    .push(format!("skipped a configuration file: {}", error.with_causes()));
            }
        }
    }

    fn file_if_there(&mut self, path: &Path) -> Result<(), ServerError> {
        match path.is_file() {
            true => self.file(path),
            false => Ok(()),
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), ServerError> {
        let path_owned = || path.to_owned();
        let text = std::fs::read(path).map_err(|source| ServerError::ReadConfigFile {
            path: path_owned(),
            source,
        })?;
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let sections: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|source| ServerError::ParseConfigFile {
                path: path_owned(),
                source,
            })?;
        if let Some(version) = sections.get("version")
            && version.as_i64() != Some(1)
        {
            return Err(ServerError::ConfigFileVersion {
                path: path_owned(),
                version: version.to_string(),
            });
        }
        for (class, traits) in &sections {
            match traits {
                Value::Object(traits) => self.section(class, traits, path),
                _ if class == "version" => {}
                _ => {
                    return Err(ServerError::ConfigFileShape {
                        path: path_owned(),
                        class: class.clone(),
                    });
                }
            }
        }
        self.read.push(path.to_owned());
        Ok(())
    }

    fn section(&mut self, class: &str, traits: &Map<String, Value>, path: &Path) {
        for (name, value) in traits {
            match value {
                // A section within a section: `{"ServerApp": {"KernelManager": {…}}}`.
                Value::Object(inner) if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                    self.section(name, inner, path);
                }
                _ => self.set(class, name, value, path),
            }
        }
    }

    fn set(&mut self, class: &str, name: &str, value: &Value, path: &Path) {
        let mut value = value.clone();
        // Each package enables its extension in a file of its own: this one setting is merged, not replaced.
        if name == "jpserver_extensions"
            && let Some(Raw::Json(Value::Object(earlier))) = self.settings.get(class, name).map(|it| &it.raw)
            && let Value::Object(later) = &value
        {
            let mut merged = earlier.clone();
            merged.extend(later.clone());
            value = Value::Object(merged);
        }
        self.settings
            .set(class, name, Raw::Json(value), Source::File(path.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("file");
    }

    fn value(files: &Files, class: &str, name: &str) -> Option<Value> {
        match files.settings.get(class, name).map(|setting| setting.raw.clone()) {
            Some(Raw::Json(value)) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn more_important_directories_and_the_servers_own_file_win() {
        let root = tempfile::tempdir().expect("directory");
        let (user, system) = (root.path().join("user"), root.path().join("system"));
        write(
            &system,
            "jupyter_server_config.json",
            r#"{"ServerApp": {"port": 1, "ip": "system"}}"#,
        );
        write(
            &user,
            "jupyter_server_config.json",
            r#"{"ServerApp": {"port": 2}}"#,
        );
        write(
            &user,
            "jupyter_config.json",
            r#"{"ServerApp": {"port": 3, "port_retries": 4}}"#,
        );
        write(
            &user,
            "jupyter_lab_config.json",
            r#"{"ServerApp": {"port_retries": 5}, "LabApp": {"x": 1}}"#,
        );
        let files = read(&[user, system], None).expect("files");
        assert_eq!(value(&files, "ServerApp", "port"), Some(json!(2)));
        assert_eq!(value(&files, "ServerApp", "ip"), Some(json!("system")));
        assert_eq!(value(&files, "ServerApp", "port_retries"), Some(json!(4)));
        assert_eq!(value(&files, "LabApp", "x"), Some(json!(1)));
    }

    #[test]
    fn fragments_come_before_the_file_and_extensions_are_merged() {
        let root = tempfile::tempdir().expect("directory");
        let fragment = |name| format!("jupyter_server_config.d/{name}.json");
        write(
            root.path(),
            &fragment("a"),
            r#"{"ServerApp": {"jpserver_extensions": {"a": true}, "port": 1}}"#,
        );
        write(
            root.path(),
            &fragment("b"),
            r#"{"ServerApp": {"jpserver_extensions": {"b": true}, "port": 2}}"#,
        );
        write(
            root.path(),
            "jupyter_server_config.json",
            r#"{"ServerApp": {"jpserver_extensions": {"a": false}}}"#,
        );
        let files = read(&[root.path().to_owned()], None).expect("files");
        assert_eq!(
            value(&files, "ServerApp", "jpserver_extensions"),
            Some(json!({"a": false, "b": true}))
        );
        assert_eq!(value(&files, "ServerApp", "port"), Some(json!(2)));
    }

    #[test]
    fn a_broken_file_is_refused_and_a_broken_fragment_skipped() {
        let root = tempfile::tempdir().expect("directory");
        write(root.path(), "jupyter_server_config.d/x.json", "{");
        let files = read(&[root.path().to_owned()], None).expect("files");
        assert_eq!(files.settings.warnings.len(), 1);
        write(
            root.path(),
            "jupyter_server_config.json",
            "{\"ServerApp\": {\"port\": }}",
        );
        let error = read(&[root.path().to_owned()], None).expect_err("broken");
        assert!(error.with_causes().contains("line 1"), "{}", error.with_causes());
    }

    #[test]
    fn python_files_are_seen_and_not_read() {
        let root = tempfile::tempdir().expect("directory");
        write(root.path(), "jupyter_server_config.py", "c.ServerApp.port = 1");
        let files = read(&[root.path().to_owned()], None).expect("files");
        assert_eq!(files.python, [root.path().join("jupyter_server_config.py")]);
    }

    #[test]
    fn an_explicit_file_takes_the_place_of_the_servers_own() {
        let root = tempfile::tempdir().expect("directory");
        write(
            root.path(),
            "jupyter_server_config.json",
            r#"{"ServerApp": {"port": 1}}"#,
        );
        write(
            root.path(),
            "jupyter_config.json",
            r#"{"ServerApp": {"ip": "x"}}"#,
        );
        write(root.path(), "mine.json", r#"{"ServerApp": {"port": 2}}"#);
        let path = [root.path().to_owned()];
        let files = read(&path, Some(&root.path().join("mine.json"))).expect("files");
        assert_eq!(value(&files, "ServerApp", "port"), Some(json!(2)));
        assert_eq!(value(&files, "ServerApp", "ip"), Some(json!("x")));
        let missing = read(&path, Some(&root.path().join("missing.json"))).expect_err("missing");
        assert!(missing.with_causes().contains("missing.json"));
    }
}
