//! A server that runs, and how it ends: with its kernels, or leaving them to the next.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use api::Merging;
use frontends::Frontends;
use kernels::{Kernel, KernelManager};
use store::Instance;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::listen::Connections;
use crate::urls::Place;

/// How long requests that are still running may take at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long WebSockets get to say goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The name of the Unix socket, gone when dropped.
pub(crate) struct SocketFile(pub(crate) PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            warn!("could not remove the socket {}: {error}", self.0.display());
        }
    }
}

/// A server that serves. Dropped without [`shutdown`](Self::shutdown) it stops accepting, and its kernels end with
/// the process.
pub struct RunningServer {
    pub(crate) local_address: Option<SocketAddr>,
    pub(crate) place: Place,
    pub(crate) kernels: KernelManager,
    pub(crate) merging: Merging,
    pub(crate) frontends: Frontends,
    pub(crate) websockets: api::Connections,
    pub(crate) stop_asked: CancellationToken,
    pub(crate) accepting: Option<JoinHandle<Connections>>,
    pub(crate) stop: CancellationToken,
    pub(crate) socket_file: Option<SocketFile>,
    /// What listens, for the next server in this process.
    pub(crate) listeners: Vec<OwnedFd>,
    /// Keeps the file of this instance locked.
    pub(crate) instance: Instance,
}

impl RunningServer {
    /// The TCP address; `None` on a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Where clients connect, with the base URL and without a token.
    pub fn url(&self) -> String {
        self.place.connection_url()
    }

    /// The kernels of this server.
    pub fn kernels(&self) -> &KernelManager {
        &self.kernels
    }

    /// The front ends that were found.
    pub fn frontends(&self) -> &Frontends {
        &self.frontends
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Completes when a client asks the server to shut down (`POST /api/shutdown`).
    pub async fn stop_asked(&self) {
        self.stop_asked.cancelled().await;
    }

    /// Whether the next server of this instance finds its kernels.
    pub(crate) fn can_leave(&self) -> bool {
        self.instance.is_persistent()
    }

    /// Leaves kernels to the next server of this instance, and closes all connections.
    pub async fn leave(mut self) {
        if !self.can_leave() {
            warn!("the next server could not find the kernels of this one; they end with it");
            return self.shutdown().await;
        }
        self.stop_listening();
        self.leave_kernels().await;
    }

    /// The same, but for what listens: whoever connects from now on is served by the next server.
    pub(crate) async fn leave_to_successor(mut self) -> Vec<OwnedFd> {
        self.stop.cancel();
        if let Some(stays) = self.socket_file.take() {
            std::mem::forget(stays);
        }
        let listeners = std::mem::take(&mut self.listeners);
        self.leave_kernels().await;
        listeners
    }

    async fn leave_kernels(&mut self) {
        self.merge(|kernel| !kernel.outlives_server()).await;
        // First, so that what clients have confirmed last is known.
        self.websockets.close_all(GOODBYE_TIMEOUT).await;
        self.kernels.leave().await;
        self.close_connections().await;
    }

    /// Ends all kernels and closes all connections.
    pub async fn shutdown(mut self) {
        self.stop_listening();
        let count = self.kernels.list().len();
        if count > 0 {
            info!(
                "shutting down {count} {}",
                if count == 1 { "kernel" } else { "kernels" }
            );
        }
        self.merge(|_| true).await;
        // WebSockets hear of the stop before their kernels are gone: they close with 1012, after which JupyterLab
        // comes back, not with the 1000 of a kernel that was shut down.
        tokio::join!(
            self.websockets.close_all(GOODBYE_TIMEOUT),
            self.kernels.shutdown_all()
        );
        self.close_connections().await;
    }

    fn stop_listening(&mut self) {
        self.stop.cancel();
        self.socket_file = None;
        self.listeners.clear();
    }

    /// Writes into notebooks what kernels that are about to end have said to pages that are gone.
    async fn merge(&self, is_ending: impl Fn(&Kernel) -> bool) {
        let mut ending = self.kernels.list();
        ending.retain(is_ending);
        self.merging.before_stopping(&ending).await;
    }

    async fn close_connections(&mut self) {
        match self.accepting.take() {
            None => {}
            Some(accepting) => match accepting.await {
                Ok(connections) => connections.close(DRAIN_TIMEOUT).await,
                Err(error) => warn!("the loop that accepts connections had ended: {error}"),
            },
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
