//! Values as Python shows them in the sentences of its validator: `repr`, `pprint`, `json.dumps`.

use std::fmt::Write;

use super::keywords::Step;
use crate::notebook::ascii::{ascii_only, indented_in_order};
use crate::notebook::lines;
use crate::notebook::node::{Node, Object};
use crate::python_text::{push_float, repr};

/// Most characters of a value within a sentence, and bytes of one shown as JSON.
const SHOWN_MAX: usize = 2000;
/// Most members and items of a value that is shown, and most characters of a text.
const ITEMS_SHOWN: usize = 16;
const TEXT_SHOWN: usize = 64;
/// Columns of what is shown.
const WIDTH: usize = 78;

/// `['cells'][0]`
pub(super) fn format_index(path: &[Step]) -> String {
    path.iter().map(|step| format!("[{}]", step.repr())).collect()
}

/// `'a', 'b'`
pub(super) fn repr_list(texts: &[&str]) -> String {
    texts.iter().map(|text| repr(text)).collect::<Vec<_>>().join(", ")
}

/// A value as `repr` shows it; cut when long, as a message is to be read.
pub(super) fn quoted(node: &Node<'_>) -> String {
    let mut text = String::new();
    push_repr(node, Order::AsGiven, &mut text);
    cut(text)
}

/// The whole value as indented JSON; cut when long.
pub(super) fn json_dump(node: &Node<'_>) -> String {
    let mut json = Vec::new();
    indented_in_order(node, 1, &mut json);
    cut(ascii_only(&String::from_utf8_lossy(&json)))
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN_MAX) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A value made small: few members, short texts, cells and outputs only counted.
pub(super) fn truncated<'a>(node: &Node<'a>) -> Node<'a> {
    match node {
        Node::Object(object) => {
            let mut small: Object<'a> = Object::default();
            for (key, value) in object.iter().take(ITEMS_SHOWN) {
                let counted = match (key, value) {
                    ("cells" | "outputs", Node::Array(items)) => {
                        Node::Array(vec![Node::text(format!("...{} {key}...", items.len()))])
                    }
                    _ => truncated(value),
                };
                small.insert(key.to_owned(), counted);
            }
            if let Some(more) = object.len().checked_sub(ITEMS_SHOWN).filter(|more| *more > 0) {
                small.insert("...", Node::text(format!("{more} keys truncated")));
            }
            Node::Object(small)
        }
        Node::Array(items) => {
            let mut small: Vec<Node<'a>> = items.iter().take(ITEMS_SHOWN).map(truncated).collect();
            if let Some(more) = items.len().checked_sub(ITEMS_SHOWN).filter(|more| *more > 0) {
                small.push(Node::text(format!("...{more} items truncated...")));
            }
            Node::Array(small)
        }
        Node::String(text) => match text.char_indices().nth(TEXT_SHOWN) {
            Some((end, _)) => Node::text(format!("{}...", text.get(..end).unwrap_or_default())),
            None => node.clone(),
        },
        other => other.clone(),
    }
}

/// As Python's `pprint.pformat` lays a value out.
pub(super) fn pretty(node: &Node<'_>) -> String {
    let mut out = String::new();
    push_pretty(node, Place::default(), &mut out);
    out
}

/// Where a value is laid out: the columns before it and those to leave free after it.
#[derive(Clone, Copy, Default)]
struct Place {
    indent: usize,
    allowance: usize,
    is_nested: bool,
}

fn push_pretty(node: &Node<'_>, place: Place, out: &mut String) {
    let mut line = String::new();
    push_repr(node, Order::Sorted, &mut line);
    let fits = line.chars().count() + place.indent + place.allowance <= WIDTH;
    let inner = Place {
        indent: place.indent + 1,
        allowance: place.allowance + 1,
        is_nested: true,
    };
    match node {
        _ if fits => out.push_str(&line),
        Node::Object(object) => {
            out.push('{');
            let members = object.sorted();
            for (count, (key, value)) in members.iter().enumerate() {
                push_separator(count, inner.indent, out);
                let key = repr(key);
                let _ = write!(out, "{key}: ");
                let is_last = count + 1 == members.len();
                let value_place = Place {
                    indent: inner.indent + key.chars().count() + 2,
                    allowance: if is_last { inner.allowance } else { 1 },
                    is_nested: true,
                };
                push_pretty(value, value_place, out);
            }
            out.push('}');
        }
        Node::Array(items) => {
            out.push('[');
            for (count, item) in items.iter().enumerate() {
                push_separator(count, inner.indent, out);
                let is_last = count + 1 == items.len();
                let item_place = Place {
                    allowance: if is_last { inner.allowance } else { 1 },
                    ..inner
                };
                push_pretty(item, item_place, out);
            }
            out.push(']');
        }
        Node::String(text) => push_pretty_text(text, place, out),
        _ => out.push_str(&line),
    }
}

fn push_separator(count: usize, indent: usize, out: &mut String) {
    if count > 0 {
        let _ = write!(out, ",\n{:indent$}", "");
    }
}

/// A text that is too long for its line: pieces that end at line ends or after spaces, one below the other.
fn push_pretty_text(text: &str, mut place: Place, out: &mut String) {
    if !place.is_nested {
        place.indent += 1;
        place.allowance += 1;
    }
    let width = WIDTH.saturating_sub(place.indent);
    let last_width = width.saturating_sub(place.allowance);
    let fits = |text: &str, width: usize| repr(text).chars().count() <= width;
    let mut pieces: Vec<String> = Vec::new();
    let mut lines = lines::split(text).peekable();
    while let Some(line) = lines.next() {
        let is_last_line = lines.peek().is_none();
        if fits(line, if is_last_line { last_width } else { width }) {
            pieces.push(line.to_owned());
            continue;
        }
        let mut current = String::new();
        let mut words = words(line).peekable();
        while let Some(word) = words.next() {
            let is_last = is_last_line && words.peek().is_none();
            let candidate = format!("{current}{word}");
            if fits(&candidate, if is_last { last_width } else { width }) {
                current = candidate;
            } else {
                pieces.extend((!current.is_empty()).then_some(current));
                current = word.to_owned();
            }
        }
        pieces.extend((!current.is_empty()).then_some(current));
    }
    let in_brackets = !place.is_nested && pieces.len() > 1;
    out.push_str(if in_brackets { "(" } else { "" });
    for (count, piece) in pieces.iter().enumerate() {
        if count > 0 {
            let indent = place.indent;
            let _ = write!(out, "\n{:indent$}", "");
        }
        out.push_str(&repr(piece));
    }
    out.push_str(if in_brackets { ")" } else { "" });
}

/// Words, each with the spaces after it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let space = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let after = rest.get(space..).unwrap_or_default();
        let next = after
            .find(|character: char| !character.is_whitespace())
            .unwrap_or(after.len());
        let (word, following) = rest.split_at(space + next);
        rest = following;
        Some(word)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsGiven,
    Sorted,
}

fn push_repr(node: &Node<'_>, order: Order, out: &mut String) {
    match node {
        Node::Null => out.push_str("None"),
        Node::Bool(true) => out.push_str("True"),
        Node::Bool(false) => out.push_str("False"),
        Node::Integer(digits) => out.push_str(digits),
        Node::Float(value) => push_float(out, *value),
        Node::String(text) => out.push_str(&repr(text)),
        // Nobody sees more of it.
        Node::Array(_) | Node::Lines(_) | Node::Object(_) if out.len() > 4 * SHOWN_MAX => out.push_str("..."),
        Node::Array(items) => {
            out.push('[');
            for (count, item) in items.iter().enumerate() {
                out.push_str(if count > 0 { ", " } else { "" });
                push_repr(item, order, out);
            }
            out.push(']');
        }
        Node::Lines(lines) => {
            let _ = write!(out, "[{}]", repr_list(&lines.iter().collect::<Vec<_>>()));
        }
        Node::Object(object) => {
            let members: Vec<_> = match order {
                Order::AsGiven => object.iter().collect(),
                Order::Sorted => object.sorted(),
            };
            out.push('{');
            for (count, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if count > 0 { ", " } else { "" });
                let _ = write!(out, "{}: ", repr(key));
                push_repr(value, order, out);
            }
            out.push('}');
        }
    }
}
