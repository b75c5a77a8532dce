//! The notebook format: files as Python's nbformat writes them, byte for byte, and trees as it reads them.
//!
//! The stages are those of the reference. Reading: parse, join lines, strip what is transient, upgrade nbformat 1 to
//! 3, invent missing cell ids, validate (only for the model's `message`), look up the signature. Writing: strip,
//! invent ids, validate, split lines, sort keys. A minor version of 4 is never raised.
//!
//! Intended differences: a signature is made of what the file will hold, ids included, so a notebook that was
//! trusted when it was saved is trusted when it is read; cells that lack `outputs` and the like are saved as they
//! are (the reference answers 500); invented ids depend on the cell, so that two reads give the same.

pub(crate) mod encode;
mod ids;
mod lines;
mod node;
mod notary;
mod parse;
mod read;
mod scan;
mod signatures;
mod upgrade;
mod validate;

use std::borrow::Cow;

use self::node::{Node, Object};
pub(crate) use self::notary::Notary;
use self::parse::{ParseError, parse};
pub(crate) use self::read::{Unreadable, from_model, read};
pub use self::signatures::{SignatureError, SignatureStore, SignaturesInMemory};

/// What new notebooks are written as.
pub(crate) const NBFORMAT: i64 = 4;
/// What new notebooks are written as, after the dot.
pub(crate) const NBFORMAT_MINOR: i64 = 5;

/// An empty notebook as the reference makes one.
pub(crate) const NEW_NOTEBOOK: &str = r#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#;

/// A notebook of nbformat 4 in memory: lines joined, nothing transient, every cell with the id it needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notebook<'a> {
    /// Invariant: `cells` is an array of objects that have an object `metadata`; `metadata` is an object.
    root: Object<'a>,
    /// What validation found, for the model's `message`.
    pub(crate) message: Option<String>,
}

impl<'a> Notebook<'a> {
    /// Checks the invariant and brings the tree into its form in memory.
    pub(crate) fn from_root(mut root: Object<'a>) -> Result<Self, Unreadable> {
        let metadata = root
            .get_mut("metadata")
            .ok_or(Unreadable::MissingKey("metadata"))?;
        let metadata = metadata
            .as_object_mut()
            .ok_or(Unreadable::WrongType("metadata", "an object"))?;
        for transient in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
            metadata.remove(transient);
        }
        let cells = root.get_mut("cells").ok_or(Unreadable::MissingKey("cells"))?;
        let cells = cells
            .as_array_mut()
            .ok_or(Unreadable::WrongType("cells", "a list"))?;
        for cell in cells {
            let cell = cell
                .as_object_mut()
                .ok_or(Unreadable::WrongType("cell", "an object"))?;
            cell.get("metadata").ok_or(Unreadable::MissingKey("metadata"))?;
            if cell.get("metadata").and_then(Node::as_object).is_none() {
                return Err(Unreadable::WrongType("metadata of a cell", "an object"));
            }
            lines::join_all(cell);
        }
        let mut notebook = Self { root, message: None };
        ids::repair(&mut notebook);
        notebook.message = validate::validate(&notebook);
        Ok(notebook)
    }

    /// Notes, for the reader only, which version a file had before it was upgraded.
    fn note_original(&mut self, major: i64, minor: i64) {
        if let Some(metadata) = self.root.get_mut("metadata").and_then(Node::as_object_mut) {
            metadata.insert("orig_nbformat", Node::integer(major));
            metadata.insert("orig_nbformat_minor", Node::integer(minor));
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

    /// Takes the mark "trusted" from all cells, as it never stands in a file.
    fn strip_trusted(&mut self) {
        self.cells_mut().for_each(|cell| {
            strip_trusted(cell);
        });
    }

    /// The text for the model of a GET.
    pub(crate) fn into_model_json(self) -> Vec<u8> {
        let mut out = Vec::new();
        encode::compact(&Node::Object(self.root), &mut out);
        out
    }

    /// The bytes of the file.
    pub(crate) fn into_file(mut self) -> Vec<u8> {
        if let Some(metadata) = self.root.get_mut("metadata").and_then(Node::as_object_mut) {
            metadata.remove("orig_nbformat");
            metadata.remove("orig_nbformat_minor");
        }
        for cell in self.cells_mut() {
            strip_trusted(cell);
            lines::split_all(cell);
        }
        let mut out = Vec::new();
        encode::indented(&Node::Object(self.root), &mut out);
        out.push(b'\n');
        out
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
    Ok(match parse(json)? {
        Node::String(text) => Some(text),
        _ => None,
    })
}
