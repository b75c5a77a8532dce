//! What is being changed now, so that a directory can be put aside when nothing is: whoever has opened it to write
//! there would write into what is copied and removed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a move waits for the changes that are being made, and they for it.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// All changes to the files of one storage.
#[derive(Debug, Default)]
pub(super) struct Changes {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many are being made.
    running: usize,
    /// None begins, because a move waits for them to end or puts something aside.
    are_held: bool,
    /// There is a move. A second at the same time could take away what the first is about to write into.
    is_moving: bool,
}

/// A change, from before the directory is opened until all is written. Whoever has one takes no other.
#[derive(Debug)]
#[must_use = "the change has ended when this is dropped"]
pub(super) struct Change<'a>(&'a Changes);

/// A move to another device.
#[derive(Debug)]
#[must_use = "the move has ended when this is dropped"]
pub(super) struct Move(Arc<Changes>);

impl Changes {
    /// Waits as long as changes are held off, which is short.
    pub(super) fn begin(&self) -> Change<'_> {
        let mut state = self.state();
        while state.are_held {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.running += 1;
        Change(self)
    }

    /// Waits until no change is being made, and holds others off until [`Move::put_aside`]. `None` when that takes too
    /// long, or there is another move.
    pub(super) fn begin_move(self: &Arc<Self>) -> Option<Move> {
        self.begin_move_within(WAIT_MAX)
    }

    fn begin_move_within(self: &Arc<Self>, wait_max: Duration) -> Option<Move> {
        let until = Instant::now() + wait_max;
        let mut state = self.state();
        if state.is_moving {
            return None;
        }
        state.is_moving = true;
        state.are_held = true;
        // From here on its drop tidies up.
        let begun = Move(Arc::clone(self));
        while state.running > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return None;
            }
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        Some(begun)
    }

    #[cfg(test)]
    pub(super) fn may_begin(&self) -> bool {
        !self.state().are_held
    }

    /// Nothing can panic while this is held; a poisoned state is as good as before.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Move {
    /// Changes may be made again: they no longer find what is moved.
    pub(super) fn put_aside(&self) {
        self.0.state().are_held = false;
        self.0.ended.notify_all();
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.ended.notify_all();
    }
}

impl Drop for Move {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.are_held = false;
        state.is_moving = false;
        drop(state);
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn a_move_waits_for_changes_and_holds_later_ones_off() {
        let changes = Arc::new(Changes::default());
        let change = changes.begin();
        let (said, says) = mpsc::channel();
        std::thread::scope(|scope| {
            let mover = scope.spawn(|| {
                let begun = changes.begin_move_within(LONG).unwrap();
                said.send("moves").unwrap();
                begun
            });
            assert!(says.recv_timeout(SHORT).is_err());
            drop(change);
            assert_eq!(says.recv_timeout(LONG), Ok("moves"));
            let begun = mover.join().unwrap();
            scope.spawn(|| {
                let _later = changes.begin();
                said.send("changes").unwrap();
            });
            assert!(says.recv_timeout(SHORT).is_err());
            begun.put_aside();
            assert_eq!(says.recv_timeout(LONG), Ok("changes"));
        });
    }

    #[test]
    fn a_move_gives_up_when_it_waits_too_long_or_is_not_the_only_one() {
        let changes = Arc::new(Changes::default());
        let change = changes.begin();
        assert!(changes.begin_move_within(SHORT).is_none());
        drop(change);
        // Neither is held off afterwards.
        drop(changes.begin());
        let first = changes.begin_move().unwrap();
        first.put_aside();
        assert!(changes.begin_move().is_none());
        drop(changes.begin());
        drop(first);
        assert!(changes.begin_move().is_some());
    }
}
