//! Multi-line texts: one string in memory and in models, a list of lines in files.

use std::borrow::Cow;

use super::node::{Lines, Node, Object};
use super::scan::length_in_line;

/// Splits after each line end, and at all the line ends of Python's `splitlines`.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = rest.split_at(line_length(rest));
        rest = after;
        Some(line)
    })
}

/// A line of [`split`] without its end.
pub(super) fn without_end(line: &str) -> &str {
    if let Some(line) = line.strip_suffix("\r\n").or_else(|| line.strip_suffix('\n')) {
        return line;
    }
    line.strip_suffix(|end| {
        matches!(
            end,
            '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    })
    .unwrap_or(line)
}

/// Bytes of the first line with its end.
fn line_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = length_in_line(bytes);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(end) = line_end_length(rest) {
            return at + end;
        }
        at += 1 + length_in_line(rest.get(1..).unwrap_or_default());
    }
    bytes.len()
}

/// Bytes of the line end that stands first.
pub(super) fn line_end_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n' | b'\r' | 0x0b | 0x0c | 0x1c..=0x1e, ..] => Some(1),
        // U+0085
        [0xc2, 0x85, ..] => Some(2),
        // U+2028, U+2029
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some(3),
        _ => None,
    }
}

/// Turns a string into its lines; anything else stays.
fn split_node(node: &mut Node<'_>) {
    *node = match std::mem::replace(node, Node::Null) {
        Node::String(text) => lines_of(text),
        other => other,
    };
}

fn lines_of(text: Cow<'_, str>) -> Node<'_> {
    Lines::of(text).map_or_else(|| Node::Array(Vec::new()), Node::Lines)
}

/// Turns a list of strings into one string; anything else stays.
fn join_node(node: &mut Node<'_>) {
    *node = match std::mem::replace(node, Node::Null) {
        Node::Lines(lines) => Node::String(lines.into_text()),
        Node::Array(items) if items.iter().all(|item| matches!(item, Node::String(_))) => {
            Node::text(items.iter().filter_map(Node::as_str).collect::<String>())
        }
        other => other,
    }
}

/// Joins all that nbformat 4 joins when it reads.
pub(crate) fn join_all(cell: &mut Object<'_>) {
    each_text(cell, Direction::Join);
}

/// Splits all that nbformat 4 splits when it writes.
pub(crate) fn split_all(cell: &mut Object<'_>) {
    each_text(cell, Direction::Split);
}

#[derive(Clone, Copy)]
enum Direction {
    Join,
    Split,
}

impl Direction {
    fn apply(self, node: &mut Node<'_>) {
        match self {
            Self::Join => join_node(node),
            Self::Split => split_node(node),
        }
    }
}

fn each_text(cell: &mut Object<'_>, direction: Direction) {
    if let Some(source) = cell.get_mut("source") {
        direction.apply(source);
    }
    if let Some(attachments) = cell.get_mut("attachments").and_then(Node::as_object_mut) {
        for (_, attachment) in attachments.iter_mut() {
            each_mime(attachment.as_object_mut(), direction);
        }
    }
    if cell.get("cell_type").and_then(Node::as_str) != Some("code") {
        return;
    }
    for output in cell
        .get_mut("outputs")
        .and_then(Node::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(output) = output.as_object_mut() else {
            continue;
        };
        let output_type = output
            .get("output_type")
            .and_then(Node::as_str)
            .unwrap_or_default();
        match (direction, output_type) {
            (_, "execute_result" | "display_data") => {
                each_mime(output.get_mut("data").and_then(Node::as_object_mut), direction);
            }
            (Direction::Join, "") => {}
            (Direction::Join, _) | (Direction::Split, "stream") => {
                if let Some(text) = output.get_mut("text") {
                    direction.apply(text);
                }
            }
            (Direction::Split, _) => {}
        }
    }
}

fn each_mime(bundle: Option<&mut Object<'_>>, direction: Direction) {
    for (mime, data) in bundle.into_iter().flat_map(Object::iter_mut) {
        let concerned = match direction {
            Direction::Join => !is_json_mime(mime),
            Direction::Split => {
                mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml"
            }
        };
        if concerned {
            direction.apply(data);
        }
    }
}

/// Whether texts stand under this key, so that a list of strings is most likely one.
pub(super) fn is_text_key(key: &str) -> bool {
    key == "source" || key == "text" || (key.contains('/') && !is_json_mime(key))
}

/// JSON data is a value, not text.
pub(crate) fn is_json_mime(mime: &str) -> bool {
    mime == "application/json" || (mime.starts_with("application/") && mime.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        check("", &[]);
        check("a", &["a"]);
        check("a\n", &["a\n"]);
        check("a\nb", &["a\n", "b"]);
        check("a\r\nb\rc\n\rd", &["a\r\n", "b\r", "c\n", "\r", "d"]);
        check(
            "a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{1f}g",
            &["a\u{b}", "b\u{c}", "c\u{1c}", "d\u{1d}", "e\u{1e}", "f\u{1f}g"],
        );
        check(
            "ä\u{85}b\u{2028}c\u{2029}d\u{2027}",
            &["ä\u{85}", "b\u{2028}", "c\u{2029}", "d\u{2027}"],
        );
    }
}
