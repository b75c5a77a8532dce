//! From a queue of messages to a kernel's socket.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tracing::{debug, warn};
use wire::{Signer, to_frames};

use super::{core::Core, handle::Upward};
use crate::sockets::{Sender, SocketError};

/// The queue of one channel. It outlives the sockets: whoever sends while there are none waits.
#[derive(Clone)]
pub(super) struct Lane(Arc<Mutex<mpsc::Receiver<Upward>>>);

impl Lane {
    pub(super) fn new(queue: mpsc::Receiver<Upward>) -> Self {
        Self(Arc::new(Mutex::new(queue)))
    }

    /// Sends what is queued until the socket breaks.
    pub(super) async fn serve(self, core: Arc<Core>, signer: Signer, mut socket: Sender) -> SocketError {
        // An async mutex on purpose: the queue belongs to whoever serves it, for as long as the sockets live.
        let mut queue = self.0.lock().await;
        while let Some(upward) = queue.recv().await {
            let Upward {
                from,
                msg_id,
                message,
                room,
            } = upward;
            if !core.asks(&msg_id, from) {
                warn!(kernel.id = %core.kernel_id, "a message was not sent: its id is that of another client's request");
                continue;
            }
            let frames = to_frames(message, &signer);
            let sent = socket.send(&frames).await;
            drop(room);
            if let Err(error) = sent {
                warn!(kernel.id = %core.kernel_id, %error, "a message was lost with the connection to its kernel");
                return error;
            }
        }
        SocketError::Closed
    }

    /// Throws away what is queued: it was meant for a process that is gone.
    pub(super) async fn discard(&self, core: &Core) {
        let mut queue = self.0.lock().await;
        let mut discarded = 0_usize;
        while queue.try_recv().is_ok() {
            discarded = discarded.saturating_add(1);
        }
        if discarded > 0 {
            debug!(kernel.id = %core.kernel_id, discarded, "messages for a process that is gone are not sent to the next");
        }
    }
}
