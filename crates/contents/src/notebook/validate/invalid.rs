//! A violation of the schema, and its sentence as Python's jsonschema words it.

use std::fmt::Write;

use crate::notebook::encode::indented;
use crate::notebook::node::Node;
use crate::python_text::{push_float, repr};

/// Bytes of the offending value that are shown.
const SHOWN_BYTES: usize = 2000;
/// Most characters of a value within the first line of a message.
const QUOTED_CHARACTERS: usize = 200;

/// One violation of the schema.
pub(super) struct Invalid {
    message: String,
    /// The keyword of the schema.
    keyword: &'static str,
    /// Which part of the schema.
    within: Option<String>,
    /// Innermost first: `['cells']`, `[0]`.
    place: Vec<String>,
    shown: String,
}

impl Invalid {
    pub(super) fn new(keyword: &'static str, instance: &Node<'_>, message: String) -> Self {
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

    pub(super) fn at(mut self, key: impl std::fmt::Debug) -> Self {
        self.place.push(format!("[{key:?}]").replace('"', "'"));
        self
    }

    pub(super) fn within(mut self, definition: &str) -> Self {
        self.within.get_or_insert_with(|| definition.to_owned());
        self
    }

    pub(super) fn into_message(self) -> String {
        let within = self.within.as_deref().unwrap_or("notebook");
        let place: String = self.place.iter().rev().map(String::as_str).collect();
        format!(
            "Notebook validation failed: {}\n\nFailed validating '{}' in {within}:\n\nOn instance{place}:\n{}",
            self.message, self.keyword, self.shown
        )
    }
}

pub(super) fn wrong_type(node: &Node<'_>, types: &str) -> Invalid {
    Invalid::new("type", node, format!("{} is not of type {types}", quoted(node)))
}

pub(super) fn none_fits(node: &Node<'_>) -> Invalid {
    Invalid::new(
        "oneOf",
        node,
        format!("{} is not valid under any of the given schemas", quoted(node)),
    )
}

pub(super) fn no_match(node: &Node<'_>, pattern: &str) -> Invalid {
    Invalid::new(
        "pattern",
        node,
        format!("{} does not match '{pattern}'", quoted(node)),
    )
}

/// A value as Python shows it, cut when long.
pub(super) fn quoted(node: &Node<'_>) -> String {
    let mut text = String::new();
    push_quoted(node, &mut text);
    if text.chars().count() > QUOTED_CHARACTERS {
        text = text.chars().take(QUOTED_CHARACTERS).collect::<String>() + "...";
    }
    text
}

pub(super) fn push_quoted(node: &Node<'_>, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match node {
        Node::Null => write!(out, "None"),
        Node::Bool(true) => write!(out, "True"),
        Node::Bool(false) => write!(out, "False"),
        Node::Integer(digits) => write!(out, "{digits}"),
        Node::Float(value) => {
            push_float(out, *value);
            Ok(())
        }
        Node::String(text) => write!(out, "{}", repr(text)),
        Node::Array(_) | Node::Lines(_) | Node::Object(_) if out.len() > 2 * QUOTED_CHARACTERS => {
            write!(out, "...")
        }
        Node::Array(items) => {
            out.push('[');
            for (count, item) in items.iter().enumerate() {
                out.push_str(if count > 0 { ", " } else { "" });
                push_quoted(item, out);
            }
            write!(out, "]")
        }
        Node::Lines(lines) => {
            out.push('[');
            for (count, line) in lines.iter().enumerate() {
                let _ = write!(out, "{}{}", if count > 0 { ", " } else { "" }, repr(line));
            }
            write!(out, "]")
        }
        Node::Object(object) => {
            out.push('{');
            for (count, (key, value)) in object.iter().enumerate() {
                let _ = write!(out, "{}{}: ", if count > 0 { ", " } else { "" }, repr(key));
                push_quoted(value, out);
            }
            write!(out, "}}")
        }
    };
}
