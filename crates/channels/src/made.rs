//! Messages the server makes itself, in a kernel's name and for one client: refusals, notices, the status.

use serde_json::{Value, json};
use wire::{Channel, Header, Message, NewHeader};

/// What front ends show as the type of the error.
const REFUSED: &str = "Refused";

/// Makes messages that carry the kernel's own last session: JupyterLab takes another one for a restart, and
/// drops what it has queued.
pub(crate) struct Maker<'a> {
    pub(crate) session: &'a str,
}

impl Maker<'_> {
    /// The answer to a request that does not pass: busy, for an `execute_request` an error with the sentence, the
    /// reply, idle. A lone reply would leave a cell at `[*]` for ever.
    pub(crate) fn refusal(&self, request: &Message, header: &Header<'_>, sentence: &str) -> Vec<Message> {
        if request.channel == Channel::Stdin {
            // An answer to a question; nothing waits for a reply to it.
            return Vec::new();
        }
        let error = json!({"ename": REFUSED, "evalue": sentence, "traceback": [sentence]});
        let mut messages = vec![self.status("busy", Some(request))];
        if header.msg_type == "execute_request" {
            messages.push(self.message(Channel::Iopub, "error", Some(request), &error));
        }
        if let Some(name) = header.msg_type.strip_suffix("_request") {
            let reply = json!({
                "status": "error",
                "ename": REFUSED,
                "evalue": sentence,
                "traceback": [sentence],
                "execution_count": null,
            });
            messages.push(self.message(request.channel, &format!("{name}_reply"), Some(request), &reply));
        }
        messages.push(self.status("idle", Some(request)));
        messages
    }

    /// Text on stderr among the outputs of the request that `beside` belongs to, so that it shows in its cell.
    pub(crate) fn notice(&self, text: &str, beside: &Message) -> Message {
        let content = json!({"name": "stderr", "text": format!("\n{text}\n")});
        let message = self.message(Channel::Iopub, "stream", None, &content);
        Message {
            parent_header: beside.parent_header.clone(),
            ..message
        }
    }

    /// Takes the outputs of the request that `beside` belongs to out of its cell, as soon as the next one comes.
    pub(crate) fn clear_output(&self, beside: &Message) -> Message {
        let message = self.message(Channel::Iopub, "clear_output", None, &json!({"wait": true}));
        Message {
            parent_header: beside.parent_header.clone(),
            ..message
        }
    }

    /// Has an output widget take what answers this request, or nothing.
    pub(crate) fn take_outputs(&self, comm_id: &str, request: &str) -> Message {
        let data = json!({"method": "update", "state": {"msg_id": request}, "buffer_paths": []});
        let content = json!({"comm_id": comm_id, "data": data});
        self.message(Channel::Iopub, "comm_msg", None, &content)
    }

    /// The kernel's state, answering `parent` or nothing.
    pub(crate) fn status(&self, execution_state: &str, parent: Option<&Message>) -> Message {
        self.message(
            Channel::Iopub,
            "status",
            parent,
            &json!({"execution_state": execution_state}),
        )
    }

    fn message(
        &self,
        channel: Channel,
        msg_type: &str,
        parent: Option<&Message>,
        content: &Value,
    ) -> Message {
        let msg_id = uuid::Uuid::new_v4().to_string();
        let date = jiff::Timestamp::now().to_string();
        let header = NewHeader {
            msg_id: &msg_id,
            msg_type,
            session: self.session,
            username: "",
            date: &date,
        };
        Message::new(channel, header, parent, content)
    }
}

/// Whether a message has outputs' place: on iopub, and answering something.
pub(crate) fn belongs_to_a_request(message: &Message) -> bool {
    message.channel == Channel::Iopub && matches!(message.parent(), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn request(channel: Channel, msg_type: &str) -> Message {
        let header = NewHeader {
            msg_id: "q",
            msg_type,
            session: "client",
            username: "",
            date: "",
        };
        Message::new(channel, header, None, &json!({}))
    }

    fn refused(channel: Channel, msg_type: &str) -> Vec<(Channel, String, Value)> {
        let request = request(channel, msg_type);
        let messages =
            Maker { session: "kernel" }.refusal(&request, &request.header().unwrap(), "you may not");
        let seen = messages.iter().map(|message| {
            let header = message.header().unwrap();
            assert_eq!(
                (&*header.session, &*message.parent().unwrap().unwrap().msg_id),
                ("kernel", "q")
            );
            (
                message.channel,
                header.msg_type.to_string(),
                serde_json::from_slice(&message.content).unwrap(),
            )
        });
        seen.collect()
    }

    #[test]
    fn a_refused_cell_ends_with_the_sentence() {
        let messages = refused(Channel::Shell, "execute_request");
        let types: Vec<_> = messages
            .iter()
            .map(|(channel, name, _)| (*channel, name.as_str()))
            .collect();
        assert_eq!(
            types,
            [
                (Channel::Iopub, "status"),
                (Channel::Iopub, "error"),
                (Channel::Shell, "execute_reply"),
                (Channel::Iopub, "status")
            ]
        );
        assert_eq!(messages[0].2, json!({"execution_state": "busy"}));
        assert_eq!(messages[1].2["evalue"], "you may not");
        assert_eq!(
            (&messages[2].2["status"], &messages[2].2["evalue"]),
            (&json!("error"), &json!("you may not"))
        );
        assert_eq!(messages[3].2, json!({"execution_state": "idle"}));
    }

    #[test]
    fn other_refusals_have_the_reply_of_their_type_on_their_channel() {
        let messages = refused(Channel::Control, "shutdown_request");
        let types: Vec<_> = messages
            .iter()
            .map(|(channel, name, _)| (*channel, name.as_str()))
            .collect();
        assert_eq!(
            types,
            [
                (Channel::Iopub, "status"),
                (Channel::Control, "shutdown_reply"),
                (Channel::Iopub, "status")
            ]
        );
        assert_eq!(refused(Channel::Shell, "comm_msg").len(), 2);
        assert!(refused(Channel::Stdin, "input_reply").is_empty());
    }

    #[test]
    fn a_notice_stands_beside_the_output_it_is_about() {
        let output = Message {
            parent_header: Bytes::from_static(br#"{"msg_id":"c","msg_type":"x"}"#),
            ..request(Channel::Iopub, "stream")
        };
        assert!(belongs_to_a_request(&output));
        let notice = Maker { session: "k" }.notice("lost", &output);
        assert_eq!(notice.parent().unwrap().unwrap().msg_id, "c");
        assert!(!belongs_to_a_request(
            &Maker { session: "k" }.status("idle", None)
        ));
    }
}
