//! What a kernel said lately: bounded in memory, spilling to a file with a quota.
//!
//! Appending never waits for a reader. Readers hold positions, not queues: a slow one costs nothing but its
//! place. What the slowest one still needs is kept in the file when memory is full; what falls out of that too
//! is told as a [`Missed`], never silently left out.

mod delivery;
mod spill;

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use tracing::warn;
use wire::Message;

pub use delivery::{Audience, Delivery, Position};
use spill::Spill;
pub(crate) use spill::SpilledChunk;

use crate::ClientId;

/// How many entries one read looks at: it bounds how long the lock is held.
const READ_ENTRIES_MAX: usize = 256;

/// How many requests' first outputs are indexed.
const REQUESTS_INDEXED_MAX: usize = 4_096;

/// The journal of one kernel.
pub(crate) struct Journal {
    /// A plain mutex, held for a few moves of pointers and (when memory is full) one write to the file;
    /// never across an await.
    state: Mutex<State>,
    news: watch::Sender<News>,
    memory_bytes_max: usize,
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
    spill: Spill,
    /// The oldest position somebody still needs; `None` when nobody does.
    needed_from: Option<Position>,
    requests: HashMap<Box<str>, Position>,
    requests_in_order: VecDeque<Box<str>>,
}

/// What a read found.
pub(crate) enum Read {
    /// These, and go on at `next`. May be empty when all that was looked at is for others.
    Deliveries {
        deliveries: Vec<Arc<Delivery>>,
        next: Position,
    },
    /// They are in the file; read them off the async threads.
    Spilled(SpilledChunk),
    /// So many fell out; go on at `next`.
    Missed { missed: u64, next: Position },
    /// Nothing new yet.
    Nothing,
    /// Nothing new, ever.
    Closed,
}

impl Journal {
    pub(crate) fn new(memory_bytes_max: usize, file_bytes_max: u64, spill_dir: PathBuf) -> Self {
        let news = News {
            head: Position(0),
            closed: false,
        };
        let state = State {
            entries: VecDeque::new(),
            memory_bytes: 0,
            spill: Spill::new(spill_dir, file_bytes_max),
            needed_from: None,
            requests: HashMap::new(),
            requests_in_order: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
            news: watch::Sender::new(news),
            memory_bytes_max,
        }
    }

    /// Adds what the kernel said. `request` is the parent's id, when it has one.
    pub(crate) fn append(&self, audience: Audience, message: Message, request: Option<&str>) {
        // Encoded before the lock is taken: copying a large message takes its time.
        let mut delivery = Delivery::new(Position::default(), audience, message);
        let mut state = self.lock();
        let position = self.news.borrow().head;
        delivery.position = position;
        state.memory_bytes = state.memory_bytes.saturating_add(delivery.v1().len());
        state.entries.push_back(Arc::new(delivery));
        if let Some(request) = request {
            state.index(request, position);
        }
        while state.memory_bytes > self.memory_bytes_max && state.entries.len() > 1 {
            state.evict_oldest();
        }
        self.news.send_modify(|news| news.head = position.next());
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

    /// Nobody needs anything before `needed_from`; with `None`, nobody needs anything old at all.
    pub(crate) fn keep(&self, needed_from: Option<Position>) {
        let mut state = self.lock();
        state.needed_from = needed_from;
        state.spill.forget_before(needed_from);
    }

    /// Where the first message answering the request of this id stands, if it is known.
    pub(crate) fn first_answering(&self, request: &str) -> Option<Position> {
        self.lock().requests.get(request).copied()
    }

    /// What stands at `from` and after it, for `client`.
    pub(crate) fn read(&self, from: Position, client: &ClientId) -> Read {
        let state = self.lock();
        let News { head, closed } = *self.news.borrow();
        if from >= head {
            return if closed { Read::Closed } else { Read::Nothing };
        }
        let in_memory_from = state.entries.front().map_or(head, |entry| entry.position);
        if from < in_memory_from {
            return state.spill.chunk(from).map_or_else(
                || {
                    let next = state.spill.first().unwrap_or(in_memory_from).max(from.next());
                    let missed = next.0.saturating_sub(from.0);
                    Read::Missed { missed, next }
                },
                Read::Spilled,
            );
        }
        let skip = usize::try_from(from.0.saturating_sub(in_memory_from.0)).unwrap_or(usize::MAX);
        let looked_at = || state.entries.iter().skip(skip).take(READ_ENTRIES_MAX);
        let next = looked_at().next_back().map_or(head, |last| last.position.next());
        let mine = looked_at().filter(|delivery| delivery.audience.includes(client));
        Read::Deliveries {
            deliveries: mine.cloned().collect(),
            next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else {
            return;
        };
        self.memory_bytes = self.memory_bytes.saturating_sub(oldest.v1().len());
        let needed = self.needed_from.is_some_and(|from| from <= oldest.position);
        if !needed {
            self.spill.clear();
        } else if let Err(error) = self.spill.append(&oldest) {
            warn!(%error, "failed to spill a kernel's journal to its file; clients that lag behind will see a gap");
            self.spill.clear();
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::Channel;

    use super::*;

    fn message(number: u64) -> Message {
        let part = |text: String| Bytes::from(text);
        Message {
            channel: Channel::Iopub,
            header: part(format!(r#"{{"msg_id":"{number}","msg_type":"stream"}}"#)),
            parent_header: part("{}".to_owned()),
            metadata: part("{}".to_owned()),
            content: part(format!(r#"{{"text":"{number}"}}"#)),
            buffers: vec![part("x".repeat(100))],
        }
    }

    fn journal(memory_bytes_max: usize, file_bytes_max: u64) -> (Journal, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (
            Journal::new(memory_bytes_max, file_bytes_max, dir.path().to_owned()),
            dir,
        )
    }

    fn client(name: &str) -> ClientId {
        ClientId::new(name)
    }

    /// Reads all there is: message ids, and how many were missed.
    fn read_all(journal: &Journal, mut from: Position, client: &ClientId) -> (Vec<String>, u64) {
        let (mut ids, mut missed_in_all) = (Vec::new(), 0);
        loop {
            let deliveries = match journal.read(from, client) {
                Read::Deliveries { deliveries, next } => {
                    from = next;
                    deliveries
                }
                Read::Spilled(chunk) => {
                    from = chunk.end();
                    let read = chunk.read().unwrap();
                    read.into_iter()
                        .filter(|delivery| delivery.audience.includes(client))
                        .collect()
                }
                Read::Missed { missed, next } => {
                    missed_in_all += missed;
                    from = next;
                    Vec::new()
                }
                Read::Nothing | Read::Closed => return (ids, missed_in_all),
            };
            ids.extend(
                deliveries
                    .iter()
                    .map(|delivery| delivery.message.header().unwrap().msg_id.into_owned()),
            );
        }
    }

    fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
        range.map(|number| number.to_string()).collect()
    }

    #[test]
    fn what_leaves_memory_while_needed_is_read_back_from_the_file() {
        let (journal, _dir) = journal(2_000, 1 << 20);
        journal.keep(Some(Position(0)));
        for number in 0..1_000 {
            journal.append(Audience::Everyone, message(number), None);
        }
        assert_eq!(
            read_all(&journal, Position(0), &client("a")),
            (numbers(0..1_000), 0)
        );
        assert_eq!(
            read_all(&journal, Position(500), &client("a")),
            (numbers(500..1_000), 0)
        );
    }

    #[test]
    fn what_falls_out_of_the_file_is_told_as_missed() {
        let (journal, _dir) = journal(2_000, 1 << 20);
        journal.keep(Some(Position(0)));
        for number in 0..10_000 {
            journal.append(Audience::Everyone, message(number), None);
        }
        let (ids, missed) = read_all(&journal, Position(0), &client("a"));
        assert!(missed > 0);
        assert_eq!(ids, numbers(missed..10_000));
    }

    #[test]
    fn what_nobody_needs_is_not_written_to_the_file() {
        let (journal, _dir) = journal(2_000, 1 << 20);
        journal.keep(Some(Position(90)));
        for number in 0..100 {
            journal.append(Audience::Everyone, message(number), None);
        }
        let (ids, missed) = read_all(&journal, Position(0), &client("a"));
        assert!((1..=90).contains(&missed), "{missed}");
        assert_eq!(ids, numbers(missed..100));
    }

    #[test]
    fn a_message_for_one_is_not_seen_by_others_in_memory_or_file() {
        let (journal, _dir) = journal(500, 1 << 20);
        journal.keep(Some(Position(0)));
        for number in 0..50 {
            let audience = if number % 2 == 0 {
                Audience::Everyone
            } else {
                Audience::Only(client("a"))
            };
            journal.append(audience, message(number), None);
        }
        assert_eq!(read_all(&journal, Position(0), &client("a")).0.len(), 50);
        assert_eq!(read_all(&journal, Position(0), &client("b")).0.len(), 25);
    }

    #[test]
    fn the_first_answer_to_a_request_is_indexed() {
        let (journal, _dir) = journal(1 << 20, 0);
        journal.append(Audience::Everyone, message(0), None);
        journal.append(Audience::Everyone, message(1), Some("q"));
        journal.append(Audience::Everyone, message(2), Some("q"));
        assert_eq!(journal.first_answering("q"), Some(Position(1)));
        assert_eq!(journal.first_answering("r"), None);
    }

    #[test]
    fn a_closed_journal_is_read_to_its_end() {
        let (journal, _dir) = journal(1 << 20, 0);
        journal.append(Audience::Everyone, message(0), None);
        journal.close();
        assert!(matches!(
            journal.read(Position(0), &client("a")),
            Read::Deliveries { .. }
        ));
        assert!(matches!(journal.read(Position(1), &client("a")), Read::Closed));
    }
}
