//! Reading what has left memory: from the file, or from the host that has it.

use std::{io, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{Delivery, Position, spill::SpilledChunk};

/// Something that is no longer in memory.
pub(crate) struct Behind(Place);

enum Place {
    File(SpilledChunk),
    Host {
        host: mpsc::UnboundedSender<Fetch>,
        from: Position,
        /// Where memory begins.
        until: Position,
    },
}

/// Asks a host for what stands at `from` and after it.
pub(crate) struct Fetch {
    pub(crate) from: Position,
    pub(crate) answer: oneshot::Sender<Fetched>,
}

/// What was behind memory.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Whoever they are for.
    pub(crate) deliveries: Vec<Arc<Delivery>>,
    /// Where to go on.
    pub(crate) next: Position,
    /// How many before `next` are lost.
    pub(crate) missed: u64,
}

impl Behind {
    pub(super) fn file(chunk: SpilledChunk) -> Self {
        Self(Place::File(chunk))
    }

    pub(super) fn host(host: mpsc::UnboundedSender<Fetch>, from: Position, until: Position) -> Self {
        Self(Place::Host { host, from, until })
    }

    /// Fetches it, or some of it.
    pub(crate) async fn fetch(self) -> Fetched {
        match self.0 {
            Place::File(chunk) => fetch_from_file(chunk).await,
            Place::Host { host, from, until } => {
                let (answer, answered) = oneshot::channel();
                // An error is told by the answer, which never comes then.
                let _gone = host.send(Fetch { from, answer });
                answered.await.unwrap_or_else(|_| Fetched::missed(from, until))
            }
        }
    }
}

impl Fetched {
    /// Nothing of it is left.
    pub(crate) fn missed(from: Position, next: Position) -> Self {
        Self {
            deliveries: Vec::new(),
            next,
            missed: next.0.saturating_sub(from.0),
        }
    }
}

async fn fetch_from_file(chunk: SpilledChunk) -> Fetched {
    let (start, end) = (chunk.start(), chunk.end());
    // The disk may take its time.
    let read = tokio::task::spawn_blocking(move || chunk.read()).await;
    match read.map_err(io::Error::other).and_then(|read| read) {
        Ok(deliveries) => Fetched {
            deliveries,
            next: end,
            missed: 0,
        },
        Err(error) => {
            warn!(%error, "failed to read a kernel's journal from its file");
            Fetched::missed(start, end)
        }
    }
}
