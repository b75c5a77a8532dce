//! What is compared of an answer.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::connection::RawAnswer;
use super::masks;

/// Headers that are not compared, each with its reason. All others are.
const NOT_COMPARED: [(&str, &str); 9] = [
    ("date", "the time of the answer"),
    ("server", "the name of the product"),
    (
        "set-cookie",
        "names hold the port, values are random; the tests of `authorization` are about cookies",
    ),
    (
        "etag",
        "opaque: the reference hashes the answer, we name the version of the file",
    ),
    (
        "content-length",
        "of JSON and pages, and of 304, see `length_matters`: we write no spaces, and our pages are ours",
    ),
    ("connection", "of this hop, not of the answer"),
    ("keep-alive", "of this hop, not of the answer"),
    ("transfer-encoding", "of this hop, not of the answer"),
    ("vary", "for caches between; the reference sends none"),
];

/// An answer as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Body,
}

/// A body as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// A page for people: ours are ours.
    Page,
    /// JSON, in its text, so that the order of keys counts.
    Json(Value, String),
    /// Anything else.
    Text(String),
}

impl Answer {
    pub(super) fn of(raw: &RawAnswer, root: &Path, origin: &str) -> Self {
        let content_type = raw.header("content-type").unwrap_or_default();
        let is_download = raw.header("accept-ranges").is_some();
        let body = if content_type.starts_with("text/html") && !is_download {
            Body::Page
        } else {
            match serde_json::from_slice::<Value>(&raw.body) {
                Ok(value) if !is_download => {
                    let value = masks::json(mask_hashes(value, root), &root.display().to_string());
                    let text = value.to_string();
                    Body::Json(value, text)
                }
                _ => Body::Text(masks::file(&raw.body).replace(&root.display().to_string(), "ROOT")),
            }
        };
        let length_matters =
            is_download && raw.status != 304 && !raw.body.windows(8).any(|bytes| bytes == b"nbformat");
        let mut headers = BTreeMap::new();
        for (name, value) in &raw.headers {
            let is_left_out = NOT_COMPARED.iter().any(|(left_out, _)| left_out == name);
            if is_left_out && !(name == "content-length" && length_matters) {
                continue;
            }
            let value = match name.as_str() {
                "last-modified" => masks::header_time(value),
                "content-type" if body == Body::Page => "text/html".to_owned(),
                "content-type" => value.to_ascii_lowercase(),
                _ => value.replace(origin, "SELF"),
            };
            let values: &mut String = headers.entry(name.clone()).or_default();
            *values += &value;
            *values += "\n";
        }
        Self {
            status: raw.status,
            headers,
            body,
        }
    }

    /// The `message` of an error, or the text of the body.
    pub(super) fn message(&self) -> &str {
        match &self.body {
            Body::Json(value, _) => value["message"].as_str().unwrap_or_default(),
            Body::Text(text) => text,
            Body::Page => "",
        }
    }

    /// The JSON of the body; null if it is none.
    pub(super) fn value(&self) -> Value {
        match &self.body {
            Body::Json(value, _) => value.clone(),
            Body::Text(_) | Body::Page => Value::Null,
        }
    }

    /// The same with another body.
    pub(super) fn with_value(&self, value: Value) -> Self {
        let text = value.to_string();
        Self {
            body: Body::Json(value, text),
            ..self.clone()
        }
    }
}

/// Of files with invented cell ids the hash is any.
fn mask_hashes(mut value: Value, root: &Path) -> Value {
    if let Some(path) = value["path"].as_str().map(|path| root.join(path))
        && value["hash"].is_string()
        && let Ok(text) = std::fs::read_to_string(path)
        && masks::invented_ids(&text) != text
    {
        value["hash"] = json!("of invented ids");
    }
    value
}

impl fmt::Display for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Page => "(page)",
            Self::Json(_, text) | Self::Text(text) => text,
        })
    }
}
