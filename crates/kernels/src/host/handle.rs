//! What the server and a kernel's host say to each other: plain messages, so that a host can become a process
//! of its own.

use std::{sync::Arc, time::Duration};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use wire::{Channel, Message};

use super::{journal::Journal, taken::Taken};
use crate::{
    ClientId, KernelError, KernelLimits, KernelStatus, attachment::Clients, launch::ChangedVariables,
    usage::Gauge,
};

/// What a host is told to do.
pub(crate) enum Command {
    Interrupt {
        done: oneshot::Sender<Result<(), KernelError>>,
    },
    Restart {
        done: oneshot::Sender<Result<(), KernelError>>,
    },
    Shutdown {
        done: oneshot::Sender<()>,
    },
    /// Write down what the next server has to know; this one goes.
    Settle {
        done: oneshot::Sender<()>,
    },
}

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Client(ClientId),
    /// The host itself: nobody sees the answer.
    Host,
}

/// A message on its way to the kernel.
pub(crate) struct Upward {
    pub(crate) from: Asker,
    pub(crate) msg_id: Box<str>,
    pub(crate) message: Message,
    /// What it takes of the queue; nothing for the host's own.
    pub(crate) room: Option<Room>,
    /// Its place among the messages of a queue that it has waited for; dropped when it leaves the queue.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

/// A message's room in a queue, free again when this is dropped.
pub(crate) enum Room {
    /// Bytes of the queue here.
    Here { _permit: OwnedSemaphorePermit },
    /// Room in the queue of a server in another process, which is told.
    AtServer { _taken: Taken },
}

/// The host has ended.
pub(crate) struct HostGone;

/// The server's end of a host.
pub(crate) struct HostHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) lanes: Lanes<LaneEntry>,
    pub(crate) status: watch::Receiver<KernelStatus>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) variables: Arc<ChangedVariables>,
    pub(crate) gauge: Gauge,
    /// How long the kernel gets to end when it is asked to.
    pub(crate) shutdown_wait: Duration,
    /// Of a host that is a process of its own, and outlives this one: cancelled, it is killed, and its kernel with it.
    pub(crate) condemned: Option<CancellationToken>,
}

/// Where messages enter the queue of a channel, which is bounded by messages and by bytes.
#[derive(Clone)]
pub(crate) struct LaneEntry {
    queue: mpsc::UnboundedSender<Upward>,
    /// A permit for each message that may still be queued.
    places: Arc<Semaphore>,
    /// A permit for each byte that may still be queued.
    room: Arc<Semaphore>,
    bytes_max: u32,
}

impl LaneEntry {
    pub(crate) fn new(messages_max: usize, bytes_max: u32) -> (Self, mpsc::UnboundedReceiver<Upward>) {
        let (queue, queued) = mpsc::unbounded_channel();
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let entry = Self {
            queue,
            places: semaphore(messages_max),
            room: semaphore(usize::try_from(bytes_max).unwrap_or(Semaphore::MAX_PERMITS)),
            bytes_max,
        };
        (entry, queued)
    }

    /// Queues a message that has waited elsewhere, and takes none of the room here.
    fn pass_on(&self, upward: Upward) -> Result<(), HostGone> {
        self.queue.send(upward).map_err(|_| HostGone)
    }

    /// Waits for room. A message larger than all the room waits until the queue is empty, and then takes it alone.
    async fn send(&self, from: Asker, msg_id: Box<str>, message: Message) -> Result<(), HostGone> {
        let bytes = u32::try_from(message.bytes()).map_or(self.bytes_max, |bytes| bytes.min(self.bytes_max));
        let waiting = async {
            let room = self.room.clone().acquire_many_owned(bytes).await?;
            Ok::<_, AcquireError>((room, self.places.clone().acquire_owned().await?))
        };
        let (room, place) = tokio::select! {
            both = waiting => both.map_err(|_| HostGone)?,
            // Nobody makes room any more.
            () = self.queue.closed() => return Err(HostGone),
        };
        let upward = Upward {
            from,
            msg_id,
            message,
            room: Some(Room::Here { _permit: room }),
            place: Some(place),
        };
        self.queue.send(upward).map_err(|_| HostGone)
    }
}

/// One of something for each channel that messages are sent on.
#[derive(Clone, Default)]
pub(crate) struct Lanes<T> {
    pub(crate) shell: T,
    pub(crate) control: T,
    pub(crate) stdin: T,
}

/// Where messages enter the queues of the channels, and where they come out.
pub(crate) fn queues(limits: &KernelLimits) -> (Lanes<LaneEntry>, Lanes<mpsc::UnboundedReceiver<Upward>>) {
    let queue = || LaneEntry::new(limits.queued_messages_max, limits.queued_bytes_max);
    let ((shell, shell_queued), (control, control_queued), (stdin, stdin_queued)) =
        (queue(), queue(), queue());
    let entries = Lanes {
        shell,
        control,
        stdin,
    };
    let queued = Lanes {
        shell: shell_queued,
        control: control_queued,
        stdin: stdin_queued,
    };
    (entries, queued)
}

impl<T> Lanes<T> {
    pub(crate) fn each(make: impl Fn() -> T) -> Self {
        Self {
            shell: make(),
            control: make(),
            stdin: make(),
        }
    }

    /// The one of this channel; none of iopub.
    pub(crate) fn of(&self, channel: Channel) -> Option<&T> {
        match channel {
            Channel::Shell => Some(&self.shell),
            Channel::Control => Some(&self.control),
            Channel::Stdin => Some(&self.stdin),
            Channel::Iopub => None,
        }
    }

    /// The one of this channel, to change; none of iopub.
    pub(crate) fn of_mut(&mut self, channel: Channel) -> Option<&mut T> {
        match channel {
            Channel::Shell => Some(&mut self.shell),
            Channel::Control => Some(&mut self.control),
            Channel::Stdin => Some(&mut self.stdin),
            Channel::Iopub => None,
        }
    }
}

impl HostHandle {
    /// Queues a message; waits while the queue is full. Iopub is nobody's to send on and goes nowhere.
    pub(crate) async fn send(
        &self,
        from: ClientId,
        msg_id: Box<str>,
        message: Message,
    ) -> Result<(), HostGone> {
        match self.lanes.of(message.channel) {
            Some(lane) => lane.send(Asker::Client(from), msg_id, message).await,
            None => Ok(()),
        }
    }

    /// Queues a message that has waited for its room elsewhere: never waits, so that whoever reads what comes from there
    /// hears everything that does.
    pub(crate) fn pass_on(&self, upward: Upward) -> Result<(), HostGone> {
        match self.lanes.of(upward.message.channel) {
            Some(lane) => lane.pass_on(upward),
            None => Ok(()),
        }
    }

    pub(crate) async fn interrupt(&self) -> Result<Result<(), KernelError>, HostGone> {
        self.ask(|done| Command::Interrupt { done }).await
    }

    pub(crate) async fn restart(&self) -> Result<Result<(), KernelError>, HostGone> {
        self.ask(|done| Command::Restart { done }).await
    }

    pub(crate) async fn shutdown(&self) -> Result<(), HostGone> {
        self.ask(|done| Command::Shutdown { done }).await
    }

    pub(crate) async fn settle(&self) -> Result<(), HostGone> {
        self.ask(|done| Command::Settle { done }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, HostGone> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.map_err(|_| HostGone)?;
        answer.await.map_err(|_| HostGone)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;
    use wire::NewHeader;

    use super::*;

    fn message(bytes: usize) -> Message {
        let header = NewHeader {
            msg_id: "1",
            msg_type: "execute_request",
            session: "s",
            username: "",
            date: "",
        };
        Message::new(Channel::Shell, header, None, &json!("x".repeat(bytes)))
    }

    #[tokio::test]
    async fn whoever_sends_more_bytes_than_may_be_queued_waits() {
        let (entry, mut queued) = LaneEntry::new(100, 1_000);
        let send = |bytes| entry.send(Asker::Host, "1".into(), message(bytes));
        assert!(send(500).now_or_never().is_some());
        let mut larger_than_all = Box::pin(send(5_000));
        assert!(larger_than_all.as_mut().now_or_never().is_none());
        // The first has been sent.
        drop(queued.recv().await);
        assert!(larger_than_all.now_or_never().is_some());
        let mut next = Box::pin(send(10));
        assert!(next.as_mut().now_or_never().is_none());
        let sent = queued.recv().await;
        assert!(next.as_mut().now_or_never().is_none(), "it is still being sent");
        drop(sent);
        assert!(next.now_or_never().is_some());
    }

    #[tokio::test]
    async fn whoever_sends_more_messages_than_may_be_queued_waits_until_one_has_left_the_queue() {
        let (entry, mut queued) = LaneEntry::new(1, 1_000);
        let send = || entry.send(Asker::Host, "1".into(), message(1));
        assert!(send().now_or_never().is_some());
        let mut next = Box::pin(send());
        assert!(next.as_mut().now_or_never().is_none());
        let Upward { place, .. } = queued.recv().await.unwrap();
        drop(place);
        assert!(next.now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_has_waited_elsewhere_is_queued_at_once_and_takes_nothing_of_the_room_here() {
        let (entry, _queued) = LaneEntry::new(1, 1_000);
        for _ in 0..3 {
            let waited = Upward {
                from: Asker::Host,
                msg_id: "1".into(),
                message: message(1),
                room: None,
                place: None,
            };
            assert!(entry.pass_on(waited).is_ok());
        }
        let sent = entry.send(Asker::Host, "1".into(), message(1)).now_or_never();
        assert!(sent.is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_room_hears_that_the_host_is_gone() {
        let (entry, queued) = LaneEntry::new(100, 10);
        assert!(entry.send(Asker::Host, "1".into(), message(50)).await.is_ok());
        let mut waiting = Box::pin(entry.send(Asker::Host, "1".into(), message(50)));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(queued);
        assert!(waiting.await.is_err());
    }
}
