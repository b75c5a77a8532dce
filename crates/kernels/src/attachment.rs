//! Who listens to a kernel, and how far each has read.
//!
//! A client is known by its [`ClientId`]. While it is attached it counts as a connection; when it goes away its
//! position is remembered, so that it goes on from there when it comes back.

mod remembered;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub(crate) use remembered::RememberedMax;

use self::remembered::Gone;
use crate::{
    ClientId,
    host::journal::{Behind, Delivery, Fetched, Journal, Position, Read},
};

/// So many messages have left the journal before this client read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many, counting those that were for others.
    pub missed: u64,
}

/// How far a client is, for another process to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientPosition {
    pub(crate) client: ClientId,
    /// The position after the last one handed out.
    pub(crate) handed_out: Position,
    /// The position after the last one confirmed, from a client that confirms.
    pub(crate) acknowledged: Option<Position>,
}

/// The clients of one kernel.
pub(crate) struct Clients {
    journal: Arc<Journal>,
    remembered_max: RememberedMax,
    /// A plain mutex, never held across an await.
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_client: HashMap<ClientId, Slot>,
    /// Counts attachments, so that the older of two with the same client is known, and the longest gone.
    generation: u64,
}

struct Slot {
    reading: Arc<Reading>,
    /// The token of who is attached now.
    attached: Option<CancellationToken>,
    generation: u64,
}

/// How far a client is. Written by its attachment alone.
struct Reading {
    /// The position after the last one handed out.
    handed_out: AtomicU64,
    /// The position after the last one the client confirmed; [`NO_ACKNOWLEDGEMENTS`] if it never does.
    acknowledged: AtomicU64,
    /// The position after the last one ever handed out, by earlier attachments too: going back does not lower it.
    sent_until: AtomicU64,
}

const NO_ACKNOWLEDGEMENTS: u64 = u64::MAX;

impl Reading {
    fn starting_at(start: Position, sent_until: Position) -> Self {
        Self {
            handed_out: AtomicU64::new(start.0),
            acknowledged: AtomicU64::new(NO_ACKNOWLEDGEMENTS),
            sent_until: AtomicU64::new(sent_until.0),
        }
    }

    /// Where its client goes on when it comes back.
    fn resumes_at(&self) -> Position {
        match self.acknowledged.load(Ordering::Relaxed) {
            // Nothing confirmed: what was handed out counts as received.
            NO_ACKNOWLEDGEMENTS => Position(self.handed_out.load(Ordering::Relaxed)),
            acknowledged => Position(acknowledged),
        }
    }

    /// The oldest that is still to be read, now or when the client comes back.
    fn needed_from(&self) -> Position {
        let handed_out = Position(self.handed_out.load(Ordering::Relaxed));
        self.resumes_at().min(handed_out)
    }

    /// A client may say anything; what it has it does not lose again.
    fn confirm(&self, position: Position) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        if before == NO_ACKNOWLEDGEMENTS || before < position.0 {
            self.acknowledged.store(position.0, Ordering::Relaxed);
        }
    }

    fn hand_out_until(&self, position: Position) {
        self.handed_out.store(position.0, Ordering::Relaxed);
        self.sent_until.fetch_max(position.0, Ordering::Relaxed);
    }
}

impl Clients {
    pub(crate) fn new(journal: Arc<Journal>, remembered_max: RememberedMax) -> Arc<Self> {
        Arc::new(Self {
            journal,
            remembered_max,
            slots: Mutex::default(),
        })
    }

    /// How many are attached.
    pub(crate) fn connections(&self) -> usize {
        let slots = self.lock();
        slots
            .by_client
            .values()
            .filter(|slot| slot.attached.is_some())
            .count()
    }

    pub(crate) fn is_attached(&self, client: &ClientId) -> bool {
        let slots = self.lock();
        slots
            .by_client
            .get(client)
            .is_some_and(|slot| slot.attached.is_some())
    }

    /// How far each is, attached or gone.
    pub(crate) fn positions(&self) -> Vec<ClientPosition> {
        let slots = self.lock();
        let position = |(client, slot): (&ClientId, &Slot)| ClientPosition {
            client: client.clone(),
            handed_out: Position(slot.reading.handed_out.load(Ordering::Relaxed)),
            acknowledged: match slot.reading.acknowledged.load(Ordering::Relaxed) {
                NO_ACKNOWLEDGEMENTS => None,
                acknowledged => Some(Position(acknowledged)),
            },
        };
        slots.by_client.iter().map(position).collect()
    }

    /// Remembers clients of another process, which handed out deliveries before `sent_until` to those that confirm, or
    /// did not.
    pub(crate) fn remember(&self, mut positions: Vec<ClientPosition>, sent_until: Position) {
        // As good as any guess at who went first.
        positions.sort_by_key(|position| position.handed_out);
        let mut slots = self.lock();
        for position in positions {
            let sent_until = match position.acknowledged {
                Some(_) => position.handed_out.max(sent_until),
                None => position.handed_out,
            };
            let acknowledged = position.acknowledged.map_or(NO_ACKNOWLEDGEMENTS, |it| it.0);
            slots.generation = slots.generation.saturating_add(1);
            let slot = Slot {
                reading: Arc::new(Reading {
                    handed_out: AtomicU64::new(position.handed_out.0),
                    acknowledged: AtomicU64::new(acknowledged),
                    sent_until: AtomicU64::new(sent_until.0),
                }),
                attached: None,
                generation: slots.generation,
            };
            slots.by_client.insert(position.client, slot);
        }
        self.forget_too_many(&mut slots);
        self.journal.keep(slots.needed_from());
    }

    pub(crate) fn attach(self: &Arc<Self>, client: ClientId) -> Attachment {
        let mut slots = self.lock();
        slots.generation = slots.generation.saturating_add(1);
        let generation = slots.generation;
        let superseded = CancellationToken::new();
        let head = self.journal.head();
        let (start, sent_until) = match slots.by_client.remove(&client) {
            Some(before) => {
                if let Some(older) = before.attached {
                    older.cancel();
                }
                let sent_until = Position(before.reading.sent_until.load(Ordering::Relaxed));
                (before.reading.resumes_at(), Some(sent_until))
            }
            None => (head, None),
        };
        let reading = Arc::new(Reading::starting_at(start, sent_until.unwrap_or(start)));
        let slot = Slot {
            reading: reading.clone(),
            attached: Some(superseded.clone()),
            generation,
        };
        slots.by_client.insert(client.clone(), slot);
        self.journal.keep(slots.needed_from());
        Attachment {
            clients: self.clone(),
            client,
            generation,
            superseded,
            reading,
            fetched: start,
            fetched_deliveries: VecDeque::new(),
            resumed: sent_until.map(|sent_until| Resumed {
                from: start,
                sent_until,
            }),
        }
    }

    fn detach(&self, client: &ClientId, generation: u64) {
        let mut slots = self.lock();
        if let Some(slot) = slots.by_client.get_mut(client)
            && slot.generation == generation
        {
            slot.attached = None;
        }
        self.forget_too_many(&mut slots);
        self.journal.keep(slots.needed_from());
    }

    fn forget_too_many(&self, slots: &mut Slots) {
        let is_gone = |(_, slot): &(&ClientId, &Slot)| slot.attached.is_none();
        if !self
            .remembered_max
            .may_be_exceeded_by(slots.by_client.iter().filter(is_gone).count())
        {
            return;
        }
        let executions = self.journal.executions();
        let gone = slots.by_client.iter().filter(is_gone).map(|(client, slot)| {
            let resumes_at = slot.reading.resumes_at();
            let mut own = executions.iter().filter(|execution| execution.client == *client);
            Gone {
                client: client.clone(),
                generation: slot.generation,
                is_owed: own.any(|own| own.ended.is_none_or(|ended| ended >= resumes_at)),
            }
        });
        for client in self.remembered_max.too_many(gone.collect()) {
            slots.by_client.remove(&client);
        }
    }

    /// Tells the journal how far the slowest is, so that it can let go of the rest.
    fn let_go(&self) {
        let slots = self.lock();
        self.journal.keep(slots.needed_from());
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // Nobody listens any more, nor ever will.
        self.journal.keep(None);
    }
}

impl Slots {
    fn needed_from(&self) -> Option<Position> {
        self.by_client
            .values()
            .map(|slot| slot.reading.needed_from())
            .min()
    }
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
        Position(self.reading.handed_out.load(Ordering::Relaxed))
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
