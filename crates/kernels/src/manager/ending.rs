//! What becomes of kernels when the server stops: those that run, those that are just being launched, and those of the
//! server before whose hosts have not answered yet.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;
use tracing::{info, warn};

use super::KernelManager;
use crate::Kernel;

/// How long a server that leaves its kernels to the next waits for those that it is just launching. One that takes longer
/// is given up: nobody has heard of it.
const LAUNCH_WAIT: Duration = Duration::from_secs(5);

impl KernelManager {
    /// Leaves kernels to the next server, those that can outlive this process, and ends the others. Starts no more.
    pub async fn leave(&self) {
        self.close();
        self.0.launches.close();
        if timeout(LAUNCH_WAIT, self.0.launches.wait()).await.is_err() {
            warn!("some kernels take too long to start and are not left to the next server");
            // Those that were faster are left, and whoever asked for them is told so.
            self.0.launching.cancel();
            self.0.launches.wait().await;
        }
        let kernels = self.list();
        let leaving = kernels.iter().map(|kernel| async move {
            if kernel.outlives_server() {
                kernel.settle().await;
                info!(kernel.id = %kernel.id(), "left kernel {} to the next server", kernel.id());
                return;
            }
            // A kernel that was gone already is what was wanted.
            let _gone = kernel.shutdown().await;
        });
        join_all(leaving).await;
    }

    /// Ends all kernels, at once, and starts no more. Returns when nothing of them is left.
    pub async fn shutdown_all(&self) {
        self.0.ending.cancel();
        self.close();
        self.0.launches.close();
        self.0.adoptions.close();
        let undecided = async { tokio::join!(self.0.launches.wait(), self.0.adoptions.wait()) };
        tokio::join!(shutdown_each(self.list()), undecided);
        // Those that were faster than the news.
        shutdown_each(self.list()).await;
    }

    /// Whether the kernel is ended, or about to be, because the server stops.
    pub(super) fn ends(&self, kernel: &Kernel) -> bool {
        self.0.ending.is_cancelled() || (self.0.closing.is_cancelled() && !kernel.outlives_server())
    }

    /// From here on nothing starts that has not begun.
    fn close(&self) {
        let _nobody_begins = self.lock();
        self.0.closing.cancel();
    }
}

async fn shutdown_each(kernels: Vec<Kernel>) {
    let shutdowns = kernels.iter().map(|kernel| async move {
        // A kernel that was gone already is what was wanted.
        if kernel.shutdown().await.is_ok() {
            info!(kernel.id = %kernel.id(), "shut down kernel {}", kernel.id());
        }
    });
    join_all(shutdowns).await;
}
