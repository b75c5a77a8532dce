//! The registered schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{EventError, SchemaError};
use crate::schema::Schema;

/// What was done through the contents API.
pub const CONTENTS_SERVICE: &str = "https://events.jupyter.org/jupyter_server/contents_service/v1";
/// What was done to contents by others than the server. A schema of our own: Jupyter's says that it records what went
/// through the API, and whoever keeps a record by it must be able to trust that.
pub const CONTENTS_CHANGES: &str = "urn:adrastea:events:contents_changes:v1";
/// What was done to kernels.
pub const KERNEL_ACTIONS: &str = "https://events.jupyter.org/jupyter_server/kernel_actions/v1";
/// What a gateway has answered. Nothing here emits it; the reference has it registered, so clients may.
pub const GATEWAY_CLIENT: &str = "https://events.jupyter.org/jupyter_server/gateway_client/v1";

/// Schemas by their id.
#[derive(Debug, Default)]
pub struct Schemas(BTreeMap<Arc<str>, Schema>);

impl Schemas {
    /// Those that every server has.
    ///
    /// # Errors
    /// None: they are part of the program and tested.
    pub fn built_in() -> Result<Self, SchemaError> {
        let mut schemas = Self::default();
        for json in [
            include_str!("../schemas/contents_service.json"),
            include_str!("../schemas/contents_changes.json"),
            include_str!("../schemas/kernel_actions.json"),
            include_str!("../schemas/gateway_client.json"),
        ] {
            schemas.register(Schema::from_json(json.as_bytes())?)?;
        }
        Ok(schemas)
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`SchemaError::Duplicate`].
    pub fn register(&mut self, schema: Schema) -> Result<(), SchemaError> {
        if self.0.contains_key(schema.id()) {
            return Err(SchemaError::Duplicate {
                id: schema.id().to_string(),
            });
        }
        self.0.insert(schema.id().clone(), schema);
        Ok(())
    }

    /// Adds the one in a JSON file.
    ///
    /// # Errors
    /// [`SchemaError::Read`], [`SchemaError::InFile`].
    pub fn register_file(&mut self, path: &Path) -> Result<(), SchemaError> {
        let json = std::fs::read(path).map_err(|source| SchemaError::Read {
            path: path.to_owned(),
            source,
        })?;
        Schema::from_json(&json)
            .and_then(|schema| self.register(schema))
            .map_err(|source| SchemaError::InFile {
                path: path.to_owned(),
                source: Box::new(source),
            })
    }

    /// The schema of this id.
    ///
    /// # Errors
    /// [`EventError::UnknownSchema`].
    pub fn get(&self, id: &str) -> Result<&Schema, EventError> {
        self.0
            .get(id)
            .ok_or_else(|| EventError::UnknownSchema { id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_schemas_are_registered_under_their_names() {
        let schemas = Schemas::built_in().unwrap();
        for id in [CONTENTS_SERVICE, CONTENTS_CHANGES, KERNEL_ACTIONS, GATEWAY_CLIENT] {
            assert_eq!(schemas.get(id).unwrap().version(), "1");
        }
        assert!(schemas.get("none").is_err());
    }

    #[test]
    fn a_schema_comes_from_a_file_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        std::fs::write(
            &path,
            r#"{"$id": "http://x/v1", "version": "3", "properties": {}}"#,
        )
        .unwrap();
        let mut schemas = Schemas::built_in().unwrap();
        schemas.register_file(&path).unwrap();
        assert_eq!(schemas.get("http://x/v1").unwrap().version(), "3");
        assert!(matches!(
            schemas.register_file(&path),
            Err(SchemaError::InFile { .. })
        ));
        let missing = schemas.register_file(&directory.path().join("none"));
        assert!(matches!(missing, Err(SchemaError::Read { .. })));
    }
}
