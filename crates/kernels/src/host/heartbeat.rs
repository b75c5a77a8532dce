//! The heartbeat: asks the kernel to say something back, and notes when it does not. A kernel that is silent is
//! not ended for it: it may be stopped in a debugger. The user sees it and decides.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::core::Core;
use crate::sockets::{Endpoint, Role, SocketError, SocketLimits, connect};

/// A heartbeat carries nothing worth reading.
const LIMITS: SocketLimits = SocketLimits {
    message_bytes_max: 1 << 10,
    frames_max: 8,
};

/// Beats until dropped.
pub(super) async fn beat(core: Arc<Core>, endpoint: Endpoint, interval: Duration) {
    loop {
        // A kernel without heartbeat is a kernel all the same: its process and sockets say whether it lives.
        let Err(_broken) = beat_on_one_connection(&core, &endpoint, interval).await;
        sleep(interval).await;
    }
}

async fn beat_on_one_connection(
    core: &Core,
    endpoint: &Endpoint,
    interval: Duration,
) -> Result<std::convert::Infallible, SocketError> {
    let (mut sender, mut receiver) = connect(endpoint, Role::Requester, b"", LIMITS).await?;
    loop {
        // A REQ socket puts an empty frame in front.
        sender.send(&[Bytes::new(), Bytes::from_static(b"ping")]).await?;
        let answer = timeout(interval, receiver.recv()).await;
        note(core, answer.is_ok());
        match answer {
            Ok(answer) => answer?,
            // One question at a time: the answer to this one may come late.
            Err(_late) => {
                let answer = receiver.recv().await?;
                note(core, true);
                answer
            }
        };
        sleep(interval).await;
    }
}

fn note(core: &Core, responsive: bool) {
    if core.status().responsive == responsive {
        return;
    }
    core.change_status(|status| status.responsive = responsive);
    if responsive {
        info!(kernel.id = %core.kernel_id, "the kernel answers its heartbeat again");
    } else {
        warn!(kernel.id = %core.kernel_id, "the kernel does not answer its heartbeat");
    }
}
