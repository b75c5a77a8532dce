//! How kernels are found, started and kept: everything the crate is told from outside.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Culling, ResourceLimits, host::untracked_message_types};

/// The configuration of kernels. The environment is never read here: the server gives it.
#[derive(Clone, Debug)]
pub struct KernelsConfig {
    /// Directories that hold kernelspecs (`…/share/jupyter/kernels`), first wins.
    pub kernelspec_dirs: Vec<PathBuf>,
    /// The only kernelspecs to offer (`KernelSpecManager.allowed_kernelspecs`); empty for all.
    pub allowed_kernelspecs: Vec<String>,
    /// A Python with ipykernel, offered as `python3` when no kernelspec of that name is found
    /// (`KernelSpecManager.ensure_native_kernel`).
    pub native_kernel: Option<NativeKernel>,
    /// The kernelspec taken when none is named (`MappingKernelManager.default_kernel_name`).
    pub default_kernel_name: String,
    /// What `{prefix}` means in a kernelspec's `argv`, when its own place does not tell.
    pub prefix: PathBuf,
    /// Where connection files lie (`kernel-<id>.json`).
    pub runtime_dir: PathBuf,
    /// Where journals spill to. The files have no name and vanish with the server.
    pub spill_dir: PathBuf,
    /// The directory that a kernel's `path` is below.
    pub root_dir: PathBuf,
    /// The environment every kernel starts from.
    pub environment: Vec<(OsString, OsString)>,
    /// How kernels are talked to.
    pub transport: Transport,
    /// How long a kernel may take to answer `kernel_info` (`MappingKernelManager.kernel_info_timeout`).
    pub kernel_info_timeout: Duration,
    /// How long starting waits to see whether the kernel dies at once, so that the caller can be told why. Not for
    /// long: Notebook 7 looks for the session of a new notebook a second after it has asked for one, and if it finds
    /// none it asks the user for a kernel.
    pub early_death_window: Duration,
    /// How long a kernel may take to end when asked to (`KernelManager.shutdown_wait_time`); half of it before
    /// SIGTERM, half before SIGKILL.
    pub shutdown_wait: Duration,
    /// Whether a kernel that dies is started again (`KernelManager.autorestart`).
    pub autorestart: bool,
    /// How many times in a row (`KernelRestarter.restart_limit`).
    pub restart_limit: u32,
    /// How long is waited at most before a kernel that dies again and again is started again
    /// (`KernelRestarter.time_to_dead`). The first time it is started at once, then after a third, two thirds, all of it.
    pub restart_wait_max: Duration,
    /// How long a kernel must live for a restart to have succeeded (`KernelRestarter.stable_start_time`).
    pub stable_start_time: Duration,
    /// Where connection files of kernels lie that somebody else starts (`ServerApp.external_connection_dir`); `None` for
    /// no such kernels.
    pub external_dir: Option<PathBuf>,
    /// Which kernels are ended because nobody uses them; `None` for none.
    pub culling: Option<Culling>,
    /// The types of messages that are no activity of a user's (`MappingKernelManager.untracked_message_types`): neither they
    /// nor what answers them change `last_activity` and `execution_state`.
    pub untracked_message_types: Vec<String>,
    /// How often the heartbeat asks.
    pub heartbeat_interval: Duration,
    /// The program whose `kernel-host` command is a process of its own beside each kernel; with `None` a task of this
    /// process does that work, and kernels end with it.
    pub host_program: Option<PathBuf>,
    /// How long a host of its own goes on when no server is connected, before it ends its kernel and itself.
    pub orphan_timeout: Duration,
    /// What may grow, and how far.
    pub limits: KernelLimits,
    /// What each kernel and all that it started may use.
    pub resource_limits: ResourceLimits,
    /// The control group that those of kernels are made in; `None` where there are none, and processes are looked at
    /// instead.
    pub control_group: Option<PathBuf>,
}

/// A Python interpreter that has ipykernel.
#[derive(Clone, Debug)]
pub struct NativeKernel {
    /// The interpreter.
    pub python: PathBuf,
    /// Where its logos are (`ipykernel/resources`), when known.
    pub resource_dir: Option<PathBuf>,
}

/// How kernels are talked to (`KernelManager.transport`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// Ports of this address, which must be local.
    Tcp {
        /// The address kernels bind.
        ip: IpAddr,
    },
    /// Sockets in a directory of the kernel's own, below this one.
    Ipc {
        /// The directory; kept short, since a socket's path has at most 107 bytes.
        dir: PathBuf,
    },
}

impl Transport {
    /// Where the directories of Unix sockets are below this runtime directory.
    #[must_use]
    pub fn ipc_below(runtime_dir: &Path) -> PathBuf {
        runtime_dir.join("ipc")
    }
}

/// Named limits: nothing a kernel or client does grows beyond them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelLimits {
    /// Kernels running at once.
    pub kernels_max: usize,
    /// What a journal holds in memory, per kernel.
    pub journal_memory_bytes_max: usize,
    /// What the server holds of a journal that is in another process, per kernel.
    pub mirror_memory_bytes_max: usize,
    /// What a journal holds in its file, per kernel.
    pub journal_file_bytes_max: u64,
    /// One message from a kernel, all its frames together. A kernel that announces a larger one is ended.
    pub message_bytes_max: usize,
    /// Frames in one message from a kernel.
    pub frames_max: usize,
    /// Messages waiting to be sent to a kernel, per channel; whoever sends more waits.
    pub queued_messages_max: usize,
    /// The bytes of messages waiting to be sent to a kernel, per channel; whoever sends more waits. One larger message
    /// may wait alone.
    pub queued_bytes_max: u32,
    /// Requests that run or wait in the kernel, per channel; more are sent to it when one of them is done.
    pub outstanding_requests_max: usize,
    /// Clients of one user that went away and whose position is remembered, per kernel. Those that wait for nothing are
    /// forgotten first.
    pub remembered_clients_max: usize,
    /// The same, of all users together.
    pub remembered_clients_total_max: usize,
    /// How long all is kept for a client that has closed its connection; afterwards only what its own cells say. It may come
    /// back at once, as when somebody asks a front end to connect again.
    pub return_wait: Duration,
    /// How long that is kept after their end, when nobody writes it into their document or decides not to: another page may
    /// have it open for so long.
    pub owed_wait: Duration,
    /// The end of a kernel's standard error that is kept to be shown.
    pub stderr_tail_bytes_max: usize,
    /// A `kernel.json`.
    pub kernelspec_bytes_max: u64,
}

impl Default for KernelLimits {
    fn default() -> Self {
        Self {
            kernels_max: 1_000,
            journal_memory_bytes_max: 4 << 20,
            mirror_memory_bytes_max: 2 << 20,
            journal_file_bytes_max: 512 << 20,
            message_bytes_max: 1 << 30,
            frames_max: 65_600,
            queued_messages_max: 1_024,
            queued_bytes_max: 64 << 20,
            outstanding_requests_max: 65_536,
            remembered_clients_max: 64,
            remembered_clients_total_max: 1_024,
            return_wait: Duration::from_secs(60),
            owed_wait: Duration::from_hours(24),
            stderr_tail_bytes_max: 16 << 10,
            kernelspec_bytes_max: 1 << 20,
        }
    }
}

impl KernelsConfig {
    /// Where the sockets of hosts that are processes of their own lie.
    pub(crate) fn hosts_dir(&self) -> PathBuf {
        self.runtime_dir.join("hosts")
    }

    /// Where kernels' Unix sockets lie, or did when kernels had some.
    pub(crate) fn ipc_dir(&self) -> PathBuf {
        match &self.transport {
            Transport::Ipc { dir } => dir.clone(),
            Transport::Tcp { .. } => Transport::ipc_below(&self.runtime_dir),
        }
    }

    /// The reference's defaults, for these directories. No kernelspecs, no environment: add what there is.
    #[must_use]
    pub fn new(root_dir: PathBuf, runtime_dir: PathBuf) -> Self {
        Self {
            kernelspec_dirs: Vec::new(),
            allowed_kernelspecs: Vec::new(),
            native_kernel: None,
            default_kernel_name: "python3".to_owned(),
            prefix: PathBuf::from("/usr"),
            spill_dir: runtime_dir.clone(),
            runtime_dir,
            root_dir,
            environment: Vec::new(),
            transport: Transport::Tcp {
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            },
            kernel_info_timeout: Duration::from_secs(60),
            early_death_window: Duration::from_millis(400),
            shutdown_wait: Duration::from_secs(5),
            autorestart: true,
            restart_limit: 5,
            restart_wait_max: Duration::from_secs(3),
            stable_start_time: Duration::from_secs(10),
            external_dir: None,
            culling: None,
            untracked_message_types: untracked_message_types(),
            heartbeat_interval: Duration::from_secs(10),
            host_program: None,
            orphan_timeout: Duration::from_secs(24 * 3600),
            limits: KernelLimits::default(),
            resource_limits: ResourceLimits::default(),
            control_group: None,
        }
    }
}
