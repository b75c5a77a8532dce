//! Who asked what: an answer goes to whoever sent the request it names as its parent.

use std::collections::{HashMap, VecDeque};

use wire::{Channel, Message};

use super::handle::Asker;

/// How many are known whose answer may still come, though the kernel has said that it is done with them, or of which none
/// is due. Answers take another way than that news, and a program may ask for input in the name of what it was told.
const DONE_MAX: usize = 4_096;

/// The requests of one channel that are not answered yet. Those that run or wait are never forgotten: when there are too
/// many, the next one has to wait ([`has_room`](Self::has_room)).
pub(super) struct Asked {
    open: HashMap<Box<str>, Open>,
    /// How many of them run or wait.
    waiting: usize,
    waiting_max: usize,
    /// The others, oldest first; holds ids that have been answered too, until they come to the front.
    done: VecDeque<Box<str>>,
}

struct Open {
    asker: Asker,
    is_done: bool,
}

/// Whether kernels answer a message, but for one that they do not know.
pub(super) fn is_answered(message: &Message) -> bool {
    const NEVER: [&str; 3] = ["comm_open", "comm_msg", "comm_close"];
    // What cannot be read is refused by the kernel, or not: it waits like any other.
    let is_one = || {
        !message
            .header()
            .is_ok_and(|header| NEVER.contains(&&*header.msg_type))
    };
    message.channel != Channel::Stdin && is_one()
}

impl Asked {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self {
            open: HashMap::new(),
            waiting: 0,
            waiting_max,
            done: VecDeque::new(),
        }
    }

    /// Whether another request may wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < self.waiting_max
    }

    /// Notes a request. An id that is open already stays its first asker's: nobody gets another's answers by
    /// repeating an id. Whether the asker is the one noted.
    pub(super) fn note(&mut self, msg_id: &str, asker: Asker) -> bool {
        if let Some(first) = self.open.get(msg_id) {
            return first.asker == asker;
        }
        let is_done = false;
        self.open.insert(msg_id.into(), Open { asker, is_done });
        self.waiting = self.waiting.saturating_add(1);
        true
    }

    /// The same for a message that is not answered.
    pub(super) fn note_unanswered(&mut self, msg_id: &str, asker: Asker) -> bool {
        let is_new = !self.open.contains_key(msg_id);
        let is_noted = self.note(msg_id, asker);
        if is_new {
            self.finish(msg_id);
        }
        is_noted
    }

    /// The kernel is done with it. Its answer may still be on its way.
    pub(super) fn finish(&mut self, msg_id: &str) {
        let Some(open) = self.open.get_mut(msg_id).filter(|open| !open.is_done) else {
            return;
        };
        open.is_done = true;
        self.waiting = self.waiting.saturating_sub(1);
        self.done.push_back(msg_id.into());
        if self.done.len() > DONE_MAX
            && let Some(oldest) = self.done.pop_front()
            // It may have been answered, and its id be that of another that waits.
            && self.open.get(&oldest).is_some_and(|open| open.is_done)
        {
            self.open.remove(&oldest);
        }
    }

    /// Who sent the request.
    pub(super) fn asker(&self, msg_id: &str) -> Option<Asker> {
        self.open.get(msg_id).map(|open| open.asker.clone())
    }

    /// Who sent the request, which is answered now.
    pub(super) fn answered(&mut self, msg_id: &str) -> Option<Asker> {
        let open = self.open.remove(msg_id)?;
        if !open.is_done {
            self.waiting = self.waiting.saturating_sub(1);
        }
        Some(open.asker)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.waiting_max);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::NewHeader;

    use super::*;
    use crate::ClientId;

    fn client(name: &str) -> Asker {
        Asker::Client(ClientId::new(name))
    }

    #[test]
    fn an_answer_goes_to_the_asker_once() {
        let mut asked = Asked::new(10);
        asked.note("q", client("a"));
        assert_eq!(asked.asker("q"), Some(client("a")));
        assert_eq!(asked.answered("q"), Some(client("a")));
        assert_eq!(asked.answered("q"), None);
    }

    #[test]
    fn nobody_takes_over_an_open_request() {
        let mut asked = Asked::new(10);
        assert!(asked.note("q", client("a")));
        assert!(!asked.note("q", client("b")));
        assert!(!asked.note_unanswered("q", client("b")));
        assert!(asked.note("q", client("a")));
        assert_eq!(asked.answered("q"), Some(client("a")));
        assert!(asked.note("q", client("b")));
    }

    #[test]
    fn there_is_room_for_as_many_as_may_wait_and_again_when_one_is_done() {
        let mut asked = Asked::new(2);
        asked.note("1", client("a"));
        assert!(asked.has_room());
        asked.note("2", client("a"));
        assert!(!asked.has_room());
        asked.finish("1");
        asked.finish("1");
        assert!(asked.has_room());
        asked.note("3", client("a"));
        assert!(!asked.has_room());
        asked.answered("1");
        assert!(!asked.has_room(), "it was done already");
        asked.answered("2");
        assert!(asked.has_room());
    }

    #[test]
    fn what_waits_is_not_forgotten_for_what_is_done_or_never_answered() {
        let mut asked = Asked::new(10);
        asked.note("waits", client("a"));
        for number in 0..2 * DONE_MAX {
            asked.note_unanswered(&format!("comm {number}"), client("a"));
            let request = format!("request {number}");
            asked.note(&request, client("a"));
            asked.finish(&request);
        }
        assert_eq!(asked.asker("waits"), Some(client("a")));
        assert!(asked.asker("request 0").is_none());
        assert!(asked.open.len() <= DONE_MAX + 1 && asked.done.len() <= DONE_MAX);
    }

    #[test]
    fn answered_requests_take_no_room() {
        let mut asked = Asked::new(2);
        for number in 0..100 {
            asked.note(&number.to_string(), client("a"));
            asked.answered(&number.to_string());
        }
        assert!(asked.has_room() && asked.open.is_empty());
    }

    #[test]
    fn comm_messages_and_answers_are_not_answered() {
        let is_answered = |channel, msg_type| {
            let header = NewHeader {
                msg_id: "q",
                msg_type,
                session: "",
                username: "",
                date: "",
            };
            is_answered(&Message::new(channel, header, None, &json!({})))
        };
        assert!(is_answered(Channel::Shell, "execute_request"));
        assert!(is_answered(Channel::Control, "something_else"));
        assert!(!is_answered(Channel::Shell, "comm_msg"));
        assert!(!is_answered(Channel::Stdin, "input_reply"));
    }
}
