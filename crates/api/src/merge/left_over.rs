//! What cells leave when they end and nobody looks at their kernel any more.
//!
//! A page that goes says goodbye: its WebSocket is closed with a close frame. One that was only cut off, or whose laptop
//! sleeps, does not, and comes back: it gets its outputs from the journal, and would ask its user what to do about a file that
//! has changed meanwhile. So would another page that has the notebook open. Hence only what ends after its page has said
//! goodbye is written, and only while no page at all is connected to the kernel; the rest waits for the next opening.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use authorization::Caller;
use kernels::{ClientId, Execution, Kernel, Position};
use tokio::{sync::Notify, time::sleep};

use super::{Merging, NOTEBOOK, due};

/// How long a kernel is left alone first: cells that end one after the other are one save, and a page that is only
/// reloaded is back.
const PAUSE: Duration = Duration::from_secs(2);

/// How many clients of a kernel are known to have gone; beyond it all wait for the next opening.
const GONE_MAX: usize = 256;

/// The clients of one kernel that have said goodbye. A cheap clone.
#[derive(Clone, Default)]
pub(crate) struct Goodbyes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Before it the client had all then.
    said_at: Mutex<HashMap<ClientId, Position>>,
    wake: Notify,
}

impl Goodbyes {
    fn say(&self, client: &ClientId, position: Position) {
        let mut said_at = self.said_at();
        if said_at.len() >= GONE_MAX {
            said_at.clear();
        }
        said_at.insert(client.clone(), position);
        drop(said_at);
        self.0.wake.notify_one();
    }

    fn take_back(&self, client: &ClientId) {
        self.said_at().remove(client);
    }

    fn is_empty(&self) -> bool {
        self.said_at().is_empty()
    }

    /// What has ended after its client was gone.
    fn left_over(&self, due: Vec<Execution>) -> Vec<Execution> {
        let said_at = self.said_at();
        let is_left_over = |execution: &Execution| {
            let said_at = said_at.get(&execution.client);
            said_at.is_some_and(|said_at| execution.ended.is_some_and(|ended| ended >= *said_at))
        };
        due.into_iter().filter(is_left_over).collect()
    }

    /// All that has ended until now has been seen to.
    fn all_until(&self, position: Position) {
        for said_at in self.said_at().values_mut() {
            *said_at = position;
        }
    }

    fn said_at(&self) -> MutexGuard<'_, HashMap<ClientId, Position>> {
        // A panic while it was held leaves it whole.
        self.0.said_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Merging {
    /// Somebody who may run code in a kernel connects to it: what they run is written down by their right.
    pub(crate) fn note_asker(&self, caller: &Caller, kernel: &Kernel, client: &ClientId) {
        let (goodbyes, is_new) = self.askers.note(kernel, caller.absentee());
        goodbyes.take_back(client);
        if is_new {
            tokio::spawn(self.clone().see_to_left_over(kernel.clone(), goodbyes));
        }
    }

    /// A client has closed its connection, and not only lost it.
    pub(crate) fn note_goodbye(&self, kernel: &Kernel, client: &ClientId) {
        let is_written = !self.sessions.paths_of(kernel.id(), NOTEBOOK).is_empty();
        let seen = kernel.note_goodbye(client, is_written);
        if let (Some(seen), Some(goodbyes)) = (seen, self.askers.goodbyes(kernel.id())) {
            goodbyes.say(client, seen);
        }
    }

    /// Until the kernel has ended.
    async fn see_to_left_over(self, kernel: Kernel, goodbyes: Goodbyes) {
        let mut ends = kernel.ends();
        loop {
            tokio::select! {
                _ended = kernel.ended() => return,
                changed = ends.changed() => if changed.is_err() { return },
                () = goodbyes.0.wake.notified() => {}
            }
            if goodbyes.is_empty() || goodbyes.left_over(due(&kernel)).is_empty() {
                continue;
            }
            tokio::select! {
                // Then its end is what writes; and a host lives for as long as somebody holds its kernel.
                _ended = kernel.ended() => return,
                () = sleep(PAUSE) => {}
            }
            if kernel.model().connections > 0 {
                continue;
            }
            let until = kernel.position();
            let left_over = goodbyes.left_over(due(&kernel));
            self.merge_all(None, &kernel, left_over).await;
            goodbyes.all_until(until);
        }
    }
}
