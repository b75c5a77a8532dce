//! What kernels use: memory, CPU, processes; of a kernel with everything that it started.
//!
//! Values into the file system of processes ([`process`]), processes into trees ([`tree`]), trees into what is reported
//! ([`meter`]); whoever asks for a kernel's usage asks its [`Gauge`], which asks the meter here or in the kernel's host.
//! Nothing is measured unless somebody asks.

mod gauge;
mod machine;
mod meter;
mod process;
mod server;
mod tree;

use serde::{Deserialize, Serialize};

pub(crate) use gauge::{AskHost, Gauge, measure_all};
pub use machine::{DiskUsage, HostVirtualMemory};
pub(crate) use meter::{Look, Meter};
pub use server::{MachineUsage, ServerMeter, ServerUsage};

/// What a kernel and all that it started use. Hosts send it to servers of other versions: fields are only added, with a
/// default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelUsage {
    /// Percent of one core, since it was measured last (at first: since the kernel was started), as ipykernel says it.
    pub kernel_cpu: f64,
    /// Bytes: the proportional set size where it can be read, so that what processes share counts once; else what is
    /// resident.
    pub kernel_memory: u64,
    /// CPU time since the kernel was started, in seconds.
    pub cpu_time: f64,
    /// How many processes it has.
    pub processes: u64,
}
