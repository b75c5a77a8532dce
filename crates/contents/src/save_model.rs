//! The body of a PUT, read as the reference reads it: of members that occur twice the last counts, and a word may be
//! anything that Python compares with one.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::raw_json::RawJson;

/// The `chunk` of the first part of an upload.
pub(crate) const FIRST_CHUNK: i64 = 1;
/// The `chunk` of the last part of an upload.
pub(crate) const LAST_CHUNK: i64 = -1;
/// A part in between: any other number, and what is none.
const OTHER_CHUNK: i64 = 0;

/// What to save: the body of a PUT. Content is left as the text it came as.
#[derive(Debug, Default)]
pub struct SaveModel {
    /// `None`: not given. `Some(None)`: null.
    pub entry_type: Option<Option<String>>,
    /// `text` or `base64` for files.
    pub format: Option<String>,
    /// The JSON text of the content, `null` included.
    pub content: Option<RawJson>,
    /// Which part of an upload this is: 1, 2, …, and -1 for the last.
    pub chunk: Option<i64>,
    /// Where the front end believes the file is; only looked at for hidden names.
    pub path: Option<String>,
    /// Not allowed here; see POST.
    pub copy_from: Option<String>,
}

/// [`SaveModel`] as it stands in a body; `None` for `null` and for an object without members.
struct SaveBody<'a>(Option<Members<'a>>);

#[derive(Default)]
struct Members<'a> {
    model: SaveModel,
    content: Option<&'a RawValue>,
}

impl SaveModel {
    /// From the body of a request; `None` when nothing was given: then a PUT creates something untitled.
    ///
    /// # Errors
    /// When it is no JSON, or describes nothing that could be saved.
    pub fn from_json(body: &Bytes) -> Result<Option<Self>, serde_json::Error> {
        let SaveBody(found) = serde_json::from_slice(body)?;
        Ok(found.map(|Members { model, content }| Self {
            content: content.map(|raw| RawJson::within(body, raw)),
            ..model
        }))
    }
}

impl<'de> Deserialize<'de> for SaveBody<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor).map(Self)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Option<Members<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let Members { model, content } = found.get_or_insert_default();
            match &*name {
                "type" => model.entry_type = Some(word("type", map.next_value()?)?),
                "format" => model.format = word("format", map.next_value()?)?,
                "content" => *content = Some(map.next_value()?),
                "chunk" => model.chunk = chunk(&map.next_value()?),
                "path" => model.path = text("path", map.next_value()?)?,
                "copy_from" => model.copy_from = text("copy_from", map.next_value()?)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// A type or format: numbers and the like are none that is known.
fn word<E: de::Error>(name: &str, value: Value) -> Result<Option<String>, E> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(no_text(name)),
    }
}

/// A path: what Python takes for false is none.
fn text<E: de::Error>(name: &str, value: Value) -> Result<Option<String>, E> {
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(None),
        Value::Array(items) if items.is_empty() => Ok(None),
        Value::Object(members) if members.is_empty() => Ok(None),
        Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(no_text(name)),
    }
}

/// Which part it is, as Python compares it with 1 and -1.
fn chunk(value: &Value) -> Option<i64> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some(FIRST_CHUNK),
        Value::Number(number) => {
            let is = |known: i64| number.as_f64() == Some(known as f64);
            let known = [FIRST_CHUNK, LAST_CHUNK].into_iter().find(|known| is(*known));
            Some(known.or(number.as_i64()).unwrap_or(OTHER_CHUNK))
        }
        Value::Bool(false) | Value::String(_) | Value::Array(_) | Value::Object(_) => Some(OTHER_CHUNK),
    }
}

fn no_text<E: de::Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` must be a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Option<SaveModel> {
        SaveModel::from_json(&Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn any_member_makes_a_model() {
        assert!(read("null").is_none());
        assert!(read("{}").is_none());
        for body in [r#"{"name":"x"}"#, r#"{"format":null}"#, r#"{"chunk":null}"#] {
            let model = read(body).unwrap();
            assert!(model.entry_type.is_none() && model.chunk.is_none(), "{body}");
        }
    }

    #[test]
    fn of_members_that_occur_twice_the_last_counts() {
        let model = read(r#"{"type":"directory","content":"a","type":"file","content":"b","n":1,"n":2}"#);
        let model = model.unwrap();
        assert_eq!(model.entry_type, Some(Some("file".to_owned())));
        assert_eq!(model.content.unwrap().get(), "\"b\"");
    }

    #[test]
    fn chunks_are_compared_as_python_compares_them() {
        let check = |value: &str, expected| {
            let body = format!("{{\"chunk\":{value}}}");
            let model = SaveModel::from_json(&body.into()).unwrap().unwrap();
            assert_eq!(model.chunk, expected, "{value}");
        };
        for first in ["1", "1.0", "true"] {
            check(first, Some(FIRST_CHUNK));
        }
        for last in ["-1", "-1.0"] {
            check(last, Some(LAST_CHUNK));
        }
        for other in ["1.5", "1180591620717411303424", "\"1\"", "false", "[]", "{}"] {
            check(other, Some(OTHER_CHUNK));
        }
        check("7", Some(7));
        check("null", None);
    }

    #[test]
    fn what_is_no_word_is_an_unknown_one() {
        let model = read(r#"{"type":1,"format":true,"path":0,"copy_from":[]}"#).unwrap();
        assert_eq!(model.entry_type, Some(Some("1".to_owned())));
        assert_eq!(model.format.as_deref(), Some("true"));
        assert!(model.path.is_none() && model.copy_from.is_none());
        for body in [r#"{"type":[]}"#, r#"{"path":5}"#, r#"{"copy_from":true}"#, "5"] {
            assert!(
                SaveModel::from_json(&Bytes::from_static(body.as_bytes())).is_err(),
                "{body}"
            );
        }
    }
}
