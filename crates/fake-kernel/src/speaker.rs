//! Makes the kernel's messages and puts them on their way.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use wire::{Channel, Message, Signer, to_frames};
use zeromq::ZmqMessage;

use crate::{
    Hostility,
    sockets::{IOPUB_QUEUE_KIB_MAX, LARGE_MESSAGE_BYTES, Queued},
};

/// Everything that says something: makes headers, signs, and queues for the iopub socket.
pub(crate) struct Speaker {
    signer: Signer,
    session: String,
    sent: AtomicU64,
    iopub: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    hostility: watch::Sender<Option<Hostility>>,
}

impl Speaker {
    pub(crate) fn new(signer: Signer, iopub: mpsc::Sender<Queued>) -> Self {
        Self {
            hostility: watch::Sender::new(None),
            signer,
            session: uuid::Uuid::new_v4().to_string(),
            sent: AtomicU64::new(0),
            iopub,
            room: Arc::new(Semaphore::new(IOPUB_QUEUE_KIB_MAX as usize)),
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
        let bytes = content.len() + buffers.iter().map(Bytes::len).sum::<usize>();
        let room = self.room_for(bytes).await;
        let message = self.output(msg_type, parent, content, buffers);
        // The receiver ends only with the kernel; then nobody listens anyway.
        let _ = self.iopub.send(Queued { message, room }).await;
    }

    /// Waits until a message of this size may be queued.
    async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes < LARGE_MESSAGE_BYTES {
            return None;
        }
        let kib = u32::try_from(bytes >> 10)
            .unwrap_or(u32::MAX)
            .min(IOPUB_QUEUE_KIB_MAX);
        // It is never closed.
        Arc::clone(&self.room).acquire_many_owned(kib).await.ok()
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
        let _ = self.iopub.send(Queued { message, room: None }).await;
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
        let message = self.output(msg_type, parent, content, Vec::new());
        let _ = self.iopub.try_send(Queued { message, room: None });
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
