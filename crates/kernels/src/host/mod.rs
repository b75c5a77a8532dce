//! The host of one kernel: its process, its only set of sockets and its journal.
//!
//! **Architecture invariant:** nothing in here holds a pointer into the server. A host is told what to start and
//! then hears [`Command`]s and messages, and shows a status and a journal: plain values all, so that it can
//! become a process of its own.

mod activity;
mod asked;
mod core;
mod drain;
mod endpoints;
mod handle;
mod heartbeat;
pub(crate) mod journal;
mod launchpad;
mod life;
mod link;
mod own_messages;
mod uplink;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use self::{core::Core, journal::Journal, launchpad::Launchpad, life::Life, uplink::Lane};
use crate::{
    KernelError, KernelStatus, KernelsConfig,
    launch::{LaunchPlan, Launcher},
};

pub(crate) use handle::HostHandle;
use handle::{LaneEntry, Lanes};

/// How many commands may wait: each is somebody's open request.
const COMMANDS_QUEUED_MAX: usize = 16;

/// What a host is made from.
pub(crate) struct HostSetup {
    pub(crate) config: Arc<KernelsConfig>,
    pub(crate) launcher: Arc<dyn Launcher>,
    pub(crate) plan: LaunchPlan,
}

/// Starts the process and the host that looks after it.
pub(crate) async fn start(setup: HostSetup) -> Result<HostHandle, KernelError> {
    let HostSetup {
        config,
        launcher,
        plan,
    } = setup;
    let limits = &config.limits;
    let journal = Arc::new(Journal::new(
        limits.journal_memory_bytes_max,
        limits.journal_file_bytes_max,
        config.spill_dir.clone(),
    ));
    let (status, status_seen) = watch::channel(KernelStatus::launched(Timestamp::now()));
    let core = Arc::new(Core::new(
        plan.kernel_id.clone(),
        journal.clone(),
        status,
        limits.outstanding_requests_max,
    ));
    let (commands, commands_heard) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let lane = || mpsc::channel(limits.queued_messages_max);
    let ((shell, shell_out), (control, control_out), (stdin, stdin_out)) = (lane(), lane(), lane());
    let entry = |queue| LaneEntry::new(queue, limits.queued_bytes_max);
    let entries = Lanes {
        shell: entry(shell),
        control: entry(control),
        stdin: entry(stdin),
    };
    let ((shell, own_shell), (control, own_control), (stdin, own_stdin)) =
        (Lane::new(shell_out), Lane::new(control_out), Lane::new(stdin_out));
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
    let pad = Launchpad::new(config.clone(), launcher, plan, core, lanes, own)?;
    let life = Life::begin(pad).await?;
    tokio::spawn(life.live(commands_heard));
    Ok(HostHandle {
        commands,
        lanes: entries,
        status: status_seen,
        journal,
    })
}
