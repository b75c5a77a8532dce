//! Writing a [`Node`] as JSON: compactly for the browser, and as Python's nbformat writes files.

use super::lines::line_end_length;
use super::node::Node;
use super::pieces::Sink;
use super::scan::{plain_length, plain_length_in_line};
use crate::python_text::push_float;

/// JSON without spaces, members in their order.
pub(crate) fn compact(node: &Node<'_>, out: &mut impl Sink) {
    match node {
        Node::Array(items) => {
            out.buffer().push(b'[');
            for (count, item) in items.iter().enumerate() {
                if count > 0 {
                    out.buffer().push(b',');
                }
                compact(item, out);
            }
            out.buffer().push(b']');
        }
        Node::Lines(lines) => {
            out.buffer().push(b'[');
            for (count, line) in lines.iter().enumerate() {
                if count > 0 {
                    out.buffer().push(b',');
                }
                string(line, out.buffer());
            }
            out.buffer().push(b']');
        }
        Node::Object(object) => {
            out.buffer().push(b'{');
            for (count, (key, value)) in object.iter().enumerate() {
                if count > 0 {
                    out.buffer().push(b',');
                }
                string(key, out.buffer());
                out.buffer().push(b':');
                compact(value, out);
            }
            out.buffer().push(b'}');
        }
        scalar => push_scalar(scalar, out),
    }
}

/// As nbformat writes: members sorted, one space of indent a level, non-ASCII as it is. Without a last newline.
pub(crate) fn indented(node: &Node<'_>, out: &mut impl Sink) {
    push_indented(node, 0, out);
}

fn push_indented(node: &Node<'_>, level: usize, out: &mut impl Sink) {
    match node {
        Node::Array(items) if !items.is_empty() => {
            out.buffer().push(b'[');
            for (count, item) in items.iter().enumerate() {
                new_line(count, level + 1, out);
                push_indented(item, level + 1, out);
            }
            new_line(0, level, out);
            out.buffer().push(b']');
        }
        Node::Lines(lines) => {
            // Most of a file is written here: each line with one copy for all that stands before it.
            let mut before = b",\n".to_vec();
            before.resize(before.len() + level + 1, b' ');
            before.push(b'"');
            let end = out.buffer();
            end.push(b'[');
            end.extend_from_slice(before.get(1..).unwrap_or_default());
            match lines.lines_to_find() {
                Some(text) => escaped_lines(text, &before, end),
                None => {
                    for (count, line) in lines.iter().enumerate() {
                        if count > 0 {
                            end.push(b'"');
                            end.extend_from_slice(&before);
                        }
                        escaped(line.as_bytes(), end);
                    }
                }
            }
            end.push(b'"');
            new_line(0, level, out);
            out.buffer().push(b']');
        }
        Node::Object(object) if object.len() > 0 => {
            out.buffer().push(b'{');
            for (count, (key, value)) in object.sorted().into_iter().enumerate() {
                new_line(count, level + 1, out);
                string(key, out.buffer());
                out.buffer().extend_from_slice(b": ");
                push_indented(value, level + 1, out);
            }
            new_line(0, level, out);
            out.buffer().push(b'}');
        }
        empty_or_scalar => compact(empty_or_scalar, out),
    }
}

fn new_line(count: usize, level: usize, out: &mut impl Sink) {
    if count > 0 {
        out.buffer().push(b',');
    }
    out.buffer().push(b'\n');
    let out = out.buffer();
    out.resize(out.len() + level, b' ');
}

fn push_scalar(node: &Node<'_>, out: &mut impl Sink) {
    match node {
        Node::Bool(true) => out.buffer().extend_from_slice(b"true"),
        Node::Bool(false) => out.buffer().extend_from_slice(b"false"),
        Node::Integer(digits) => out.buffer().extend_from_slice(digits.as_bytes()),
        Node::Float(value) => {
            let mut text = String::new();
            push_float(&mut text, *value);
            out.buffer().extend_from_slice(text.as_bytes());
        }
        Node::String(text) => {
            out.buffer().push(b'"');
            if !out.share(text) {
                escaped(text.as_bytes(), out.buffer());
            }
            out.buffer().push(b'"');
        }
        Node::Null | Node::Array(_) | Node::Lines(_) | Node::Object(_) => {
            out.buffer().extend_from_slice(b"null")
        }
    }
}

/// Escapes what JSON demands and nothing else, spelt as Python spells it.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escaped(text.as_bytes(), out);
    out.push(b'"');
}

/// What stands between the quotes; `text` may be a part of one that is cut anywhere.
pub(crate) fn escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        push_escape(*byte, out);
        rest = after;
    }
}

/// The lines of a text, looked for and escaped in one go; `between` stands between two.
fn escaped_lines(text: &str, between: &[u8], out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length_in_line(rest));
        out.extend_from_slice(plain);
        let Some(byte) = special.first() else {
            break;
        };
        let end = line_end_length(special);
        let (here, after) = special.split_at(end.unwrap_or(1));
        match byte {
            // Both begin what is no ASCII, and need no escape.
            0xc2 | 0xe2 => out.extend_from_slice(here),
            _ => here.iter().for_each(|byte| push_escape(*byte, out)),
        }
        if end.is_some() && !after.is_empty() {
            out.push(b'"');
            out.extend_from_slice(between);
        }
        rest = after;
    }
}

/// A byte that a JSON string can't hold as it is.
fn push_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        8 => out.extend_from_slice(b"\\b"),
        12 => out.extend_from_slice(b"\\f"),
        control => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            let [high, low] = [control >> 4, control & 0xf].map(digit);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    }
}

/// How many bytes [`escaped`] makes of them.
pub(crate) fn escaped_length(text: &[u8]) -> usize {
    let one = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::split;
    use super::super::node::Lines;
    use super::*;

    proptest! {
        #[test]
        fn lines_that_are_looked_for_as_they_are_written_are_those_of_the_text(
            text in "[a\"\\\\\t\n\r\u{b}\u{c}\u{1c}\u{1f}\u{85}\u{84}\u{2028}\u{2029}\u{2027}é—😀]{1,40}"
        ) {
            let lines: Vec<Node<'_>> = split(&text).map(Node::text).collect();
            let (mut one_by_one, mut in_one_go) = (Vec::new(), Vec::new());
            indented(&Node::Array(lines), &mut one_by_one);
            indented(&Node::Lines(Lines::of(text.into()).unwrap()), &mut in_one_go);
            prop_assert_eq!(String::from_utf8(in_one_go), String::from_utf8(one_by_one));
        }
    }
}
