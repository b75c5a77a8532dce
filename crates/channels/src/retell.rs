//! Telling again what requests have left in their cells, for those who were not there.

use std::collections::HashMap;

use kernels::{Delivery, Execution, Gap, Kernel, Position};
use tokio::{runtime::Handle, sync::oneshot};

use crate::{CellOutputs, Filters, displays::Displays, widgets::OutputWidgets};

/// What a request left in its cell.
#[derive(Clone, Debug)]
pub struct Retold {
    /// The request.
    pub execution: Execution,
    /// Its outputs.
    pub outputs: CellOutputs,
}

/// What these requests have left in their cells before `until`. Where they have more than `bytes_max` bytes of outputs
/// together, or some have left the journal, those that lack some are not complete.
///
/// It is work: done on a thread for such, and given up when nobody waits for it any more.
pub async fn retell(
    kernel: &Kernel,
    executions: Vec<Execution>,
    until: Position,
    filters: &Filters,
    bytes_max: usize,
) -> Vec<Retold> {
    let retelling = Retelling::new(executions, filters.clone(), bytes_max);
    let (kernel, runtime) = (kernel.clone(), Handle::current());
    let (waiting, gone) = oneshot::channel::<()>();
    let work = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = gone => Vec::new(),
                retold = retelling.of(&kernel, until) => retold,
            }
        })
    });
    let retold = match work.await {
        Ok(retold) => retold,
        // The server stops, and nobody will read it.
        Err(stopped) if stopped.is_cancelled() => Vec::new(),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    };
    drop(waiting);
    retold
}

/// What is retold so far.
struct Retelling {
    retold: Vec<Retold>,
    /// Where in `retold` the request of a `msg_id` is.
    places: HashMap<Box<str>, usize>,
    displays: Displays,
    widgets: OutputWidgets,
    filters: Filters,
    /// Of all outputs, without the updates of displays.
    bytes: usize,
    bytes_max: usize,
}

impl Retelling {
    fn new(executions: Vec<Execution>, filters: Filters, bytes_max: usize) -> Self {
        let places = executions.iter().enumerate();
        Self {
            places: places
                .map(|(place, execution)| (execution.msg_id.clone(), place))
                .collect(),
            retold: executions
                .into_iter()
                .map(|execution| Retold {
                    execution,
                    outputs: CellOutputs::complete(),
                })
                .collect(),
            displays: Displays::default(),
            widgets: OutputWidgets::default(),
            filters,
            bytes: 0,
            bytes_max,
        }
    }

    async fn of(mut self, kernel: &Kernel, until: Position) -> Vec<Retold> {
        let firsts = self.retold.iter().filter_map(|retold| retold.execution.first);
        let Some(start) = firsts.min() else {
            return self.retold;
        };
        let mut said = kernel.said_between(start, until);
        let mut position = start;
        let mut has_gap = false;
        loop {
            // So that it can be given up.
            tokio::task::consume_budget().await;
            let delivery = match said.next().await {
                Ok(Some(delivery)) => delivery,
                Ok(None) => break,
                Err(Gap { .. }) => {
                    has_gap = true;
                    continue;
                }
            };
            if std::mem::take(&mut has_gap) {
                self.note_gap(position, delivery.position);
            }
            position = delivery.position.next();
            self.add(&delivery);
            if self.bytes.saturating_add(self.displays.bytes()) > self.bytes_max {
                has_gap = true;
                break;
            }
        }
        if has_gap {
            self.note_gap(position, Position(u64::MAX));
        }
        let mut room = self.bytes_max;
        for Retold { outputs, .. } in &mut self.retold {
            outputs.settle(&self.displays, &mut room);
        }
        self.retold
    }

    fn add(&mut self, delivery: &Delivery) {
        let parts = delivery.parts();
        let (Ok(header), Ok(Some(parent))) = (parts.header(), parts.parent()) else {
            return;
        };
        self.widgets.note(&header.msg_type, parts.content);
        let place = self.places.get(&*parent.msg_id);
        let retold = place.and_then(|place| self.retold.get_mut(*place));
        // Displays are updated by whatever request.
        if header.msg_type == "update_display_data" {
            let is_read = self.displays.update(parts.content);
            if let Some(Retold { outputs, .. }) = retold {
                outputs.is_complete &= is_read;
            }
            return;
        }
        // All else that a widget takes is no output.
        if header.msg_type != "execute_input" && self.widgets.take(&parent.msg_id) {
            return;
        }
        if let Some(Retold { outputs, .. }) = retold {
            let message = delivery.message();
            let changed = self.filters.told_later(&message, &header.msg_type);
            let before = outputs.bytes();
            outputs.add(
                &mut self.displays,
                &header.msg_type,
                changed.as_ref().unwrap_or(&message),
            );
            self.bytes = self.bytes.saturating_sub(before).saturating_add(outputs.bytes());
        }
    }

    /// Messages from `from` until `until` are missing.
    fn note_gap(&mut self, from: Position, until: Position) {
        for Retold { execution, outputs } in &mut self.retold {
            let begins_before = execution.first.is_some_and(|first| first < until);
            let ends_behind = execution.ended.is_none_or(|ended| ended >= from);
            if begins_before && ends_behind {
                outputs.is_complete = false;
            }
        }
    }
}
