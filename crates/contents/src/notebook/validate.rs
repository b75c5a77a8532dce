//! A quick look whether a notebook of nbformat 4 is valid. What it does not know is left to [`super::schema`], so it
//! may be strict; what it passes must be valid there.

use super::Notebook;
use super::lines::is_json_mime;
use super::node::{Node, Object};

/// The latest minor version whose schema we know.
const MINOR_KNOWN: i64 = 5;

/// Whether the notebook certainly is valid.
pub(super) fn is_valid(notebook: &Notebook<'_>) -> bool {
    let root = &notebook.root;
    let minor = match root.get("nbformat_minor").and_then(Node::as_i64) {
        Some(minor @ 0..=MINOR_KNOWN) => minor,
        _ => return false,
    };
    has_exactly(root, &["metadata", "nbformat_minor", "nbformat", "cells"])
        && all(root, "metadata", notebook_metadata)
        && all(root, "cells", |cells| each(cells, |node| cell(node, minor)))
}

fn notebook_metadata(node: &Node<'_>) -> bool {
    let Some(metadata) = node.as_object() else {
        return false;
    };
    all(metadata, "kernelspec", |node| {
        node.as_object().is_some_and(|kernelspec| {
            let is_text = |key| kernelspec.get(key).is_some_and(is_string);
            is_text("name") && is_text("display_name")
        })
    }) && all(metadata, "language_info", |node| {
        node.as_object().is_some_and(|language| {
            language.contains("name")
                && ["name", "file_extension", "mimetype", "pygments_lexer"]
                    .into_iter()
                    .all(|key| all(language, key, is_string))
                && all(language, "codemirror_mode", |mode| {
                    matches!(mode, Node::String(_) | Node::Object(_))
                })
        })
    }) && all(metadata, "orig_nbformat", |value| {
        value.as_i64().is_some_and(|value| value >= 1)
    }) && all(metadata, "title", is_string)
        && all(metadata, "authors", |authors| authors.as_array().is_some())
}

fn cell(node: &Node<'_>, minor: i64) -> bool {
    let Some(cell) = node.as_object() else {
        return false;
    };
    let members: &[&str] = match cell.get("cell_type").and_then(Node::as_str) {
        Some("code") => &["cell_type", "metadata", "source", "outputs", "execution_count"],
        Some("markdown" | "raw") => &["cell_type", "metadata", "source"],
        _ => return false,
    };
    // Ids came with 4.5.
    let has_id = minor >= 5;
    let may_have = |key: &str| (key == "id" && has_id) || (key == "attachments" && members.len() == 3);
    members.iter().all(|key| cell.contains(key))
        && cell
            .iter()
            .all(|(key, _)| members.contains(&key) || may_have(key))
        && (!has_id || cell.get("id").and_then(Node::as_str).is_some_and(is_cell_id))
        && all(cell, "metadata", cell_metadata)
        && all(cell, "source", multiline)
        && all(cell, "attachments", |attachments| {
            each_member(attachments, mime_bundle)
        })
        && all(cell, "execution_count", count)
        && all(cell, "outputs", |outputs| each(outputs, output))
}

fn is_cell_id(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&id.len()) && id.bytes().all(is_allowed)
}

/// What the schemas say of some members differs by cell type and version; a cell that has none of them is valid
/// in all.
fn cell_metadata(node: &Node<'_>) -> bool {
    let is_plain = |key: &str, value: &Node<'_>| match key {
        "jupyter" => value.as_object().is_some(),
        "execution" => each_member(value, is_string),
        "collapsed" => matches!(value, Node::Bool(_)),
        "scrolled" => matches!(value, Node::Bool(_)) || value.as_str() == Some("auto"),
        "format" => is_string(value),
        "name" => value
            .as_str()
            .is_some_and(|name| !name.is_empty() && !name.contains('\n')),
        "tags" => tags(value),
        _ => true,
    };
    node.as_object()
        .is_some_and(|metadata| metadata.iter().all(|(key, value)| is_plain(key, value)))
}

fn tags(node: &Node<'_>) -> bool {
    let Some(tags) = node.as_array() else {
        return false;
    };
    let is_tag = |tag: &Node<'_>| {
        tag.as_str()
            .is_some_and(|tag| !tag.is_empty() && !tag.contains(','))
    };
    let mut names: Vec<&str> = tags.iter().filter_map(Node::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.len() == tags.len() && tags.iter().all(is_tag)
}

fn output(node: &Node<'_>) -> bool {
    let Some(output) = node.as_object() else {
        return false;
    };
    match output.get("output_type").and_then(Node::as_str) {
        Some("execute_result") => {
            has_exactly(output, &["output_type", "data", "metadata", "execution_count"])
                && all(output, "execution_count", count)
                && all(output, "data", mime_bundle)
                && all(output, "metadata", |metadata| metadata.as_object().is_some())
        }
        Some("display_data") => {
            has_exactly(output, &["output_type", "data", "metadata"])
                && all(output, "data", mime_bundle)
                && all(output, "metadata", |metadata| metadata.as_object().is_some())
        }
        Some("stream") => {
            has_exactly(output, &["output_type", "name", "text"])
                && all(output, "name", is_string)
                && all(output, "text", multiline)
        }
        Some("error") => {
            has_exactly(output, &["output_type", "ename", "evalue", "traceback"])
                && all(output, "ename", is_string)
                && all(output, "evalue", is_string)
                && all(output, "traceback", |frames| each(frames, is_string))
        }
        _ => false,
    }
}

fn has_exactly(object: &Object<'_>, keys: &[&str]) -> bool {
    object.len() == keys.len() && keys.iter().all(|key| object.contains(key))
}

/// Whether the member is as wanted, if it is there.
fn all(object: &Object<'_>, key: &str, check: impl FnOnce(&Node<'_>) -> bool) -> bool {
    object.get(key).is_none_or(check)
}

fn each(node: &Node<'_>, check: impl Fn(&Node<'_>) -> bool) -> bool {
    node.as_array().is_some_and(|items| items.iter().all(check))
}

fn each_member(node: &Node<'_>, check: impl Fn(&Node<'_>) -> bool) -> bool {
    node.as_object()
        .is_some_and(|object| object.iter().all(|(_, value)| check(value)))
}

fn is_string(node: &Node<'_>) -> bool {
    matches!(node, Node::String(_))
}

fn multiline(node: &Node<'_>) -> bool {
    matches!(node, Node::Lines(_)) || is_string(node) || each(node, is_string)
}

/// An execution count, or null for "not run".
fn count(node: &Node<'_>) -> bool {
    match node {
        Node::Null => true,
        Node::Integer(digits) => !digits.starts_with('-'),
        _ => false,
    }
}

fn mime_bundle(node: &Node<'_>) -> bool {
    node.as_object().is_some_and(|bundle| {
        bundle
            .iter()
            .all(|(mime, data)| is_json_mime(mime) || multiline(data))
    })
}
