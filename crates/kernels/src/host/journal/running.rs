//! The requests that run, to tell in their cells what became of the kernel.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Channel, Message, NewHeader};

use super::{Audience, Entry, Execution, Journal, Position, State};

/// A request that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningRequest {
    msg_id: Box<str>,
    /// What its outputs have as their `parent_header`.
    parent_header: Box<str>,
}

impl RunningRequest {
    fn parent_header(&self) -> Bytes {
        Bytes::copy_from_slice(self.parent_header.as_bytes())
    }
}

impl Journal {
    /// Those that run, oldest first. Where none has begun it is the oldest that was asked: code that takes much memory
    /// at once does not even let its kernel say that it is busy.
    pub(crate) fn running(&self) -> Vec<RunningRequest> {
        let state = self.lock();
        let executions = state.index.executions.all().into_iter();
        let mut running: Vec<_> = executions.filter(|execution| execution.ended.is_none()).collect();
        match running.iter().any(|execution| execution.first.is_some()) {
            true => running.retain(|execution| execution.first.is_some()),
            false => running.truncate(1),
        }
        let request = |execution: Execution| {
            let parent_header = execution.first.and_then(|first| state.parent_at(first));
            RunningRequest {
                parent_header: parent_header.unwrap_or_else(|| made_up(&execution.msg_id)),
                msg_id: execution.msg_id,
            }
        };
        running.into_iter().map(request).collect()
    }
}

impl Journal {
    /// Adds a message of ours to everyone in the cell of each request; where there is none, one beside all cells.
    pub(crate) fn tell_in(&self, requests: &[RunningRequest], message: impl Fn() -> Message) {
        if requests.is_empty() {
            self.tell(&message());
        }
        for request in requests {
            let message = Message {
                parent_header: request.parent_header(),
                ..message()
            };
            self.append([Entry {
                audience: Audience::Everyone,
                message: &message,
                request: Some(&request.msg_id),
            }]);
        }
    }
}

impl State {
    /// The `parent_header` of what stands there, if that is still in memory.
    fn parent_at(&self, position: Position) -> Option<Box<str>> {
        let first = self.entries.front()?.position;
        let index = usize::try_from(position.0.checked_sub(first.0)?).ok()?;
        let parent_header = self.entries.get(index)?.parts().parent_header;
        Some(std::str::from_utf8(parent_header).ok()?.into())
    }
}

/// Front ends look at nothing but the id.
fn made_up(msg_id: &str) -> Box<str> {
    let header = NewHeader {
        msg_id,
        msg_type: "execute_request",
        session: "",
        username: "",
        date: "",
    };
    let request = Message::new(Channel::Shell, header, None, &json!({}));
    String::from_utf8_lossy(&request.header).into()
}
