//! Why an event is not emitted, or a schema not registered.

use std::path::PathBuf;

use crate::EVENT_BYTES_MAX;

/// Why an event is not emitted. The first is worded as the reference words it.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// No schema of that id is registered.
    #[error(
        "'The requested schema, {id}, was not found in the schema registry. \
         Are you sure it was previously registered?'"
    )]
    UnknownSchema {
        /// The id that was asked for.
        id: String,
    },
    /// The data does not fit its schema.
    #[error("{reason}")]
    Invalid {
        /// What is wrong, and where.
        reason: String,
    },
    /// The data has a field that the event itself has.
    #[error("'{field}' is a field of every event and cannot be one of its data")]
    Reserved {
        /// The name of the field.
        field: &'static str,
    },
    /// The event is longer than [`EVENT_BYTES_MAX`].
    #[error("an event can have {EVENT_BYTES_MAX} bytes; this one has {bytes}")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
}

/// Why a schema is not registered.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file could not be read.
    #[error("failed to read the event schema `{path}`")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is no JSON.
    #[error("the event schema is no JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON, but not what Jupyter asks of the schema of an event.
    #[error("the event schema {reason}")]
    Unfit {
        /// What is missing or too much.
        reason: String,
    },
    /// Another schema has this id.
    #[error("the event schema `{id}` is already registered")]
    Duplicate {
        /// The id.
        id: String,
    },
    /// What is wrong with the schema in a file.
    #[error("cannot use the event schema `{path}`")]
    InFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<SchemaError>,
    },
}
