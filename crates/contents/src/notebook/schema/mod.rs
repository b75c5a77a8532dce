//! What is wrong with a notebook, in the words of the reference: the published schemas, read as its validator
//! (Python's jsonschema, Draft 4) reads them, and its text for the first violation.
//!
//! Only for notebooks that the quick look of [`super::validate`] did not find valid, so it need not be fast.

mod keywords;
mod patterns;
mod python;

use self::keywords::{Step, Violation, first_violation};
use self::python::{format_index, json_dump, pretty, quoted, truncated};
use super::node::{Node, Object};
use super::parse::parse;

/// The schemas of nbformat 4 by minor version, as nbformat publishes them (see `published/LICENSE`).
const SCHEMAS_4: [&str; 6] = [
    include_str!("published/v4.0.json"),
    include_str!("published/v4.1.json"),
    include_str!("published/v4.2.json"),
    include_str!("published/v4.3.json"),
    include_str!("published/v4.4.json"),
    include_str!("published/v4.5.json"),
];
/// The schema of nbformat 3.0.
const SCHEMA_3: &str = include_str!("published/v3.json");

/// The model's `message` for a notebook of this version, if it is invalid.
pub(super) fn message(notebook: &Object<'_>, (major, minor): (i64, i64)) -> Option<String> {
    let Some(schema) = schema(major, minor) else {
        return Some(format!(
            "Notebook validation failed: No schema for validating v{major}.{minor} notebooks:\n\"<UNKNOWN>\""
        ));
    };
    let schema = parse(schema.text, None).ok().and_then(|node| match node {
        Node::Object(object) => Some(if schema.is_older { relaxed(object) } else { object }),
        _ => None,
    })?;
    let mut notebook = Node::Object(notebook.clone());
    notebook.expand_lines();
    let violation = first_violation(&schema, &schema, &notebook)?;
    Some(explained(&schema, violation, None).into_message())
}

struct Published {
    text: &'static str,
    /// Whether the notebook is of a later version than the latest schema.
    is_older: bool,
}

fn schema(major: i64, minor: i64) -> Option<Published> {
    let text = match (major, usize::try_from(minor).ok()?) {
        (3, 0) => SCHEMA_3,
        (4, minor) => SCHEMAS_4.get(minor).or(SCHEMAS_4.last())?,
        _ => return None,
    };
    Some(Published {
        text,
        is_older: major == 4 && SCHEMAS_4.len() <= usize::try_from(minor).ok()?,
    })
}

/// A schema that lets pass what a later version may have added: members, types of cells and outputs.
fn relaxed(mut schema: Object<'_>) -> Object<'_> {
    for (kind, unrecognized) in [
        ("cell", "#/definitions/unrecognized_cell"),
        ("output", "#/definitions/unrecognized_output"),
    ] {
        let alternatives = schema
            .get_mut("definitions")
            .and_then(Node::as_object_mut)
            .and_then(|definitions| definitions.get_mut(kind))
            .and_then(Node::as_object_mut)
            .and_then(|definition| definition.get_mut("oneOf"))
            .and_then(Node::as_array_mut);
        if let Some(alternatives) = alternatives {
            let mut reference = Object::default();
            reference.insert("$ref", Node::text(unrecognized));
            alternatives.push(Node::Object(reference));
        }
    }
    relax_members(&mut schema);
    schema
}

fn relax_members(schema: &mut Object<'_>) {
    for (key, value) in schema.iter_mut() {
        if key == "additionalProperties" {
            *value = Node::Bool(true);
        } else {
            relax_within(value);
        }
    }
}

fn relax_within(value: &mut Node<'_>) {
    match value {
        Node::Object(object) => relax_members(object),
        Node::Array(items) => items.iter_mut().for_each(relax_within),
        _ => {}
    }
}

/// A violation and the definition it was found in.
struct Explained<'n, 'a> {
    violation: Violation<'n, 'a>,
    within: Option<String>,
}

/// "None of the cell types fits" says little: a cell or output that names its type is measured by that alone.
fn explained<'n, 'a>(
    schema: &Object<'_>,
    violation: Violation<'n, 'a>,
    within: Option<String>,
) -> Explained<'n, 'a> {
    let definition = violation.definition_named();
    let sub = definition.as_deref().and_then(|name| {
        let definition = schema.get("definitions")?.as_object()?.get(name)?.as_object()?;
        first_violation(schema, definition, violation.instance)
    });
    let within = definition.or(within);
    match sub {
        Some(mut sub) => {
            sub.path.splice(0..0, violation.path);
            explained(schema, sub, within)
        }
        None => Explained { violation, within },
    }
}

impl Violation<'_, '_> {
    /// The definition that the instance says it follows, if the violation is that it follows none.
    fn definition_named(&self) -> Option<String> {
        let Some(Step::Key(keyword)) = self.schema_path.last() else {
            return None;
        };
        let instance = self.instance.as_object().filter(|_| keyword.ends_with("Of"))?;
        if let Some(cell_type) = instance.get("cell_type") {
            return cell_type.as_str().map(|cell_type| format!("{cell_type}_cell"));
        }
        match instance.get("output_type")? {
            Node::String(name) => Some(name.to_string()).filter(|name| !name.is_empty()),
            other => other.is_truthy().then(|| quoted(other)),
        }
    }
}

impl Explained<'_, '_> {
    fn into_message(self) -> String {
        let Violation {
            message,
            mut schema_path,
            path,
            instance,
        } = self.violation;
        let keyword = schema_path.pop();
        let keyword = keyword.as_ref().map(Step::repr).unwrap_or_default();
        let within = self.within.unwrap_or_else(|| "notebook".to_owned());
        format!(
            "Notebook validation failed: {message}\n\nFailed validating {keyword} in {within}{}:\n\nOn instance{}:\n{}:\n{}",
            format_index(&schema_path),
            format_index(&path),
            pretty(&truncated(instance)),
            json_dump(instance),
        )
    }
}
