//! Messages the server makes itself: to the kernel, and in its name.

use jiff::Timestamp;
use serde_json::{Value, json};
use wire::{Channel, Message, NewHeader};

use super::handle::{Asker, Upward};
use crate::{ExecutionState, jupyter_time};

/// Makes messages.
pub(crate) struct OwnMessages {
    /// The session of our own requests.
    session: String,
}

impl OwnMessages {
    pub(crate) fn new() -> Self {
        Self { session: random_id() }
    }

    /// Whether it is the session of our own requests.
    pub(super) fn is_own(&self, session: &str) -> bool {
        self.session == session
    }

    /// A request of our own.
    pub(super) fn request(
        &self,
        channel: Channel,
        msg_type: &str,
        content: &Value,
        now: Timestamp,
    ) -> Upward {
        let msg_id = random_id();
        let message = self.message(channel, &msg_id, msg_type, &self.session, content, now);
        Upward {
            from: Asker::Host,
            msg_id: msg_id.into(),
            message,
            room: None,
            place: None,
        }
    }

    /// `status` in the kernel's name, answering nothing. `session` is the kernel's last: JupyterLab cancels what
    /// it has queued when that changes.
    pub(crate) fn status(&self, session: Option<&str>, state: ExecutionState, now: Timestamp) -> Message {
        let content = json!({ "execution_state": state });
        self.output("status", session, &content, now)
    }

    /// Standard error in the kernel's name, answering nothing.
    pub(crate) fn stderr(&self, session: Option<&str>, text: &str, now: Timestamp) -> Message {
        self.output("stream", session, &json!({ "name": "stderr", "text": text }), now)
    }

    fn output(&self, msg_type: &str, session: Option<&str>, content: &Value, now: Timestamp) -> Message {
        let session = session.unwrap_or(&self.session);
        self.message(Channel::Iopub, &random_id(), msg_type, session, content, now)
    }

    fn message(
        &self,
        channel: Channel,
        msg_id: &str,
        msg_type: &str,
        session: &str,
        content: &Value,
        now: Timestamp,
    ) -> Message {
        let header = NewHeader {
            msg_id,
            msg_type,
            session,
            username: "",
            date: &jupyter_time(now),
        };
        Message::new(channel, header, None, content)
    }
}

fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
