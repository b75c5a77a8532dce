//! From nbformat 1, 2 and 3 to 4.5, as nbformat converts them.

use std::borrow::Cow;
use std::collections::HashSet;

use super::node::{Node, Object};
use super::parse::parse;
use super::read::Unreadable;
use super::{NBFORMAT, NBFORMAT_MINOR, ids, lines, owned};

/// Keys of version 3 outputs and what version 4 calls them.
const MIME_OF_ALIAS: [(&str, &str); 8] = [
    ("text", "text/plain"),
    ("html", "text/html"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("latex", "text/latex"),
    ("json", "application/json"),
    ("javascript", "application/javascript"),
];

/// Keys of version 2 and 3 outputs that may be lists of lines.
pub(super) const MULTILINE: [&str; 6] = ["text", "html", "svg", "latex", "javascript", "json"];

/// How a list of lines is joined: version 2 wrote lines without their ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    WithoutEnds,
    /// Version 3 wrote them with, at first without.
    AsTheFirst,
}

/// A notebook of version 1 (a list of cells) as one of version 3.
pub(super) fn from_1(mut root: Object<'_>) -> Result<Object<'_>, Unreadable> {
    let missing = Unreadable::CannotUpgrade {
        from: 1,
        to: 2,
        key: "cells",
    };
    let old_cells = match root.remove("cells") {
        Some(Node::Array(cells)) => cells,
        // Python walks these, too, as long as they are empty.
        Some(empty @ (Node::String(_) | Node::Object(_))) if !empty.is_truthy() => Vec::new(),
        _ => return Err(missing),
    };
    let mut cells = Vec::new();
    for cell in old_cells {
        let Node::Object(mut old) = cell else { continue };
        let mut cell = Object::default();
        match old.get("cell_type").and_then(Node::as_str) {
            Some("code") => {
                cell.insert("cell_type", Node::text("code"));
                cell.insert("input", old.remove("code").unwrap_or(Node::text("")));
                if let Some(number) = old.remove("prompt_number") {
                    cell.insert("prompt_number", number);
                }
                cell.insert("outputs", Node::Array(Vec::new()));
                cell.insert("collapsed", Node::Bool(false));
            }
            Some("text") => {
                if let Some(text) = old.remove("text") {
                    cell.insert("source", text);
                }
                cell.insert("cell_type", Node::text("markdown"));
            }
            _ => continue,
        }
        cell.insert("metadata", Node::Object(Object::default()));
        cells.push(Node::Object(cell));
    }
    let mut worksheet = Object::default();
    worksheet.insert("cells", Node::Array(cells));
    let mut upgraded = Object::default();
    upgraded.insert("nbformat", Node::integer(2));
    upgraded.insert("worksheets", Node::Array(vec![Node::Object(worksheet)]));
    upgraded.insert("metadata", Node::Object(Object::default()));
    upgraded.insert("nbformat_minor", Node::integer(0));
    upgraded.insert("orig_nbformat", Node::integer(2));
    Ok(upgraded)
}

/// A notebook of version 2 as one of version 3.
pub(super) fn from_2(mut root: Object<'_>) -> Result<Object<'_>, Unreadable> {
    each_cell(&mut root, &mut |cell| join_cell(cell, Lines::WithoutEnds))?;
    each_cell(&mut root, &mut |cell| {
        if !cell.contains("metadata") {
            cell.insert("metadata", Node::Object(Object::default()));
        }
        Ok(())
    })?;
    root.insert("orig_nbformat", Node::integer(2));
    Ok(root)
}

/// Joins the lines of a notebook of version 3.
pub(super) fn join_3(mut root: Object<'_>) -> Result<Object<'_>, Unreadable> {
    each_cell(&mut root, &mut |cell| join_cell(cell, Lines::AsTheFirst))?;
    Ok(root)
}

/// The tree of a notebook of version 3 that Jupyter signs.
pub(super) fn signed_tree_3(root: Object<'_>) -> Result<Object<'_>, Unreadable> {
    let mut root = join_3(root)?;
    if let Some(metadata) = root.get_mut("metadata").and_then(Node::as_object_mut) {
        metadata.remove("signature");
    }
    Ok(root)
}

/// A notebook of version 3, lines joined, as one of version 4.5. All cell ids are invented, as in the reference.
pub(super) fn from_3(mut root: Object<'_>) -> Result<Object<'_>, Unreadable> {
    let missing = |key| Unreadable::CannotUpgrade { from: 3, to: 4, key };
    let metadata = root
        .get_mut("metadata")
        .and_then(Node::as_object_mut)
        .ok_or(missing("metadata"))?;
    metadata.remove("name");
    metadata.remove("signature");
    let mut cells = Vec::new();
    let mut ids = HashSet::new();
    if let Some(Node::Array(worksheets)) = root.remove("worksheets") {
        for worksheet in worksheets {
            let Node::Object(mut worksheet) = worksheet else {
                return Err(missing("cells"));
            };
            let Some(Node::Array(sheet_cells)) = worksheet.remove("cells") else {
                return Err(missing("cells"));
            };
            for cell in sheet_cells {
                let Node::Object(cell) = cell else {
                    return Err(missing("cell_type"));
                };
                let id = invented_id(cells.len(), &cell, &mut ids);
                cells.push(Node::Object(upgrade_cell(cell, id)?));
            }
        }
    }
    root.insert("nbformat", Node::integer(NBFORMAT));
    root.insert("nbformat_minor", Node::integer(NBFORMAT_MINOR));
    root.insert("cells", Node::Array(cells));
    Ok(root)
}

fn invented_id(place: usize, cell: &Object<'_>, ids: &mut HashSet<String>) -> String {
    let text = cell.get("input").or_else(|| cell.get("source"));
    ids::invent(place, text.and_then(Node::as_str).unwrap_or_default(), ids)
}

fn upgrade_cell(mut cell: Object<'_>, id: String) -> Result<Object<'_>, Unreadable> {
    if !cell.contains("metadata") {
        cell.insert("metadata", Node::Object(Object::default()));
    }
    cell.insert("id", Node::text(id));
    let missing = |key| Unreadable::CannotUpgrade { from: 3, to: 4, key };
    let cell_type = cell.get("cell_type").ok_or(missing("cell_type"))?;
    match cell_type.as_str().unwrap_or_default() {
        "code" => {
            cell.remove("language");
            if let Some(collapsed) = cell.remove("collapsed")
                && let Some(metadata) = cell.get_mut("metadata").and_then(Node::as_object_mut)
            {
                metadata.insert("collapsed", collapsed);
            }
            let source = cell.remove("input").unwrap_or(Node::text(""));
            cell.insert("source", source);
            let count = cell.remove("prompt_number").unwrap_or(Node::Null);
            cell.insert("execution_count", count);
            let outputs = cell.get_mut("outputs").and_then(Node::as_array_mut);
            for output in outputs.ok_or(missing("outputs"))? {
                *output = upgrade_output(std::mem::replace(output, Node::Null));
            }
        }
        "heading" => {
            let level = cell.remove("level").and_then(|level| level.as_i64()).unwrap_or(1);
            let hashes = "#".repeat(usize::try_from(level.clamp(0, 100)).unwrap_or(1));
            let source = cell.get("source").and_then(Node::as_str).unwrap_or_default();
            let single: Vec<&str> = lines::split(source).map(lines::without_end).collect();
            let source = format!("{hashes} {}", single.join(" "));
            cell.insert("source", Node::text(source));
            cell.insert("cell_type", Node::text("markdown"));
        }
        "html" => cell.insert("cell_type", Node::text("markdown")),
        _ => {}
    }
    Ok(cell)
}

fn upgrade_output(output: Node<'_>) -> Node<'_> {
    let Node::Object(mut output) = output else {
        return output;
    };
    match output.get("output_type").and_then(Node::as_str) {
        Some("pyout" | "display_data") => return Node::Object(upgrade_data(output)),
        Some("pyerr") => output.insert("output_type", Node::text("error")),
        Some("stream") => {
            let name = output.remove("stream").unwrap_or(Node::text("stdout"));
            output.insert("name", name);
        }
        _ => {}
    }
    Node::Object(output)
}

/// Moves what is data into `data`, under mime types.
fn upgrade_data(mut output: Object<'_>) -> Object<'_> {
    if !output.contains("metadata") {
        output.insert("metadata", Node::Object(Object::default()));
    }
    if output.get("output_type").and_then(Node::as_str) == Some("pyout") {
        output.insert("output_type", Node::text("execute_result"));
        let count = output.remove("prompt_number").unwrap_or(Node::Null);
        output.insert("execution_count", count);
    }
    let is_data =
        |(key, _): &(Cow<'_, str>, _)| !matches!(&**key, "output_type" | "execution_count" | "metadata");
    let (data, kept): (Vec<_>, Vec<_>) = output.into_members().into_iter().partition(is_data);
    let mut upgraded: Object<'_> = kept.into_iter().collect();
    let mut data: Object<'_> = data.into_iter().collect();
    use_mime_keys(&mut data);
    if let Some(json) = data.get_mut("application/json") {
        parse_text(json);
    }
    upgraded.insert("data", Node::Object(data));
    if let Some(metadata) = upgraded.get_mut("metadata").and_then(Node::as_object_mut) {
        use_mime_keys(metadata);
    }
    upgraded
}

/// JSON data was text in version 3. What can't be read stays text, where the reference refuses the notebook.
fn parse_text(node: &mut Node<'_>) {
    let parsed = match &*node {
        Node::String(Cow::Borrowed(text)) => parse(text, None).ok(),
        Node::String(Cow::Owned(text)) => parse(text, None).ok().map(into_owned),
        _ => None,
    };
    if let Some(parsed) = parsed {
        *node = parsed;
    }
}

fn into_owned<'a>(node: Node<'_>) -> Node<'a> {
    match node {
        Node::Null => Node::Null,
        Node::Bool(value) => Node::Bool(value),
        Node::Integer(digits) => Node::Integer(owned(digits)),
        Node::Float(value) => Node::Float(value),
        Node::String(text) => Node::String(owned(text)),
        Node::Array(items) => Node::Array(items.into_iter().map(into_owned).collect()),
        Node::Lines(lines) => Node::Lines(lines.into_owned()),
        Node::Object(object) => {
            let members = object.into_members().into_iter();
            Node::Object(
                members
                    .map(|(key, value)| (owned(key), into_owned(value)))
                    .collect(),
            )
        }
    }
}

fn use_mime_keys(object: &mut Object<'_>) {
    for (alias, mime) in MIME_OF_ALIAS {
        if let Some(value) = object.remove(alias) {
            object.insert(mime, value);
        }
    }
}

pub(super) type CellChange<'f, 'a> = &'f mut dyn FnMut(&mut Object<'a>) -> Result<(), Unreadable>;

pub(super) fn each_cell<'a>(root: &mut Object<'a>, change: CellChange<'_, 'a>) -> Result<(), Unreadable> {
    let worksheets = root
        .get_mut("worksheets")
        .ok_or(Unreadable::MissingKey("worksheets"))?;
    for worksheet in worksheets
        .as_array_mut()
        .ok_or(Unreadable::WrongType("worksheets", "a list"))?
    {
        let cells = worksheet
            .as_object_mut()
            .and_then(|worksheet| worksheet.get_mut("cells"));
        let cells = cells.ok_or(Unreadable::MissingKey("cells"))?;
        for cell in cells
            .as_array_mut()
            .ok_or(Unreadable::WrongType("cells", "a list"))?
        {
            change(
                cell.as_object_mut()
                    .ok_or(Unreadable::WrongType("cell", "an object"))?,
            )?;
        }
    }
    Ok(())
}

fn join_cell(cell: &mut Object<'_>, lines: Lines) -> Result<(), Unreadable> {
    if cell.get("cell_type").and_then(Node::as_str) != Some("code") {
        join_members(cell, &["source", "rendered"], lines);
        return Ok(());
    }
    join_members(cell, &["input"], lines);
    let outputs = cell.get_mut("outputs").ok_or(Unreadable::MissingKey("outputs"))?;
    for output in outputs
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(Node::as_object_mut)
    {
        join_members(output, &MULTILINE, lines);
    }
    Ok(())
}

fn join_members(object: &mut Object<'_>, keys: &[&str], lines: Lines) {
    for key in keys {
        let Some(value) = object.get_mut(key) else {
            continue;
        };
        let Some(items) = value.as_array() else { continue };
        if items.iter().all(|item| item.as_str().is_some()) {
            let texts: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
            let with_ends = texts.first().is_some_and(|first| first.ends_with(['\n', '\r']));
            let separator = if with_ends && lines == Lines::AsTheFirst {
                ""
            } else {
                "\n"
            };
            *value = Node::text(texts.join(separator));
        }
    }
}
