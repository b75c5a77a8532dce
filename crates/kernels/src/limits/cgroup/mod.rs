//! Control groups of the system, version 2, where this server may make some: one for each launch of a kernel.
//!
//! ```text
//! <group of the server>/            Delegate=yes, or owned by the server's user
//!   adrastea-server/                the server and the hosts of kernels: a group with children has no processes itself
//!   adrastea-kernel-<mark>-<id>/    one launch of a kernel: memory.max, memory.oom.group, pids.max
//! ```

mod delegation;
mod group;

pub use delegation::{NoControl, take_control};
pub(crate) use group::{Group, remove_groups_of};
