//! Starting a kernel's process: what is asked for, and what comes back. How is a [`Launcher`]'s business: on
//! this machine ([`LocalLauncher`]), in a sandbox, in a test's own process.

mod leftovers;
mod local;
#[cfg(target_os = "linux")]
mod orphans;
mod output;
mod plan;
mod variables;

use std::{ffi::OsString, fmt, io, path::PathBuf, sync::Arc};

use futures::future::BoxFuture;

pub(crate) use leftovers::{has_mark_of, kill_leftovers};
pub(crate) use local::HostLauncher;
pub use local::LocalLauncher;
pub(crate) use plan::{LaunchPlan, lookup};
pub(crate) use variables::ChangedVariables;

use crate::{ConnectionFile, KernelId, Limit, limits::cgroup::Group};

/// Starts kernels.
pub trait Launcher: Send + Sync + 'static {
    /// Starts a process that reads `launch.connection_file` and listens where it says. Returns once the process
    /// runs; whether it answers is found out later.
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>>;
}

/// What to start.
#[derive(Clone)]
pub struct Launch {
    /// Whose process it is.
    pub kernel_id: KernelId,
    /// The program and its arguments, templates filled in. Not empty.
    pub argv: Vec<OsString>,
    /// The whole environment. May hold secrets: never logged.
    pub environment: Vec<(OsString, OsString)>,
    /// The directory it starts in.
    pub directory: PathBuf,
    /// The connection file, already written.
    pub connection_file: PathBuf,
    /// What that file says. Holds the key: never logged.
    pub connection: ConnectionFile,
    /// How much of its standard error to keep.
    pub stderr_tail_bytes_max: usize,
    /// What marks all that it starts, together with that of other launches of the same host.
    pub host_mark: String,
    /// The control group it is to be in.
    pub(crate) group: Option<Arc<Group>>,
}

impl fmt::Debug for Launch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Launch")
            .field("kernel_id", &self.kernel_id)
            .field("argv", &self.argv)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A kernel's process, running or ended. When the last handle is dropped it must be killed.
pub trait Process: Send + Sync + 'static {
    /// Its process id, if it is a process of this machine.
    fn id(&self) -> Option<u32>;

    /// Sends a signal to it and everything it started. To one that has ended it is no error.
    ///
    /// # Errors
    /// What the system said.
    fn signal(&self, signal: Signal) -> io::Result<()>;

    /// Completes when it has ended and nothing it started is left; also if that was long ago.
    fn ended(&self) -> BoxFuture<'_, Exit>;

    /// The end of what it wrote to its standard error (and output).
    fn stderr_tail(&self) -> String;
}

/// The signals kernels get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: stop what you do.
    Interrupt,
    /// SIGTERM: end.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Killed because it used more than it may.
    Limit(Limit),
    /// Killed by the system, which had no memory left.
    OutOfMemory,
    /// Nobody knows.
    Unknown,
}

impl Exit {
    /// Whether somebody or something ended it that its user knows nothing of.
    pub(crate) fn is_killed(self) -> bool {
        match self {
            Self::Limit(_) | Self::OutOfMemory | Self::Signal(SIGKILL) => true,
            Self::Code(_) | Self::Signal(_) | Self::Unknown => false,
        }
    }
}

/// Nothing but the system and its administrator send it unasked.
const SIGKILL: i32 = 9;

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exited with code {code}"),
            // Nobody here has sent it.
            Self::Signal(SIGKILL) => formatter.write_str("killed by signal 9, probably out of memory"),
            Self::Limit(limit) => write!(formatter, "killed: {limit}"),
            Self::OutOfMemory => formatter.write_str("killed: the machine ran out of memory"),
            Self::Signal(signal) => write!(formatter, "ended by signal {signal}"),
            Self::Unknown => formatter.write_str("ended"),
        }
    }
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The kernelspec's `argv` is empty.
    #[error("the kernelspec names no program to start")]
    NoProgram,
    /// The program is not there, or may not be run.
    #[error("failed to start the kernel's program `{program}`: {source}\nhint: is it installed?")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
