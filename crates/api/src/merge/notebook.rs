//! The outputs of cells in the JSON of a notebook. What is not touched stays as it was written, to the last digit.

use std::collections::{BTreeMap, HashMap};

use channels::{Output, Retold};
use contents::reads_as_cell;
use jiff::Timestamp;
use kernels::CodeDigest;
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// An object whose values are not looked into.
type Object = BTreeMap<String, Box<RawValue>>;

/// What came of a notebook.
#[derive(Default)]
pub(super) struct Merged {
    /// The body of a PUT that saves it with more outputs than before; `None` when there are none.
    pub(super) body: Option<Vec<u8>>,
    /// How many cells have others.
    pub(super) cells: usize,
    /// How many cells would have others that no notebook can hold.
    pub(super) unreadable: usize,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    format: &'a str,
    content: &'a Object,
}

/// The notebook, last saved at `saved`, with what was retold.
pub(super) fn merged(notebook: &[u8], retold: &[Retold], saved: Timestamp) -> Merged {
    // What is no notebook has no cells to fill.
    fill(notebook, retold, saved).unwrap_or_default()
}

fn fill(notebook: &[u8], retold: &[Retold], saved: Timestamp) -> Option<Merged> {
    let mut root: Object = serde_json::from_slice(notebook).ok()?;
    let mut cells: Vec<Box<RawValue>> = serde_json::from_str(root.get("cells")?.get()).ok()?;
    let codes = cells.iter().map(|cell| code(cell)).collect::<Vec<_>>();
    let mut times = HashMap::<CodeDigest, usize>::new();
    for (_, code) in codes.iter().flatten() {
        *times.entry(*code).or_default() += 1;
    }
    let mut merged = Merged::default();
    for (cell, code) in cells.iter_mut().zip(&codes) {
        let Some((id, code)) = code else { continue };
        let is_only_one = times.get(code) == Some(&1);
        let belongs = |retold: &&Retold| {
            retold.execution.code == *code
                && match &retold.execution.cell_id {
                    Some(cell_id) => id.as_deref() == Some(&**cell_id),
                    // A front end that does not say which cell it was: the one with this code.
                    None => is_only_one,
                }
        };
        let Some(filled) = retold
            .iter()
            .rfind(belongs)
            .and_then(|retold| filled(cell, retold, saved))
        else {
            continue;
        };
        // One that cannot be read would keep all others from being saved.
        if reads_as_cell(filled.get()) {
            *cell = filled;
            merged.cells = merged.cells.saturating_add(1);
        } else {
            merged.unreadable = merged.unreadable.saturating_add(1);
        }
    }
    if merged.cells > 0 {
        root.insert("cells".to_owned(), to_raw_value(&cells).ok()?);
        let body = Body {
            r#type: "notebook",
            format: "json",
            content: &root,
        };
        merged.body = Some(serde_json::to_vec(&body).ok()?);
    }
    Some(merged)
}

/// The id and the source of a code cell.
fn code(cell: &RawValue) -> Option<(Option<String>, CodeDigest)> {
    let cell: Object = serde_json::from_str(cell.get()).ok()?;
    let text = |key: &str| serde_json::from_str::<String>(cell.get(key)?.get()).ok();
    (text("cell_type")? == "code").then_some((text("id"), CodeDigest::of(&text("source")?)))
}

/// The cell with these outputs; `None` when it has them already, or was saved with others since.
fn filled(cell: &RawValue, retold: &Retold, saved: Timestamp) -> Option<Box<RawValue>> {
    let mut cell: Object = serde_json::from_str(cell.get()).ok()?;
    let said = retold.outputs.outputs();
    let outputs = to_raw_value(said).ok()?;
    let count = to_raw_value(&retold.outputs.execution_count).ok()?;
    let parsed = |json: &RawValue| serde_json::from_str::<Value>(json.get()).ok();
    let held = |key: &str| cell.get(key).and_then(|held| parsed(held));
    let (held_outputs, all) = (held("outputs"), parsed(&outputs));
    if held_outputs == all && held("execution_count") == parsed(&count) {
        return None;
    }
    let is_news = retold.outputs.last.unwrap_or(retold.execution.asked) > saved;
    if !is_news && !begin_with(&all?, &held_outputs?, said) {
        return None;
    }
    cell.insert("outputs".to_owned(), outputs);
    cell.insert("execution_count".to_owned(), count);
    to_raw_value(&cell).ok()
}

/// Whether `held`, which a page has saved after the kernel had said `all`, are what it saw of them before it was closed, or
/// what was merged while the cell still ran. None at all are rather those of a cell that was cleared.
fn begin_with(all: &Value, held: &Value, said: &[Output]) -> bool {
    let (Some(all), Some(held)) = (all.as_array(), held.as_array()) else {
        return false;
    };
    let Some(last) = held.len().checked_sub(1) else {
        return false;
    };
    let pairs = held.iter().zip(all).zip(said).enumerate();
    held.len() <= all.len()
        && pairs.into_iter().all(|(place, ((held, all), said))| {
            let is_updated = said.is_display() && held["output_type"] == all["output_type"];
            held == all || is_updated || (place == last && is_beginning_of_stream(held, all))
        })
}

fn is_beginning_of_stream(held: &Value, all: &Value) -> bool {
    let is_same = |key: &str| held[key] == all[key];
    let (held_text, text) = (held["text"].as_str(), all["text"].as_str());
    is_same("output_type")
        && is_same("name")
        && held_text.is_some_and(|held| text.is_some_and(|text| text.starts_with(held)))
}

#[cfg(test)]
mod tests {
    use channels::CellOutputs;
    use kernels::{ClientId, Execution};
    use serde_json::json;

    use super::*;

    fn retold(cell_id: Option<&str>, code: &str, count: u64) -> Retold {
        let mut outputs = CellOutputs::default();
        outputs.execution_count = Some(count);
        Retold {
            execution: Execution {
                msg_id: "q".into(),
                client: ClientId::new("c"),
                cell_id: cell_id.map(Into::into),
                code: CodeDigest::of(code),
                asked: Timestamp::UNIX_EPOCH,
                first: None,
                ended: None,
            },
            outputs,
        }
    }

    /// The execution counts of the cells afterwards.
    fn counts(cells: &Value, retold: &[Retold]) -> Option<Vec<Value>> {
        let notebook = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
        let merged = merged(notebook.to_string().as_bytes(), retold, Timestamp::MIN);
        let body: Value = serde_json::from_slice(&merged.body?).unwrap();
        let cells = body["content"]["cells"].as_array().unwrap();
        Some(cells.iter().map(|cell| cell["execution_count"].clone()).collect())
    }

    fn cell(id: &str, source: &str) -> Value {
        json!({"cell_type": "code", "id": id, "source": source, "metadata": {}, "outputs": [], "execution_count": null})
    }

    #[test]
    fn outputs_go_to_the_cell_they_are_of_if_it_holds_the_same_code() {
        let cells = json!([cell("a", "x"), cell("b", "x")]);
        assert_eq!(
            counts(&cells, &[retold(Some("b"), "x", 5)]),
            Some(vec![Value::Null, json!(5)])
        );
        assert_eq!(counts(&cells, &[retold(Some("b"), "y", 5)]), None);
        assert_eq!(counts(&cells, &[retold(Some("c"), "x", 5)]), None);
    }

    #[test]
    fn without_a_cells_id_the_code_tells_if_no_other_cell_has_it() {
        let once = json!([cell("a", "x"), cell("b", "y")]);
        assert_eq!(
            counts(&once, &[retold(None, "y", 5)]),
            Some(vec![Value::Null, json!(5)])
        );
        let twice = json!([cell("a", "x"), cell("b", "x")]);
        assert_eq!(counts(&twice, &[retold(None, "x", 5)]), None);
    }

    #[test]
    fn what_is_not_touched_stays_as_it_was_written() {
        let notebook =
            br#"{"cells": [{"cell_type": "code", "id": "a", "source": "x", "metadata": {"n": 1.50e300},
            "outputs": [], "execution_count": null}], "metadata": {"n": 123456789012345678901234567890}}"#;
        let merged = merged(notebook, &[retold(Some("a"), "x", 1)], Timestamp::MIN);
        let body = String::from_utf8(merged.body.unwrap()).unwrap();
        assert!(body.contains("1.50e300") && body.contains("123456789012345678901234567890"));
    }
}
