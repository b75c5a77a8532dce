//! How much of what was sent the client has: pings that carry a position ask, their pongs tell. A pong comes after what
//! was sent before its ping, and clients need not know of it: every WebSocket answers pings.

use std::time::Duration;

use bytes::Bytes;
use kernels::Position;
use tokio::time::Instant;

use crate::Limits;

/// When to ask one client, and what.
#[derive(Debug)]
pub(crate) struct Confirmation {
    interval: Duration,
    bytes_max: usize,
    /// What the newest question was about.
    asked: Position,
    asked_at: Instant,
    is_open: bool,
    /// Sent since then.
    bytes: usize,
}

impl Confirmation {
    /// For a client that has everything before `start`.
    pub(crate) fn new(start: Position, limits: &Limits, now: Instant) -> Self {
        Self {
            interval: limits.confirm_interval,
            bytes_max: limits.confirm_bytes_max,
            asked: start,
            asked_at: now,
            is_open: false,
            bytes: 0,
        }
    }

    /// So many bytes more were sent.
    pub(crate) fn note_sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What a ping shall carry, if it is time to ask a client that was sent everything before `position`.
    pub(crate) fn ask(&mut self, position: Position, now: Instant) -> Option<Bytes> {
        let is_due = self.due_at(position).is_some_and(|due| due <= now);
        let is_much = !self.is_open && self.bytes >= self.bytes_max;
        (is_due || is_much).then(|| self.ask_anyway(position, now))
    }

    /// What a ping that is sent for another reason carries.
    pub(crate) fn ask_anyway(&mut self, position: Position, now: Instant) -> Bytes {
        self.asked = position;
        self.asked_at = now;
        self.is_open = true;
        self.bytes = 0;
        Bytes::copy_from_slice(&position.0.to_le_bytes())
    }

    /// When to ask; `None` while there is nothing to ask or a question is open.
    pub(crate) fn due_at(&self, position: Position) -> Option<Instant> {
        (!self.is_open && position > self.asked).then(|| self.asked_at + self.interval)
    }

    /// The client has answered.
    pub(crate) fn note_confirmed(&mut self, position: Position) {
        if position >= self.asked {
            self.is_open = false;
        }
    }
}

/// The position that a ping carried; `None` for a pong to none of ours.
pub(crate) fn position_in(carried: &[u8]) -> Option<Position> {
    Some(Position(u64::from_le_bytes(carried.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_is_open_at_most_and_they_keep_their_distance() {
        let begun = Instant::now();
        let limits = Limits::default();
        let mut confirmation = Confirmation::new(Position(5), &limits, begun);
        let later = |times: u32| begun + limits.confirm_interval * times;
        assert_eq!(
            confirmation.ask(Position(5), later(9)),
            None,
            "there is nothing to ask"
        );
        assert_eq!(confirmation.ask(Position(6), begun), None, "it is too early");
        let carried = confirmation.ask(Position(6), later(1)).unwrap();
        assert_eq!(position_in(&carried), Some(Position(6)));
        assert_eq!(confirmation.ask(Position(9), later(3)), None, "one is open");
        confirmation.note_confirmed(Position(6));
        assert_eq!(confirmation.due_at(Position(9)), Some(later(2)));
        assert!(confirmation.ask(Position(9), later(3)).is_some());
        confirmation.note_confirmed(Position(6));
        assert_eq!(confirmation.due_at(Position(10)), None, "an old answer");
    }

    #[test]
    fn after_many_bytes_it_is_asked_at_once() {
        let now = Instant::now();
        let limits = Limits::default();
        let mut confirmation = Confirmation::new(Position(0), &limits, now);
        confirmation.note_sent(limits.confirm_bytes_max);
        assert!(confirmation.ask(Position(1), now).is_some());
        confirmation.note_sent(limits.confirm_bytes_max);
        assert_eq!(confirmation.ask(Position(2), now), None, "one is open");
    }

    #[test]
    fn what_is_no_position_is_none() {
        for carried in [&b""[..], b"1234567", b"123456789"] {
            assert_eq!(position_in(carried), None);
        }
    }
}
