//! Who asked what: an answer goes to whoever sent the request it names as its parent.

use std::collections::{HashMap, VecDeque};

use super::handle::Asker;

/// Requests not yet answered.
pub(super) struct Asked {
    askers: HashMap<Box<str>, Asker>,
    /// Oldest first; holds ids that have been answered too, until they come to the front.
    in_order: VecDeque<Box<str>>,
    requests_max: usize,
}

impl Asked {
    pub(super) fn new(requests_max: usize) -> Self {
        Self {
            askers: HashMap::new(),
            in_order: VecDeque::new(),
            requests_max,
        }
    }

    /// Notes a request. An id that is open already stays its first asker's: nobody gets another's answers by
    /// repeating an id. Whether the asker is the one noted.
    pub(super) fn note(&mut self, msg_id: &str, asker: Asker) -> bool {
        if let Some(first) = self.askers.get(msg_id) {
            return *first == asker;
        }
        while self.in_order.len() >= self.requests_max
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.askers.remove(&oldest);
        }
        self.askers.insert(msg_id.into(), asker);
        self.in_order.push_back(msg_id.into());
        true
    }

    /// Who sent the request.
    pub(super) fn asker(&self, msg_id: &str) -> Option<Asker> {
        self.askers.get(msg_id).cloned()
    }

    /// Who sent the request, which is answered now.
    pub(super) fn answered(&mut self, msg_id: &str) -> Option<Asker> {
        let asker = self.askers.remove(msg_id);
        while self
            .in_order
            .front()
            .is_some_and(|oldest| !self.askers.contains_key(oldest))
        {
            self.in_order.pop_front();
        }
        asker
    }

    pub(super) fn clear(&mut self) {
        self.askers.clear();
        self.in_order.clear();
    }
}

#[cfg(test)]
mod tests {
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
        assert!(asked.note("q", client("a")));
        assert_eq!(asked.answered("q"), Some(client("a")));
        assert!(asked.note("q", client("b")));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut asked = Asked::new(2);
        for request in ["1", "2", "3"] {
            asked.note(request, client("a"));
        }
        assert_eq!(asked.asker("1"), None);
        assert!(asked.asker("2").is_some() && asked.asker("3").is_some());
    }

    #[test]
    fn answered_requests_take_no_room() {
        let mut asked = Asked::new(2);
        for number in 0..100 {
            asked.note(&number.to_string(), client("a"));
            asked.answered(&number.to_string());
        }
        assert!(asked.in_order.is_empty() && asked.askers.is_empty());
    }
}
