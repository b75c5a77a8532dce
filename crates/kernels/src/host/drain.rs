//! The task that only reads iopub, before signatures, before JSON. A kernel's publisher drops what is not fetched
//! in time (ipykernel beyond 1,000 messages) without a word: whoever reads late, loses.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::sockets::{Receiver, SocketError};

/// How much may be fetched and not yet looked into, in KiB; a message counts as one at least. No client is
/// waited for here, only our own processor.
const FETCHED_KIB_MAX: u32 = 256 << 10;

/// Messages as they came together; while they live they count as fetched.
pub(super) struct Fetched {
    /// The frames of each.
    pub(super) messages: Vec<Vec<Bytes>>,
    _room: OwnedSemaphorePermit,
}

/// Where fetched messages go, and come out. The queue itself has no bound: [`FETCHED_KIB_MAX`] is it.
pub(super) fn queue() -> (mpsc::UnboundedSender<Fetched>, mpsc::UnboundedReceiver<Fetched>) {
    mpsc::unbounded_channel()
}

/// Fetches until the socket breaks.
pub(super) async fn drain(mut receiver: Receiver, fetched: mpsc::UnboundedSender<Fetched>) -> SocketError {
    let room = Arc::new(Semaphore::new(FETCHED_KIB_MAX as usize));
    loop {
        let messages = match receiver.recv_all().await {
            Ok(messages) => messages,
            Err(error) => return error,
        };
        let frames = messages.iter().flatten();
        let bytes = frames.map(Bytes::len).fold(0, usize::saturating_add);
        let kib = u32::try_from(messages.len().max(bytes >> 10)).unwrap_or(FETCHED_KIB_MAX);
        let room = room
            .clone()
            .acquire_many_owned(kib.clamp(1, FETCHED_KIB_MAX))
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
