//! The server's end of hosts that are processes of their own: starts them, mirrors what they have, and starts another
//! when one is gone.

mod adopt;
mod connect;
mod keeper;
mod pauses;
mod peer;
mod process;
mod reading;
mod shared;
mod writing;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use self::{
    adopt::{Adopted, adopt, adopt_or_end},
    pauses::Pauses,
};
use self::{
    connect::{Connected, connect_to},
    keeper::Keeper,
    process::HostProcess,
    shared::Shared,
    writing::Inlets,
};
use super::{
    protocol::Wanted,
    registry::{HostRecord, Registry},
    setup::{HostAddress, Secret, Setup},
};
use crate::{
    KernelError, KernelId, Position,
    addresses::remove_leftovers,
    attachment::{Clients, RememberedMax},
    host::{
        HostHandle, HostSettings,
        handle::{Lanes, queues},
        journal::Journal,
    },
    launch::{LaunchPlan, kill_leftovers},
    limits::cgroup::remove_groups_of,
    usage::Gauge,
};

/// How many commands may wait: each is somebody's open request.
const COMMANDS_QUEUED_MAX: usize = 16;

/// How many may wait to ask what the kernel uses: a gauge asks once at a time.
const MEASURES_QUEUED_MAX: usize = 1;

/// How to start host processes.
#[derive(Clone)]
pub(crate) struct Spawning {
    pub(crate) program: PathBuf,
    /// Where their sockets lie.
    pub(crate) hosts_dir: PathBuf,
    /// Where their kernels' Unix sockets lie, should they have any.
    pub(crate) ipc_dir: PathBuf,
    pub(crate) orphan_timeout: Duration,
    /// Where it is written down which there are.
    pub(crate) registry: Registry,
}

/// Starts a host process, which launches the kernel. Given up when that is cancelled.
pub(crate) async fn start(
    spawning: Spawning,
    settings: HostSettings,
    plan: LaunchPlan,
    given_up: &CancellationToken,
) -> Result<HostHandle, KernelError> {
    let address = spawning.new_address()?;
    let host_mark = address.mark();
    let setup = Setup {
        address,
        plan: plan.marked(host_mark),
        settings,
        orphan_timeout: spawning.orphan_timeout,
        predecessor: None,
    };
    let (process, connected) = spawn(&spawning, &setup, None, given_up).await?;
    Ok(keep(spawning, setup, Some(process), connected))
}

/// Starts a host process and connects to it. It is written down before: a server that is killed meanwhile has a
/// successor that finds it. What the kernel says comes from `from` on. Of one that does not come up, or is given up,
/// nothing is left.
async fn spawn(
    spawning: &Spawning,
    setup: &Setup,
    from: Option<Position>,
    given_up: &CancellationToken,
) -> Result<(HostProcess, Connected), KernelError> {
    let record = HostRecord {
        kernel_id: setup.plan.kernel_id.clone(),
        name: setup.plan.name.clone(),
        directory: setup.plan.directory.clone(),
        address: setup.address.clone(),
    };
    spawning.registry.note(&record).await;
    let spawned = try_spawn(spawning, setup, from, given_up).await;
    if spawned.is_err() {
        clear_away(LeftBehind::of(spawning, setup)).await;
        spawning.registry.forget(&setup.address).await;
    }
    spawned
}

async fn try_spawn(
    spawning: &Spawning,
    setup: &Setup,
    from: Option<Position>,
    given_up: &CancellationToken,
) -> Result<(HostProcess, Connected), KernelError> {
    let (mut process, launching) = HostProcess::spawn(&spawning.program, setup)?;
    let connecting = async {
        launching.await?;
        let wanted = Wanted {
            from,
            setup_known: true,
        };
        let message_bytes_max = setup.settings.limits.message_bytes_max;
        let connected = connect_to(&setup.address, message_bytes_max, wanted).await;
        connected.map_err(|error| KernelError::Host {
            problem: error.to_string(),
        })
    };
    let connected = tokio::select! {
        connected = connecting => connected,
        () = given_up.cancelled() => Err(KernelError::Stopping),
    };
    match connected {
        Ok(connected) => Ok((process, connected)),
        Err(error) => {
            process.kill();
            let _how_it_ended = process.exit().await;
            Err(error)
        }
    }
}

/// Puts a handle in front of a host that is connected.
fn keep(spawning: Spawning, setup: Setup, process: Option<HostProcess>, connected: Connected) -> HostHandle {
    let (limits, shutdown_wait) = (setup.settings.limits.clone(), setup.settings.shutdown_wait);
    let condemned = CancellationToken::new();
    let (fetches, fetching) = mpsc::unbounded_channel();
    let attached = &connected.attached;
    let journal = Arc::new(Journal::mirror(
        attached.next,
        limits.mirror_memory_bytes_max,
        fetches,
    ));
    let clients = Clients::new(journal.clone(), RememberedMax::new(&limits));
    // Known before anybody could be forgotten: who waits for an answer is not.
    journal.index_executions(attached.executions.clone());
    clients.remember(attached.clients.clone(), attached.sent_until);
    let (status, status_seen) = watch::channel(attached.status.clone());
    let (commands, commanded) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let (entries, lanes) = queues(&limits);
    let shared = Shared::new(
        setup.plan.kernel_id.clone(),
        journal.clone(),
        status,
        &clients,
        &limits,
    );
    let variables = shared.variables.clone();
    let (measures, measuring) = mpsc::channel(MEASURES_QUEUED_MAX);
    let inlets = Inlets::new(lanes, commanded, fetching, measuring);
    tokio::spawn(Keeper::new(spawning, setup, process, shared, inlets, condemned.clone()).keep(connected));
    HostHandle {
        commands,
        lanes: entries,
        status: status_seen,
        journal,
        clients,
        variables,
        gauge: Gauge::of_host(measures),
        shutdown_wait,
        condemned: Some(condemned),
    }
}

/// Ends what a host has left that was killed, and its kernel with it, and removes their files.
async fn clear_away(left: LeftBehind) {
    // It looks at all processes of this machine, and waits until control groups are empty.
    if let Err(error) = tokio::task::spawn_blocking(move || left.clear_away()).await {
        warn!(%error, "failed to end what a kernel left behind");
    }
}

/// What a host that was killed may have left.
struct LeftBehind {
    host_mark: String,
    files: [PathBuf; 2],
    /// Looked into whatever the transport is now: it may have been another.
    ipc_dir: PathBuf,
    control_group: Option<PathBuf>,
}

impl LeftBehind {
    fn of(spawning: &Spawning, setup: &Setup) -> Self {
        let Setup {
            address,
            plan,
            settings,
            ..
        } = setup;
        Self {
            host_mark: plan.host_mark.clone(),
            files: [address.socket.clone(), plan.connection_file.clone()],
            ipc_dir: spawning.ipc_dir.clone(),
            control_group: settings.control_group.clone(),
        }
    }

    fn clear_away(self) {
        kill_leftovers(&self.host_mark);
        if let Some(parent) = &self.control_group {
            remove_groups_of(parent, &self.host_mark);
        }
        let removed = self.files.iter().map(|file| match std::fs::remove_file(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        });
        for failed in removed.chain([remove_leftovers(&self.ipc_dir, &self.host_mark)]) {
            if let Err(error) = failed {
                warn!(%error, "failed to remove a file of a kernel's host that is gone");
            }
        }
    }
}

type Queues = Lanes<mpsc::UnboundedReceiver<crate::host::handle::Upward>>;

impl Spawning {
    /// A socket and a secret that nobody has used.
    fn new_address(&self) -> Result<HostAddress, KernelError> {
        let name = format!("{}.sock", KernelId::random());
        Ok(HostAddress {
            socket: self.hosts_dir.join(name),
            secret: Secret::random()?,
        })
    }
}

#[cfg(test)]
mod tests;
