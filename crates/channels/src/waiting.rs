//! What a client has sent and its kernel does not take yet.
//!
//! Each channel has a queue of its own, so that answers to questions, interrupts and pongs, which come on the same
//! WebSocket, are not held up by cells that wait. A queue is bounded by messages and by bytes. When one is full the client
//! is not read any further: nothing of what it sends is lost, but then all of it waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wire::{Channel, Message};

use crate::Limits;

/// Where messages enter the queues.
pub(crate) struct Entries {
    shell: Entry,
    control: Entry,
    stdin: Entry,
}

/// Where they come out.
pub(crate) struct Queues {
    pub(crate) shell: Queue,
    pub(crate) control: Queue,
    pub(crate) stdin: Queue,
}

struct Entry {
    queue: mpsc::Sender<Waits>,
    /// A permit for each byte that may wait.
    room: Arc<Semaphore>,
    bytes_max: u32,
}

/// One queue's end.
pub(crate) struct Queue(mpsc::Receiver<Waits>);

/// A message, and its room until this is dropped.
pub(crate) struct Waits {
    pub(crate) message: Message,
    _room: OwnedSemaphorePermit,
}

/// The queues of one client.
pub(crate) fn queues(limits: &Limits) -> (Entries, Queues) {
    let ((shell, shell_queue), (control, control_queue), (stdin, stdin_queue)) =
        (queue(limits), queue(limits), queue(limits));
    let entries = Entries {
        shell,
        control,
        stdin,
    };
    let queues = Queues {
        shell: shell_queue,
        control: control_queue,
        stdin: stdin_queue,
    };
    (entries, queues)
}

fn queue(limits: &Limits) -> (Entry, Queue) {
    let (queue, waiting) = mpsc::channel(limits.waiting_messages_max);
    let bytes_max = limits.waiting_bytes_max;
    let permits = usize::try_from(bytes_max).unwrap_or(Semaphore::MAX_PERMITS);
    let entry = Entry {
        queue,
        room: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
        bytes_max,
    };
    (entry, Queue(waiting))
}

impl Entries {
    /// Queues a message; waits for room on its channel. A message larger than all the room waits until the queue is empty,
    /// and then takes it alone. On iopub nothing is sent.
    pub(crate) async fn push(&self, message: Message) {
        let entry = match message.channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Iopub => return,
        };
        let bytes =
            u32::try_from(message.bytes()).map_or(entry.bytes_max, |bytes| bytes.min(entry.bytes_max));
        // Neither is closed before these entries are dropped.
        if let Ok(room) = entry.room.clone().acquire_many_owned(bytes).await {
            let waits = Waits { message, _room: room };
            let _sent = entry.queue.send(waits).await;
        }
    }
}

impl Queue {
    /// The next one; waits for it. `None` when there will be none.
    pub(crate) async fn next(&mut self) -> Option<Waits> {
        self.0.recv().await
    }
}
