//! Kernels: which are installed, how they are started, what they say and how they end.
//!
//! **Architecture invariant:** this crate knows nothing of HTTP, users or contents, and never reads the
//! environment: [`KernelsConfig`] says it all.
//!
//! [`KernelManager`] starts a [`Kernel`]; behind each stands a host ([`host`]) that owns its process, its only
//! set of sockets and its journal, and speaks to the rest only in plain messages. Clients listen through an
//! [`Attachment`], each at its own pace, and lose nothing in silence.

mod addresses;
mod attachment;
mod config;
mod connection_file;
mod cull;
mod error;
mod external;
mod host;
mod host_process;
mod id;
mod kernel;
mod kernelspec;
mod launch;
mod limits;
mod manager;
mod observer;
mod place;
mod sockets;
mod status;
mod usage;

pub use attachment::{Attachment, Gap, Resumed};
pub use config::{KernelLimits, KernelsConfig, NativeKernel, Transport};
pub use connection_file::ConnectionFile;
pub use cull::{Culling, Spared, cull_idle_kernels};
pub use error::KernelError;
pub use external::find_external_kernels;
pub use host::journal::{Audience, CodeDigest, Delivery, Execution, Position, Retelling};
pub use host_process::{HostProcessError, run_kernel_host};
pub use id::{BadKernelId, BadKernelspecName, ClientId, KERNEL_ID_BYTES_MAX, KernelId, KernelspecName};
pub use kernel::Kernel;
pub use kernelspec::{InterruptMode, KernelJson, Kernelspec, KernelspecModel, Kernelspecs};
pub use launch::{Exit, Launch, LaunchError, Launcher, LocalLauncher, Process, Signal};
pub use limits::cgroup::{NoControl, take_control};
pub use limits::{
    CPU_TIME_MAX, LEAST_MEMORY_BYTES, Limit, MEMORY_BYTES_MAX, PROCESSES_MAX, ResourceLimits, bytes_of,
};
pub use manager::{KernelManager, StartKernel};
pub use observer::{KernelAction, KernelDone, KernelObserver};
pub use status::{Ended, ExecutionState, KernelEnding, KernelModel, KernelStatus, Phase, jupyter_time};
pub use usage::{DiskUsage, HostVirtualMemory, KernelUsage, MachineUsage, ServerMeter, ServerUsage};
