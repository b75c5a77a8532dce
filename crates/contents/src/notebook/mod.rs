//! The notebook format: files as Python's nbformat writes them, byte for byte, and trees as it reads them.
//!
//! The stages are those of the reference. Reading: parse, join lines, strip what is transient, upgrade nbformat 1 to
//! 3, invent missing cell ids, validate (only for the model's `message`), look up the signature. Writing: strip,
//! invent ids, validate, split lines, sort keys. A minor version of 4 is never raised.
//!
//! Intended differences: a signature is made of what the file will hold, ids included, so a notebook that was
//! trusted when it was saved is trusted when it is read; cells that lack `outputs` and the like are saved as they
//! are (the reference answers 500); invented ids depend on the cell, so that two reads give the same.

mod ascii;
pub(crate) mod encode;
mod ids;
mod lines;
mod node;
mod notary;
mod old;
mod parse;
mod pieces;
mod read;
mod scan;
mod schema;
mod signatures;
mod texts;
mod upgrade;
mod validate;

use std::borrow::Cow;

use bytes::Bytes;

use self::node::{Node, Object};
pub(crate) use self::notary::Notary;
pub use self::notary::{SignatureAlgorithm, SigningSecret};
pub(crate) use self::old::OldNotebook;
use self::parse::{ParseError, parse};
use self::pieces::{Pieces, Sink};
pub use self::read::reads_as_cell;
pub(crate) use self::read::{Sent, Unreadable, from_model, read};
pub use self::signatures::{SignatureError, SignatureStore, SignaturesInMemory};
pub(crate) use self::texts::Texts;

/// What new notebooks are written as.
pub(crate) const NBFORMAT: i64 = 4;
/// What new notebooks are written as, after the dot.
pub(crate) const NBFORMAT_MINOR: i64 = 5;

/// An empty notebook as the reference makes one.
pub(crate) const NEW_NOTEBOOK: &str = r#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#;

/// A notebook of nbformat 4 in memory: nothing transient, every cell with the id it needs. Lines are joined if it comes
/// from a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notebook<'a> {
    /// Invariant: `cells` is an array of objects; `metadata` is an object.
    root: Object<'a>,
    /// Whether a quick look found it valid.
    is_valid: bool,
    /// Of a notebook read from a file of version 3: the tree that Jupyter signs.
    signed_as_3: Option<Object<'a>>,
}

impl<'a> Notebook<'a> {
    /// From a file of nbformat 4: joins lines and takes out what is transient.
    fn from_file(mut root: Object<'a>) -> Result<Self, Unreadable> {
        let cells = root.get_mut("cells").and_then(Node::as_array_mut);
        for cell in cells.into_iter().flatten().filter_map(Node::as_object_mut) {
            match cell.get("metadata") {
                Some(Node::Object(_)) => {}
                Some(_) => return Err(Unreadable::WrongType("metadata of a cell", "an object")),
                None => return Err(Unreadable::MissingKey("metadata")),
            }
            lines::join_all(cell);
        }
        let mut notebook = Self::from_root(root)?;
        notebook.strip_transient();
        Ok(notebook)
    }

    /// Checks the invariant and gives each cell the id it needs.
    fn from_root(mut root: Object<'a>) -> Result<Self, Unreadable> {
        let metadata = root.get("metadata").ok_or(Unreadable::MissingKey("metadata"))?;
        if metadata.as_object().is_none() {
            return Err(Unreadable::WrongType("metadata", "an object"));
        }
        let cells = root.get_mut("cells").ok_or(Unreadable::MissingKey("cells"))?;
        let cells = cells
            .as_array_mut()
            .ok_or(Unreadable::WrongType("cells", "a list"))?;
        if !cells.iter().all(|cell| matches!(cell, Node::Object(_))) {
            return Err(Unreadable::WrongType("cell", "an object"));
        }
        let mut notebook = Self {
            root,
            is_valid: false,
            signed_as_3: None,
        };
        ids::repair(&mut notebook);
        notebook.is_valid = validate::is_valid(&notebook);
        Ok(notebook)
    }

    /// The text for the model's `message`, if the notebook is invalid; it shows the notebook as it is now.
    pub(crate) fn message(&self) -> Option<String> {
        if self.is_valid {
            return None;
        }
        schema::message(&self.root, self.version())
    }

    /// Notes, for the reader only, which version a file had before it was upgraded.
    fn note_original(&mut self, major: Node<'a>, minor: Node<'a>) {
        if let Some(metadata) = self.root.get_mut("metadata").and_then(Node::as_object_mut) {
            metadata.insert("orig_nbformat", major);
            metadata.insert("orig_nbformat_minor", minor);
        }
    }

    /// (major, minor); what is missing or no number counts as 0.
    fn version(&self) -> (i64, i64) {
        let number = |key| self.root.get(key).and_then(Node::as_i64).unwrap_or(0);
        (number("nbformat"), number("nbformat_minor"))
    }

    fn cells(&self) -> impl Iterator<Item = &Object<'a>> {
        self.root
            .get("cells")
            .and_then(Node::as_array)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_object)
    }

    fn cells_mut(&mut self) -> impl Iterator<Item = &mut Object<'a>> {
        let cells = self.root.get_mut("cells").and_then(Node::as_array_mut);
        cells.into_iter().flatten().filter_map(Node::as_object_mut)
    }

    /// Takes out what never stands in a file.
    pub(crate) fn strip_transient(&mut self) {
        if let Some(metadata) = self.root.get_mut("metadata").and_then(Node::as_object_mut) {
            for transient in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
                metadata.remove(transient);
            }
        }
        self.cells_mut().for_each(|cell| {
            strip_trusted(cell);
        });
    }

    /// The text for the model of a GET, in pieces; `source` is what the notebook was read from.
    pub(crate) fn into_model_json(self, source: &Bytes) -> Vec<Bytes> {
        let mut out = Pieces::new(source);
        encode::compact(&Node::Object(self.root), &mut out);
        out.finish()
    }

    /// The bytes of the file, in pieces; `source` is what the notebook was read from.
    pub(crate) fn into_file(mut self, source: &Bytes) -> Vec<Bytes> {
        self.strip_transient();
        for cell in self.cells_mut() {
            lines::split_all(cell);
        }
        let mut out = Pieces::new(source);
        encode::indented(&Node::Object(self.root), &mut out);
        out.buffer().push(b'\n');
        out.finish()
    }

    /// Whether both are the same but for how numbers and texts are spelt in a file: `1.0` and `1` are equal.
    pub(crate) fn is_same_document(&self, other: &Notebook<'_>) -> bool {
        same_object(&self.root, &other.root)
    }
}

fn same_object(one: &Object<'_>, other: &Object<'_>) -> bool {
    let (ones, others) = (one.sorted(), other.sorted());
    let pairs = ones.iter().zip(&others);
    ones.len() == others.len()
        && pairs
            .into_iter()
            .all(|((key, one), (other_key, other))| key == other_key && same_value(one, other))
}

fn same_value(one: &Node<'_>, other: &Node<'_>) -> bool {
    match (one, other) {
        (Node::Integer(digits), Node::Float(value)) | (Node::Float(value), Node::Integer(digits)) => {
            digits.parse::<f64>().is_ok_and(|integer| integer == *value)
        }
        (Node::Array(ones), Node::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| same_value(one, other))
        }
        (Node::Object(one), Node::Object(other)) => same_object(one, other),
        (one, other) => one == other,
    }
}

fn is_code(cell: &Object<'_>) -> bool {
    cell.get("cell_type").and_then(Node::as_str) == Some("code")
}

/// Takes the mark "trusted" from a cell; whether it was there and true.
fn strip_trusted(cell: &mut Object<'_>) -> bool {
    let metadata = cell.get_mut("metadata").and_then(Node::as_object_mut);
    metadata
        .and_then(|metadata| metadata.remove("trusted"))
        .is_some_and(|trusted| trusted.is_truthy())
}

fn owned<'a>(text: Cow<'_, str>) -> Cow<'a, str> {
    Cow::Owned(text.into_owned())
}

/// The text of a JSON string; `None` if the JSON is something else.
pub(crate) fn parse_string(json: &str) -> Result<Option<Cow<'_, str>>, ParseError> {
    Ok(match parse(json, None)? {
        Node::String(text) => Some(text),
        _ => None,
    })
}
