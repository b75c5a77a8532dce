//! Makes the kernel's messages and puts them on their way.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use wire::{Channel, Message, Signer, to_frames};
use zeromq::ZmqMessage;

use crate::Hostility;

/// Everything that says something: makes headers, signs, and queues for the iopub socket.
pub(crate) struct Speaker {
    signer: Signer,
    session: String,
    sent: AtomicU64,
    iopub: mpsc::Sender<ZmqMessage>,
    hostility: watch::Sender<Option<Hostility>>,
}

impl Speaker {
    pub(crate) fn new(signer: Signer, iopub: mpsc::Sender<ZmqMessage>) -> Self {
        Self {
            hostility: watch::Sender::new(None),
            signer,
            session: uuid::Uuid::new_v4().to_string(),
            sent: AtomicU64::new(0),
            iopub,
        }
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// A message with raw JSON as content: bursts must not build a tree for each.
    pub(crate) fn message(
        &self,
        channel: Channel,
        msg_type: &str,
        parent: &Bytes,
        content: Bytes,
    ) -> Message {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let (session, date) = (&self.session, jiff::Timestamp::now());
        let mut header = String::with_capacity(200);
        // Writing to a String does not fail.
        let _ = write!(
            header,
            r#"{{"msg_id":"{session}_{number}","msg_type":"{msg_type}","username":"fake","session":"{session}","date":"{date}","version":"5.3"}}"#
        );
        Message {
            channel,
            header: header.into(),
            parent_header: parent.clone(),
            metadata: Bytes::from_static(b"{}"),
            content,
            buffers: Vec::new(),
        }
    }

    /// Says `content` to everyone. Waits when the subscribers are slow: this kernel never drops.
    pub(crate) async fn publish(&self, msg_type: &str, parent: &Bytes, content: &Value) {
        self.publish_raw(msg_type, parent, content.to_string().into(), Vec::new())
            .await;
    }

    /// As [`Speaker::publish`], with raw content and buffers.
    pub(crate) async fn publish_raw(
        &self,
        msg_type: &str,
        parent: &Bytes,
        content: Bytes,
        buffers: Vec<Bytes>,
    ) {
        // The receiver ends only with the kernel; then nobody listens anyway.
        let _ = self
            .iopub
            .send(self.output(msg_type, parent, content, buffers))
            .await;
    }

    /// Says something that is not signed with this kernel's key.
    pub(crate) async fn publish_unsigned(&self, parent: &Bytes) {
        let content = Bytes::from_static(br#"{"name":"stdout","text":"forged"}"#);
        let mut message = self.output("stream", parent, content, Vec::new());
        let mut frames = message.split_off(0).into_vec();
        // The topic, the delimiter, the signature.
        if let Some(signature) = frames.get_mut(2) {
            *signature = Bytes::from(vec![b'0'; signature.len()]);
        }
        for frame in frames {
            message.push_back(frame);
        }
        let _ = self.iopub.send(message).await;
    }

    /// From now on iopub is what no kernel has.
    pub(crate) fn turn(&self, hostility: Hostility) {
        self.hostility.send_replace(Some(hostility));
    }

    /// What iopub is to be.
    pub(crate) fn hostility(&self) -> watch::Receiver<Option<Hostility>> {
        self.hostility.subscribe()
    }

    /// As ipykernel's publisher: when too many wait for the subscribers, nobody ever gets it.
    pub(crate) fn publish_or_drop(&self, msg_type: &str, parent: &Bytes, content: Bytes) {
        let _ = self
            .iopub
            .try_send(self.output(msg_type, parent, content, Vec::new()));
    }

    fn output(&self, msg_type: &str, parent: &Bytes, content: Bytes, buffers: Vec<Bytes>) -> ZmqMessage {
        let message = Message {
            buffers,
            ..self.message(Channel::Iopub, msg_type, parent, content)
        };
        let topic = Bytes::from(format!("kernel.fake.{msg_type}"));
        self.frames([topic], message)
    }

    /// Says that the kernel is `busy`, `idle` or `starting`.
    pub(crate) async fn status(&self, state: &str, parent: &Bytes) {
        let content = format!(r#"{{"execution_state":"{state}"}}"#);
        self.publish_raw("status", parent, content.into(), Vec::new())
            .await;
    }

    /// The signed frames of `message` behind `prefix` (identities or a topic).
    pub(crate) fn frames(&self, prefix: impl IntoIterator<Item = Bytes>, message: Message) -> ZmqMessage {
        let mut frames = ZmqMessage::from(Bytes::new());
        let _ = frames.split_off(0);
        for frame in prefix.into_iter().chain(to_frames(message, &self.signer)) {
            frames.push_back(frame);
        }
        frames
    }
}
