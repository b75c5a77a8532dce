//! The kernel host as a process of its own, and the server's end of it.
//!
//! A host (`crate::host`) is started either as a task of the server or, here, as the process `kernel-host` beside its
//! kernel. Both give the server the same [`HostHandle`](crate::host::HostHandle); with a process, [`mirror`] stands
//! behind it and speaks [`protocol`] over a Unix socket with [`serve`] in the host. So the server can end, however it
//! does, and the next one finds the kernel, its queue and its output again.

mod mirror;
mod protocol;
mod registry;
mod serve;
mod setup;
mod socket_path;

pub(crate) use mirror::{Adopted, Pauses, Spawning, adopt, adopt_or_end, start};
pub(crate) use protocol::ProtocolError;
pub(crate) use registry::{HostRecord, Registry};
pub use serve::{HostProcessError, run_kernel_host};
