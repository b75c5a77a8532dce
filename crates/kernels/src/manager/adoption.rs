//! Taking over the kernels of the server before this one.
//!
//! Until a host answers, or is gone for certain, its kernel's id is taken, and whoever keeps something about the kernel
//! keeps it: a host that was slow once costs nobody their kernel.

use std::time::Duration;

use futures::future::join_all;
use store::StoreError;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{KernelManager, slots::Reservation};
use crate::{
    Kernel, KernelEnding, KernelId,
    host::HostHandle,
    host_process::{self, Adopted, HostRecord, Pauses, ProtocolError, Spawning},
};

/// How long a start waits for hosts that are slow. They are waited for longer, but by nobody who starts.
const START_WAIT: Duration = Duration::from_secs(5);

impl KernelManager {
    /// Takes over the kernels of the server before this one. Call it once, at the start. Returns when all hosts have
    /// answered, or some take too long: those are called again until they answer or are gone.
    ///
    /// # Errors
    /// When it cannot be read which there are. Whoever went on would forget whose they are.
    pub async fn adopt(&self) -> Result<(), StoreError> {
        let records = self.0.registry.all().await?;
        let adopting = records.into_iter().filter_map(|record| {
            // In the order they were started.
            let reservation = self.await_kernel(record.kernel_id.clone());
            let reservation = reservation
                .inspect_err(|error| warn!(%error, "left a kernel alone"))
                .ok()?;
            let (settled, settling) = oneshot::channel();
            tokio::spawn(self.clone().adopt_one(record, reservation, settled));
            Some(settling)
        });
        let adopting = join_all(adopting.collect::<Vec<_>>());
        if timeout(START_WAIT, adopting).await.is_err() {
            warn!("some kernels of the last server do not answer yet; they are shown when they do");
        }
        Ok(())
    }

    /// Whether the kernel of this id runs, or may run: its host was written down and has not answered yet.
    #[must_use]
    pub fn may_run(&self, id: &KernelId) -> bool {
        self.lock().may_run(id)
    }

    async fn adopt_one(self, record: HostRecord, reservation: Reservation, settled: oneshot::Sender<()>) {
        let adopted = match self.spawning() {
            Some(spawning) => self.call(spawning, &record, settled).await,
            // Without hosts of its own this server has no use for those of another. The next may have.
            None => None,
        };
        let id = record.kernel_id.clone();
        match adopted {
            Some(Adopted::Running(host)) => self.take_over(record, *host, reservation),
            Some(Adopted::Gone) => {
                let ending = KernelEnding::now(id);
                drop(reservation);
                // Nobody listening is fine.
                let _listeners = self.0.endings.send(ending);
            }
            Some(Adopted::Unreached(_)) | None => reservation.keep(),
        }
    }

    /// Calls a host until it answers or is gone; `None` when this server leaves its kernels to the next before. One that
    /// ends them calls once more, and ends a host that does not answer then.
    async fn call(
        &self,
        spawning: Spawning,
        record: &HostRecord,
        settled: oneshot::Sender<()>,
    ) -> Option<Adopted> {
        let (id, mut settled, mut pauses) = (&record.kernel_id, Some(settled), Pauses::new());
        let calling = async {
            loop {
                let error = match host_process::adopt(spawning.clone(), &self.0.config, record).await {
                    Adopted::Unreached(error) => error,
                    adopted => return adopted,
                };
                // One that hangs up may be about to go, which shows soon.
                let is_known = !matches!(error, ProtocolError::Closed);
                if is_known && settled.take().is_some() {
                    warn!(kernel.id = %id, %error, "kernel {id} may run, but its host cannot be taken over yet");
                } else {
                    debug!(kernel.id = %id, %error, "the host of kernel {id} cannot be taken over yet");
                }
                sleep(pauses.next()).await;
            }
        };
        tokio::select! {
            adopted = calling => Some(adopted),
            () = self.0.closing.cancelled() => match self.0.ending.is_cancelled() {
                true => Some(host_process::adopt_or_end(spawning.clone(), &self.0.config, record).await),
                false => None,
            },
        }
    }

    fn take_over(&self, record: HostRecord, host: HostHandle, reservation: Reservation) {
        let HostRecord {
            kernel_id: id,
            name,
            directory,
            ..
        } = record;
        let config = &self.0.config;
        let kernel = Kernel::new(
            id.clone(),
            name,
            directory.into(),
            host,
            config.kernel_info_timeout,
            self.0.observer.clone(),
        );
        reservation.fill(kernel.clone());
        info!(kernel.id = %id, "took over kernel {id} ({})", kernel.name());
        let restarts = kernel.status().borrow().restarts;
        self.remove_when_ended(kernel, restarts);
    }
}
