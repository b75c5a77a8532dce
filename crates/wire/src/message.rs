//! One Jupyter message, its parts kept as the bytes they were sent as.

use bytes::Bytes;
use serde_json::Value;

use crate::{Channel, Header, Parts, WireError};

/// The most buffers one message may have. Widgets send a handful; the limit bounds the offset table.
pub const BUFFERS_MAX: usize = 65_536;

/// The messaging protocol of the messages the server makes itself.
const PROTOCOL_VERSION: &str = "5.3";

/// A message of the [Jupyter messaging protocol](https://jupyter-client.readthedocs.io/en/stable/messaging.html).
///
/// The four parts are raw JSON. They are not checked: they pass through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel it came on or goes to.
    pub channel: Channel,
    /// Ids and type of this message.
    pub header: Bytes,
    /// The header of the request this answers, or `{}`.
    pub parent_header: Bytes,
    /// Anything, mostly `{}`.
    pub metadata: Bytes,
    /// What the message says.
    pub content: Bytes,
    /// Binary attachments.
    pub buffers: Vec<Bytes>,
}

/// The header of a message the server makes itself. Id and time come in, so that nothing here is random.
#[derive(Clone, Copy, Debug)]
pub struct NewHeader<'a> {
    /// A fresh id.
    pub msg_id: &'a str,
    /// The type, as `status`.
    pub msg_type: &'a str,
    /// Whose message it pretends to be: for the kernel's, its own last session.
    pub session: &'a str,
    /// The sender's name, mostly `""`.
    pub username: &'a str,
    /// Now, in ISO 8601.
    pub date: &'a str,
}

impl Message {
    /// A message of the server's own, answering `parent` (`None`: answering nothing, `{}`).
    #[must_use]
    pub fn new(channel: Channel, header: NewHeader<'_>, parent: Option<&Message>, content: &Value) -> Self {
        let header = serde_json::json!({
            "msg_id": header.msg_id,
            "msg_type": header.msg_type,
            "username": header.username,
            "session": header.session,
            "date": header.date,
            "version": PROTOCOL_VERSION,
        });
        Self {
            channel,
            header: json(&header),
            parent_header: parent.map_or_else(empty, |parent| parent.header.clone()),
            metadata: empty(),
            content: json(content),
            buffers: Vec::new(),
        }
    }

    /// Its parts, borrowed.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            channel: self.channel,
            header: &self.header,
            parent_header: &self.parent_header,
            metadata: &self.metadata,
            content: &self.content,
        }
    }

    /// Parses the header for its ids and type.
    ///
    /// # Errors
    /// [`WireError::Json`] when it is no JSON object with `msg_id` and `msg_type`.
    pub fn header(&self) -> Result<Header<'_>, WireError> {
        self.parts().header()
    }

    /// Parses the parent header; an empty one (`{}`) is `None`.
    ///
    /// # Errors
    /// [`WireError::Json`] when it is neither empty nor a header.
    pub fn parent(&self) -> Result<Option<Header<'_>>, WireError> {
        self.parts().parent()
    }

    /// How many bytes the parts have together: what a queue or journal holds for it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = [&self.header, &self.parent_header, &self.metadata, &self.content];
        let bytes = parts.into_iter().chain(&self.buffers).map(Bytes::len);
        bytes.fold(0, usize::saturating_add)
    }
}

/// The empty JSON object, the neutral value of every part.
pub(crate) fn empty() -> Bytes {
    Bytes::from_static(b"{}")
}

fn json(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(header: &str, parent_header: &str) -> Message {
        Message {
            channel: Channel::Shell,
            header: Bytes::copy_from_slice(header.as_bytes()),
            parent_header: Bytes::copy_from_slice(parent_header.as_bytes()),
            metadata: empty(),
            content: empty(),
            buffers: Vec::new(),
        }
    }

    #[test]
    fn a_header_needs_only_its_id_and_type() {
        let message = message(
            r#"{"msg_id":"1","msg_type":"status","session":null,"username":{"a":[1]},"date":7}"#,
            "{}",
        );
        let header = message.header().unwrap();
        assert_eq!(
            (
                &*header.msg_id,
                &*header.msg_type,
                &*header.session,
                &*header.username
            ),
            ("1", "status", "", "")
        );
        assert!(matches!(message.parent(), Ok(None)));
    }

    #[test]
    fn a_header_without_type_is_refused() {
        assert!(matches!(
            message(r#"{"msg_id":"1"}"#, "{}").header(),
            Err(WireError::Json { part: "header", .. })
        ));
    }

    #[test]
    fn escaped_ids_are_read() {
        let message = message(r#"{"msg_id":"a\"b","msg_type":"x"}"#, " { } ");
        assert_eq!(message.header().unwrap().msg_id, "a\"b");
        assert!(matches!(message.parent(), Ok(None)));
    }

    #[test]
    fn a_made_message_answers_its_parent() {
        let request = message(r#"{"msg_id":"q","msg_type":"execute_request"}"#, "{}");
        let header = NewHeader {
            msg_id: "n",
            msg_type: "status",
            session: "s",
            username: "",
            date: "2026-01-01T00:00:00Z",
        };
        let reply = Message::new(
            Channel::Iopub,
            header,
            Some(&request),
            &serde_json::json!({"execution_state": "busy"}),
        );
        assert_eq!(reply.parent().unwrap().unwrap().msg_id, "q");
        assert_eq!(reply.header().unwrap().session, "s");
    }
}
