//! The host of one kernel: its process, its only set of sockets and its journal.
//!
//! **Architecture invariant:** nothing in here holds a pointer into the server. A host is told what to start and
//! then hears [`Command`](handle::Command)s and messages, and shows a status and a journal: plain values all, so that it
//! can be a process of its own (`host_process`).

mod activity;
mod asked;
mod core;
mod drain;
mod endpoints;
pub(crate) mod handle;
mod heartbeat;
pub(crate) mod journal;
mod launchpad;
mod life;
mod link;
mod own_messages;
mod settings;
pub(crate) mod taken;
mod uplink;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use self::{core::Core, journal::Journal, launchpad::Launchpad, life::Life, uplink::Lane};
use crate::{
    ExecutionState, KernelError, KernelStatus,
    attachment::{Clients, RememberedMax},
    host::journal::{Position, RunningRequest},
    launch::{LaunchPlan, Launcher},
    usage::{Gauge, Meter},
};

pub(crate) use activity::untracked_message_types;
pub(crate) use handle::HostHandle;
use handle::{Lanes, queues};
pub(crate) use own_messages::OwnMessages;
pub(crate) use settings::HostSettings;

/// How many commands may wait: each is somebody's open request.
const COMMANDS_QUEUED_MAX: usize = 16;

/// What a host is made from.
pub(crate) struct HostSetup {
    pub(crate) settings: HostSettings,
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) plan: LaunchPlan,
    /// The host before this one, if it ended without its kernel being told to.
    pub(crate) predecessor: Option<Predecessor>,
}

/// What is known of a host that is gone, and its kernel with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Predecessor {
    /// Where its journal ended, as far as anybody knows.
    pub(crate) journal_end: Position,
    /// The last that was heard of its kernel.
    pub(crate) status: KernelStatus,
    /// Why it is gone, as a sentence for the user.
    pub(crate) reason: String,
    /// What ran, where the user is told.
    #[serde(default)]
    pub(crate) running: Vec<RunningRequest>,
}

/// Starts the process and the host that looks after it.
pub(crate) async fn start(setup: HostSetup) -> Result<HostHandle, KernelError> {
    let HostSetup {
        settings,
        launcher,
        plan,
        predecessor,
    } = setup;
    let (limits, shutdown_wait) = (settings.limits.clone(), settings.shutdown_wait);
    let first = predecessor
        .as_ref()
        .map_or(Position(0), |before| before.journal_end);
    let journal = Arc::new(Journal::new(
        first,
        limits.journal_memory_bytes_max,
        limits.journal_file_bytes_max,
        settings.spill_dir.clone(),
    ));
    let launched = KernelStatus::launched(Timestamp::now());
    let (status, status_seen) = watch::channel(launched);
    let core = Arc::new(Core::new(
        plan.kernel_id.clone(),
        journal.clone(),
        status,
        limits.outstanding_requests_max,
        settings.untracked_message_types.clone(),
    ));
    let (commands, commands_heard) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let (entries, queued) = queues(&limits);
    let ((shell, own_shell), (control, own_control), (stdin, own_stdin)) = (
        Lane::new(queued.shell),
        Lane::new(queued.control),
        Lane::new(queued.stdin),
    );
    let lanes = Lanes {
        shell,
        control,
        stdin,
    };
    let own = Lanes {
        shell: own_shell,
        control: own_control,
        stdin: own_stdin,
    };
    if let Some(before) = predecessor {
        core.change_status(|status| {
            status.restarts = before.status.restarts.saturating_add(1);
            status.session = before.status.session;
        });
        core.explain_in(&before.running, &before.reason);
        core.announce(ExecutionState::Restarting);
    }
    let variables = core.variables.clone();
    let meter = Arc::new(Meter::new(plan.host_mark.clone()));
    let pad = Launchpad::new(settings, launcher, plan, core, meter.clone(), lanes, own)?;
    let life = Life::begin(pad).await?;
    tokio::spawn(life.live(commands_heard));
    Ok(HostHandle {
        commands,
        lanes: entries,
        status: status_seen,
        clients: Clients::new(journal.clone(), RememberedMax::new(&limits)),
        journal,
        variables,
        gauge: Gauge::here(meter),
        shutdown_wait,
        condemned: None,
    })
}
