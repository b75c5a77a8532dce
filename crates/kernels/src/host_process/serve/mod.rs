//! The process `kernel-host`: launches its kernel and serves it to whichever server proves to know the secret.
//!
//! It outlives the server: it leads a session of its own, so that neither a Ctrl-C in the server's terminal nor the
//! server's end reaches it. Its kernel does not outlive it: the kernel asks the system to be killed when the thread
//! that started it is gone (`launch::local`).

mod connection;
mod door;
mod log;
mod pump;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    sync::Arc,
};

use tokio::signal::unix::{SignalKind, signal};

use self::{door::Door, log::Log};
use super::{
    protocol::Failure,
    setup::{Report, Setup},
};
use crate::{
    KernelError,
    host::{self, HostSetup},
    launch::HostLauncher,
};

/// How much a server may say of what to start.
const SETUP_BYTES_MAX: u64 = 16 << 20;

/// One reads what the kernel says while the other passes it on.
const WORKERS: usize = 2;

/// Workers do little and go no deeper than this.
const WORKER_STACK_BYTES: usize = 512 << 10;

/// Why a host process could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HostProcessError {
    /// Something of the system failed.
    #[error("failed to {doing}")]
    System {
        /// What it was doing.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What it was told makes no sense.
    #[error("a kernel host is started by the server, which tells it what to do on standard input")]
    Setup {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The kernel could not be launched; the server was told why.
    #[error("failed to launch the kernel")]
    Launch {
        /// Why.
        #[source]
        source: KernelError,
    },
}

/// Is the process `kernel-host`: reads from standard input what to start, and returns when the kernel has ended and
/// nobody needs what it said, or when no server has come for too long.
///
/// # Errors
/// When it cannot begin. The server that started it is told on standard output.
pub fn run_kernel_host() -> Result<(), HostProcessError> {
    // A leader of a process group cannot lead a session; then a shell has started it, and its Ctrl-C is meant.
    let _is_leader = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _unnamed = rustix::thread::set_name(c"kernel-host");
    let setup = read_setup()?;
    leave_surroundings()?;
    let log = Log::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_stack_size(WORKER_STACK_BYTES)
        .thread_name("kernel-host")
        .enable_all()
        .build()
        .map_err(system("start its runtime"))?;
    let served = runtime.block_on(serve(setup, log));
    // A thread that still reads the journal's file is not waited for.
    runtime.shutdown_background();
    served
}

async fn serve(setup: Setup, log: Arc<Log>) -> Result<(), HostProcessError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(system("listen to signals"))?;
    let door = Door::open(&setup.address).map_err(system("listen on its socket"))?;
    let started = host::start(HostSetup {
        settings: setup.settings.clone(),
        launcher: Arc::new(HostLauncher::adopting()),
        plan: setup.plan.clone(),
        predecessor: setup.predecessor.clone(),
    });
    let handle = match started.await {
        Ok(handle) => handle,
        Err(source) => {
            report(&Report::Failed(Failure::from(&source)))?;
            return Err(HostProcessError::Launch { source });
        }
    };
    let handle = Arc::new(handle);
    report(&Report::Launched)?;
    let ended = handle.clone();
    tokio::spawn(async move {
        // Asked to end, it ends its kernel; the rest follows from that.
        while terminate.recv().await.is_some() {
            // A kernel that is gone already is what was wanted.
            let _gone = ended.shutdown().await;
        }
    });
    door.serve(&setup, handle, log).await;
    Ok(())
}

fn read_setup() -> Result<Setup, HostProcessError> {
    let mut text = Vec::new();
    io::stdin()
        .lock()
        .take(SETUP_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(system("read what to start"))?;
    serde_json::from_slice(&text).map_err(|source| HostProcessError::Setup { source })
}

/// Holds on to nothing of the server's: no directory, no terminal.
fn leave_surroundings() -> Result<(), HostProcessError> {
    let nothing = || OpenOptions::new().read(true).write(true).open("/dev/null");
    let nothing: File = nothing().map_err(system("open /dev/null"))?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|error| system("leave its standard input")(error.into()))?;
    rustix::stdio::dup2_stderr(&nothing).map_err(|error| system("leave its standard error")(error.into()))?;
    std::env::set_current_dir("/").map_err(system("leave its directory"))
}

/// Tells the server how the launch went, and closes standard output with that.
fn report(report: &Report) -> Result<(), HostProcessError> {
    let told = || -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        out.flush()?;
        let nothing = OpenOptions::new().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&nothing)?;
        Ok(())
    };
    match told() {
        // A server that has been killed meanwhile has a successor, which finds the socket.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told.map_err(system("tell the server that the kernel was launched")),
    }
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> HostProcessError {
    move |source| HostProcessError::System { doing, source }
}
