//! Whether a notebook of nbformat 4 is what the published schemas (4.0 to 4.5) describe. Nothing is refused for it:
//! the first violation becomes the model's `message`, worded as Python's jsonschema words it.

use std::fmt::Write;

use super::Notebook;
use super::encode::indented;
use super::lines::is_json_mime;
use super::node::{Node, Object};

/// The highest minor version whose schema we know; from there on unknown members, cells and outputs are allowed.
const MINOR_KNOWN: i64 = 5;
/// Bytes of the offending value that are shown.
const SHOWN_BYTES: usize = 2000;
/// Most characters of a value within the first line of a message.
const QUOTED_CHARACTERS: usize = 200;

/// One violation of the schema.
struct Invalid {
    message: String,
    /// The keyword of the schema.
    keyword: &'static str,
    /// Which part of the schema.
    within: Option<String>,
    /// Innermost first: `['cells']`, `[0]`.
    place: Vec<String>,
    shown: String,
}

type Check = Result<(), Invalid>;

/// The message for the first violation, or none.
pub(super) fn validate(notebook: &Notebook<'_>) -> Option<String> {
    let (_, minor) = notebook.version();
    let schema = Schema { minor };
    schema
        .notebook(&notebook.root)
        .err()
        .map(|invalid| invalid.into_message())
}

impl Invalid {
    fn new(keyword: &'static str, instance: &Node<'_>, message: String) -> Self {
        let mut shown = Vec::new();
        indented(instance, &mut shown);
        let mut shown = String::from_utf8_lossy(&shown).into_owned();
        if shown.len() > SHOWN_BYTES {
            let end = (0..=SHOWN_BYTES)
                .rev()
                .find(|end| shown.is_char_boundary(*end))
                .unwrap_or(0);
            shown.truncate(end);
            shown.push_str("...");
        }
        Self {
            message,
            keyword,
            within: None,
            place: Vec::new(),
            shown,
        }
    }

    fn at(mut self, key: impl std::fmt::Debug) -> Self {
        self.place.push(format!("[{key:?}]").replace('"', "'"));
        self
    }

    fn within(mut self, definition: &str) -> Self {
        self.within.get_or_insert_with(|| definition.to_owned());
        self
    }

    fn into_message(self) -> String {
        let within = self.within.as_deref().unwrap_or("notebook");
        let place: String = self.place.iter().rev().map(String::as_str).collect();
        format!(
            "Notebook validation failed: {}\n\nFailed validating '{}' in {within}:\n\nOn instance{place}:\n{}",
            self.message, self.keyword, self.shown
        )
    }
}

/// What one minor version demands.
#[derive(Clone, Copy)]
struct Schema {
    minor: i64,
}

impl Schema {
    fn is_from_the_future(self) -> bool {
        self.minor > MINOR_KNOWN
    }

    fn notebook(self, root: &Object<'_>) -> Check {
        self.only(root, &["metadata", "nbformat_minor", "nbformat", "cells"])?;
        required(root, &["metadata", "nbformat_minor", "nbformat", "cells"])?;
        member(root, "metadata", notebook_metadata)?;
        member(root, "nbformat_minor", |node| integer(node, 0))?;
        member(root, "cells", |cells| each(cells, |cell| self.cell(cell)))
    }

    fn cell(self, node: &Node<'_>) -> Check {
        let cell = object(node)?;
        match cell.get("cell_type").and_then(Node::as_str) {
            Some("raw") => self
                .text_cell(cell, "raw")
                .map_err(|invalid| invalid.within("raw_cell")),
            Some("markdown") => self
                .text_cell(cell, "markdown")
                .map_err(|invalid| invalid.within("markdown_cell")),
            Some("code") => self
                .code_cell(cell)
                .map_err(|invalid| invalid.within("code_cell")),
            Some(_) if self.is_from_the_future() => Ok(()),
            _ => Err(none_fits(node)),
        }
    }

    /// Ids came with 4.5.
    fn cell_members(self, cell: &Object<'_>, rest: &[&str], needed: &[&str]) -> Check {
        let id: &[&str] = if self.minor >= 5 { &["id"] } else { &[] };
        self.only(cell, &[id, rest].concat())?;
        required(cell, &[id, needed].concat())?;
        if self.minor >= 5 {
            member(cell, "id", cell_id)?;
        }
        Ok(())
    }

    fn text_cell(self, cell: &Object<'_>, cell_type: &str) -> Check {
        let needed = ["cell_type", "metadata", "source"];
        self.cell_members(cell, &["cell_type", "metadata", "attachments", "source"], &needed)?;
        member(cell, "metadata", |node| {
            let metadata = cell_metadata(node)?;
            if cell_type == "raw" {
                member(metadata, "format", string)?;
            }
            Ok(())
        })?;
        member(cell, "attachments", |attachments| {
            each_member(attachments, mime_bundle)
        })?;
        member(cell, "source", multiline)
    }

    fn code_cell(self, cell: &Object<'_>) -> Check {
        let members = ["cell_type", "metadata", "source", "outputs", "execution_count"];
        self.cell_members(cell, &members, &members)?;
        member(cell, "metadata", |node| self.code_metadata(cell_metadata(node)?))?;
        member(cell, "source", multiline)?;
        member(cell, "outputs", |outputs| {
            each(outputs, |output| self.output(output))
        })?;
        member(cell, "execution_count", count)
    }

    fn code_metadata(self, metadata: &Object<'_>) -> Check {
        if self.minor >= 4 {
            member(metadata, "execution", |execution| each_member(execution, string))?;
        }
        member(metadata, "collapsed", boolean)?;
        member(metadata, "scrolled", |scrolled| match scrolled {
            Node::Bool(_) => Ok(()),
            Node::String(text) if text == "auto" => Ok(()),
            other => Err(Invalid::new(
                "enum",
                other,
                format!("{} is not one of [True, False, 'auto']", quoted(other)),
            )),
        })
    }

    fn output(self, node: &Node<'_>) -> Check {
        let output = object(node)?;
        let output_type = output
            .get("output_type")
            .and_then(Node::as_str)
            .unwrap_or_default();
        let (members, definition): (&[&str], _) = match output_type {
            "execute_result" => (
                &["output_type", "data", "metadata", "execution_count"],
                "execute_result",
            ),
            "display_data" => (&["output_type", "data", "metadata"], "display_data"),
            "stream" => (&["output_type", "name", "text"], "stream"),
            "error" => (&["output_type", "ename", "evalue", "traceback"], "error"),
            "" => return Err(none_fits(node)),
            _ if self.is_from_the_future() => return Ok(()),
            _ => return Err(none_fits(node)),
        };
        self.output_members(output, members)
            .map_err(|invalid| invalid.within(definition))
    }

    fn output_members(self, output: &Object<'_>, members: &[&str]) -> Check {
        self.only(output, members)?;
        required(output, members)?;
        for key in members {
            member(output, key, |value| match *key {
                "data" => mime_bundle(value),
                "metadata" => object(value).map(drop),
                "execution_count" => count(value),
                "name" | "ename" | "evalue" => string(value),
                "text" => multiline(value),
                "traceback" => each(value, string),
                _ => Ok(()),
            })?;
        }
        Ok(())
    }

    fn only(self, object: &Object<'_>, known: &[&str]) -> Check {
        if self.is_from_the_future() {
            return Ok(());
        }
        let unknown: Vec<String> = object
            .iter()
            .filter(|(key, _)| !known.contains(key))
            .map(|(key, _)| format!("'{key}'"))
            .collect();
        let verb = match unknown.len() {
            0 => return Ok(()),
            1 => "was",
            _ => "were",
        };
        let message = format!(
            "Additional properties are not allowed ({} {verb} unexpected)",
            unknown.join(", ")
        );
        Err(Invalid::new(
            "additionalProperties",
            &Node::Object(object.clone()),
            message,
        ))
    }
}

fn notebook_metadata(node: &Node<'_>) -> Check {
    let metadata = object(node)?;
    member(metadata, "kernelspec", |node| {
        let kernelspec = object(node)?;
        required(kernelspec, &["name", "display_name"])?;
        member(kernelspec, "name", string)?;
        member(kernelspec, "display_name", string)
    })?;
    member(metadata, "language_info", |node| {
        let language = object(node)?;
        required(language, &["name"])?;
        for key in ["name", "file_extension", "mimetype", "pygments_lexer"] {
            member(language, key, string)?;
        }
        member(language, "codemirror_mode", |mode| match mode {
            Node::String(_) | Node::Object(_) => Ok(()),
            other => Err(none_fits(other)),
        })
    })?;
    member(metadata, "title", string)?;
    member(metadata, "authors", |authors| each(authors, |_| Ok(())))
}

fn cell_metadata<'n, 'a>(node: &'n Node<'a>) -> Result<&'n Object<'a>, Invalid> {
    let metadata = object(node)?;
    member(metadata, "jupyter", |node| object(node).map(drop))?;
    member(metadata, "name", |name| {
        string(name)?;
        match name.as_str() {
            Some(text) if text.lines().all(str::is_empty) => Err(no_match(name, "^.+$")),
            _ => Ok(()),
        }
    })?;
    member(metadata, "tags", |tags| {
        each(tags, |tag| {
            string(tag)?;
            match tag.as_str() {
                Some(text) if text.is_empty() || text.contains(',') => Err(no_match(tag, "^[^,]+$")),
                _ => Ok(()),
            }
        })?;
        let mut names: Vec<&str> = tags
            .as_array()
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .collect();
        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [first, second] if first == second))
        {
            return Err(Invalid::new(
                "uniqueItems",
                tags,
                format!("{} has non-unique elements", quoted(tags)),
            ));
        }
        Ok(())
    })?;
    Ok(metadata)
}

fn cell_id(node: &Node<'_>) -> Check {
    string(node)?;
    let id = node.as_str().unwrap_or_default();
    if !id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return Err(no_match(node, "^[a-zA-Z0-9-_]+$"));
    }
    match id.chars().count() {
        0 => Err(no_match(node, "^[a-zA-Z0-9-_]+$")),
        1..=64 => Ok(()),
        _ => Err(Invalid::new(
            "maxLength",
            node,
            format!("{} is too long", quoted(node)),
        )),
    }
}

fn mime_bundle(node: &Node<'_>) -> Check {
    let bundle = object(node)?;
    for (mime, data) in bundle.iter().filter(|(mime, _)| !is_json_mime(mime)) {
        multiline(data).map_err(|invalid| invalid.at(mime))?;
    }
    Ok(())
}

fn required(object: &Object<'_>, keys: &[&str]) -> Check {
    match keys.iter().find(|key| !object.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let message = format!("'{key}' is a required property");
            Err(Invalid::new("required", &Node::Object(object.clone()), message))
        }
    }
}

fn member(object: &Object<'_>, key: &str, check: impl FnOnce(&Node<'_>) -> Check) -> Check {
    object
        .get(key)
        .map_or(Ok(()), |value| check(value).map_err(|invalid| invalid.at(key)))
}

fn each(node: &Node<'_>, check: impl Fn(&Node<'_>) -> Check) -> Check {
    let items = node.as_array().ok_or_else(|| wrong_type(node, "'array'"))?;
    items
        .iter()
        .enumerate()
        .try_for_each(|(place, item)| check(item).map_err(|invalid| invalid.at(place)))
}

fn each_member(node: &Node<'_>, check: impl Fn(&Node<'_>) -> Check) -> Check {
    object(node)?
        .iter()
        .try_for_each(|(key, value)| check(value).map_err(|invalid| invalid.at(key)))
}

fn object<'n, 'a>(node: &'n Node<'a>) -> Result<&'n Object<'a>, Invalid> {
    node.as_object().ok_or_else(|| wrong_type(node, "'object'"))
}

fn string(node: &Node<'_>) -> Check {
    node.as_str()
        .map(drop)
        .ok_or_else(|| wrong_type(node, "'string'"))
}

fn boolean(node: &Node<'_>) -> Check {
    if matches!(node, Node::Bool(_)) {
        Ok(())
    } else {
        Err(wrong_type(node, "'boolean'"))
    }
}

fn multiline(node: &Node<'_>) -> Check {
    match node {
        Node::String(_) => Ok(()),
        Node::Array(items) if items.iter().all(|item| item.as_str().is_some()) => Ok(()),
        other => Err(none_fits(other)),
    }
}

fn integer(node: &Node<'_>, minimum: i64) -> Check {
    match node {
        Node::Integer(digits) if minimum == 0 && digits.starts_with('-') => Err(Invalid::new(
            "minimum",
            node,
            format!("{digits} is less than the minimum of 0"),
        )),
        Node::Integer(_) => Ok(()),
        other => Err(wrong_type(other, "'integer'")),
    }
}

/// An execution count, or null for "not run".
fn count(node: &Node<'_>) -> Check {
    match node {
        Node::Null => Ok(()),
        Node::Integer(_) => integer(node, 0),
        other => Err(wrong_type(other, "'integer', 'null'")),
    }
}

fn wrong_type(node: &Node<'_>, types: &str) -> Invalid {
    Invalid::new("type", node, format!("{} is not of type {types}", quoted(node)))
}

fn none_fits(node: &Node<'_>) -> Invalid {
    Invalid::new(
        "oneOf",
        node,
        format!("{} is not valid under any of the given schemas", quoted(node)),
    )
}

fn no_match(node: &Node<'_>, pattern: &str) -> Invalid {
    Invalid::new(
        "pattern",
        node,
        format!("{} does not match '{pattern}'", quoted(node)),
    )
}

/// A value as Python shows it, cut when long.
fn quoted(node: &Node<'_>) -> String {
    let mut text = String::new();
    push_quoted(node, &mut text);
    if text.chars().count() > QUOTED_CHARACTERS {
        text = text.chars().take(QUOTED_CHARACTERS).collect::<String>() + "...";
    }
    text
}

fn push_quoted(node: &Node<'_>, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match node {
        Node::Null => write!(out, "None"),
        Node::Bool(true) => write!(out, "True"),
        Node::Bool(false) => write!(out, "False"),
        Node::Integer(digits) => write!(out, "{digits}"),
        Node::Float(value) => {
            crate::python_text::push_float(out, *value);
            Ok(())
        }
        Node::String(text) => write!(out, "{}", crate::python_text::repr(text)),
        Node::Array(_) | Node::Object(_) if out.len() > 2 * QUOTED_CHARACTERS => write!(out, "..."),
        Node::Array(items) => {
            out.push('[');
            for (count, item) in items.iter().enumerate() {
                out.push_str(if count > 0 { ", " } else { "" });
                push_quoted(item, out);
            }
            write!(out, "]")
        }
        Node::Object(object) => {
            out.push('{');
            for (count, (key, value)) in object.iter().enumerate() {
                let _ = write!(
                    out,
                    "{}{}: ",
                    if count > 0 { ", " } else { "" },
                    crate::python_text::repr(key)
                );
                push_quoted(value, out);
            }
            write!(out, "}}")
        }
    };
}
