//! Ends kernels that nobody uses. The rules are the reference's.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{ExecutionState, Kernel, KernelManager, KernelModel};

/// The key in a kernelspec's `metadata` that says another idle time for its kernels, in seconds.
const IDLE_TIMEOUT_KEY: &str = "cull_idle_timeout";

/// Which kernels are ended, and how often that is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Culling {
    /// How long a kernel does nothing before it is ended (`MappingKernelManager.cull_idle_timeout`).
    pub idle_timeout: Duration,
    /// How often kernels are looked at (`cull_interval`). Not zero.
    pub interval: Duration,
    /// Which kernels stay however long they have done nothing.
    pub spared: Spared,
}

/// Kernels that are not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Those somebody is connected to (not `cull_connected`).
    pub connected: bool,
    /// Those that work on something and say nothing (not `cull_busy`).
    pub busy: bool,
}

impl Culling {
    /// Whether a kernel has been idle for too long. `own_timeout` is its kernelspec's.
    fn is_due(&self, kernel: &KernelModel, own_timeout: Option<Duration>, now: Timestamp) -> bool {
        let idle = now.duration_since(kernel.last_activity);
        // A clock that was set back: it has just done something.
        let idle = Duration::try_from(idle).unwrap_or_default();
        let is_spared = self.spared.busy && kernel.execution_state == ExecutionState::Busy
            || self.spared.connected && kernel.connections > 0;
        idle > own_timeout.unwrap_or(self.idle_timeout) && !is_spared
    }
}

/// Looks at all kernels again and again, and ends those that are idle for too long, after `before` has seen to what they
/// leave. Never returns.
pub async fn cull_idle_kernels(
    kernels: KernelManager,
    culling: Culling,
    before: impl Fn(Kernel) -> BoxFuture<'static, ()>,
) {
    info!(
        "culling kernels that are idle for more than {} seconds, every {} seconds",
        culling.idle_timeout.as_secs(),
        culling.interval.as_secs()
    );
    let mut ticks = interval(culling.interval);
    // A machine that slept does not catch up.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for kernel in kernels.list() {
            cull_if_due(&kernels, &kernel, &culling, &before).await;
        }
    }
}

async fn cull_if_due(
    kernels: &KernelManager,
    kernel: &Kernel,
    culling: &Culling,
    before: impl Fn(Kernel) -> BoxFuture<'static, ()>,
) {
    // Whoever started it will end it.
    if kernel.is_external() {
        return;
    }
    let own_timeout = own_timeout(kernels, kernel.name()).await;
    let model = kernel.model();
    if !culling.is_due(&model, own_timeout, Timestamp::now()) {
        return;
    }
    warn!(
        kernel.id = %model.id,
        "culling kernel {} ({}, {}) with {} connections: it did nothing since {}",
        model.id, model.name, model.execution_state, model.connections, model.last_activity
    );
    before(kernel.clone()).await;
    // One that has ended meanwhile is what was wanted.
    if let Err(error) = kernel.shutdown().await {
        info!(kernel.id = %model.id, %error, "a kernel was gone before it was culled");
    }
}

/// What the kernelspec says, as it is now. A negative number ends its kernels as soon as they are idle, as in the
/// reference.
async fn own_timeout(kernels: &KernelManager, name: &str) -> Option<Duration> {
    // One that is gone or broken by now says nothing.
    let kernelspec = kernels.kernelspecs().get(name).await.ok()?;
    let seconds = kernelspec.spec.metadata.get(IDLE_TIMEOUT_KEY)?.as_f64()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CULLING: Culling = Culling {
        idle_timeout: Duration::from_secs(10),
        interval: Duration::from_secs(1),
        spared: Spared {
            connected: true,
            busy: true,
        },
    };

    fn kernel(execution_state: ExecutionState, connections: usize) -> KernelModel {
        KernelModel {
            id: "a-b-c-d-e".parse().unwrap(),
            name: "x".into(),
            last_activity: Timestamp::from_second(100).unwrap(),
            execution_state,
            connections,
            reason: None,
            usage: None,
        }
    }

    #[test]
    fn a_kernel_is_due_when_it_is_idle_for_longer_and_not_spared() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let is_due = |culling: &Culling, state, connections, second| {
            culling.is_due(&kernel(state, connections), None, at(second))
        };
        use ExecutionState::{Busy, Idle, Starting};
        assert!(!is_due(&CULLING, Idle, 0, 110));
        assert!(is_due(&CULLING, Idle, 0, 111));
        assert!(is_due(&CULLING, Starting, 0, 111));
        assert!(!is_due(&CULLING, Idle, 0, 50));
        assert!(!is_due(&CULLING, Idle, 1, 111));
        assert!(!is_due(&CULLING, Busy, 0, 111));
        let without = |connected, busy| Culling {
            spared: Spared { connected, busy },
            ..CULLING
        };
        assert!(is_due(&without(false, true), Idle, 1, 111));
        assert!(!is_due(&without(false, true), Busy, 1, 111));
        assert!(is_due(&without(true, false), Busy, 0, 111));
        assert!(!is_due(&without(true, false), Busy, 1, 111));
    }

    #[test]
    fn a_kernelspecs_own_time_counts_instead() {
        let now = Timestamp::from_second(105).unwrap();
        let own = |seconds| Some(Duration::from_secs(seconds));
        assert!(CULLING.is_due(&kernel(ExecutionState::Idle, 0), own(4), now));
        assert!(!CULLING.is_due(&kernel(ExecutionState::Idle, 0), own(6), now));
    }
}
