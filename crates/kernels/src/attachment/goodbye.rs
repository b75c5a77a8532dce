//! What is kept for a client that has closed its connection, as pages do when they go.
//!
//! Most never come back: a page that is opened anew has another id. But some do, as when somebody asks a front end to
//! connect again, so all is kept for a while. After that only what its own cells say: it is written into their document at
//! their end, or when that is opened again.

use std::{
    collections::{HashMap, HashSet},
    sync::Weak,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::Clients;
use crate::{
    ClientId,
    host::journal::{CodeDigest, Execution, Position},
};

/// Cells that end one after the other are looked at once.
const ENDS_PAUSE: Duration = Duration::from_secs(1);

/// What a client needs that has said goodbye.
#[derive(Default)]
pub(super) struct Goodbye {
    /// Until when it may be back.
    returns_by: Option<Instant>,
    /// Its requests whose last it has not seen, and which nobody else has.
    owed: Vec<Owed>,
}

struct Owed {
    msg_id: Box<str>,
    /// Until when somebody may want it, once it has ended.
    until: Option<Instant>,
}

/// When goodbyes are to be looked at again.
pub(super) struct Due {
    pub(super) at: Option<Instant>,
    /// Also when a cell ends.
    pub(super) at_end: bool,
}

impl Goodbye {
    /// Who has said it is waited for until then.
    pub(super) fn wait_until(self, returns_by: Instant) -> Self {
        Self {
            returns_by: Some(returns_by),
            ..self
        }
    }

    /// Owed are those of the client's own requests that it has not seen to their end.
    pub(super) fn owing(own: &[&Execution], resumes_at: Position, handed_out: Position) -> Self {
        let is_owed = |own: &&&Execution| {
            // A program that runs no cell leaves as soon as it has its answers, before it confirms them.
            let seen = if own.cell_id.is_some() {
                resumes_at
            } else {
                handed_out
            };
            own.ended.is_none_or(|ended| ended >= seen)
        };
        let owed = own.iter().filter(is_owed).map(|own| Owed {
            msg_id: own.msg_id.clone(),
            until: None,
        });
        Self {
            returns_by: None,
            owed: owed.collect(),
        }
    }

    /// Whether something has to be kept for it.
    pub(super) fn needs(&self) -> bool {
        self.returns_by.is_some() || self.is_owed()
    }

    pub(super) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    /// These are of no interest any more.
    pub(super) fn forget_ended(&mut self, msg_ids: &HashSet<&str>) {
        self.owed.retain(|owed| !msg_ids.contains(&*owed.msg_id));
    }

    /// It is `now`: what nobody waits for any longer is forgotten, and so is what has run again.
    pub(super) fn look(&mut self, now: Instant, owed_wait: Duration, newest: &HashMap<Box<str>, bool>) {
        self.returns_by = self.returns_by.filter(|returns_by| *returns_by > now);
        self.owed.retain_mut(|owed| {
            let Some(has_ended) = newest.get(&owed.msg_id) else {
                return false;
            };
            if *has_ended {
                owed.until.get_or_insert(now + owed_wait);
            }
            owed.until.is_none_or(|until| until > now)
        });
    }

    pub(super) fn due(&self) -> Due {
        let untils = self.owed.iter().filter_map(|owed| owed.until);
        Due {
            at: untils.chain(self.returns_by).min(),
            at_end: self.owed.iter().any(|owed| owed.until.is_none()),
        }
    }
}

/// Looks at the goodbyes of a kernel's clients when something is due, until nothing is.
pub(super) async fn sweep(
    clients: Weak<Clients>,
    mut ends: watch::Receiver<u64>,
    mut said: watch::Receiver<()>,
) {
    loop {
        let due = clients
            .upgrade()
            .and_then(|clients| clients.sweep(Instant::now()));
        let Some(due) = due else {
            return;
        };
        let at = due.at.unwrap_or_else(Instant::now);
        let changed = tokio::select! {
            () = sleep_until(at), if due.at.is_some() => Ok(()),
            changed = said.changed() => changed,
            changed = ends.changed(), if due.at_end => {
                sleep(ENDS_PAUSE).await;
                changed
            }
        };
        if changed.is_err() {
            return;
        }
    }
}

/// The newest request of each cell.
pub(crate) fn newest_of(mut executions: Vec<Execution>) -> Vec<Execution> {
    let mut cells = HashSet::<Box<str>>::new();
    let (mut codes, mut codes_of_unknown_cells) = (HashSet::<CodeDigest>::new(), HashSet::new());
    let mut is_newest: Vec<_> = executions
        .iter()
        .rev()
        .map(|execution| match &execution.cell_id {
            Some(cell) => {
                let is_first = cells.insert(cell.clone());
                codes.insert(execution.code);
                is_first && !codes_of_unknown_cells.contains(&execution.code)
            }
            None => {
                codes_of_unknown_cells.insert(execution.code);
                codes.insert(execution.code)
            }
        })
        .collect();
    executions.retain(|_| is_newest.pop().unwrap_or_default());
    executions
}

/// Whose they are.
pub(super) fn by_client(executions: &[Execution]) -> HashMap<&ClientId, Vec<&Execution>> {
    let mut by_client = HashMap::<_, Vec<_>>::new();
    for execution in executions {
        by_client.entry(&execution.client).or_default().push(execution);
    }
    by_client
}

#[cfg(test)]
mod tests;
