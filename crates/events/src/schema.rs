//! One schema: JSON Schema of draft 7 with Jupyter's own demands.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{EventError, SchemaError};

/// What the data of one kind of event must look like.
#[derive(Debug)]
pub struct Schema {
    id: Arc<str>,
    version: String,
    validator: jsonschema::Validator,
}

impl Schema {
    /// Reads a schema. Jupyter wants a `$id`, a `version`, `properties`, and none that begins with `__`.
    ///
    /// # Errors
    /// [`SchemaError::Json`], [`SchemaError::Unfit`].
    pub fn from_json(json: &[u8]) -> Result<Self, SchemaError> {
        let schema: Map<String, Value> = serde_json::from_slice(json)?;
        let unfit = |reason: String| SchemaError::Unfit { reason };
        let id = match schema.get("$id") {
            Some(Value::String(id)) if !id.is_empty() => Arc::from(id.as_str()),
            _ => return Err(unfit("has no `$id`".to_owned())),
        };
        let version = match schema.get("version") {
            Some(Value::String(version)) => version.clone(),
            // Older schemas have a number.
            Some(Value::Number(version)) if !version.is_f64() => version.to_string(),
            _ => return Err(unfit("has no `version`".to_owned())),
        };
        if !schema.get("properties").is_some_and(Value::is_object) {
            return Err(unfit("has no `properties`".to_owned()));
        }
        if let Some(reserved) = reserved_property(&schema) {
            return Err(unfit(format!(
                "has the property `{reserved}`: names that begin with `__` are Jupyter's own"
            )));
        }
        let validator = jsonschema::draft7::new(&Value::Object(schema))
            .map_err(|error| unfit(format!("is no JSON Schema: {error}")))?;
        Ok(Self {
            id,
            version,
            validator,
        })
    }

    /// Its `$id`, a URI.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether data fits.
    ///
    /// # Errors
    /// [`EventError::Invalid`] with the first thing that does not.
    pub fn validate(&self, data: &Value) -> Result<(), EventError> {
        self.validator
            .validate(data)
            .map_err(|error| EventError::Invalid {
                reason: match error.instance_path().as_str() {
                    "" => error.to_string(),
                    place => format!("{error} (at {place})"),
                },
            })
    }
}

/// A property, at whatever depth, whose name is reserved.
fn reserved_property(schema: &Map<String, Value>) -> Option<&str> {
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, property)| {
        if name.starts_with("__") {
            return Some(name.as_str());
        }
        let property = property.as_object()?;
        let of_items = || reserved_property(property.get("items")?.as_object()?);
        reserved_property(property).or_else(of_items)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<&str, &str>) {
        let found = Schema::from_json(json.as_bytes());
        let found = found.as_ref().map(Schema::version).map_err(ToString::to_string);
        assert_eq!(
            found.map_err(|error| error.contains(expected.err().unwrap_or("\0"))),
            expected.map_err(|_| true),
            "{json}"
        );
    }

    #[test]
    fn a_schema_of_an_event_has_what_jupyter_asks_for() {
        check(
            r#"{"$id": "http://x/v1", "version": "1", "properties": {}}"#,
            Ok("1"),
        );
        check(
            r#"{"$id": "http://x/v1", "version": 2, "properties": {}}"#,
            Ok("2"),
        );
        check(r#"{"version": "1", "properties": {}}"#, Err("has no `$id`"));
        check(
            r#"{"$id": "http://x/v1", "properties": {}}"#,
            Err("has no `version`"),
        );
        check(
            r#"{"$id": "http://x/v1", "version": "1"}"#,
            Err("has no `properties`"),
        );
        check(
            r#"{"$id": "http://x/v1", "version": "1", "properties": {"a": {"items": {"properties": {"__b": {}}}}}}"#,
            Err("`__b`"),
        );
        check(
            r#"{"$id": "http://x/v1", "version": "1", "properties": {"a": {"type": "nothing"}}}"#,
            Err("is no JSON Schema"),
        );
        check("[]", Err("is no JSON"));
    }
}
