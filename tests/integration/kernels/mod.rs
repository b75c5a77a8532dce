//! `/api/kernels` and `/api/kernelspecs`.

mod compatibility;
mod culling;
mod directories;
mod ending;
mod external;
pub(crate) mod host_process;
mod hostile;
mod ipc;
mod kernelspecs;
mod limits;
mod listing;
mod orphans;
mod paths;
mod python;
mod settings;
mod starting;
mod usage;
