//! The clients of one kernel, attached or gone, and what of its journal they need.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Attachment, RememberedMax,
    goodbye::{Due, Goodbye, by_client, newest_of, sweep},
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
    /// Whether nobody waits for what its requests say.
    #[serde(default)]
    pub(crate) is_owed_nothing: bool,
}

/// The clients of one kernel.
pub(crate) struct Clients {
    pub(super) journal: Arc<Journal>,
    remembered_max: RememberedMax,
    /// A plain mutex, never held across an await.
    slots: Mutex<Slots>,
    /// Told of goodbyes.
    said: watch::Sender<()>,
}

#[derive(Default)]
struct Slots {
    by_client: HashMap<ClientId, Slot>,
    /// Counts attachments, so that the older of two with the same client is known, and the longest gone.
    generation: u64,
    /// Ends what goodbyes wait for, while there are some.
    sweeper: Option<AbortOnDropHandle<()>>,
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
            said: watch::Sender::new(()),
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
            is_owed_nothing: slot.goodbye.as_ref().is_some_and(|goodbye| !goodbye.is_owed()),
        };
        slots.by_client.iter().map(position).collect()
    }

    /// Remembers clients of another process, which handed out deliveries before `sent_until` to those that confirm, or
    /// did not.
    pub(crate) fn remember(self: &Arc<Self>, mut positions: Vec<ClientPosition>, sent_until: Position) {
        // As good as any guess at who went first.
        positions.sort_by_key(|position| position.handed_out);
        let executions = self.journal.executions();
        let by_client = by_client(&executions);
        let mut slots = self.lock();
        for position in positions {
            let sent_until = match position.acknowledged {
                Some(_) => position.handed_out.max(sent_until),
                None => position.handed_out,
            };
            let reading = Reading::remembered(position.handed_out, position.acknowledged, sent_until);
            slots.generation = slots.generation.saturating_add(1);
            let goodbye = position
                .has_said_goodbye
                .then(|| match by_client.get(&position.client) {
                    Some(own) if !position.is_owed_nothing => {
                        Goodbye::owing(own, reading.resumes_at(), reading.handed_out())
                    }
                    _ => Goodbye::default(),
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
        let resumed = slots.by_client.remove(&client).and_then(|before| {
            if let Some(older) = before.attached {
                older.cancel();
            }
            let resumed = before.reading.resumed();
            // What is gone after a goodbye was seen to, or not for it.
            let is_kept = before.goodbye.as_ref().is_none_or(Goodbye::needs);
            (is_kept || self.journal.holds(resumed.from)).then_some(resumed)
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

    pub(super) fn detach(self: &Arc<Self>, client: &ClientId, generation: u64) {
        let mut slots = self.lock();
        if let Some(slot) = slots.by_client.get_mut(client)
            && slot.generation == generation
        {
            slot.attached = None;
        }
        self.settle(&mut slots);
    }

    /// The client, which is gone, has closed its connection and not only lost it. It may come back all the same; what it
    /// would miss then is kept only for a while, but for what its cells say, if that can be written somewhere. Gives the
    /// position before which it has all.
    pub(crate) fn say_goodbye(self: &Arc<Self>, client: &ClientId, is_written: bool) -> Option<Position> {
        self.say_goodbye_at(client, is_written, Instant::now())
    }

    pub(super) fn say_goodbye_at(
        self: &Arc<Self>,
        client: &ClientId,
        is_written: bool,
        now: Instant,
    ) -> Option<Position> {
        let mut slots = self.lock();
        let slot = slots.by_client.get_mut(client)?;
        if slot.attached.is_some() {
            return None;
        }
        let resumes_at = slot.reading.resumes_at();
        let mut goodbye = Goodbye::default();
        if is_written {
            let executions = self.journal.executions();
            let own: Vec<_> = executions.iter().filter(|own| own.client == *client).collect();
            goodbye = Goodbye::owing(&own, resumes_at, slot.reading.handed_out());
        }
        let returns_by = now + self.remembered_max.return_wait;
        slot.goodbye = Some(goodbye.wait_until(returns_by));
        self.settle_at(&mut slots, now);
        drop(slots);
        self.said.send_replace(());
        Some(resumes_at)
    }

    /// What those of these requests have said that have ended is where whoever wants to see it will look, or will never be:
    /// nobody who is gone needs it.
    pub(crate) fn note_seen_to(self: &Arc<Self>, executions: &[Execution]) {
        let ended = executions.iter().filter(|execution| execution.ended.is_some());
        let ended = ended.map(|execution| &*execution.msg_id).collect::<HashSet<_>>();
        let mut slots = self.lock();
        for goodbye in slots.goodbyes() {
            goodbye.forget_ended(&ended);
        }
        self.settle(&mut slots);
    }

    /// It is `now`. Gives when to look again, if ever.
    pub(super) fn sweep(self: &Arc<Self>, now: Instant) -> Option<Due> {
        let mut slots = self.lock();
        self.settle_at(&mut slots, now);
        let due = slots.due();
        if due.is_none() {
            slots.sweeper = None;
        }
        due
    }

    fn settle(self: &Arc<Self>, slots: &mut Slots) {
        self.settle_at(slots, Instant::now());
    }

    fn settle_at(self: &Arc<Self>, slots: &mut Slots, now: Instant) {
        self.forget_too_many(slots);
        let mut newest = HashMap::new();
        if slots.goodbyes().any(|goodbye| goodbye.is_owed()) {
            let executions = newest_of(self.journal.executions()).into_iter();
            newest = executions
                .map(|execution| (execution.msg_id, execution.ended.is_some()))
                .collect();
        }
        for goodbye in slots.goodbyes() {
            goodbye.look(now, self.remembered_max.owed_wait, &newest);
        }
        self.journal.keep(slots.needed_from());
        if slots.sweeper.is_none()
            && slots.due().is_some()
            && let Ok(runtime) = Handle::try_current()
        {
            let sweep = sweep(Arc::downgrade(self), self.journal.ends(), self.said.subscribe());
            slots.sweeper = Some(AbortOnDropHandle::new(runtime.spawn(sweep)));
        }
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
        let by_client = by_client(&executions);
        let gone = slots.by_client.iter().filter(is_gone).map(|(client, slot)| {
            let resumes_at = slot.reading.resumes_at();
            let mut own = by_client.get(client).into_iter().flatten();
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

    /// When the first of them is due.
    fn due(&self) -> Option<Due> {
        let dues = self.by_client.values().filter_map(|slot| slot.goodbye.as_ref());
        let dues = dues.filter(|goodbye| goodbye.needs()).map(Goodbye::due);
        dues.reduce(|one, other| Due {
            at: one.at.into_iter().chain(other.at).min(),
            at_end: one.at_end || other.at_end,
        })
    }

    fn needed_from(&self) -> Option<Position> {
        let needs = |slot: &&Slot| slot.goodbye.as_ref().is_none_or(Goodbye::needs);
        let needing = self.by_client.values().filter(needs);
        needing.map(|slot| slot.reading.needed_from()).min()
    }
}
