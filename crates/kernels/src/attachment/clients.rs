//! The clients of one kernel, attached or gone, and what of its journal they need.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    Attachment, RememberedMax,
    goodbye::{Goodbye, newest_of},
    reading::Reading,
    remembered::Gone,
};
use crate::{
    ClientId,
    host::journal::{Execution, Journal, Position},
};

/// How far a client is, for another process to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientPosition {
    pub(crate) client: ClientId,
    /// The position after the last one handed out.
    pub(crate) handed_out: Position,
    /// The position after the last one confirmed, from a client that confirms.
    pub(crate) acknowledged: Option<Position>,
    /// Whether it has closed its connection, and not only lost it.
    #[serde(default)]
    pub(crate) has_said_goodbye: bool,
}

/// The clients of one kernel.
pub(crate) struct Clients {
    pub(super) journal: Arc<Journal>,
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
    /// What it needs still, though it has closed its connection.
    goodbye: Option<Goodbye>,
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
            handed_out: slot.reading.handed_out(),
            acknowledged: slot.reading.acknowledged(),
            has_said_goodbye: slot.goodbye.is_some(),
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
            let reading = Reading::remembered(position.handed_out, position.acknowledged, sent_until);
            slots.generation = slots.generation.saturating_add(1);
            let goodbye = position.has_said_goodbye.then(|| {
                let executions = self.journal.executions();
                Goodbye::said_long_ago(&executions, &position.client, reading.resumes_at())
            });
            let slot = Slot {
                reading: Arc::new(reading),
                attached: None,
                generation: slots.generation,
                goodbye,
            };
            slots.by_client.insert(position.client, slot);
        }
        self.settle(&mut slots);
    }

    pub(crate) fn attach(self: &Arc<Self>, client: ClientId) -> Attachment {
        let mut slots = self.lock();
        slots.generation = slots.generation.saturating_add(1);
        let generation = slots.generation;
        let superseded = CancellationToken::new();
        let resumed = slots.by_client.remove(&client).map(|before| {
            if let Some(older) = before.attached {
                older.cancel();
            }
            before.reading.resumed()
        });
        let head = self.journal.head();
        let start = resumed.map_or(head, |resumed| resumed.from);
        let sent_until = resumed.map_or(head, |resumed| resumed.sent_until);
        let reading = Arc::new(Reading::starting_at(start, sent_until));
        let slot = Slot {
            reading: reading.clone(),
            attached: Some(superseded.clone()),
            generation,
            goodbye: None,
        };
        slots.by_client.insert(client.clone(), slot);
        self.settle(&mut slots);
        Attachment {
            clients: self.clone(),
            client,
            generation,
            superseded,
            reading,
            fetched: start,
            fetched_deliveries: VecDeque::new(),
            resumed,
        }
    }

    pub(super) fn detach(&self, client: &ClientId, generation: u64) {
        let mut slots = self.lock();
        if let Some(slot) = slots.by_client.get_mut(client)
            && slot.generation == generation
        {
            slot.attached = None;
        }
        self.settle(&mut slots);
    }

    /// The client, which is gone, has closed its connection and not only lost it. It may come back all the same; what it
    /// would miss then is kept only for a while, but for what its cells say, which somebody else may want to see.
    pub(crate) fn say_goodbye(self: &Arc<Self>, client: &ClientId) {
        let mut slots = self.lock();
        let Some(slot) = slots
            .by_client
            .get_mut(client)
            .filter(|slot| slot.attached.is_none())
        else {
            return;
        };
        let executions = self.journal.executions();
        slot.goodbye = Some(Goodbye::said_now(&executions, client, slot.reading.resumes_at()));
        self.settle(&mut slots);
        drop(slots);
        Goodbye::wait_for_return(self, client.clone(), self.remembered_max.return_wait);
    }

    /// The client has not come back for a while after its goodbye.
    pub(super) fn end_wait(&self, client: &ClientId) {
        let mut slots = self.lock();
        if let Some(goodbye) = slots
            .by_client
            .get_mut(client)
            .and_then(|slot| slot.goodbye.as_mut())
        {
            goodbye.end_wait();
        }
        self.settle(&mut slots);
    }

    /// What these requests have said is where whoever wants to see it will look: nobody who is gone needs it.
    pub(crate) fn note_written(&self, executions: &[Execution]) {
        let mut slots = self.lock();
        for goodbye in slots.goodbyes() {
            goodbye.note_written(executions);
        }
        self.settle(&mut slots);
    }

    fn settle(&self, slots: &mut Slots) {
        self.forget_too_many(slots);
        if slots.goodbyes().any(|goodbye| goodbye.is_owed()) {
            let executions = newest_of(self.journal.executions());
            for goodbye in slots.goodbyes() {
                goodbye.retain_newest(&executions);
            }
        }
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
    pub(super) fn let_go(&self) {
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
    fn goodbyes(&mut self) -> impl Iterator<Item = &mut Goodbye> {
        self.by_client
            .values_mut()
            .filter_map(|slot| slot.goodbye.as_mut())
    }

    fn needed_from(&self) -> Option<Position> {
        let needs = |slot: &&Slot| slot.goodbye.as_ref().is_none_or(Goodbye::needs);
        let needing = self.by_client.values().filter(needs);
        needing.map(|slot| slot.reading.needed_from()).min()
    }
}
