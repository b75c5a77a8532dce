//! Reading a journal without being a client: what was said to everyone, until now.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Audience, Delivery, Fetched, Journal, Position, Read};
use crate::Gap;

/// How long a host has to give what this process holds no longer. Then the rest counts as missed: somebody waits, who is no
/// client that could go on later.
const FETCH_WAIT: Duration = Duration::from_secs(10);

/// What a kernel has said to everyone from some place on, until another.
pub struct Retelling {
    journal: Arc<Journal>,
    at: Position,
    end: Position,
    fetched: VecDeque<Arc<Delivery>>,
}

impl Retelling {
    pub(crate) fn new(journal: Arc<Journal>, from: Position, until: Position) -> Self {
        Self {
            end: journal.head().min(until),
            journal,
            at: from,
            fetched: VecDeque::new(),
        }
    }

    /// The next one; `None` at the end. Does not wait for the kernel.
    ///
    /// # Errors
    /// [`Gap`] when messages have left the journal; the call after it goes on behind the gap.
    pub async fn next(&mut self) -> Result<Option<Arc<Delivery>>, Gap> {
        loop {
            while let Some(delivery) = self.fetched.pop_front() {
                if delivery.position >= self.end {
                    return Ok(None);
                }
                if delivery.audience == Audience::Everyone {
                    return Ok(Some(delivery));
                }
            }
            if self.at >= self.end {
                return Ok(None);
            }
            let (deliveries, next, missed) = match self.journal.read_all(self.at) {
                Read::Deliveries { deliveries, next } => (deliveries, next, 0),
                Read::Behind(behind) => {
                    let fetched = timeout(FETCH_WAIT, behind.fetch()).await;
                    let fetched = fetched.unwrap_or_else(|_| Fetched::missed(self.at, self.end));
                    (fetched.deliveries, fetched.next, fetched.missed)
                }
                Read::Missed { missed, next } => (Vec::new(), next, missed),
                Read::Nothing | Read::Closed => return Ok(None),
            };
            self.fetched = deliveries.into();
            self.at = next;
            if missed > 0 {
                return Err(Gap { missed });
            }
        }
    }
}
