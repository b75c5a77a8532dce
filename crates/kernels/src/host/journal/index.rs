//! What a journal knows of requests: where the outputs of each begin, and of those that run code, whose they were and where
//! they end.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use tokio::sync::watch;
use wire::{Channel, Parts};

use super::{
    Delivery, Execution, Journal, Position,
    executions::{Executions, is_idle},
};

/// How many requests' first outputs are indexed.
pub(super) const REQUESTS_INDEXED_MAX: usize = 4_096;

/// The longest id of a request, in bytes. Clients make uuids, some with a few words around them.
pub(crate) const MSG_ID_BYTES_MAX: usize = 256;

/// The requests of one journal.
#[derive(Default)]
pub(super) struct Index {
    requests: HashMap<Box<str>, Position>,
    requests_in_order: VecDeque<Box<str>>,
    pub(super) executions: Executions,
    /// Told when some of them have ended: how often that was because their process did. Who is woken finds them ended: they
    /// wait for the journal's state first.
    ends: watch::Sender<u64>,
    /// The parent of what was mirrored last: outputs of one request come in a row, and need no look into each.
    last_parent: Bytes,
}

/// What an answer means to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The kernel is done with the request.
    Idle,
    /// Said to everyone, and to be given again to who has missed it.
    Output,
    Other,
}

impl Answer {
    /// `None` for what need not be looked into: outputs of one request come in a row.
    pub(super) fn of(parts: &Parts<'_>, follows_output: bool) -> Option<Self> {
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

impl Index {
    /// What was added to the journal this one mirrors, with `bytes` in it before.
    pub(super) fn mirrored(&mut self, delivery: &Delivery, bytes: u64) {
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
            self.answer(Some(&parent.msg_id), delivery.position, answer, bytes);
        }
    }

    /// An answer to `request` is added, with `bytes` in the journal before it. Requests without outputs are not indexed:
    /// nothing of theirs is ever given again, and whoever may only ask questions must not push out what others need.
    pub(super) fn answer(&mut self, request: Option<&str>, position: Position, answer: Answer, bytes: u64) {
        // A kernel may make up ids of its own.
        let Some(request) = request.filter(|request| request.len() <= MSG_ID_BYTES_MAX) else {
            return;
        };
        if answer == Answer::Output {
            self.note(request, position);
        }
        let is_idle = answer == Answer::Idle;
        self.executions.note_answer(request, position, is_idle, bytes);
        if is_idle {
            self.ends.send_modify(|_| {});
        }
    }

    fn note(&mut self, request: &str, position: Position) {
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

impl Journal {
    /// The requests whose first output is known, oldest first.
    pub(crate) fn requests(&self) -> Vec<(Box<str>, Position)> {
        let index = &self.lock().index;
        let in_order = index.requests_in_order.iter();
        in_order
            .filter_map(|request| Some((request.clone(), *index.requests.get(request)?)))
            .collect()
    }

    /// Takes over what another journal knows of requests.
    pub(crate) fn index_requests(&self, requests: impl IntoIterator<Item = (Box<str>, Position)>) {
        let mut state = self.lock();
        for (request, position) in requests {
            if request.len() <= MSG_ID_BYTES_MAX {
                state.index.note(&request, position);
            }
        }
    }

    /// Where the first output of the request of this id stands, if it is known.
    pub(crate) fn first_answering(&self, request: &str) -> Option<Position> {
        self.lock().index.requests.get(request).copied()
    }

    /// A client asks to run code.
    pub(crate) fn note_execution(&self, execution: Execution) {
        self.lock().index.executions.note(execution);
    }

    /// A request is on its way to the kernel's process, and ends with that if not before.
    pub(crate) fn note_sent(&self, msg_id: &str) {
        self.lock().index.executions.note_sent(msg_id);
    }

    /// Takes over what the journal of a kernel knows of requests to run code; its process has them.
    pub(crate) fn index_executions(&self, executions: Vec<Execution>) {
        let mut state = self.lock();
        for execution in executions {
            let msg_id = execution.msg_id.clone();
            state.index.executions.note(execution);
            state.index.executions.note_sent(&msg_id);
        }
    }

    /// The requests to run code, oldest first.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.lock().index.executions.all()
    }

    /// The kernel's process is gone: what was sent to it and has not ended never will. Nor will those of `discarded`; but
    /// what still waits to be sent is for the next process.
    pub(crate) fn end_executions<'a>(&self, discarded: impl IntoIterator<Item = &'a str>) {
        let head = self.head();
        let index = &mut self.lock().index;
        for msg_id in discarded {
            index.executions.note_sent(msg_id);
        }
        index.executions.end_sent(head);
        index.ends.send_modify(|processes| *processes += 1);
    }

    /// Takes over where requests ended in the journal this one mirrors, which is mirrored until there.
    pub(crate) fn end_these(&self, ended: Vec<(Box<str>, Position)>) {
        let index = &mut self.lock().index;
        for (msg_id, position) in ended {
            index.executions.end(&msg_id, position);
        }
        index.ends.send_modify(|_| {});
    }

    /// A wake-up whenever requests to run code have ended, as [`executions`](Self::executions) tells, and how often that was
    /// because their process did. The status is no such: it runs ahead of what is said here.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.lock().index.ends.subscribe()
    }
}
