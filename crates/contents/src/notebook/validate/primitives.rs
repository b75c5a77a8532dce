//! What all schemas are made of: types, required members, patterns. The innermost place is added first.

use super::invalid::{Invalid, no_match, none_fits, quoted, wrong_type};
use crate::notebook::lines::is_json_mime;
use crate::notebook::node::{Node, Object};

pub(super) type Check = Result<(), Invalid>;

pub(super) fn required(object: &Object<'_>, keys: &[&str]) -> Check {
    match keys.iter().find(|key| !object.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let message = format!("'{key}' is a required property");
            Err(Invalid::new("required", &Node::Object(object.clone()), message))
        }
    }
}

pub(super) fn member(object: &Object<'_>, key: &str, check: impl FnOnce(&Node<'_>) -> Check) -> Check {
    object
        .get(key)
        .map_or(Ok(()), |value| check(value).map_err(|invalid| invalid.at(key)))
}

pub(super) fn each(node: &Node<'_>, check: impl Fn(&Node<'_>) -> Check) -> Check {
    let items = node.as_array().ok_or_else(|| wrong_type(node, "'array'"))?;
    items
        .iter()
        .enumerate()
        .try_for_each(|(place, item)| check(item).map_err(|invalid| invalid.at(place)))
}

pub(super) fn each_member(node: &Node<'_>, check: impl Fn(&Node<'_>) -> Check) -> Check {
    object(node)?
        .iter()
        .try_for_each(|(key, value)| check(value).map_err(|invalid| invalid.at(key)))
}

pub(super) fn object<'n, 'a>(node: &'n Node<'a>) -> Result<&'n Object<'a>, Invalid> {
    node.as_object().ok_or_else(|| wrong_type(node, "'object'"))
}

pub(super) fn string(node: &Node<'_>) -> Check {
    node.as_str()
        .map(drop)
        .ok_or_else(|| wrong_type(node, "'string'"))
}

pub(super) fn boolean(node: &Node<'_>) -> Check {
    if matches!(node, Node::Bool(_)) {
        Ok(())
    } else {
        Err(wrong_type(node, "'boolean'"))
    }
}

pub(super) fn multiline(node: &Node<'_>) -> Check {
    match node {
        Node::String(_) | Node::Lines(_) => Ok(()),
        Node::Array(items) if items.iter().all(|item| item.as_str().is_some()) => Ok(()),
        other => Err(none_fits(other)),
    }
}

pub(super) fn integer(node: &Node<'_>, minimum: i64) -> Check {
    match node {
        Node::Integer(digits) if minimum == 0 && digits.starts_with('-') => Err(Invalid::new(
            "minimum",
            node,
            format!("{digits} is less than the minimum of 0"),
        )),
        Node::Integer(_) => Ok(()),
        other => Err(wrong_type(other, "'integer'")),
    }
}

/// An execution count, or null for "not run".
pub(super) fn count(node: &Node<'_>) -> Check {
    match node {
        Node::Null => Ok(()),
        Node::Integer(_) => integer(node, 0),
        other => Err(wrong_type(other, "'integer', 'null'")),
    }
}

pub(super) fn cell_id(node: &Node<'_>) -> Check {
    string(node)?;
    let id = node.as_str().unwrap_or_default();
    if !id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return Err(no_match(node, "^[a-zA-Z0-9-_]+$"));
    }
    match id.chars().count() {
        0 => Err(no_match(node, "^[a-zA-Z0-9-_]+$")),
        1..=64 => Ok(()),
        _ => Err(Invalid::new(
            "maxLength",
            node,
            format!("{} is too long", quoted(node)),
        )),
    }
}

pub(super) fn mime_bundle(node: &Node<'_>) -> Check {
    let bundle = object(node)?;
    for (mime, data) in bundle.iter().filter(|(mime, _)| !is_json_mime(mime)) {
        multiline(data).map_err(|invalid| invalid.at(mime))?;
    }
    Ok(())
}
