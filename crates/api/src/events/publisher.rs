//! What the services tell, as events.

use ::events::{CONTENTS_CHANGES, CONTENTS_SERVICE, EventBus, KERNEL_ACTIONS};
use contents::{ContentsEvent, ContentsObserver, DoneBy};
use kernels::{KernelAction, KernelDone, KernelObserver};
use serde_json::{Value, json};
use tracing::warn;

/// Emits an event for everything that it is told of.
#[derive(Clone, Debug)]
pub struct Publisher(EventBus);

impl Publisher {
    /// Emits on this bus.
    #[must_use]
    pub fn new(bus: EventBus) -> Self {
        Self(bus)
    }

    fn emit(&self, schema_id: &str, data: Value) {
        if let Err(error) = self.0.emit(schema_id, data) {
            warn!(%error, "an event of our own was not emitted");
        }
    }
}

impl ContentsObserver for Publisher {
    fn happened(&self, event: ContentsEvent) {
        if !self.0.is_heard() {
            return;
        }
        let schema_id = match event.by {
            DoneBy::Manager => CONTENTS_SERVICE,
            DoneBy::Others => CONTENTS_CHANGES,
        };
        let (action, path) = (event.action.as_str(), event.path.as_str());
        let data = match &event.source_path {
            None => json!({ "action": action, "path": path }),
            Some(source) => json!({ "action": action, "path": path, "source_path": source.as_str() }),
        };
        self.emit(schema_id, data);
    }
}

impl KernelObserver for Publisher {
    fn done(&self, done: KernelDone) {
        if !self.0.is_heard() {
            return;
        }
        let (status, message) = match done.failure {
            None => (
                "success",
                format!("Kernel {} was {}.", done.id, participle(done.action)),
            ),
            Some(failure) => ("error", failure),
        };
        self.emit(
            KERNEL_ACTIONS,
            json!({
                "kernel_name": &*done.name,
                "action": done.action.as_str(),
                "status": status,
                "msg": message,
                "kernel_id": done.id.as_str(),
            }),
        );
    }
}

/// As the reference's sentences have it.
fn participle(action: KernelAction) -> &'static str {
    match action {
        KernelAction::Start => "started",
        KernelAction::Interrupt => "interrupted",
        KernelAction::Restart => "restarted",
        KernelAction::Shutdown => "shutdown",
    }
}
