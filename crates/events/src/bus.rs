//! The bus: one ring of events that every subscriber reads at its own pace.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::error::EventError;
use crate::schemas::Schemas;

/// The longest event, in bytes: two of the longest paths with every character escaped, and some.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// How many events a subscriber may lag behind. All subscribers share them.
const EVENTS_QUEUED_MAX: usize = 1024;
/// The field of an event that is no data.
const SCHEMA_ID: &str = "schema_id";

/// Takes events and hands them to whoever has subscribed. A cheap handle.
#[derive(Clone, Debug)]
pub struct EventBus {
    schemas: Arc<Schemas>,
    sender: broadcast::Sender<Arc<Event>>,
}

/// Something that happened.
#[derive(Debug, PartialEq)]
pub struct Event {
    /// What kind of event it is.
    pub schema_id: Arc<str>,
    /// What its schema describes.
    pub data: Map<String, Value>,
    /// Both as clients get them, `{"schema_id": …, …data}`: encoded once for all. UTF-8.
    pub json: Bytes,
}

/// The events from the moment of subscribing on.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Arc<Event>>);

/// A subscriber was too slow: so many events are gone. Those after them are still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed(pub u64);

impl EventBus {
    /// A bus for events of these schemas.
    #[must_use]
    pub fn new(schemas: Schemas) -> Self {
        Self {
            schemas: Arc::new(schemas),
            sender: broadcast::Sender::new(EVENTS_QUEUED_MAX),
        }
    }

    /// The schemas events may have.
    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Whether anybody listens. Where events are many, ask before making them.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Hands an event to all subscribers; waits for none.
    ///
    /// # Errors
    /// When the schema is unknown, the data does not fit it, or the event is too long.
    pub fn emit(&self, schema_id: &str, data: Value) -> Result<(), EventError> {
        let schema = self.schemas.get(schema_id)?;
        schema.validate(&data)?;
        let event = Event::new(schema.id().clone(), data)?;
        // Nobody listening is fine.
        let _subscribers = self.sender.send(Arc::new(event));
        Ok(())
    }

    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.sender.subscribe())
    }
}

impl Event {
    /// An event of data that fits its schema.
    ///
    /// # Errors
    /// [`EventError::Reserved`], [`EventError::TooLarge`].
    pub fn new(schema_id: Arc<str>, data: Value) -> Result<Self, EventError> {
        let Value::Object(data) = data else {
            return Err(EventError::Invalid {
                reason: "the data of an event is an object".to_owned(),
            });
        };
        if data.contains_key(SCHEMA_ID) {
            return Err(EventError::Reserved { field: SCHEMA_ID });
        }
        let mut whole = Map::with_capacity(data.len() + 1);
        whole.insert(SCHEMA_ID.to_owned(), Value::from(&*schema_id));
        whole.extend(data.iter().map(|(name, value)| (name.clone(), value.clone())));
        let json = Value::Object(whole).to_string();
        if json.len() > EVENT_BYTES_MAX {
            return Err(EventError::TooLarge { bytes: json.len() });
        }
        Ok(Self {
            schema_id,
            data,
            json: json.into(),
        })
    }
}

impl Subscription {
    /// The next event. Cancel safe.
    ///
    /// # Errors
    /// [`Missed`] when this subscriber was too slow.
    pub async fn next(&mut self) -> Result<Arc<Event>, Missed> {
        match self.0.recv().await {
            Ok(event) => Ok(event),
            Err(RecvError::Lagged(missed)) => Err(Missed(missed)),
            // The bus is gone: nothing will ever happen.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schemas::{CONTENTS_SERVICE, KERNEL_ACTIONS};

    fn bus() -> EventBus {
        EventBus::new(Schemas::built_in().unwrap())
    }

    fn save(path: &str) -> Value {
        json!({"action": "save", "path": path})
    }

    #[tokio::test]
    async fn every_subscriber_gets_what_is_emitted_after_it_came() {
        let bus = bus();
        assert!(!bus.is_heard());
        bus.emit(CONTENTS_SERVICE, save("early")).unwrap();
        let (mut one, mut two) = (bus.subscribe(), bus.subscribe());
        assert!(bus.is_heard());
        bus.emit(CONTENTS_SERVICE, save("a")).unwrap();
        for subscription in [&mut one, &mut two] {
            let event = subscription.next().await.unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&event.json).unwrap(),
                json!({"schema_id": CONTENTS_SERVICE, "action": "save", "path": "a"})
            );
        }
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_what_it_missed_and_nobody_waits_for_it() {
        let bus = bus();
        let mut slow = bus.subscribe();
        let over = 3;
        for number in 0..EVENTS_QUEUED_MAX + over {
            bus.emit(CONTENTS_SERVICE, save(&number.to_string())).unwrap();
        }
        assert_eq!(slow.next().await, Err(Missed(over as u64)));
        assert_eq!(slow.next().await.unwrap().data["path"], json!(over.to_string()));
    }

    #[test]
    fn what_does_not_fit_is_not_emitted() {
        let bus = bus();
        let refused = |id: &str, data: Value, words: &str| {
            let error = bus.emit(id, data).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused("none", save("a"), "The requested schema, none, was not found");
        refused(
            CONTENTS_SERVICE,
            json!({"action": "save"}),
            "\"path\" is a required property",
        );
        refused(
            CONTENTS_SERVICE,
            json!({"action": "burn", "path": "a"}),
            "(at /action)",
        );
        refused(CONTENTS_SERVICE, json!(5), "is not of type \"object\"");
        refused(
            CONTENTS_SERVICE,
            save(&"a".repeat(EVENT_BYTES_MAX)),
            "an event can have",
        );
        let mut with_id = save("a");
        with_id["schema_id"] = json!("another");
        refused(CONTENTS_SERVICE, with_id, "'schema_id' is a field of every event");
    }

    #[test]
    fn a_kernel_action_names_its_kernel_unless_its_start_has_failed() {
        let bus = bus();
        let emit = |status: &str, action: &str| {
            bus.emit(
                KERNEL_ACTIONS,
                json!({"action": action, "status": status, "msg": "m"}),
            )
        };
        assert!(emit("error", "start").is_ok());
        assert!(emit("success", "start").is_err());
        assert!(emit("error", "restart").is_err());
    }
}
