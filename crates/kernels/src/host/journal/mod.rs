//! What a kernel said lately: bounded in memory, spilling to a file with a quota.
//!
//! Appending never waits for a reader. Readers hold positions, not queues: a slow one costs nothing but its
//! place. What the slowest one still needs is kept in the file when memory is full; what falls out of that too
//! is told as a [`Missed`](Read::Missed), never silently left out.
//!
//! In the server the journal of a kernel whose host is a process of its own has no file: behind its memory stands the
//! host, which is asked ([`Journal::mirror`]).

mod behind;
mod delivery;
mod executions;
mod index;
mod retelling;
mod running;
mod spill;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc, watch};
use tracing::warn;
use wire::Message;

pub(crate) use behind::{Behind, Fetch, Fetched};
pub use delivery::{Audience, Delivery, Position};
pub use executions::{CodeDigest, Execution};
pub(crate) use index::MSG_ID_BYTES_MAX;
use index::{Answer, Index};
pub use retelling::Retelling;
pub(crate) use running::RunningRequest;
use spill::Spill;

use crate::ClientId;

/// How many entries one read looks at: it bounds how long the lock is held.
const READ_ENTRIES_MAX: usize = 256;

/// How many bytes one read gives, the message that crosses the line included: a reader that stands still holds them.
const READ_BYTES_MAX: usize = 256 << 10;

/// The journal of one kernel.
pub(crate) struct Journal {
    /// A plain mutex, held for a few moves of pointers and (when memory is full) one write to the file;
    /// never across an await.
    state: Mutex<State>,
    news: watch::Sender<News>,
    memory_bytes_max: usize,
    /// Told when what is needed has changed.
    kept: Notify,
}

/// What readers wait on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    /// Where the next message will stand.
    pub(crate) head: Position,
    /// Whether there will be none.
    pub(crate) closed: bool,
}

struct State {
    /// Invariant: positions are contiguous and end just before `news.head`.
    entries: VecDeque<Arc<Delivery>>,
    memory_bytes: usize,
    store: Store,
    /// The oldest position somebody still needs; `None` when nobody does.
    needed_from: Option<Position>,
    index: Index,
    /// Everything that was ever added.
    bytes: u64,
}

/// What a kernel said.
pub(crate) struct Entry<'a> {
    pub(crate) audience: Audience,
    pub(crate) message: &'a Message,
    /// The id of the request it answers, when it answers one.
    pub(crate) request: Option<&'a str>,
}

/// Where that is which has left memory.
enum Store {
    File(Spill),
    Host(mpsc::UnboundedSender<Fetch>),
}

/// What a read found.
pub(crate) enum Read {
    /// These, and go on at `next`. May be empty when all that was looked at is for others.
    Deliveries {
        deliveries: Vec<Arc<Delivery>>,
        next: Position,
    },
    /// They are no longer in memory; fetch them.
    Behind(Behind),
    /// So many fell out; go on at `next`.
    Missed { missed: u64, next: Position },
    /// Nothing new yet.
    Nothing,
    /// Nothing new, ever.
    Closed,
}

impl Journal {
    /// A journal whose first message will stand at `first`, with a file.
    pub(crate) fn new(
        first: Position,
        memory_bytes_max: usize,
        file_bytes_max: u64,
        spill_dir: PathBuf,
    ) -> Self {
        let file = Spill::new(spill_dir, file_bytes_max);
        Self::over(Store::File(file), first, memory_bytes_max)
    }

    /// A window on a journal that is in another process: what has left it is asked for by `host`.
    pub(crate) fn mirror(
        first: Position,
        memory_bytes_max: usize,
        host: mpsc::UnboundedSender<Fetch>,
    ) -> Self {
        Self::over(Store::Host(host), first, memory_bytes_max)
    }

    fn over(store: Store, first: Position, memory_bytes_max: usize) -> Self {
        let news = News {
            head: first,
            closed: false,
        };
        let state = State {
            entries: VecDeque::new(),
            memory_bytes: 0,
            store,
            needed_from: None,
            index: Index::default(),
            bytes: 0,
        };
        Self {
            state: Mutex::new(state),
            news: watch::Sender::new(news),
            memory_bytes_max,
            kept: Notify::new(),
        }
    }

    /// Adds what the kernel said.
    pub(crate) fn append<'a>(&self, entries: impl IntoIterator<Item = Entry<'a>>) {
        // Encoded before the lock is taken: copying a large message takes its time.
        let encoded =
            |Entry {
                 audience,
                 message,
                 request,
             }: Entry<'a>| { (Delivery::new(Position::default(), audience, message), request) };
        let entries: Vec<_> = entries.into_iter().map(encoded).collect();
        let mut state = self.lock();
        let mut position = self.news.borrow().head;
        let mut indexed = None;
        for (mut delivery, request) in entries {
            delivery.position = position;
            let answer = Answer::of(&delivery.parts(), request == indexed);
            if let Some(answer) = answer {
                let bytes = state.bytes;
                state.index.answer(request, position, answer, bytes);
                indexed = request.filter(|_| answer == Answer::Output);
            }
            state.push(delivery, self.memory_bytes_max);
            position = position.next();
        }
        self.news.send_modify(|news| news.head = position);
    }

    /// Adds a message of ours to everyone, which answers nothing.
    pub(crate) fn tell(&self, message: &Message) {
        self.append([Entry {
            audience: Audience::Everyone,
            message,
            request: None,
        }]);
    }

    /// Adds what the journal that this one mirrors holds: positions ascend, and where some are left out readers are
    /// told that they have missed them, unless the other journal still knows them.
    pub(crate) fn extend(&self, deliveries: Vec<Delivery>) {
        let Some(head) = deliveries.last().map(|last| last.position.next()) else {
            return;
        };
        let mut state = self.lock();
        for delivery in deliveries {
            let follows = |last: &Arc<Delivery>| last.position.next() == delivery.position;
            if !state.entries.back().is_none_or(follows) {
                state.entries.clear();
                state.memory_bytes = 0;
            }
            let bytes = state.bytes;
            state.index.mirrored(&delivery, bytes);
            state.push(delivery, self.memory_bytes_max);
        }
        self.news.send_modify(|news| news.head = head);
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.news.send_modify(|news| news.closed = true);
    }

    pub(crate) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    pub(crate) fn head(&self) -> Position {
        self.news.borrow().head
    }

    /// Nobody needs anything before `needed_from`, but for the beginning of what had not ended there; with `None`, nobody
    /// needs anything old at all.
    pub(crate) fn keep(&self, needed_from: Option<Position>) {
        let mut state = self.lock();
        let bytes = state.bytes;
        let needed_from = needed_from.map(|from| state.index.executions.whole_from(from, bytes));
        state.needed_from = needed_from;
        if let Store::File(spill) = &mut state.store {
            spill.forget_before(needed_from);
        }
        drop(state);
        self.kept.notify_one();
    }

    /// Completes when [`keep`](Self::keep) was called since the last time. For one listener.
    pub(crate) async fn kept(&self) {
        self.kept.notified().await;
    }

    /// The oldest position somebody still needs.
    pub(crate) fn needed_from(&self) -> Option<Position> {
        self.lock().needed_from
    }

    /// Whether all from there on is still at hand, as far as is known.
    pub(crate) fn holds(&self, from: Position) -> bool {
        let state = self.lock();
        let in_memory_from = state.entries.front().map(|entry| entry.position);
        let first = match &state.store {
            Store::File(spill) => spill.first(),
            Store::Host(_) => state.needed_from,
        };
        first
            .into_iter()
            .chain(in_memory_from)
            .chain([self.head()])
            .any(|first| first <= from)
    }

    /// What stands at `from` and after it, for `client`.
    pub(crate) fn read(&self, from: Position, client: &ClientId) -> Read {
        self.read_those(from, |audience| audience.includes(client))
    }

    /// What stands at `from` and after it, whoever it is for.
    pub(crate) fn read_all(&self, from: Position) -> Read {
        self.read_those(from, |_| true)
    }

    fn read_those(&self, from: Position, is_wanted: impl Fn(&Audience) -> bool) -> Read {
        let mut state = self.lock();
        let News { head, closed } = *self.news.borrow();
        if from >= head {
            return if closed { Read::Closed } else { Read::Nothing };
        }
        let in_memory_from = state.entries.front().map_or(head, |entry| entry.position);
        if from < in_memory_from {
            return state.read_behind(from, in_memory_from);
        }
        let skip = usize::try_from(from.0.saturating_sub(in_memory_from.0)).unwrap_or(usize::MAX);
        let (mut deliveries, mut next, mut bytes) = (Vec::new(), from, 0);
        for delivery in state.entries.iter().skip(skip).take(READ_ENTRIES_MAX) {
            next = delivery.position.next();
            if is_wanted(&delivery.audience) {
                bytes += delivery.v1().len();
                deliveries.push(delivery.clone());
            }
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Read::Deliveries { deliveries, next }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, delivery: Delivery, memory_bytes_max: usize) {
        self.memory_bytes = self.memory_bytes.saturating_add(delivery.memory_bytes());
        self.bytes = self.bytes.saturating_add(delivery.v1().len() as u64);
        self.entries.push_back(Arc::new(delivery));
        while self.memory_bytes > memory_bytes_max && self.entries.len() > 1 {
            self.evict_oldest();
        }
    }

    fn evict_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else {
            return;
        };
        self.memory_bytes = self.memory_bytes.saturating_sub(oldest.memory_bytes());
        let Store::File(spill) = &mut self.store else {
            return;
        };
        let needed = self.needed_from.is_some_and(|from| from <= oldest.position);
        if !needed {
            spill.clear();
        } else if let Err(error) = spill.append(&oldest) {
            lose(spill, &error);
        }
    }

    /// What stands before `in_memory_from`.
    fn read_behind(&mut self, from: Position, in_memory_from: Position) -> Read {
        let spill = match &mut self.store {
            Store::File(spill) => spill,
            Store::Host(host) => return Read::Behind(Behind::host(host.clone(), from, in_memory_from)),
        };
        let chunk = spill.chunk(from).unwrap_or_else(|error| {
            lose(spill, &error);
            None
        });
        chunk.map_or_else(
            || {
                let next = spill.first().unwrap_or(in_memory_from).max(from.next());
                let missed = next.0.saturating_sub(from.0);
                Read::Missed { missed, next }
            },
            |chunk| Read::Behind(Behind::file(chunk)),
        )
    }
}

/// What is in the file cannot be relied on any longer.
fn lose(spill: &mut Spill, error: &std::io::Error) {
    warn!(%error, "failed to spill a kernel's journal to its file; clients that lag behind will see a gap");
    spill.clear();
}

#[cfg(test)]
mod tests;
