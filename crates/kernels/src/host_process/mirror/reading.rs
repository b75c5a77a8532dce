//! From the host to the server: what comes is put where it belongs.

use tracing::{debug, error, info, warn};

use super::shared::Shared;
use crate::{
    Delivery,
    host_process::protocol::{Frame, FrameReader, HostSays, Kind, LogLine, ProtocolError, carried, fetched},
};

/// How many deliveries are added to the journal at once.
const BATCH_MAX: usize = 256;

/// Reads until the connection breaks.
pub(super) async fn read(shared: &Shared, reader: &mut FrameReader) -> ProtocolError {
    loop {
        if let Err(error) = read_some(shared, reader).await {
            return error;
        }
    }
}

async fn read_some(shared: &Shared, reader: &mut FrameReader) -> Result<(), ProtocolError> {
    let mut batch = Batch {
        shared,
        deliveries: Vec::new(),
    };
    let mut next = Some(reader.next().await?);
    let mut bytes = 0_usize;
    while let Some(frame) = next {
        bytes = bytes.saturating_add(frame.body.len());
        batch.hear(frame)?;
        next = match batch.deliveries.len() < BATCH_MAX {
            true => reader.at_hand()?,
            false => None,
        };
    }
    batch.finish();
    shared.note_bytes(bytes);
    Ok(())
}

/// Deliveries that came together.
struct Batch<'a> {
    shared: &'a Shared,
    deliveries: Vec<Delivery>,
}

impl Batch<'_> {
    fn hear(&mut self, frame: Frame) -> Result<(), ProtocolError> {
        match frame.kind {
            Kind::Delivery => match carried(frame.body) {
                Ok(delivery) => self.deliveries.push(delivery),
                // Its place stays empty, which is told to whoever reads there.
                Err(error) => warn!(kernel.id = %self.shared.kernel_id, %error, "left out a delivery"),
            },
            Kind::Fetched => match fetched(frame.body) {
                Ok((id, delivery)) => self.shared.fetched(id, delivery),
                Err(error) => warn!(kernel.id = %self.shared.kernel_id, %error, "left out a delivery"),
            },
            Kind::Control => self.obey(serde_json::from_slice(&frame.body).map_err(ProtocolError::bad)?),
            Kind::Message | Kind::Unknown => {}
        }
        Ok(())
    }

    fn obey(&mut self, says: HostSays) {
        let shared = self.shared;
        match says {
            HostSays::Status { status } => {
                if status.restarts != shared.status.borrow().restarts {
                    self.finish();
                    shared.note_restart();
                }
                shared.status.send_if_modified(|known| {
                    let but_for_activity = crate::KernelStatus {
                        last_activity: known.last_activity,
                        ..status.clone()
                    };
                    // As in a host: that something was done wakes nobody.
                    let wakes = but_for_activity != *known;
                    *known = status;
                    wakes
                });
            }
            HostSays::Answer { id, failure } => {
                self.finish();
                shared.finish_command(id, failure);
            }
            HostSays::Fetched { id, next, missed } => shared.finish_fetch(id, next, missed),
            HostSays::Usage { id, usage } => shared.finish_measure(id, usage),
            HostSays::Ended { requests } => {
                self.finish();
                shared.journal.end_these(requests);
            }
            HostSays::Closed => {
                self.finish();
                shared.journal.close();
            }
            HostSays::Taken(counts) => shared.taken(counts),
            HostSays::Log { lines } => {
                for line in lines {
                    log(shared, &line);
                }
            }
            HostSays::Attached(_) | HostSays::Unknown => {}
        }
    }

    fn finish(&mut self) {
        self.shared.journal.extend(std::mem::take(&mut self.deliveries));
    }
}

fn log(shared: &Shared, line: &LogLine) {
    let (id, text) = (&shared.kernel_id, &line.text);
    match (&*line.level, line.is_kernel_output) {
        (_, true) => info!(target: "kernel_output", %id, "{text}"),
        ("ERROR", _) => error!(kernel.id = %id, "{text}"),
        ("WARN", _) => warn!(kernel.id = %id, "{text}"),
        ("INFO", _) => info!(kernel.id = %id, "{text}"),
        (_, _) => debug!(kernel.id = %id, "{text}"),
    }
}
