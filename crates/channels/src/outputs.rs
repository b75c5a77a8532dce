//! What a cell's outputs are, as a notebook holds them, after a kernel has said what it said.

use std::collections::HashMap;

use kernels::{Execution, Gap, Kernel, Position};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::Message;

use crate::Filters;

/// The outputs of one request, in the form of nbformat 4.
#[derive(Clone, Debug, Default)]
pub struct CellOutputs {
    outputs: Vec<Output>,
    /// The number in front of the cell.
    pub execution_count: Option<u64>,
    /// When the kernel said the last of it, if it tells the time.
    pub last: Option<jiff::Timestamp>,
    /// Whether nothing of it has left the journal.
    pub is_complete: bool,
    /// How many bytes the outputs have, about.
    pub bytes: usize,
    is_cleared_by_next: bool,
}

/// What a request left in its cell.
#[derive(Clone, Debug)]
pub struct Retold {
    /// The request.
    pub execution: Execution,
    /// Its outputs.
    pub outputs: CellOutputs,
}

#[derive(Clone, Debug)]
enum Output {
    Stream {
        name: String,
        text: String,
    },
    Data {
        is_result: bool,
        display_id: Option<String>,
        data: Box<RawValue>,
        metadata: Option<Box<RawValue>>,
        execution_count: Option<u64>,
    },
    Error(Box<RawValue>),
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct Data {
    data: Box<RawValue>,
    metadata: Option<Box<RawValue>>,
    #[serde(default)]
    transient: Transient,
    execution_count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Transient {
    display_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Failure {
    ename: Box<RawValue>,
    evalue: Box<RawValue>,
    #[serde(default)]
    output_type: Option<String>,
    traceback: Box<RawValue>,
}

#[derive(Deserialize)]
struct Clear {
    #[serde(default)]
    wait: bool,
}

#[derive(Deserialize)]
struct Input {
    execution_count: Option<u64>,
}

#[derive(Deserialize)]
struct Dated {
    date: Option<String>,
}

impl CellOutputs {
    /// The kernel said this, answering the request. What is no output, or cannot be read, changes nothing.
    fn add(&mut self, msg_type: &str, message: &Message) {
        let content = &message.content;
        match msg_type {
            "stream" => {
                if let Ok(Stream { name, text }) = serde_json::from_slice(content) {
                    self.print(name, &text);
                }
            }
            "display_data" | "execute_result" => {
                if let Ok(said) = serde_json::from_slice::<Data>(content) {
                    self.push(Output::Data {
                        is_result: msg_type == "execute_result",
                        display_id: said.transient.display_id,
                        data: said.data,
                        metadata: said.metadata,
                        execution_count: said.execution_count,
                    });
                }
            }
            "error" => {
                if let Ok(failure) = serde_json::from_slice::<Failure>(content) {
                    let failure = Failure {
                        output_type: Some("error".to_owned()),
                        ..failure
                    };
                    if let Ok(json) = serde_json::value::to_raw_value(&failure) {
                        self.push(Output::Error(json));
                    }
                }
            }
            "clear_output" => match serde_json::from_slice(content) {
                Ok(Clear { wait: true }) => self.is_cleared_by_next = true,
                Ok(Clear { wait: false }) => self.outputs.clear(),
                Err(_) => {}
            },
            "execute_input" => {
                if let Ok(Input { execution_count }) = serde_json::from_slice(content) {
                    self.execution_count = execution_count;
                }
            }
            _ => return,
        }
        self.bytes = self.bytes.saturating_add(content.len());
        let dated = serde_json::from_slice(&message.header);
        if let Ok(Dated { date: Some(date) }) = dated
            && let Ok(date) = date.parse()
        {
            self.last = Some(date);
        }
    }

    fn print(&mut self, name: String, text: &str) {
        if !self.is_cleared_by_next
            && let Some(Output::Stream {
                name: last,
                text: all,
            }) = self.outputs.last_mut()
            && *last == name
        {
            all.push_str(text);
            return;
        }
        self.push(Output::Stream {
            name,
            text: text.to_owned(),
        });
    }

    fn push(&mut self, output: Output) {
        if std::mem::take(&mut self.is_cleared_by_next) {
            self.outputs.clear();
        }
        self.outputs.push(output);
    }

    /// A display is shown anew, wherever it is.
    fn update(&mut self, update: &Data) {
        for output in &mut self.outputs {
            if let Output::Data {
                display_id,
                data,
                metadata,
                ..
            } = output
                && display_id.is_some()
                && *display_id == update.transient.display_id
            {
                data.clone_from(&update.data);
                metadata.clone_from(&update.metadata);
            }
        }
    }

    /// The cell's `outputs`, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<Box<RawValue>> {
        let outputs = self.outputs.iter();
        // All of it was JSON.
        outputs.filter_map(|output| output.to_json().ok()).collect()
    }
}

impl Output {
    fn to_json(&self) -> serde_json::Result<Box<RawValue>> {
        #[derive(Serialize)]
        struct StreamOutput<'a> {
            name: &'a str,
            output_type: &'a str,
            text: &'a str,
        }
        #[derive(Serialize)]
        struct DisplayOutput<'a> {
            data: &'a RawValue,
            metadata: &'a RawValue,
            output_type: &'a str,
        }
        #[derive(Serialize)]
        struct ResultOutput<'a> {
            #[serde(flatten)]
            display: DisplayOutput<'a>,
            execution_count: Option<u64>,
        }
        match self {
            Self::Stream { name, text } => serde_json::value::to_raw_value(&StreamOutput {
                name,
                output_type: "stream",
                text,
            }),
            Self::Data {
                is_result,
                data,
                metadata,
                execution_count,
                ..
            } => {
                let empty = RawValue::from_string("{}".to_owned())?;
                let display = DisplayOutput {
                    data,
                    metadata: metadata.as_deref().unwrap_or(&empty),
                    output_type: if *is_result {
                        "execute_result"
                    } else {
                        "display_data"
                    },
                };
                if *is_result {
                    serde_json::value::to_raw_value(&ResultOutput {
                        display,
                        execution_count: *execution_count,
                    })
                } else {
                    serde_json::value::to_raw_value(&display)
                }
            }
            Self::Error(json) => Ok(json.clone()),
        }
    }
}

/// What these requests have left in their cells before `until`. Where they have more than `bytes_max` bytes of outputs
/// together, or some have left the journal, those that lack some are not complete.
pub async fn retell(
    kernel: &Kernel,
    executions: Vec<Execution>,
    until: Position,
    filters: &Filters,
    bytes_max: usize,
) -> Vec<Retold> {
    let start = executions.iter().filter_map(|execution| execution.first).min();
    let mut retold: Vec<Retold> = executions
        .into_iter()
        .map(|execution| Retold {
            execution,
            outputs: CellOutputs {
                is_complete: true,
                ..CellOutputs::default()
            },
        })
        .collect();
    let places = retold.iter().enumerate();
    let places: HashMap<Box<str>, usize> = places
        .map(|(place, retold)| (retold.execution.msg_id.clone(), place))
        .collect();
    let Some(start) = start else { return retold };
    let mut said = kernel.said_between(start, until);
    let (mut position, mut bytes) = (start, 0_usize);
    let mut has_gap = false;
    loop {
        let delivery = match said.next().await {
            Ok(Some(delivery)) => delivery,
            Ok(None) => break,
            Err(Gap { .. }) => {
                has_gap = true;
                continue;
            }
        };
        if std::mem::take(&mut has_gap) {
            note_gap(&mut retold, position, delivery.position);
        }
        position = delivery.position.next();
        let message = delivery.message();
        let (Ok(header), Ok(Some(parent))) = (message.header(), message.parent()) else {
            continue;
        };
        if header.msg_type == "update_display_data" {
            if let Ok(update) = serde_json::from_slice(&message.content) {
                retold
                    .iter_mut()
                    .for_each(|retold| retold.outputs.update(&update));
            }
            continue;
        }
        let place = places.get(&*parent.msg_id);
        if let Some(Retold { outputs, .. }) = place.and_then(|place| retold.get_mut(*place)) {
            bytes = bytes.saturating_add(message.content.len());
            let changed = filters.told_later(&message, &header.msg_type);
            outputs.add(&header.msg_type, changed.as_ref().unwrap_or(&message));
        }
        if bytes > bytes_max {
            has_gap = true;
            break;
        }
    }
    if has_gap {
        note_gap(&mut retold, position, Position(u64::MAX));
    }
    retold
}

/// Messages from `from` until `until` are missing.
fn note_gap(retold: &mut [Retold], from: Position, until: Position) {
    for Retold { execution, outputs } in retold {
        let begins_before = execution.first.is_some_and(|first| first < until);
        let ends_behind = execution.ended.is_none_or(|ended| ended >= from);
        if begins_before && ends_behind {
            outputs.is_complete = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wire::{Channel, NewHeader};

    use super::*;

    fn outputs(said: &[(&str, Value)]) -> Value {
        let mut outputs = CellOutputs::default();
        for (msg_type, content) in said {
            let header = NewHeader {
                msg_id: "m",
                msg_type,
                session: "",
                username: "",
                date: "2026-01-01T00:00:00.5Z",
            };
            let message = Message::new(Channel::Iopub, header, None, content);
            if *msg_type == "update_display_data" {
                outputs.update(&serde_json::from_slice(&message.content).unwrap());
            } else {
                outputs.add(msg_type, &message);
            }
        }
        serde_json::to_value(outputs.to_json()).unwrap()
    }

    #[test]
    fn what_is_printed_in_a_row_is_one_output() {
        let print = |name: &str, text: &str| ("stream", json!({"name": name, "text": text}));
        assert_eq!(
            outputs(&[print("stdout", "a"), print("stdout", "b"), print("stderr", "c")]),
            json!([
                {"name": "stdout", "output_type": "stream", "text": "ab"},
                {"name": "stderr", "output_type": "stream", "text": "c"}
            ])
        );
    }

    #[test]
    fn a_clear_that_waits_clears_with_the_next_output() {
        let print = |text: &str| ("stream", json!({"name": "stdout", "text": text}));
        let clear = |wait: bool| ("clear_output", json!({"wait": wait}));
        let printed = |text: &str| json!([{"name": "stdout", "output_type": "stream", "text": text}]);
        assert_eq!(outputs(&[print("a"), clear(true)]), printed("a"));
        assert_eq!(outputs(&[print("a"), clear(true), print("b")]), printed("b"));
        assert_eq!(outputs(&[print("a"), clear(false)]), json!([]));
    }

    #[test]
    fn numbers_stay_as_they_were_said_and_displays_are_updated() {
        let data = |value: &str| serde_json::from_str::<Value>(value).unwrap();
        let display = data(r#"{"data": {"a": 1.0}, "metadata": {}, "transient": {"display_id": "d"}}"#);
        let update = data(r#"{"data": {"a": 2.50}, "metadata": {"m": 1}, "transient": {"display_id": "d"}}"#);
        let result = data(r#"{"data": {"a": "x"}, "metadata": {}, "execution_count": 7}"#);
        assert_eq!(
            outputs(&[
                ("display_data", display),
                ("update_display_data", update),
                ("execute_result", result)
            ]),
            json!([
                {"data": {"a": 2.5}, "metadata": {"m": 1}, "output_type": "display_data"},
                {"data": {"a": "x"}, "metadata": {}, "output_type": "execute_result", "execution_count": 7}
            ])
        );
    }

    #[test]
    fn an_error_is_an_output() {
        let error = json!({"ename": "E", "evalue": "v", "traceback": ["t"], "status": "error"});
        assert_eq!(
            outputs(&[("error", error)]),
            json!([{"ename": "E", "evalue": "v", "output_type": "error", "traceback": ["t"]}])
        );
    }
}
