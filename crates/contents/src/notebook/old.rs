//! Notebooks of nbformat 1 to 3 that are saved as what they are: the reference reads them as version 4, but writes
//! the version it is sent.

use super::ascii::{ascii_only, indented_in_order};
use super::node::{Node, Object};
use super::notary::{RICH_OUTPUT_3, shows_anything_unsafe};
use super::read::Unreadable;
use super::upgrade::{MULTILINE, each_cell, signed_tree_3};
use super::{encode, is_code, lines, schema, strip_trusted};

/// Spaces a level in files of version 1.
const INDENT_1: usize = 4;

/// A notebook of nbformat 1, 2 or 3 as it was sent.
pub(crate) struct OldNotebook<'a> {
    /// Invariant: versions 2 and 3 have `worksheets`, a list of objects with `cells`, a list of objects.
    root: Object<'a>,
    major: i64,
}

impl<'a> OldNotebook<'a> {
    /// Checks the invariant.
    pub(super) fn from_root(mut root: Object<'a>, major: i64) -> Result<Self, Unreadable> {
        root.expand_lines();
        if major > 1 {
            each_cell(&mut root, &mut |_| Ok(()))?;
        }
        Ok(Self { root, major })
    }

    /// Takes the marks of trust from the code cells. Whether each was marked or has nothing unsafe to show; versions
    /// 1 and 2 are never trusted.
    pub(crate) fn check_cells(&mut self) -> bool {
        if self.major < 3 {
            return false;
        }
        let mut trusted = true;
        self.each_cell(|cell| {
            if is_code(cell) {
                trusted &= strip_trusted(cell) || !shows_anything_unsafe(cell, &RICH_OUTPUT_3);
            }
        });
        trusted
    }

    /// The tree that a signature is made of: what is read from the file that this notebook becomes.
    pub(super) fn signed_tree(&self) -> Result<Object<'a>, Unreadable> {
        let mut root = self.root.clone();
        strip_transient_3(&mut root)?;
        signed_tree_3(root)
    }

    /// The text for the model's `message`, if the notebook is invalid. No schemas of version 1 and 2 were published.
    pub(crate) fn message(&self) -> Option<String> {
        let minor = self.root.get("nbformat_minor").and_then(Node::as_i64);
        schema::message(&self.root, (self.major, minor.unwrap_or(0)))
    }

    /// The bytes of the file.
    pub(crate) fn into_file(mut self) -> Vec<u8> {
        let major = self.major;
        if major == 3 {
            let stripped = strip_transient_3(&mut self.root);
            debug_assert!(stripped.is_ok(), "the invariant holds");
        }
        if major > 1 {
            self.each_cell(|cell| split_cell(cell, major));
        }
        let root = Node::Object(self.root);
        let mut json = Vec::new();
        if major == 1 {
            indented_in_order(&root, INDENT_1, &mut json);
        } else {
            encode::indented(&root, &mut json);
        }
        let mut file = ascii_only(&String::from_utf8_lossy(&json));
        file.push('\n');
        file.into_bytes()
    }

    fn each_cell(&mut self, mut change: impl FnMut(&mut Object<'a>)) {
        let changed = each_cell(&mut self.root, &mut |cell| {
            change(cell);
            Ok(())
        });
        debug_assert!(changed.is_ok(), "the invariant holds");
    }
}

/// Takes out what never stands in a file of version 3.
fn strip_transient_3(root: &mut Object<'_>) -> Result<(), Unreadable> {
    root.remove("orig_nbformat");
    root.remove("orig_nbformat_minor");
    each_cell(root, &mut |cell| {
        strip_trusted(cell);
        cell.remove("trusted");
        Ok(())
    })
}

fn split_cell(cell: &mut Object<'_>, major: i64) {
    if !is_code(cell) {
        split_members(cell, &["source", "rendered"], major);
        return;
    }
    split_members(cell, &["input"], major);
    let outputs = cell.get_mut("outputs").and_then(Node::as_array_mut);
    for output in outputs.into_iter().flatten().filter_map(Node::as_object_mut) {
        split_members(output, &MULTILINE, major);
    }
}

/// Version 2 wrote lines without their ends.
fn split_members(object: &mut Object<'_>, keys: &[&str], major: i64) {
    for key in keys {
        let Some(value) = object.get_mut(key) else {
            continue;
        };
        let Some(text) = value.as_str() else { continue };
        let without_end = |line| {
            if major == 2 {
                lines::without_end(line)
            } else {
                line
            }
        };
        let lines = lines::split(text).map(|line| Node::text(without_end(line).to_owned()));
        *value = Node::Array(lines.collect());
    }
}
