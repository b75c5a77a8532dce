//! JSON in ASCII with the members as they come: how nbformat writes old notebooks and Jupyter shows values.

use super::encode::{compact, string};
use super::node::Node;

/// The same JSON with all but printable ASCII escaped, as Python writes it unless told otherwise.
pub(super) fn ascii_only(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if character == '\n' || matches!(character, ' '..='~') {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Indented by so many spaces a level, members in their order.
pub(super) fn indented_in_order(node: &Node<'_>, indent: usize, out: &mut Vec<u8>) {
    push(node, indent, 0, out);
}

fn push(node: &Node<'_>, indent: usize, level: usize, out: &mut Vec<u8>) {
    match node {
        Node::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (count, item) in items.iter().enumerate() {
                new_line(count, indent * (level + 1), out);
                push(item, indent, level + 1, out);
            }
            new_line(0, indent * level, out);
            out.push(b']');
        }
        Node::Object(object) if object.len() > 0 => {
            out.push(b'{');
            for (count, (key, value)) in object.iter().enumerate() {
                new_line(count, indent * (level + 1), out);
                string(key, out);
                out.extend_from_slice(b": ");
                push(value, indent, level + 1, out);
            }
            new_line(0, indent * level, out);
            out.push(b'}');
        }
        empty_or_scalar => compact(empty_or_scalar, out),
    }
}

fn new_line(count: usize, spaces: usize, out: &mut Vec<u8>) {
    if count > 0 {
        out.push(b',');
    }
    out.push(b'\n');
    out.resize(out.len() + spaces, b' ');
}
