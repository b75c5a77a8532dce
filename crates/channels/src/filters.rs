//! What whoever runs the server lets pass between clients and kernels, whoever the client is.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wire::{Channel, Message};

use crate::rate::{Admitted, RateLimiter, RateLimits};

/// The reference's filters, for all connections. The default lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// The only types of messages that clients may send (`MappingKernelManager.allowed_message_types`); empty for all.
    pub allowed_message_types: Arc<[String]>,
    /// Shown in place of what an error says (`MappingKernelManager.traceback_replacement_message`, unless
    /// `allow_tracebacks`).
    pub traceback_replacement: Option<Arc<str>>,
    /// How fast output may go to a client.
    pub rate_limits: Option<RateLimits>,
}

impl Filters {
    /// Whether clients may send messages of this type.
    pub(crate) fn allows(&self, msg_type: &str) -> bool {
        let allowed = &self.allowed_message_types;
        allowed.is_empty() || allowed.iter().any(|allowed| allowed == msg_type)
    }

    /// What an output says to those who read of it later; `None` when it stays as it is.
    pub(crate) fn told_later(&self, message: &Message, msg_type: &str) -> Option<Message> {
        without_traceback(message, msg_type, self.traceback_replacement.as_deref()?)
    }

    /// What the kernel's messages pass on their way to one client; `None` when all pass as they are.
    pub(crate) fn of_connection(&self) -> Option<OutputFilter> {
        let passes_all = self.traceback_replacement.is_none() && self.rate_limits.is_none();
        (!passes_all).then(|| OutputFilter {
            traceback_replacement: self.traceback_replacement.clone(),
            rate: self.rate_limits.map(RateLimiter::new),
        })
    }
}

/// The filter of one connection.
pub(crate) struct OutputFilter {
    traceback_replacement: Option<Arc<str>>,
    rate: Option<RateLimiter>,
}

/// What becomes of a kernel's message.
#[derive(Debug)]
pub(crate) enum Passed {
    AsItIs,
    Changed(Message),
    /// Not at all; with a sentence when the client should be told.
    Not(Option<String>),
}

/// The one part of a content that is looked at.
#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    status: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    execution_state: Option<std::borrow::Cow<'a, str>>,
}

impl OutputFilter {
    pub(crate) fn pass(&mut self, message: &Message, now: Instant) -> Passed {
        // What cannot be read is nothing the filters know.
        let Ok(header) = message.header() else {
            return Passed::AsItIs;
        };
        let msg_type = &*header.msg_type;
        if let Some(rate) = &mut self.rate
            && message.channel == Channel::Iopub
        {
            match admit(rate, message, msg_type, now) {
                Admitted::Yes => {}
                Admitted::No => return Passed::Not(None),
                Admitted::NoMore(sentence) => return Passed::Not(Some(sentence)),
            }
        }
        let changed = self
            .traceback_replacement
            .as_deref()
            .and_then(|replacement| without_traceback(message, msg_type, replacement));
        changed.map_or(Passed::AsItIs, Passed::Changed)
    }
}

fn admit(rate: &mut RateLimiter, message: &Message, msg_type: &str, now: Instant) -> Admitted {
    match msg_type {
        "status" => {
            let is_idle = content(message).execution_state.as_deref() == Some("idle");
            if is_idle {
                rate.reset();
            }
            Admitted::Yes
        }
        // Without these, a page could not follow what comes after.
        "comm_open" | "execute_input" => Admitted::Yes,
        "stream" => rate.admit(message.bytes(), now),
        _ => rate.admit(0, now),
    }
}

/// The message with the replacement, if it tells of an error: output, or a reply.
fn without_traceback(message: &Message, msg_type: &str, replacement: &str) -> Option<Message> {
    let is_error = match message.channel {
        Channel::Iopub => msg_type == "error",
        Channel::Shell | Channel::Control => content(message).status.as_deref() == Some("error"),
        Channel::Stdin => false,
    };
    if !is_error {
        return None;
    }
    let mut content: Map<String, Value> = serde_json::from_slice(&message.content).unwrap_or_default();
    content.insert("ename".to_owned(), "ExecutionError".into());
    content.insert("evalue".to_owned(), "Execution error".into());
    content.insert("traceback".to_owned(), json!([replacement]));
    Some(Message {
        content: Bytes::from(Value::Object(content).to_string()),
        ..message.clone()
    })
}

fn content(message: &Message) -> Content<'_> {
    serde_json::from_slice(&message.content).unwrap_or(Content {
        status: None,
        execution_state: None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::NewHeader;

    use super::*;

    fn message(channel: Channel, msg_type: &str, content: &Value) -> Message {
        let header = NewHeader {
            msg_id: "1",
            msg_type,
            session: "k",
            username: "",
            date: "",
        };
        Message::new(channel, header, None, content)
    }

    fn replaced(channel: Channel, msg_type: &str, content: &Value) -> Option<Value> {
        let filters = Filters {
            traceback_replacement: Some("not shown".into()),
            ..Filters::default()
        };
        let mut filter = filters.of_connection().unwrap();
        match filter.pass(&message(channel, msg_type, content), Instant::now()) {
            Passed::Changed(message) => Some(serde_json::from_slice(&message.content).unwrap()),
            Passed::AsItIs => None,
            Passed::Not(_) => Some(json!("dropped")),
        }
    }

    #[test]
    fn tracebacks_are_replaced_in_output_and_in_replies() {
        let error = json!({"status": "error", "ename": "E", "evalue": "secret", "traceback": ["secret"], "execution_count": 3});
        let expected = json!({
            "status": "error", "ename": "ExecutionError", "evalue": "Execution error", "traceback": ["not shown"],
            "execution_count": 3,
        });
        assert_eq!(replaced(Channel::Iopub, "error", &error), Some(expected.clone()));
        assert_eq!(replaced(Channel::Shell, "execute_reply", &error), Some(expected));
        assert_eq!(
            replaced(Channel::Iopub, "stream", &json!({"text": "error"})),
            None
        );
        assert_eq!(
            replaced(Channel::Shell, "execute_reply", &json!({"status": "ok"})),
            None
        );
        assert!(replaced(Channel::Iopub, "error", &json!(1)).is_some());
    }

    #[test]
    fn only_output_is_limited_and_an_idle_kernel_begins_anew() {
        let limits = RateLimits {
            messages: 1.0,
            bytes: 0.0,
            window: Duration::from_secs(1),
        };
        let filters = Filters {
            rate_limits: Some(limits),
            ..Filters::default()
        };
        let mut filter = filters.of_connection().unwrap();
        let now = Instant::now();
        let mut passes = |channel, msg_type, content: Value| {
            matches!(
                filter.pass(&message(channel, msg_type, &content), now),
                Passed::AsItIs
            )
        };
        assert!(passes(Channel::Iopub, "display_data", json!({})));
        assert!(!passes(Channel::Iopub, "display_data", json!({})));
        for msg_type in ["comm_open", "execute_input", "status"] {
            assert!(passes(
                Channel::Iopub,
                msg_type,
                json!({"execution_state": "busy"})
            ));
        }
        assert!(passes(Channel::Shell, "execute_reply", json!({})));
        assert!(!passes(Channel::Iopub, "stream", json!({})));
        assert!(passes(
            Channel::Iopub,
            "status",
            json!({"execution_state": "idle"})
        ));
        assert!(passes(Channel::Iopub, "stream", json!({})));
    }

    #[test]
    fn without_settings_there_is_no_filter() {
        let filters = Filters::default();
        assert!(filters.of_connection().is_none());
        assert!(filters.allows("anything"));
        let filters = Filters {
            allowed_message_types: ["kernel_info_request".to_owned()].into(),
            ..filters
        };
        assert!(filters.allows("kernel_info_request"));
        assert!(!filters.allows("execute_request"));
    }
}
