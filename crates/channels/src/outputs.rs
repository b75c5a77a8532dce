//! What a cell's outputs are, as a notebook holds them, after a kernel has said what it said.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;
use wire::Message;

use crate::displays::{Data, Display, Displays, Shown};

/// What an output takes beside what it says, in memory and in JSON.
const OUTPUT_BYTES: usize = 128;

/// The outputs of one request, in the form of nbformat 4.
#[derive(Clone, Debug, Default)]
pub struct CellOutputs {
    outputs: Vec<Output>,
    /// The number in front of the cell.
    pub execution_count: Option<u64>,
    /// When the kernel said the last of it, if it tells the time.
    pub last: Option<jiff::Timestamp>,
    /// Whether nothing of it has left the journal, and all of it could be read.
    pub is_complete: bool,
    /// How many bytes the outputs have, about.
    bytes: usize,
    is_cleared_by_next: bool,
}

/// One output. Serialized it is as a notebook has it.
#[derive(Clone, Debug)]
pub struct Output(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Stream {
        name: String,
        text: String,
    },
    Data {
        is_result: bool,
        display: Option<Display>,
        shown: Arc<Shown>,
        execution_count: Option<u64>,
    },
    Error(Box<RawValue>),
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    text: String,
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
    /// None yet.
    #[must_use]
    pub fn complete() -> Self {
        Self {
            is_complete: true,
            ..Self::default()
        }
    }

    /// The kernel said this, answering the request. What is no output changes nothing; what cannot be read is missing.
    pub(crate) fn add(&mut self, displays: &mut Displays, msg_type: &str, message: &Message) {
        let is_read = match msg_type {
            "stream" => self.add_stream(&message.content),
            "display_data" | "execute_result" => {
                self.add_data(displays, msg_type == "execute_result", &message.content)
            }
            "error" => self.add_error(&message.content),
            "clear_output" => self.clear(&message.content),
            "execute_input" => self.begin(&message.content),
            _ => return,
        };
        self.is_complete &= is_read.is_ok();
        let dated = serde_json::from_slice(&message.header);
        if let Ok(Dated { date: Some(date) }) = dated
            && let Ok(date) = date.parse()
        {
            self.last = Some(date);
        }
    }

    fn add_stream(&mut self, content: &[u8]) -> serde_json::Result<()> {
        let Stream { name, text } = serde_json::from_slice(content)?;
        if !self.is_cleared_by_next
            && let Some(Output(Kind::Stream {
                name: last,
                text: all,
            })) = self.outputs.last_mut()
            && *last == name
        {
            all.push_str(&text);
            self.bytes = self.bytes.saturating_add(content.len());
            return Ok(());
        }
        self.push(Kind::Stream { name, text }, content.len());
        Ok(())
    }

    fn add_data(
        &mut self,
        displays: &mut Displays,
        is_result: bool,
        content: &[u8],
    ) -> serde_json::Result<()> {
        let said: Data = serde_json::from_slice(content)?;
        let kind = Kind::Data {
            is_result,
            display: said.transient.display_id.map(|id| displays.open(id)),
            shown: Arc::new(Shown {
                data: said.data,
                metadata: said.metadata,
            }),
            execution_count: said.execution_count,
        };
        self.push(kind, content.len());
        Ok(())
    }

    fn add_error(&mut self, content: &[u8]) -> serde_json::Result<()> {
        let failure: Failure = serde_json::from_slice(content)?;
        let failure = Failure {
            output_type: Some("error".to_owned()),
            ..failure
        };
        let json = serde_json::value::to_raw_value(&failure)?;
        self.push(Kind::Error(json), content.len());
        Ok(())
    }

    fn clear(&mut self, content: &[u8]) -> serde_json::Result<()> {
        match serde_json::from_slice(content)? {
            Clear { wait: true } => self.is_cleared_by_next = true,
            Clear { wait: false } => self.clear_now(),
        }
        Ok(())
    }

    fn begin(&mut self, content: &[u8]) -> serde_json::Result<()> {
        let Input { execution_count } = serde_json::from_slice(content)?;
        self.execution_count = execution_count;
        Ok(())
    }

    fn push(&mut self, kind: Kind, bytes: usize) {
        if std::mem::take(&mut self.is_cleared_by_next) {
            self.clear_now();
        }
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(OUTPUT_BYTES);
        self.outputs.push(Output(kind));
    }

    fn clear_now(&mut self) {
        self.outputs.clear();
        self.bytes = 0;
    }

    /// How many bytes they have, about, updates of displays apart.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Shows what displays were updated to. Outputs for which `room` has not so many bytes left are missing.
    pub(crate) fn settle(&mut self, displays: &Displays, room: &mut usize) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in &mut outputs {
            output.settle(displays);
        }
        let before = outputs.len();
        for output in outputs {
            let Some(left) = room.checked_sub(output.bytes()) else {
                break;
            };
            *room = left;
            self.outputs.push(output);
        }
        self.is_complete &= self.outputs.len() == before;
    }

    /// The cell's `outputs`.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The cell's `outputs`, one by one.
    #[must_use]
    pub fn into_outputs(self) -> Vec<Output> {
        self.outputs
    }
}

impl Output {
    fn settle(&mut self, displays: &Displays) {
        if let Kind::Data {
            display: Some(display),
            shown,
            ..
        } = &mut self.0
            && let Some(update) = displays.shown_by(display)
        {
            *shown = update.clone();
        }
    }

    fn bytes(&self) -> usize {
        let said = match &self.0 {
            Kind::Stream { text, .. } => text.len(),
            Kind::Data { shown, .. } => shown.bytes(),
            Kind::Error(json) => json.get().len(),
        };
        said.saturating_add(OUTPUT_BYTES)
    }

    /// Whether what it shows may change after it was said.
    #[must_use]
    pub fn is_display(&self) -> bool {
        matches!(&self.0, Kind::Data { display: Some(_), .. })
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kind::Stream { name, text } => {
                let mut output = serializer.serialize_struct("Stream", 3)?;
                output.serialize_field("name", name)?;
                output.serialize_field("output_type", "stream")?;
                output.serialize_field("text", text)?;
                output.end()
            }
            Kind::Data {
                is_result,
                shown,
                execution_count,
                ..
            } => {
                let mut output = serializer.serialize_struct("Data", 4)?;
                output.serialize_field("data", &shown.data)?;
                match &shown.metadata {
                    Some(metadata) => output.serialize_field("metadata", metadata)?,
                    None => output.serialize_field("metadata", &serde_json::Map::new())?,
                }
                if *is_result {
                    output.serialize_field("output_type", "execute_result")?;
                    output.serialize_field("execution_count", execution_count)?;
                } else {
                    output.serialize_field("output_type", "display_data")?;
                }
                output.end()
            }
            Kind::Error(json) => json.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wire::{Channel, NewHeader};

    use super::*;

    fn outputs(said: &[(&str, Value)]) -> Value {
        let (mut outputs, mut displays) = (CellOutputs::complete(), Displays::default());
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
                assert!(displays.update(&message.content));
            } else {
                outputs.add(&mut displays, msg_type, &message);
            }
        }
        outputs.settle(&displays, &mut usize::MAX.clone());
        assert!(outputs.is_complete);
        serde_json::to_value(outputs.outputs()).unwrap()
    }

    fn message(msg_type: &str, content: &str) -> Message {
        let header = NewHeader {
            msg_id: "m",
            msg_type,
            session: "",
            username: "",
            date: "2026-01-01T00:00:00.5Z",
        };
        Message {
            content: content.to_owned().into(),
            ..Message::new(Channel::Iopub, header, None, &json!({}))
        }
    }

    #[test]
    fn what_cannot_be_read_is_missing() {
        let unreadable = [
            ("stream", r#"{"name": "stdout", "text": "half a pair: \ud800"}"#),
            ("display_data", r#"{"metadata": {}}"#),
            ("clear_output", "1"),
        ];
        for (msg_type, content) in unreadable {
            let mut outputs = CellOutputs::complete();
            outputs.add(&mut Displays::default(), msg_type, &message(msg_type, content));
            assert!(!outputs.is_complete, "{content}");
        }
    }

    #[test]
    fn an_update_of_many_displays_is_kept_once_and_counts_where_it_is_shown() {
        let (mut outputs, mut displays) = (CellOutputs::complete(), Displays::default());
        for _ in 0..100 {
            let display = r#"{"data": {}, "metadata": {}, "transient": {"display_id": "d"}}"#;
            outputs.add(&mut displays, "display_data", &message("display_data", display));
        }
        let large = "x".repeat(100_000);
        for _ in 0..100 {
            let update = json!({"data": {"text/plain": large}, "transient": {"display_id": "d"}});
            assert!(displays.update(update.to_string().as_bytes()));
        }
        assert!(outputs.bytes() + displays.bytes() < 300_000);
        outputs.settle(&displays, &mut 1_000_000);
        assert_eq!(outputs.outputs().len(), 9);
        assert!(!outputs.is_complete);
    }

    #[test]
    fn a_display_shows_what_came_last_under_its_id() {
        let of = |msg_type: &'static str, value: u64| {
            (
                msg_type,
                json!({"data": {"v": value}, "metadata": {}, "transient": {"display_id": "d"}}),
            )
        };
        let said = [
            of("update_display_data", 0),
            of("display_data", 1),
            of("update_display_data", 2),
            of("display_data", 3),
        ];
        let shown = outputs(&said);
        assert_eq!(shown[0]["data"]["v"], 2);
        assert_eq!(shown[1]["data"]["v"], 3);
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
