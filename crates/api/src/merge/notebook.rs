//! The outputs of cells in the JSON of a notebook. What is not touched stays as it was written, to the last digit.

use std::collections::{BTreeMap, HashMap};

use channels::Retold;
use kernels::CodeDigest;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// An object whose values are not looked into.
type Object = BTreeMap<String, Box<RawValue>>;

/// A notebook with more outputs than before.
pub(super) struct Merged {
    /// The body of a PUT that saves it.
    pub(super) body: Vec<u8>,
    /// How many cells have others.
    pub(super) cells: usize,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    format: &'a str,
    content: &'a Object,
}

/// The notebook with what was retold; `None` when none of it belongs there.
pub(super) fn merged(notebook: &[u8], retold: &[Retold]) -> Option<Merged> {
    let mut root: Object = serde_json::from_slice(notebook).ok()?;
    let mut cells: Vec<Box<RawValue>> = serde_json::from_str(root.get("cells")?.get()).ok()?;
    let codes = cells.iter().map(|cell| code(cell)).collect::<Vec<_>>();
    let mut times = HashMap::<CodeDigest, usize>::new();
    for (_, code) in codes.iter().flatten() {
        *times.entry(*code).or_default() += 1;
    }
    let mut count = 0_usize;
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
        if let Some(retold) = retold.iter().rfind(belongs)
            && let Some(filled) = filled(cell, retold)
        {
            *cell = filled;
            count = count.saturating_add(1);
        }
    }
    if count == 0 {
        return None;
    }
    root.insert("cells".to_owned(), to_raw_value(&cells).ok()?);
    let body = Body {
        r#type: "notebook",
        format: "json",
        content: &root,
    };
    Some(Merged {
        body: serde_json::to_vec(&body).ok()?,
        cells: count,
    })
}

/// The id and the source of a code cell.
fn code(cell: &RawValue) -> Option<(Option<String>, CodeDigest)> {
    let cell: Object = serde_json::from_str(cell.get()).ok()?;
    let text = |key: &str| serde_json::from_str::<String>(cell.get(key)?.get()).ok();
    (text("cell_type")? == "code").then_some((text("id"), CodeDigest::of(&text("source")?)))
}

/// The cell with these outputs; `None` when it has them already.
fn filled(cell: &RawValue, retold: &Retold) -> Option<Box<RawValue>> {
    let mut cell: Object = serde_json::from_str(cell.get()).ok()?;
    let outputs = to_raw_value(&retold.outputs.to_json()).ok()?;
    let count = to_raw_value(&retold.outputs.execution_count).ok()?;
    let is_same = |key: &str, value: &RawValue| {
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        cell.get(key).and_then(|held| parsed(held.get())) == parsed(value.get())
    };
    if is_same("outputs", &outputs) && is_same("execution_count", &count) {
        return None;
    }
    cell.insert("outputs".to_owned(), outputs);
    cell.insert("execution_count".to_owned(), count);
    to_raw_value(&cell).ok()
}

#[cfg(test)]
mod tests {
    use channels::CellOutputs;
    use jiff::Timestamp;
    use kernels::{ClientId, Execution};
    use serde_json::{Value, json};

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
        let merged = merged(notebook.to_string().as_bytes(), retold)?;
        let body: Value = serde_json::from_slice(&merged.body).unwrap();
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
            br#"{"cells": [{"cell_type": "code", "id": "a", "source": "x", "metadata": {"n": 1.50e400},
            "outputs": [], "execution_count": null}], "metadata": {"n": 123456789012345678901234567890}}"#;
        let merged = merged(notebook, &[retold(Some("a"), "x", 1)]).unwrap();
        let body = String::from_utf8(merged.body).unwrap();
        assert!(body.contains("1.50e400") && body.contains("123456789012345678901234567890"));
    }
}
