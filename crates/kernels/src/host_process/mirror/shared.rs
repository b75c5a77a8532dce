//! What the two halves of a connection to a host share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, watch};
use wire::Channel;

use crate::{
    Delivery, KernelId, KernelLimits, KernelStatus, KernelUsage,
    attachment::Clients,
    host::{
        handle::{Command, Lanes, Room},
        journal::{Fetch, Fetched, Journal},
    },
    host_process::protocol::{Failure, MINOR_WITH_ENDED, MINOR_WITH_USAGE, MessageCounts, Version},
    launch::ChangedVariables,
    usage::AskHost,
};

/// When so much has come, the host is told at once what is needed no longer, so that it need not write it to its file.
const UNTOLD_BYTES_MAX: usize = 1 << 20;

/// More than servers have ever sent ahead.
const QUEUED_COUNTED_MAX: usize = 1 << 16;

/// The mirror of one kernel.
pub(super) struct Shared {
    pub(super) kernel_id: KernelId,
    pub(super) journal: Arc<Journal>,
    pub(super) status: watch::Sender<KernelStatus>,
    pub(super) clients: Weak<Clients>,
    /// Which the host is to start its next process with.
    pub(super) variables: Arc<ChangedVariables>,
    /// Told when there is room again in a queue of the host's.
    pub(super) room: Notify,
    /// Told when much has come.
    pub(super) much: Notify,
    came: AtomicUsize,
    in_flight_max: usize,
    /// Whether the host that is connected tells what its kernel uses.
    tells_usage: AtomicBool,
    /// Whether it tells which requests ended with the kernel's process.
    tells_ended: AtomicBool,
    /// A plain mutex, never held across an await.
    pending: Mutex<Pending>,
}

/// What the host has not answered yet.
#[derive(Default)]
struct Pending {
    last_id: u64,
    commands: HashMap<u64, Command>,
    fetches: HashMap<u64, PendingFetch>,
    measures: HashMap<u64, AskHost>,
    /// The room of messages that are in the host's queues, oldest first.
    in_flight: Lanes<VecDeque<Option<Room>>>,
}

struct PendingFetch {
    fetch: Fetch,
    deliveries: Vec<Arc<Delivery>>,
}

impl Shared {
    pub(super) fn new(
        kernel_id: KernelId,
        journal: Arc<Journal>,
        status: watch::Sender<KernelStatus>,
        clients: &Arc<Clients>,
        limits: &KernelLimits,
    ) -> Self {
        Self {
            kernel_id,
            journal,
            status,
            clients: Arc::downgrade(clients),
            variables: Arc::default(),
            room: Notify::new(),
            much: Notify::new(),
            came: AtomicUsize::new(0),
            in_flight_max: limits.queued_messages_max,
            tells_usage: AtomicBool::new(false),
            tells_ended: AtomicBool::new(false),
            pending: Mutex::default(),
        }
    }

    /// Notes what the host knows that is connected now.
    pub(super) fn note_version(&self, version: Version) {
        let tells_usage = version.minor >= MINOR_WITH_USAGE;
        self.tells_usage.store(tells_usage, Ordering::Relaxed);
        let tells_ended = version.minor >= MINOR_WITH_ENDED;
        self.tells_ended.store(tells_ended, Ordering::Relaxed);
    }

    /// The host has launched its kernel again.
    pub(super) fn note_restart(&self) {
        // One of an older version does not tell what ended with the process before: all that it was sent, as far as known.
        if !self.tells_ended.load(Ordering::Relaxed) {
            self.journal.end_executions([]);
        }
    }

    /// Notes who wants to know what the kernel uses, and gives it a number; `None` when the host could not say.
    pub(super) fn note_measure(&self, asker: AskHost) -> Option<u64> {
        if !self.tells_usage.load(Ordering::Relaxed) {
            return None;
        }
        let mut pending = self.pending();
        let id = pending.next_id();
        // Those who wait no longer: the host is slow.
        pending.measures.retain(|_, asker| !asker.is_closed());
        pending.measures.insert(id, asker);
        Some(id)
    }

    /// Tells who wants to know it what the kernel uses.
    pub(super) fn finish_measure(&self, id: u64, usage: Option<KernelUsage>) {
        let asker = self.pending().measures.remove(&id);
        if let (Some(asker), Some(usage)) = (asker, usage) {
            // They may have gone.
            let _asker = asker.send(usage);
        }
    }

    /// Notes a command, and gives it a number.
    pub(super) fn note_command(&self, command: Command) -> u64 {
        let mut pending = self.pending();
        let id = pending.next_id();
        pending.commands.insert(id, command);
        id
    }

    /// Notes a question, and gives it a number.
    pub(super) fn note_fetch(&self, fetch: Fetch) -> u64 {
        let mut pending = self.pending();
        let id = pending.next_id();
        let deliveries = Vec::new();
        pending.fetches.insert(id, PendingFetch { fetch, deliveries });
        id
    }

    /// Whether the host's queue has room for another message on this channel.
    pub(super) fn has_room(&self, channel: Channel) -> bool {
        let pending = self.pending();
        let in_flight = pending.in_flight.of(channel);
        in_flight.is_none_or(|in_flight| in_flight.len() < self.in_flight_max)
    }

    /// Keeps the room of a message until the host says that the kernel has it.
    pub(super) fn note_in_flight(&self, channel: Channel, room: Option<Room>) {
        if let Some(in_flight) = self.pending().in_flight.of_mut(channel) {
            in_flight.push_back(room);
        }
    }

    /// So many wait in the queues of the host that is connected now, from whoever sent them.
    pub(super) fn note_queued(
        &self,
        MessageCounts {
            shell,
            control,
            stdin,
        }: MessageCounts,
    ) {
        let mut pending = self.pending();
        let in_flight = &mut pending.in_flight;
        for (queue, count) in [
            (&mut in_flight.shell, shell),
            (&mut in_flight.control, control),
            (&mut in_flight.stdin, stdin),
        ] {
            queue.clear();
            // Beyond what may wait it makes no difference.
            queue.extend(std::iter::repeat_with(|| None).take(count.min(QUEUED_COUNTED_MAX)));
        }
    }

    /// The host's queues have room for so many more.
    pub(super) fn taken(
        &self,
        MessageCounts {
            shell,
            control,
            stdin,
        }: MessageCounts,
    ) {
        let mut pending = self.pending();
        let in_flight = &mut pending.in_flight;
        for (queue, count) in [
            (&mut in_flight.shell, shell),
            (&mut in_flight.control, control),
            (&mut in_flight.stdin, stdin),
        ] {
            let count = count.min(queue.len());
            queue.drain(..count);
        }
        drop(pending);
        self.room.notify_one();
    }

    /// Adds to the answer of a question.
    pub(super) fn fetched(&self, id: u64, delivery: Delivery) {
        if let Some(fetch) = self.pending().fetches.get_mut(&id) {
            fetch.deliveries.push(Arc::new(delivery));
        }
    }

    /// Gives an answer to whoever asked.
    pub(super) fn finish_fetch(&self, id: u64, next: crate::Position, missed: u64) {
        let Some(PendingFetch { fetch, deliveries }) = self.pending().fetches.remove(&id) else {
            return;
        };
        // Whoever asked may have gone.
        let _asker = fetch.answer.send(Fetched {
            deliveries,
            next,
            missed,
        });
    }

    /// Gives an answer to whoever commanded.
    pub(super) fn finish_command(&self, id: u64, failure: Option<Failure>) {
        let Some(command) = self.pending().commands.remove(&id) else {
            return;
        };
        match (command, failure.map(Failure::into_error)) {
            (Command::Interrupt { done } | Command::Restart { done }, None) => drop(done.send(Ok(()))),
            (Command::Interrupt { done } | Command::Restart { done }, Some(Some(error))) => {
                drop(done.send(Err(error)));
            }
            (Command::Shutdown { done } | Command::Settle { done }, None) => drop(done.send(())),
            // Dropped, they say that the kernel is gone.
            (
                Command::Interrupt { .. }
                | Command::Restart { .. }
                | Command::Shutdown { .. }
                | Command::Settle { .. },
                _,
            ) => {}
        }
    }

    /// What is open when the connection breaks: questions, to be asked again, and whether somebody has asked for the
    /// end of the kernel. All else is answered by nobody.
    pub(super) fn abandon(&self) -> Abandoned {
        let pending = std::mem::take(&mut *self.pending());
        let fetches = pending
            .fetches
            .into_values()
            .map(|pending| pending.fetch)
            .collect();
        let shutdowns = pending
            .commands
            .into_values()
            .filter_map(|command| match command {
                Command::Shutdown { done } => Some(done),
                Command::Interrupt { .. } | Command::Restart { .. } | Command::Settle { .. } => None,
            });
        Abandoned {
            fetches,
            shutdowns: shutdowns.collect(),
        }
    }

    /// So many bytes have come.
    pub(super) fn note_bytes(&self, bytes: usize) {
        let came = self
            .came
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        if came >= UNTOLD_BYTES_MAX {
            self.came.store(0, Ordering::Relaxed);
            self.much.notify_one();
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Shared::abandon`].
#[derive(Default)]
pub(super) struct Abandoned {
    pub(super) fetches: Vec<Fetch>,
    pub(super) shutdowns: Vec<tokio::sync::oneshot::Sender<()>>,
}

impl Pending {
    fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn shared() -> Shared {
        let journal = Arc::new(Journal::new(crate::Position(0), 0, 0, "/".into()));
        let limits = KernelLimits::default();
        let clients = Clients::new(journal.clone(), crate::attachment::RememberedMax::new(&limits));
        let launched = KernelStatus::launched(jiff::Timestamp::UNIX_EPOCH);
        let (status, _seen) = watch::channel(launched);
        Shared::new(KernelId::random(), journal, status, &clients, &limits)
    }

    #[tokio::test]
    async fn a_host_of_an_older_version_is_not_asked_what_its_kernel_uses() {
        let shared = shared();
        let (asker, answer) = oneshot::channel();
        shared.note_version(Version { major: 1, minor: 0 });
        assert_eq!(shared.note_measure(asker), None);
        assert!(
            answer.await.is_err(),
            "whoever asks hears at once that nobody knows"
        );

        let (asker, answer) = oneshot::channel();
        shared.note_version(Version { major: 1, minor: 1 });
        let id = shared.note_measure(asker).unwrap();
        shared.finish_measure(id, Some(KernelUsage::default()));
        assert_eq!(answer.await, Ok(KernelUsage::default()));
    }
}
