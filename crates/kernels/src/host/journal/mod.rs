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
mod retelling;
mod running;
mod spill;

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};
use tracing::warn;
use wire::{Channel, Message, Parts};

pub(crate) use behind::{Behind, Fetch, Fetched};
pub use delivery::{Audience, Delivery, Position};
pub use executions::{CodeDigest, Execution};
use executions::{Executions, is_idle};
pub use retelling::Retelling;
pub(crate) use running::RunningRequest;
use spill::Spill;

use crate::ClientId;

/// How many entries one read looks at: it bounds how long the lock is held.
const READ_ENTRIES_MAX: usize = 256;

/// How many bytes one read gives, the message that crosses the line included: a reader that stands still holds them.
const READ_BYTES_MAX: usize = 256 << 10;

/// How many requests' first outputs are indexed.
const REQUESTS_INDEXED_MAX: usize = 4_096;

/// The longest id of a request, in bytes. Clients make uuids, some with a few words around them.
pub(crate) const MSG_ID_BYTES_MAX: usize = 256;

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
    requests: HashMap<Box<str>, Position>,
    requests_in_order: VecDeque<Box<str>>,
    executions: Executions,
    /// Told when some of them have ended. Who is woken finds them ended: they wait for this state first.
    ends: watch::Sender<()>,
    /// Everything that was ever added.
    bytes: u64,
    /// The parent of what was mirrored last: outputs of one request come in a row, and need no look into each.
    last_parent: Bytes,
}

/// What a kernel said.
pub(crate) struct Entry<'a> {
    pub(crate) audience: Audience,
    pub(crate) message: &'a Message,
    /// The id of the request it answers, when it answers one.
    pub(crate) request: Option<&'a str>,
}

/// What an answer means to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The kernel is done with the request.
    Idle,
    /// Said to everyone, and to be given again to who has missed it.
    Output,
    Other,
}

impl Answer {
    /// `None` for what need not be looked into: outputs of one request come in a row.
    fn of(parts: &Parts<'_>, follows_output: bool) -> Option<Self> {
        if is_idle(parts) {
            return Some(Self::Idle);
        }
        if follows_output {
            return None;
        }
        let is_status = || parts.header().is_ok_and(|header| header.msg_type == "status");
        let is_output = parts.channel == Channel::Iopub && !is_status();
        Some(if is_output { Self::Output } else { Self::Other })
    }
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
            requests: HashMap::new(),
            requests_in_order: VecDeque::new(),
            executions: Executions::default(),
            ends: watch::Sender::new(()),
            bytes: 0,
            last_parent: Bytes::new(),
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
                state.index_answer(request, position, answer);
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
            state.index_mirrored(&delivery);
            state.push(delivery, self.memory_bytes_max);
        }
        self.news.send_modify(|news| news.head = head);
    }

    /// The requests whose first output is known, oldest first.
    pub(crate) fn requests(&self) -> Vec<(Box<str>, Position)> {
        let state = self.lock();
        let in_order = state.requests_in_order.iter();
        in_order
            .filter_map(|request| Some((request.clone(), *state.requests.get(request)?)))
            .collect()
    }

    /// Takes over what another journal knows of requests.
    pub(crate) fn index_requests(&self, requests: impl IntoIterator<Item = (Box<str>, Position)>) {
        let mut state = self.lock();
        for (request, position) in requests {
            if request.len() <= MSG_ID_BYTES_MAX {
                state.index(&request, position);
            }
        }
    }

    /// A client asks to run code.
    pub(crate) fn note_execution(&self, execution: Execution) {
        self.lock().executions.note(execution);
    }

    /// Takes over what another journal knows of requests to run code.
    pub(crate) fn index_executions(&self, executions: Vec<Execution>) {
        let mut state = self.lock();
        for execution in executions {
            state.executions.note(execution);
        }
    }

    /// The requests to run code, oldest first.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.lock().executions.all()
    }

    /// Requests that have not ended never will: the kernel's process is gone.
    pub(crate) fn end_executions(&self) {
        let head = self.head();
        let mut state = self.lock();
        state.executions.end_all(head);
        state.ends.send_replace(());
    }

    /// A wake-up whenever requests to run code have ended, as [`executions`](Self::executions) tells. The status is no such:
    /// it runs ahead of what is said here.
    pub(crate) fn ends(&self) -> watch::Receiver<()> {
        self.lock().ends.subscribe()
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
        let needed_from = needed_from.map(|from| state.executions.whole_from(from, bytes));
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

    /// Where the first output of the request of this id stands, if it is known.
    pub(crate) fn first_answering(&self, request: &str) -> Option<Position> {
        self.lock().requests.get(request).copied()
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

    fn index_mirrored(&mut self, delivery: &Delivery) {
        let parts = delivery.parts();
        let Some(answer) = Answer::of(&parts, *parts.parent_header == *self.last_parent) else {
            return;
        };
        self.last_parent = match answer {
            Answer::Output => delivery.v1().slice_ref(parts.parent_header),
            Answer::Idle | Answer::Other => Bytes::new(),
        };
        // Whatever cannot be read has not become part of the journal that is mirrored.
        if let Ok(Some(parent)) = parts.parent() {
            self.index_answer(Some(&parent.msg_id), delivery.position, answer);
        }
    }

    /// Requests without outputs are not indexed: nothing of theirs is ever given again, and whoever may only ask
    /// questions must not push out what others need.
    fn index_answer(&mut self, request: Option<&str>, position: Position, answer: Answer) {
        // A kernel may make up ids of its own.
        let Some(request) = request.filter(|request| request.len() <= MSG_ID_BYTES_MAX) else {
            return;
        };
        if answer == Answer::Output {
            self.index(request, position);
        }
        let is_idle = answer == Answer::Idle;
        self.executions
            .note_answer(request, position, is_idle, self.bytes);
        if is_idle {
            self.ends.send_replace(());
        }
    }

    fn index(&mut self, request: &str, position: Position) {
        if self.requests.contains_key(request) {
            return;
        }
        if self.requests_in_order.len() >= REQUESTS_INDEXED_MAX
            && let Some(oldest) = self.requests_in_order.pop_front()
        {
            self.requests.remove(&oldest);
        }
        self.requests.insert(request.into(), position);
        self.requests_in_order.push_back(request.into());
    }
}

/// What is in the file cannot be relied on any longer.
fn lose(spill: &mut Spill, error: &std::io::Error) {
    warn!(%error, "failed to spill a kernel's journal to its file; clients that lag behind will see a gap");
    spill.clear();
}

#[cfg(test)]
mod tests;
