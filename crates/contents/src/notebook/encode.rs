//! Writing a [`Node`] as JSON: compactly for the browser, and as Python's nbformat writes files.

use super::node::Node;
use super::pieces::Sink;
use super::scan::plain_length;
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
            for (count, line) in lines.iter().enumerate() {
                let comma = usize::from(count == 0);
                end.extend_from_slice(before.get(comma..).unwrap_or_default());
                escaped(line, end);
                end.push(b'"');
            }
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
                escaped(text, out.buffer());
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
    escaped(text, out);
    out.push(b'"');
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = after;
    }
}
