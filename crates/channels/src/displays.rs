//! What is shown under an id, and may be shown anew by whatever request.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is shown in one place, or, after an update, in several.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) data: Box<RawValue>,
    pub(crate) metadata: Option<Box<RawValue>>,
}

impl Shown {
    pub(crate) fn bytes(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |metadata| metadata.get().len());
        self.data.get().len().saturating_add(metadata)
    }
}

/// A place that shows what the last update of its id says, if there was one since.
#[derive(Clone, Debug)]
pub(crate) struct Display {
    id: Arc<str>,
    since: u64,
}

/// The displays of several requests, whatever requests update them: an update is one note, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Displays {
    updates: HashMap<Arc<str>, Option<(u64, Arc<Shown>)>>,
    /// Counts displays and updates, so that it is known which came first.
    now: u64,
    bytes: usize,
}

impl Displays {
    /// What the updates hold.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A place that is shown with this id.
    pub(crate) fn open(&mut self, id: String) -> Display {
        self.now = self.now.saturating_add(1);
        let id: Arc<str> = match self.updates.get_key_value(id.as_str()) {
            Some((known, _)) => known.clone(),
            None => id.into(),
        };
        self.updates.entry(id.clone()).or_insert(None);
        Display { id, since: self.now }
    }

    /// A display is shown anew, wherever it is. Whether that could be read.
    pub(crate) fn update(&mut self, content: &[u8]) -> bool {
        let Ok(update) = serde_json::from_slice::<Data>(content) else {
            return false;
        };
        let id = update.transient.display_id.unwrap_or_default();
        // What shows nothing is not kept.
        let Some(last) = self.updates.get_mut(id.as_str()) else {
            return true;
        };
        self.now = self.now.saturating_add(1);
        let shown = Shown {
            data: update.data,
            metadata: update.metadata,
        };
        self.bytes = self.bytes.saturating_add(shown.bytes());
        let before = last.replace((self.now, Arc::new(shown)));
        let before = before.map_or(0, |(_, shown)| shown.bytes());
        self.bytes = self.bytes.saturating_sub(before);
        true
    }

    /// What a display shows that was opened with something else.
    pub(crate) fn shown_by(&self, display: &Display) -> Option<&Arc<Shown>> {
        let (when, shown) = self.updates.get(&display.id)?.as_ref()?;
        (*when > display.since).then_some(shown)
    }
}

/// The content of what shows data.
#[derive(Deserialize)]
pub(crate) struct Data {
    pub(crate) data: Box<RawValue>,
    pub(crate) metadata: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) transient: Transient,
    pub(crate) execution_count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transient {
    pub(crate) display_id: Option<String>,
}
