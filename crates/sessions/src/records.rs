//! The list of sessions, without their kernels.

use kernels::KernelId;
use store::SessionRow;

use crate::SessionId;

/// What is remembered of a session.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: SessionId,
    pub(crate) path: String,
    pub(crate) name: Option<String>,
    pub(crate) kind: String,
    pub(crate) kernel: KernelId,
}

impl Record {
    /// What was written down of a session; `None` if it is no such thing.
    pub(crate) fn from_row(row: &SessionRow) -> Option<Self> {
        Some(Self {
            id: row.id.parse().ok()?,
            path: row.path.clone(),
            name: row.name.clone(),
            kind: row.kind.clone(),
            kernel: row.kernel_id.parse().ok()?,
        })
    }

    /// What to write down of it.
    pub(crate) fn to_row(&self) -> SessionRow {
        SessionRow {
            id: self.id.to_string(),
            path: self.path.clone(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            kernel_id: self.kernel.to_string(),
        }
    }
}

/// All sessions, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<Record>);

impl Records {
    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<Record> {
        self.0.iter().find(|record| record.id == *id).cloned()
    }

    /// The first session at `path` that is `live`.
    pub(crate) fn at_path(&self, path: &str, live: impl Fn(&Record) -> bool) -> Option<Record> {
        let mut there = self.0.iter().filter(|record| record.path == path);
        there.find(|record| live(record)).cloned()
    }

    /// All sessions at `path`.
    pub(crate) fn all_at_path(&self, path: &str) -> Vec<Record> {
        let there = self.0.iter().filter(|record| record.path == path);
        there.cloned().collect()
    }

    pub(crate) fn insert(&mut self, record: Record) {
        self.0.push(record);
    }

    pub(crate) fn get_mut(&mut self, id: &SessionId) -> Option<&mut Record> {
        self.0.iter_mut().find(|record| record.id == *id)
    }

    pub(crate) fn remove(&mut self, id: &SessionId) {
        self.0.retain(|record| record.id != *id);
    }

    /// Takes out all but those that are `live`.
    pub(crate) fn take_ended(&mut self, live: impl Fn(&Record) -> bool) -> Vec<Record> {
        self.0.extract_if(.., |record| !live(record)).collect()
    }
}
