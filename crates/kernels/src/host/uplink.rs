//! From a queue of messages to a kernel's socket.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tracing::{debug, warn};
use wire::{Channel, Signer, to_frames};

use super::{core::Core, handle::Upward, link::Greeting};
use crate::sockets::{Sender, SocketError};

/// What the host itself sends on a channel may wait in this many messages.
const OWN_QUEUED_MAX: usize = 16;

/// The queues of one channel. They outlive the sockets: whoever sends while there are none waits.
#[derive(Clone)]
pub(super) struct Lane(Arc<Mutex<Queues>>);

struct Queues {
    /// From clients.
    asked: mpsc::UnboundedReceiver<Upward>,
    /// From the host.
    own: mpsc::Receiver<Upward>,
}

impl Lane {
    /// A lane for what clients ask, and where the host's own requests enter it.
    pub(super) fn new(asked: mpsc::UnboundedReceiver<Upward>) -> (Self, mpsc::Sender<Upward>) {
        let (entry, own) = mpsc::channel(OWN_QUEUED_MAX);
        (Self(Arc::new(Mutex::new(Queues { asked, own }))), entry)
    }

    /// Sends what is queued until the socket breaks: the host's own at once, what clients ask as soon as the
    /// kernel's output is heard, since the output of anything before that goes nowhere, and not too much of what it was
    /// asked waits for an answer.
    pub(super) async fn serve(self, mut uplink: Uplink) -> SocketError {
        // An async mutex on purpose: the queues belong to whoever serves them, for as long as the sockets live.
        let mut queues = self.0.lock().await;
        let Queues { asked, own } = &mut *queues;
        let mut output_heard = false;
        let (core, channel) = (uplink.core.clone(), uplink.channel);
        loop {
            let has_room = core.has_room(channel);
            let upward = tokio::select! {
                biased;
                Some(upward) = own.recv() => upward,
                heard = uplink.greeting.wait_for(|greeting| greeting.output_heard), if !output_heard => match heard {
                    Ok(_) => {
                        output_heard = true;
                        continue;
                    }
                    Err(_) => return SocketError::Closed,
                },
                () = core.room(channel), if !has_room => continue,
                Some(upward) = asked.recv(), if output_heard && has_room => upward,
                else => return SocketError::Closed,
            };
            if let Err(error) = uplink.send(upward).await {
                warn!(kernel.id = %uplink.core.kernel_id, %error, "a message was lost with the connection to its kernel");
                return error;
            }
        }
    }

    /// Throws away what is queued, and tells its ids: it was meant for a process that is gone.
    pub(super) async fn discard(&self, core: &Core) -> Vec<Box<str>> {
        let mut queues = self.0.lock().await;
        let Queues { asked, own } = &mut *queues;
        let queued = std::iter::from_fn(|| asked.try_recv().or_else(|_| own.try_recv()).ok());
        let discarded: Vec<_> = queued.map(|upward| upward.msg_id).collect();
        if !discarded.is_empty() {
            debug!(kernel.id = %core.kernel_id, discarded = discarded.len(), "messages for a process that is gone are not sent to the next");
        }
        discarded
    }
}

/// A socket to the kernel, and what is known of the kernel at its other end.
pub(super) struct Uplink {
    pub(super) core: Arc<Core>,
    pub(super) channel: Channel,
    pub(super) signer: Signer,
    pub(super) socket: Sender,
    pub(super) greeting: watch::Receiver<Greeting>,
}

impl Uplink {
    async fn send(&mut self, upward: Upward) -> Result<(), SocketError> {
        let Upward {
            from,
            msg_id,
            message,
            room,
            place,
        } = upward;
        drop(place);
        if !self.core.asks(&msg_id, from, &message) {
            warn!(kernel.id = %self.core.kernel_id, "a message was not sent: its id is that of another client's request");
            return Ok(());
        }
        self.core.journal.note_sent(&msg_id);
        let sent = self.socket.send(&to_frames(message, &self.signer)).await;
        drop(room);
        sent
    }
}
