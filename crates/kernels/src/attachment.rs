//! Who listens to a kernel, and how far each has read.
//!
//! A client is known by its [`ClientId`]. While it is attached it counts as a connection; when it goes away its
//! position is remembered, so that it goes on from there when it comes back.

mod clients;
mod goodbye;
mod reading;
mod remembered;

use std::{collections::VecDeque, sync::Arc};

use tokio_util::sync::CancellationToken;

use self::reading::Reading;
pub(crate) use self::{
    clients::{ClientPosition, Clients},
    goodbye::newest_of,
    remembered::RememberedMax,
};
use crate::{
    ClientId,
    host::journal::{Behind, Delivery, Fetched, Position, Read},
};

/// So many messages have left the journal before this client read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many, counting those that were for others.
    pub missed: u64,
}

/// Where a client that came back goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The first delivery it gets.
    pub from: Position,
    /// Deliveries before this one were handed out already: the client may have them, or not.
    pub sent_until: Position,
}

/// One client listening to a kernel. It counts in `connections` until it is dropped; then its position is
/// remembered.
pub struct Attachment {
    clients: Arc<Clients>,
    client: ClientId,
    generation: u64,
    superseded: CancellationToken,
    reading: Arc<Reading>,
    /// The position after the last one fetched.
    fetched: Position,
    /// Fetched and not handed out yet.
    fetched_deliveries: VecDeque<Arc<Delivery>>,
    resumed: Option<Resumed>,
}

impl Attachment {
    /// Who listens.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Where it goes on, when this client was here before; `None` for a new one, which starts at "now".
    #[must_use]
    pub fn resumed(&self) -> Option<Resumed> {
        self.resumed
    }

    /// The position after the last delivery handed out.
    #[must_use]
    pub fn position(&self) -> Position {
        self.reading.handed_out()
    }

    /// The client has confirmed everything before `position`. From the first call on, a client that comes back
    /// goes on from what it confirmed, not from what was handed out: call it once with
    /// [`position`](Self::position) at the start if the client will confirm.
    pub fn acknowledge(&self, position: Position) {
        self.reading.confirm(position.min(self.position()));
        self.clients.let_go();
    }

    /// Goes back (or forward) to `position`, as to the first output of a request.
    pub fn seek(&mut self, position: Position) {
        self.fetched_deliveries.clear();
        self.fetched = position;
        self.hand_out_until(position);
        self.clients.let_go();
    }

    /// Begins at `position`, whatever this client has had before.
    pub fn start_at(&mut self, position: Position) {
        self.resumed = None;
        self.seek(position.min(self.clients.journal.head()));
    }

    /// Completes when a newer attachment has the same client: this one should end.
    pub fn superseded(&self) -> impl Future<Output = ()> + Send + use<> {
        // Owned, so that it can be waited for beside `next`.
        self.superseded.clone().cancelled_owned()
    }

    /// The next delivery for this client; waits for one. `None` when the kernel is gone and all is read.
    /// Cancel-safe: a call that is dropped takes nothing out.
    ///
    /// # Errors
    /// [`Gap`] when messages left the journal unread; the call after it goes on behind the gap.
    pub async fn next(&mut self) -> Result<Option<Arc<Delivery>>, Gap> {
        self.next_before(Position(u64::MAX)).await
    }

    /// As [`next`](Self::next), but `None` also when nothing more for this client stands before `end`, without waiting.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_before(&mut self, end: Position) -> Result<Option<Arc<Delivery>>, Gap> {
        let mut news = self.clients.journal.news();
        loop {
            let is_behind = |delivery: &Arc<Delivery>| delivery.position >= end;
            let nothing_fetched = self.fetched_deliveries.is_empty();
            if self.fetched_deliveries.front().is_some_and(is_behind)
                || nothing_fetched && self.fetched >= end
            {
                return Ok(None);
            }
            if let Some(delivery) = self.fetched_deliveries.pop_front() {
                // Behind the last one there may be some for others.
                let is_last = self.fetched_deliveries.is_empty();
                self.hand_out_until(if is_last {
                    self.fetched
                } else {
                    delivery.position.next()
                });
                return Ok(Some(delivery));
            }
            match self.clients.journal.read(self.fetched, &self.client) {
                Read::Deliveries { deliveries, next } => self.fetch(deliveries, next),
                Read::Behind(behind) => self.fetch_behind(behind).await?,
                Read::Missed { missed, next } => {
                    self.fetch(Vec::new(), next);
                    return Err(Gap { missed });
                }
                Read::Closed => return Ok(None),
                Read::Nothing => {
                    let fetched = self.fetched;
                    // An error means that the journal is gone, which the next read tells.
                    let changed = news.wait_for(|news| news.head > fetched || news.closed).await;
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn fetch_behind(&mut self, behind: Behind) -> Result<(), Gap> {
        let Fetched {
            mut deliveries,
            next,
            missed,
        } = behind.fetch().await;
        deliveries.retain(|delivery| delivery.audience.includes(&self.client));
        self.fetch(deliveries, next);
        match missed {
            0 => Ok(()),
            missed => Err(Gap { missed }),
        }
    }

    fn fetch(&mut self, deliveries: Vec<Arc<Delivery>>, next: Position) {
        if deliveries.is_empty() {
            self.hand_out_until(next);
        }
        self.fetched_deliveries = deliveries.into();
        self.fetched = next;
        self.clients.let_go();
    }

    fn hand_out_until(&self, position: Position) {
        self.reading.hand_out_until(position);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.clients.detach(&self.client, self.generation);
    }
}
