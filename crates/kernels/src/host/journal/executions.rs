//! The requests that ran code, by what their askers said of them: whose cell it was, and what stood in it. Front ends
//! that come back with another session need it, and so does what is kept for them.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wire::{Channel, Message, Parts};

use super::Position;
use crate::ClientId;

/// How many are known.
const EXECUTIONS_MAX: usize = 1_024;

/// A front end's id of a cell has at most this many bytes; nbformat says 64.
const CELL_ID_BYTES_MAX: usize = 256;

/// Outputs of a request that has not ended are kept from its first, so that they can be given again whole; but only while
/// they are so few. Whoever has more needs another way than a browser.
const REPEATED_BYTES_MAX: u64 = 64 << 20;

/// A request to run code, as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id.
    pub msg_id: Box<str>,
    /// Who asked.
    pub client: ClientId,
    /// The cell it ran, if the front end says so: JupyterLab does.
    pub cell_id: Option<Box<str>>,
    /// What it ran.
    pub code: CodeDigest,
    /// When it came.
    pub asked: Timestamp,
    /// Where its first answer stands.
    #[serde(default)]
    pub first: Option<Position>,
    /// Where the kernel said that it is done.
    #[serde(default)]
    pub ended: Option<Position>,
}

/// Tells one code from another, also from one that was made to look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeDigest {
    /// A host of before it was this one tells another, and so that of no code.
    #[serde(default)]
    sha256: [u8; 32],
}

impl CodeDigest {
    /// The same in every version of the server and its hosts.
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self {
            sha256: Sha256::digest(code.as_bytes()).into(),
        }
    }
}

impl Execution {
    /// What a client asks, if it asks to run code that leaves a trace.
    pub(crate) fn of(client: &ClientId, msg_id: &str, message: &Message) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            code: String,
            #[serde(default)]
            silent: bool,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Metadata {
            #[serde(rename = "cellId")]
            cell_id: Option<Box<str>>,
        }
        if message.channel != Channel::Shell || message.header().ok()?.msg_type != "execute_request" {
            return None;
        }
        let content: Content = serde_json::from_slice(&message.content).ok()?;
        let metadata: Metadata = serde_json::from_slice(&message.metadata).unwrap_or_default();
        (!content.silent).then(|| Self {
            msg_id: msg_id.into(),
            client: client.clone(),
            cell_id: metadata.cell_id.filter(|id| id.len() <= CELL_ID_BYTES_MAX),
            code: CodeDigest::of(&content.code),
            asked: Timestamp::now(),
            first: None,
            ended: None,
        })
    }
}

/// Those of one kernel.
#[derive(Default)]
pub(super) struct Executions {
    by_id: HashMap<Box<str>, Execution>,
    in_order: VecDeque<Box<str>>,
    /// Those that have begun and may still be needed from their first answer on, oldest first.
    kept: VecDeque<Kept>,
    /// Those that the kernel's process has, or is about to get, and that have not ended.
    sent: HashSet<Box<str>>,
}

struct Kept {
    msg_id: Box<str>,
    first: Position,
    /// The journal's bytes before it.
    bytes_before: u64,
}

impl Executions {
    /// One more; what is known of it already stays. When there are too many, those that have ended are forgotten first, and
    /// one that comes when none has is not known.
    pub(super) fn note(&mut self, execution: Execution) {
        if self.by_id.contains_key(&execution.msg_id) {
            return;
        }
        if self.in_order.len() >= EXECUTIONS_MAX && !self.forget_oldest() {
            return;
        }
        self.in_order.push_back(execution.msg_id.clone());
        self.by_id.insert(execution.msg_id.clone(), execution);
    }

    /// An answer to `msg_id` stands at `position`, with `bytes` in the journal before it.
    pub(super) fn note_answer(&mut self, msg_id: &str, position: Position, is_idle: bool, bytes: u64) {
        let Some(execution) = self.by_id.get_mut(msg_id) else {
            return;
        };
        if execution.first.is_none() {
            execution.first = Some(position);
            self.kept.push_back(Kept {
                msg_id: msg_id.into(),
                first: position,
                bytes_before: bytes,
            });
        }
        if is_idle {
            execution.ended = Some(position);
            self.sent.remove(msg_id);
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let mut in_order = self.in_order.iter().map(|msg_id| self.by_id.get(msg_id));
        let oldest = in_order.position(|known| known.is_none_or(|known| known.ended.is_some()));
        let forgotten = oldest.and_then(|oldest| self.in_order.remove(oldest));
        forgotten.is_some_and(|forgotten| self.by_id.remove(&forgotten).is_some())
    }

    /// The kernel's process gets it.
    pub(super) fn note_sent(&mut self, msg_id: &str) {
        let known = self.by_id.get(msg_id);
        if known.is_some_and(|execution| execution.ended.is_none()) {
            self.sent.insert(msg_id.into());
        }
    }

    /// What was sent and has not ended never will: the process is gone.
    pub(super) fn end_sent(&mut self, position: Position) {
        for msg_id in std::mem::take(&mut self.sent) {
            self.end(&msg_id, position);
        }
    }

    /// It has ended there, if it had not before.
    pub(super) fn end(&mut self, msg_id: &str, position: Position) {
        self.sent.remove(msg_id);
        if let Some(execution) = self.by_id.get_mut(msg_id) {
            execution.ended.get_or_insert(position);
        }
    }

    /// All, oldest first.
    pub(super) fn all(&self) -> Vec<Execution> {
        let in_order = self.in_order.iter();
        in_order
            .filter_map(|msg_id| self.by_id.get(msg_id))
            .cloned()
            .collect()
    }

    /// What to keep for those who need all from `from` on: from the first answer to whatever had not ended there.
    pub(super) fn whole_from(&mut self, from: Position, bytes: u64) -> Position {
        while let Some(oldest) = self.kept.front() {
            let ended = self.by_id.get(&oldest.msg_id).map(|execution| execution.ended);
            let has_ended = ended.is_none_or(|ended| ended.is_some_and(|ended| ended < from));
            let is_too_large = bytes.saturating_sub(oldest.bytes_before) > REPEATED_BYTES_MAX;
            if !has_ended && !is_too_large {
                return oldest.first.min(from);
            }
            self.kept.pop_front();
        }
        from
    }
}

/// Whether the kernel says that it is done with a request.
pub(super) fn is_idle(message: &Parts<'_>) -> bool {
    /// As long as `{"execution_state": "idle"}` may be written.
    const BYTES_MAX: usize = 64;
    const WORD: &[u8] = b"\"idle\"";
    message.channel == Channel::Iopub
        && message.content.len() <= BYTES_MAX
        && message.content.windows(WORD.len()).any(|part| part == WORD)
        && message.header().is_ok_and(|header| header.msg_type == "status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(msg_id: &str) -> Execution {
        Execution {
            msg_id: msg_id.into(),
            client: ClientId::new("c"),
            cell_id: None,
            code: CodeDigest::of(""),
            asked: Timestamp::UNIX_EPOCH,
            first: None,
            ended: None,
        }
    }

    #[test]
    fn a_request_is_kept_whole_until_its_end_is_read() {
        let mut executions = Executions::default();
        executions.note(execution("a"));
        executions.note_answer("a", Position(5), false, 0);
        assert_eq!(executions.whole_from(Position(20), 10), Position(5));
        executions.note_answer("a", Position(30), true, 10);
        assert_eq!(executions.whole_from(Position(30), 10), Position(5));
        assert_eq!(executions.whole_from(Position(31), 10), Position(31));
    }

    #[test]
    fn a_request_with_too_many_outputs_is_not_kept_whole() {
        let mut executions = Executions::default();
        executions.note(execution("a"));
        executions.note_answer("a", Position(5), false, 0);
        assert_eq!(
            executions.whole_from(Position(20), REPEATED_BYTES_MAX + 1),
            Position(20)
        );
    }

    #[test]
    fn those_that_have_ended_are_forgotten_before_one_that_runs() {
        let mut executions = Executions::default();
        executions.note(execution("runs"));
        for number in 0..2 * EXECUTIONS_MAX {
            let msg_id = number.to_string();
            executions.note(execution(&msg_id));
            executions.note_answer(&msg_id, Position(0), true, 0);
        }
        let all = executions.all();
        assert_eq!((all.len(), &*all[0].msg_id), (EXECUTIONS_MAX, "runs"));
        assert_eq!(&*all[1].msg_id, (EXECUTIONS_MAX + 1).to_string());
    }

    #[test]
    fn what_waits_is_not_forgotten_for_what_waits_longer_behind_it() {
        let mut executions = Executions::default();
        for number in 0..2 * EXECUTIONS_MAX {
            executions.note(execution(&number.to_string()));
        }
        let all = executions.all();
        assert_eq!((all.len(), &*all[0].msg_id), (EXECUTIONS_MAX, "0"));
    }

    #[test]
    fn with_the_process_ends_what_was_sent_to_it_and_nothing_else() {
        let mut executions = Executions::default();
        for msg_id in ["done", "sent", "waits"] {
            executions.note(execution(msg_id));
        }
        executions.note_sent("done");
        executions.note_sent("sent");
        executions.note_answer("done", Position(1), true, 0);
        executions.end_sent(Position(5));
        let ended: Vec<_> = executions.all().into_iter().map(|known| known.ended).collect();
        assert_eq!(ended, [Some(Position(1)), Some(Position(5)), None]);
    }

    #[test]
    fn what_does_not_run_code_keeps_nothing() {
        let mut executions = Executions::default();
        executions.note_answer("info", Position(5), false, 0);
        assert_eq!(executions.whole_from(Position(20), 0), Position(20));
    }
}
