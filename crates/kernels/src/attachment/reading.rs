//! How far one client is.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Resumed;
use crate::host::journal::Position;

/// Written by its attachment alone.
pub(super) struct Reading {
    /// The position after the last one handed out.
    handed_out: AtomicU64,
    /// The position after the last one the client confirmed; [`NO_ACKNOWLEDGEMENTS`] if it never does.
    acknowledged: AtomicU64,
    /// The position after the last one ever handed out, by earlier attachments too: going back does not lower it.
    sent_until: AtomicU64,
}

const NO_ACKNOWLEDGEMENTS: u64 = u64::MAX;

impl Reading {
    /// One that was handed out nothing from `start` on, or once was, before `sent_until`.
    pub(super) fn starting_at(start: Position, sent_until: Position) -> Self {
        Self::remembered(start, None, sent_until)
    }

    /// One that another process knows.
    pub(super) fn remembered(
        handed_out: Position,
        acknowledged: Option<Position>,
        sent_until: Position,
    ) -> Self {
        Self {
            handed_out: AtomicU64::new(handed_out.0),
            acknowledged: AtomicU64::new(acknowledged.map_or(NO_ACKNOWLEDGEMENTS, |it| it.0)),
            sent_until: AtomicU64::new(sent_until.0),
        }
    }

    pub(super) fn handed_out(&self) -> Position {
        Position(self.handed_out.load(Ordering::Relaxed))
    }

    /// The position after the last one confirmed, of a client that confirms.
    pub(super) fn acknowledged(&self) -> Option<Position> {
        match self.acknowledged.load(Ordering::Relaxed) {
            NO_ACKNOWLEDGEMENTS => None,
            acknowledged => Some(Position(acknowledged)),
        }
    }

    /// Where its client goes on when it comes back.
    pub(super) fn resumes_at(&self) -> Position {
        // Nothing confirmed: what was handed out counts as received.
        self.acknowledged().unwrap_or_else(|| self.handed_out())
    }

    /// The same, and what it may have beyond that.
    pub(super) fn resumed(&self) -> Resumed {
        Resumed {
            from: self.resumes_at(),
            sent_until: Position(self.sent_until.load(Ordering::Relaxed)),
        }
    }

    /// The oldest that is still to be read, now or when the client comes back.
    pub(super) fn needed_from(&self) -> Position {
        self.resumes_at().min(self.handed_out())
    }

    /// A client may say anything; what it has it does not lose again.
    pub(super) fn confirm(&self, position: Position) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        if before == NO_ACKNOWLEDGEMENTS || before < position.0 {
            self.acknowledged.store(position.0, Ordering::Relaxed);
        }
    }

    pub(super) fn hand_out_until(&self, position: Position) {
        self.handed_out.store(position.0, Ordering::Relaxed);
        self.sent_until.fetch_max(position.0, Ordering::Relaxed);
    }
}
