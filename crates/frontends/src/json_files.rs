//! Small JSON files that others write: read with a limit, merged as Jupyter merges them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::FrontendsError;

/// No configuration, schema or settings file is larger than this; the largest schema in JupyterLab has 100 kB.
pub(crate) const JSON_FILE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The whole text of a file; `None` when there is no such file.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, FrontendsError> {
    let read = |source| FrontendsError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(read(error)),
    };
    let mut text = String::new();
    file.take(JSON_FILE_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(read)?;
    if text.len() > JSON_FILE_BYTES_MAX {
        return Err(FrontendsError::TooLarge {
            what: "a JSON file",
            limit_bytes: JSON_FILE_BYTES_MAX,
        });
    }
    Ok(Some(text))
}

/// A JSON file, or a JSON5 file when its name ends in `.json5`; `None` when it is missing or empty.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, FrontendsError> {
    let Some(text) = read_text(path)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = if path.extension().is_some_and(|extension| extension == "json5") {
        parse_json5(&text)
    } else {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    parsed.map(Some).map_err(|reason| FrontendsError::ParseFile {
        path: path.to_owned(),
        reason,
    })
}

/// A JSON object, or nothing with a line in the log: one broken file must not stop a front end.
pub(crate) fn read_object_or_warn(path: &Path) -> Option<Map<String, Value>> {
    match read_json(path) {
        Ok(Some(Value::Object(object))) => Some(object),
        Ok(None) => None,
        Ok(Some(_)) => {
            tracing::warn!(path = %path.display(), "ignoring `{}`: it is no JSON object", path.display());
            None
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), "ignoring `{}`: {error}", path.display());
            None
        }
    }
}

/// JSON5 text; a nesting deep enough to exhaust the stack is refused by the parser's callers' limit below.
pub(crate) fn parse_json5(text: &str) -> Result<Value, String> {
    if deeper_than(text, JSON5_DEPTH_MAX) {
        return Err(format!("nested deeper than {JSON5_DEPTH_MAX} levels"));
    }
    json5::from_str(text).map_err(|error| error.to_string())
}

/// Levels of nesting in JSON5 text; `serde_json` has the same limit of its own.
const JSON5_DEPTH_MAX: usize = 128;

/// Brackets in strings and comments count too: that only makes the limit stricter.
fn deeper_than(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > limit
    })
}

/// The `*.json` (and, when asked for, `*.json5`) files of a directory, by name.
pub(crate) fn sorted_files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden
                && path
                    .extension()
                    .and_then(|e| e.to_str())
                    .is_some_and(|e| extensions.contains(&e))
        })
        .collect();
    files.sort();
    files
}

/// Merges `new` into `target` as Jupyter does: objects recursively, `null` deletes, emptied objects vanish.
pub(crate) fn recursive_update(target: &mut Map<String, Value>, new: &Map<String, Value>) {
    for (key, value) in new {
        match value {
            Value::Null => {
                target.shift_remove(key);
            }
            Value::Object(new) => {
                let entry = target
                    .entry(key.clone())
                    .or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = Value::Object(Map::new());
                }
                if let Value::Object(object) = entry {
                    recursive_update(object, new);
                    if object.is_empty() {
                        target.shift_remove(key);
                    }
                }
            }
            other => {
                target.insert(key.clone(), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_json5, recursive_update};
    use serde_json::{Value, json};

    fn check(target: Value, new: Value, expected: &Value) {
        let (Value::Object(mut target), Value::Object(new)) = (target, new) else {
            panic!("objects")
        };
        recursive_update(&mut target, &new);
        assert_eq!(&Value::Object(target), expected);
    }

    #[test]
    fn objects_merge_null_deletes_and_emptied_objects_vanish() {
        check(
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"b": 3}}),
            &json!({"a": {"b": 3, "c": 2}}),
        );
        check(json!({"a": {"b": 1}}), json!({"a": {"b": null}}), &json!({}));
        check(json!({"a": 1}), json!({"a": null, "z": null}), &json!({}));
        check(json!({"a": 1}), json!({"a": {"b": 2}}), &json!({"a": {"b": 2}}));
        check(json!({}), json!({"a": {}}), &json!({}));
        check(json!({"a": [1, 2]}), json!({"a": [3]}), &json!({"a": [3]}));
    }

    #[test]
    fn json5_is_parsed_and_endless_nesting_is_refused() {
        assert_eq!(
            parse_json5("// c\n{a: 'x', /* c */ b: [1,],}"),
            Ok(json!({"a": "x", "b": [1]}))
        );
        assert!(parse_json5(&"[".repeat(100_000)).is_err_and(|reason| reason.contains("nested")));
        assert!(parse_json5("{a").is_err());
    }
}
