//! The open WebSockets, so that a server that stops can say so to each and wait until they are closed.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// All open WebSockets. The server holds one handle and calls [`close_all`](Self::close_all); whoever serves a
/// socket holds an [`OpenConnection`].
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<watch::Sender<bool>>);

/// One open WebSocket; dropped when it is closed.
#[derive(Debug)]
pub(crate) struct OpenConnection(watch::Receiver<bool>);

impl Connections {
    /// Counts in one more.
    pub(crate) fn open(&self) -> OpenConnection {
        OpenConnection(self.0.subscribe())
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.receiver_count()
    }

    /// Tells all to close, and waits until they have, but no longer than `wait_max`. New ones close at once.
    pub async fn close_all(&self, wait_max: Duration) {
        self.0.send_replace(true);
        // Those that do not make it in time end with the process.
        let _ = tokio::time::timeout(wait_max, self.0.closed()).await;
    }
}

impl OpenConnection {
    /// Completes when the server stops. Cancel safe.
    pub(crate) async fn stopping(&mut self) {
        // An error is a server that is gone altogether.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closing_waits_for_every_connection() {
        let connections = Connections::default();
        let mut one = connections.open();
        assert_eq!(connections.count(), 1);
        let serving = tokio::spawn(async move {
            one.stopping().await;
            drop(one);
        });
        connections.close_all(Duration::from_secs(60)).await;
        assert_eq!(connections.count(), 0);
        serving.await.unwrap();
    }
}
