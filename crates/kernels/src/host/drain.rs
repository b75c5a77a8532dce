//! The task that only reads iopub, before signatures, before JSON. A kernel's publisher drops what is not fetched
//! in time (ipykernel beyond 1,000 messages) without a word: whoever reads late, loses.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::sockets::{Receiver, SocketError};

/// How much may be fetched and not yet looked into. Beyond it the kernel's own queue fills. No client is waited for here,
/// only our own processor.
const FETCHED_BYTES_MAX: usize = 4 << 20;

/// What is around a message, which counts too.
const BYTES_AROUND: usize = 256;

/// Messages as they came together; while they live they count as fetched.
pub(super) struct Fetched {
    /// The frames of each.
    pub(super) messages: Vec<Vec<Bytes>>,
    _room: OwnedSemaphorePermit,
}

/// Where fetched messages go, and come out. The queue itself has no bound: [`FETCHED_BYTES_MAX`] is it.
pub(super) fn queue() -> (mpsc::UnboundedSender<Fetched>, mpsc::UnboundedReceiver<Fetched>) {
    mpsc::unbounded_channel()
}

/// Fetches until the socket breaks.
pub(super) async fn drain(mut receiver: Receiver, fetched: mpsc::UnboundedSender<Fetched>) -> SocketError {
    let room = Arc::new(Semaphore::new(FETCHED_BYTES_MAX));
    loop {
        let messages = match receiver.recv_all().await {
            Ok(messages) => messages,
            Err(error) => return error,
        };
        let frames = messages.iter().flatten().map(Bytes::len);
        let around = messages.len().saturating_mul(BYTES_AROUND);
        // One that is larger than all that there is room for waits until it is alone.
        let bytes = frames.fold(around, usize::saturating_add).min(FETCHED_BYTES_MAX);
        let room = room
            .clone()
            .acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX))
            .await;
        // Neither is ever closed while this runs.
        let Ok(_room) = room else {
            return SocketError::Closed;
        };
        if fetched.send(Fetched { messages, _room }).is_err() {
            return SocketError::Closed;
        }
    }
}
