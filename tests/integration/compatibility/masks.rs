//! What can't be equal in two servers, made equal, and nothing else: new times, invented cell ids, the root directory and
//! the one above it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Times before this are of what was there before the sequence, and are compared to the last digit.
const FIRST_NEW_YEAR: u32 = 2020;

/// A file as text, without invented cell ids.
pub(super) fn file(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => invented_ids(text),
        Err(_) => format!("{bytes:02x?}"),
    }
}

/// `"id": "0f1e2d3c"`, as Python and we invent them, has no digits left.
pub(super) fn invented_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("\"id\":") {
        let (before, found) = rest.split_at(place + "\"id\":".len());
        out += before;
        let value = found.trim_start();
        out += &found[..found.len() - value.len()];
        rest = value;
        let is_invented = |id: &str| id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if let Some(id) = value.get(1..9)
            && value.starts_with('"')
            && is_invented(id)
            && value[9..].starts_with('"')
        {
            out += "\"(invented)";
            rest = &value[9..];
        }
    }
    out + rest
}

/// A time of the API: an old one as it is, of a new one its form.
fn time(text: &str) -> String {
    match text.get(..4).map(str::parse::<u32>) {
        Some(Ok(year)) if year >= FIRST_NEW_YEAR => shape(text),
        _ => text.to_owned(),
    }
}

/// `Sun, 22 Nov 2026 21:05:51 GMT`: the same for a header.
pub(super) fn header_time(text: &str) -> String {
    match text.split(' ').nth(3).map(str::parse::<u32>) {
        Some(Ok(year)) if year >= FIRST_NEW_YEAR => shape(text),
        _ => text.to_owned(),
    }
}

fn shape(text: &str) -> String {
    let letter = |character: char| match character {
        character if character.is_ascii_digit() => '0',
        character if character.is_ascii_alphabetic() => 'A',
        character => character,
    };
    text.chars().map(letter).collect()
}

/// A JSON answer: entries in the order of their paths, as the order of a directory is any.
pub(super) fn json(body: Value, root: &str) -> Value {
    match body {
        Value::String(text) => {
            let text = text.replace(root, "ROOT");
            json!(invented_ids(&match root.rsplit_once('/') {
                Some((above, _)) => text.replace(above, "ABOVE"),
                None => text,
            }))
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| json(item, root)).collect();
            if items.iter().all(|item| item["path"].is_string()) {
                items.sort_by_key(|item| item["path"].to_string());
            }
            Value::Array(items)
        }
        Value::Object(mut members) => {
            if members.get("format") == Some(&json!("base64"))
                && let Some(text) = members["content"].as_str()
                && let Some(decoded) = notebook_in_base64(text)
            {
                members["content"] = json!(decoded);
            }
            let masked = members.into_iter().map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("last_modified" | "created", Value::String(text)) => json!(time(&text)),
                    ("id", Value::String(id)) => {
                        let masked = invented_ids(&format!("\"id\":\"{id}\""));
                        json!(masked[6..masked.len() - 1])
                    }
                    (_, value) => json(value, root),
                };
                (key, value)
            });
            Value::Object(masked.collect())
        }
        other => other,
    }
}

fn notebook_in_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.replace('\n', "")).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.contains("\"nbformat\"")
        .then(|| format!("base64 of {}", invented_ids(&text)))
}
