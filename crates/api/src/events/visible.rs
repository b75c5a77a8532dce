//! Which events a subscriber may see: those about what it may read.

use std::collections::HashMap;

use ::events::{CONTENTS_CHANGES, CONTENTS_SERVICE, Event, KERNEL_ACTIONS};
use authorization::{Authorized, Changes, Covers, Read};
use bytes::Bytes;
use contents::ContentsPath;
use kernels::KernelId;
use serde_json::{Value, json};

use crate::{
    contents::name::{ContentsName, ReadContents},
    resources::{Events, Kernels},
};

/// How many answers about paths a connection remembers.
const ANSWERS_MAX: usize = 4096;

/// What one connection may see. Answers are remembered until the policy or the owners change.
pub(super) struct Visible {
    auth: Authorized<Read, Events>,
    changes: Changes,
    /// The answer for everything below the root.
    everything: Option<Covers>,
    paths: HashMap<ContentsPath, bool>,
}

impl Visible {
    pub(super) fn new(auth: Authorized<Read, Events>) -> Self {
        Self {
            changes: auth.changes(),
            auth,
            everything: None,
            paths: HashMap::new(),
        }
    }

    /// The event as this subscriber may see it; `None` if not at all.
    pub(super) async fn part(&mut self, event: &Event) -> Option<Bytes> {
        if self.changes.seen() {
            self.everything = None;
            self.paths.clear();
        }
        match &*event.schema_id {
            CONTENTS_SERVICE | CONTENTS_CHANGES => self.part_of_contents(event).await,
            KERNEL_ACTIONS => self.shows_kernel(event).await.then(|| event.json.clone()),
            // About nothing that has a permission of its own.
            _ => Some(event.json.clone()),
        }
    }

    /// Of a rename or a copy across a border, what is seen on this side of it.
    async fn part_of_contents(&mut self, event: &Event) -> Option<Bytes> {
        let text = |field: &str| event.data.get(field).and_then(Value::as_str);
        let path = text("path")?;
        let Some(source) = text("source_path") else {
            return self.shows(path).await.then(|| event.json.clone());
        };
        let data = match (self.shows(path).await, self.shows(source).await) {
            (true, true) => return Some(event.json.clone()),
            (true, false) => json!({ "action": "create", "path": path }),
            (false, true) if text("action") == Some("rename") => {
                json!({ "action": "delete", "path": source })
            }
            (false, _) => return None,
        };
        let part = Event::new(event.schema_id.clone(), data).ok()?;
        Some(part.json)
    }

    /// Whether this subscriber may read what lies at `path`. What is no path is nobody's to see.
    async fn shows(&mut self, path: &str) -> bool {
        let Ok(path) = path.parse::<ContentsPath>() else {
            return false;
        };
        match self.covers_everything().await {
            Covers::All => return true,
            Covers::None => return false,
            Covers::Each => {}
        }
        if let Some(answer) = self.paths.get(&path) {
            return *answer;
        }
        let name = ContentsName::of(path.clone());
        let answer = self.auth.allows::<Read, ReadContents>(&name).await;
        if self.paths.len() >= ANSWERS_MAX {
            self.paths.clear();
        }
        self.paths.insert(path, answer);
        answer
    }

    async fn covers_everything(&mut self) -> Covers {
        if let Some(covers) = self.everything {
            return covers;
        }
        let root = ContentsName::of(ContentsPath::root());
        // What covers all that is in the root says nothing of the root itself.
        let covers = match self.auth.covers::<Read, ReadContents>(&root).await {
            Covers::All if !self.auth.allows::<Read, ReadContents>(&root).await => Covers::Each,
            covers => covers,
        };
        *self.everything.insert(covers)
    }

    /// Kernels are few and their rights change with their owners: each is asked about.
    async fn shows_kernel(&self, event: &Event) -> bool {
        match event.data.get("kernel_id").and_then(Value::as_str) {
            // A start that failed before there was a kernel.
            None => true,
            Some(id) => match id.parse::<KernelId>() {
                Ok(id) => self.auth.allows::<Read, Kernels>(&id).await,
                Err(_) => false,
            },
        }
    }
}
