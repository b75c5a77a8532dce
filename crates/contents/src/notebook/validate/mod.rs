//! Whether a notebook of nbformat 4 is what the published schemas (4.0 to 4.5) describe. Nothing is refused for it:
//! the first violation becomes the model's `message`.

mod invalid;
mod primitives;

use self::invalid::{Invalid, no_match, none_fits, quoted};
use self::primitives::{
    Check, boolean, cell_id, count, each, each_member, integer, member, mime_bundle, multiline, object,
    required, string,
};
use super::Notebook;
use super::node::{Node, Object};

/// The highest minor version whose schema we know; from there on unknown members, cells and outputs are allowed.
const MINOR_KNOWN: i64 = 5;

/// The message for the first violation, or none.
pub(super) fn validate(notebook: &Notebook<'_>) -> Option<String> {
    let (_, minor) = notebook.version();
    let schema = Schema { minor };
    schema
        .notebook(&notebook.root)
        .err()
        .map(|invalid| invalid.into_message())
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
