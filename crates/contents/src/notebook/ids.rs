//! Cell ids, which nbformat 4.5 demands: invented where they are missing, replaced where they occur twice.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::Notebook;
use super::node::Node;

/// Length of an invented id, as Python's.
const ID_CHARACTERS: usize = 8;

/// Gives every cell of a notebook of 4.5 or later an id of its own.
pub(super) fn repair(notebook: &mut Notebook<'_>) {
    if notebook.version() < (4, 5) {
        return;
    }
    let mut seen: HashSet<String> = HashSet::new();
    let mut to_invent = Vec::new();
    for (place, cell) in notebook.cells().enumerate() {
        match cell.get("id") {
            Some(Node::String(id)) if seen.insert(id.to_string()) => {}
            Some(Node::String(_)) | None => to_invent.push(place),
            Some(_) => {} // no string: for validation to report
        }
    }
    let mut to_invent = to_invent.into_iter().peekable();
    for (place, cell) in notebook.cells_mut().enumerate() {
        if to_invent.next_if_eq(&place).is_some() {
            let source = cell.get("source").and_then(Node::as_str).unwrap_or_default();
            let id = invent(place, source, &mut seen);
            cell.insert("id", Node::text(id));
        }
    }
}

/// An id that depends on the cell alone, so that reading twice gives the same; Python's are random.
pub(super) fn invent(place: usize, source: &str, seen: &mut HashSet<String>) -> String {
    let mut salt = 0_u64;
    loop {
        let digest = Sha256::new()
            .chain_update(place.to_le_bytes())
            .chain_update(salt.to_le_bytes())
            .chain_update(source)
            .finalize();
        let id: String = hex::encode(digest).chars().take(ID_CHARACTERS).collect();
        if seen.insert(id.clone()) {
            return id;
        }
        salt += 1;
    }
}
