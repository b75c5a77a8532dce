//! From the text of a file to a [`Notebook`] of nbformat 4.

use super::node::{Node, Object};
use super::parse::{ParseError, parse};
use super::{NBFORMAT, Notebook, OldNotebook, Texts, upgrade};
use crate::python_text::repr;

/// Characters of the text shown in the message for a file that is no JSON; the reference's number.
const SHOWN_CHARACTERS: usize = 80;

/// Why a text is no notebook. The texts name the exceptions that users of Jupyter know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{shown} ({source})")]
    NotJson { shown: String, source: ParseError },
    #[error("the notebook is not a JSON object but {0}")]
    NotAnObject(&'static str),
    #[error("NBFormatError('Unsupported nbformat version {0}')")]
    UnsupportedVersion(String),
    #[error("<ValidationError: 'The notebook is invalid and is missing an expected key: {0}'>")]
    MissingKey(&'static str),
    #[error("<ValidationError: 'The notebook is invalid: {0} is not {1}'>")]
    WrongType(&'static str, &'static str),
    #[error(
        "<ValidationError: \"Notebook could not be converted from version {from} to version {to} because it's missing a key: {key}\">"
    )]
    CannotUpgrade { from: i64, to: i64, key: &'static str },
}

/// Reads the text of a file.
pub(crate) fn read<'a>(text: &'a str, texts: &'a Texts) -> Result<Notebook<'a>, Unreadable> {
    let root = match parse(text, Some(texts)) {
        Ok(Node::Object(root)) => root,
        Ok(other) => return Err(Unreadable::NotAnObject(other.type_name())),
        Err(source) => {
            return Err(Unreadable::NotJson {
                shown: shown(text),
                source,
            });
        }
    };
    match root.get("nbformat").map_or(Some(1), Node::as_i64) {
        Some(NBFORMAT) => Notebook::from_file(root),
        Some(major @ 1..=3) => upgraded(root, major),
        _ => Err(Unreadable::UnsupportedVersion(version_text(&root))),
    }
}

/// The content of a model that is to be saved.
pub(crate) enum Sent<'a> {
    /// Of nbformat 4.
    Current(Notebook<'a>),
    /// Of an older version, in which it is saved.
    Old(OldNotebook<'a>),
}

/// Reads the content of a model that is to be saved, with marks of trust.
pub(crate) fn from_model<'a>(json: &'a str, texts: &'a Texts) -> Result<Sent<'a>, Unreadable> {
    let root = match parse(json, Some(texts)) {
        Ok(Node::Object(root)) => root,
        Ok(other) => return Err(Unreadable::NotAnObject(other.type_name())),
        Err(source) => {
            return Err(Unreadable::NotJson {
                shown: shown(json),
                source,
            });
        }
    };
    match root.get("nbformat").and_then(Node::as_i64) {
        Some(NBFORMAT) => Notebook::from_root(root).map(Sent::Current),
        Some(major @ 1..=3) => OldNotebook::from_root(root, major).map(Sent::Old),
        _ => Err(Unreadable::UnsupportedVersion(version_text(&root))),
    }
}

/// Whether a notebook with this JSON as one of its cells can be saved and read again.
pub fn reads_as_cell(json: &str) -> bool {
    let notebook = format!(r#"{{"cells":[{json}],"metadata":{{}},"nbformat":4,"nbformat_minor":5}}"#);
    let texts = Texts::of(&notebook);
    from_model(&notebook, &texts).is_ok()
}

fn upgraded(mut root: Object<'_>, major: i64) -> Result<Notebook<'_>, Unreadable> {
    root.expand_lines();
    let signed_as_3 = match major {
        3 => Some(upgrade::signed_tree_3(root.clone())?),
        _ => None,
    };
    let mut root = match major {
        1 => upgrade::from_1(root)?,
        2 => upgrade::from_2(root)?,
        _ => upgrade::join_3(root)?,
    };
    let mut original = |key| root.remove(key).filter(Node::is_truthy);
    let original_major = original("orig_nbformat").unwrap_or(Node::integer(3));
    let original_minor = original("orig_nbformat_minor").unwrap_or(Node::integer(0));
    let mut notebook = Notebook::from_root(upgrade::from_3(root)?)?;
    notebook.signed_as_3 = signed_as_3;
    notebook.note_original(original_major, original_minor);
    Ok(notebook)
}

fn version_text(root: &Object<'_>) -> String {
    match root.get("nbformat") {
        Some(Node::Integer(digits)) => digits.to_string(),
        Some(Node::String(text)) => text.to_string(),
        Some(other) => other.type_name().to_owned(),
        None => "1".to_owned(),
    }
}

fn shown(text: &str) -> String {
    // A long text is cut anyway, and need not be quoted whole.
    let start: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let mut message = format!("Notebook does not appear to be JSON: {}", repr(&start));
    if message.chars().count() > SHOWN_CHARACTERS {
        message = message.chars().take(SHOWN_CHARACTERS - 3).collect::<String>() + "...";
    }
    format!("NotJSONError({})", repr(&message))
}
