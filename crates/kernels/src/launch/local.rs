//! Kernels as processes of this machine, under the server's own account.
//!
//! Each kernel leads a session of its own. One thread starts it, stays until it has ended, and then ends whatever
//! it left behind. The thread must live as long as the kernel: the kernel asks the system to be killed when the
//! *thread* that started it is gone, which then means when this process is gone, however it went.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::sync::{oneshot, watch};
use tracing::{debug, warn};

#[cfg(target_os = "linux")]
use super::orphans::Orphans;
use super::{Exit, Launch, LaunchError, Launcher, Process, Signal, leftovers, output::Output};

/// How long what a dead kernel wrote last may take to arrive. It is in the pipe already.
const LAST_OUTPUT_WAIT: Duration = Duration::from_millis(500);

/// The stack of a thread that waits for a kernel.
const WAITING_STACK_BYTES: usize = 128 << 10;

/// Starts kernels as processes of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalLauncher;

impl Launcher for LocalLauncher {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        start(launch, Family::Many).boxed()
    }
}

/// The same, from a process that has no other children.
pub(crate) struct HostLauncher(Family);

impl HostLauncher {
    /// Whatever its kernels leave behind becomes a child of this process.
    pub(crate) fn adopting() -> Self {
        #[cfg(target_os = "linux")]
        match Orphans::adopt() {
            Ok(orphans) => return Self(Family::Orphans(orphans)),
            Err(error) => warn!(%error, "daemons of a kernel may be left behind"),
        }
        Self(Family::Many)
    }
}

impl Launcher for HostLauncher {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        start(launch, self.0.clone()).boxed()
    }
}

/// Whose the children of this process are.
#[derive(Clone)]
enum Family {
    /// Several kernels', and others'.
    Many,
    /// All of one kernel after the other, and what those have left.
    #[cfg(target_os = "linux")]
    Orphans(Orphans),
}

impl Family {
    fn spawn(&self, command: &mut Command) -> io::Result<(Child, Pid)> {
        match self {
            Self::Many => {
                let child = command.spawn()?;
                let pid = pid_of(&child)?;
                Ok((child, pid))
            }
            #[cfg(target_os = "linux")]
            Self::Orphans(orphans) => orphans.spawn(command),
        }
    }

    /// Waits for the kernel's end, and leaves its process id taken.
    fn wait(&self, kernel: Pid) -> Exit {
        match self {
            Self::Many => wait(kernel),
            #[cfg(target_os = "linux")]
            Self::Orphans(orphans) => orphans.wait(kernel),
        }
    }

    /// Ends what the kernel has left.
    fn end(&self, kernel: Pid, mark: &str) {
        leftovers::kill(kernel);
        #[cfg(target_os = "linux")]
        if let Self::Orphans(orphans) = self {
            orphans.end();
        }
        leftovers::kill_marked(kernel, mark);
    }

    fn forget(&self, kernel: Pid) {
        #[cfg(target_os = "linux")]
        if let Self::Orphans(orphans) = self {
            orphans.forget(kernel);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = kernel;
    }
}

async fn start(launch: &Launch, family: Family) -> Result<Arc<dyn Process>, LaunchError> {
    let process = start_process(launch, family).await?;
    debug!(kernel.id = %launch.kernel_id, pid = process.pid.as_raw_nonzero(), "started {:?}", launch.argv);
    Ok(Arc::new(process))
}

async fn start_process(launch: &Launch, family: Family) -> Result<LocalProcess, LaunchError> {
    let program = launch.argv.first().ok_or(LaunchError::NoProgram)?;
    let failed = |source| LaunchError::Spawn {
        program: program.to_string_lossy().into_owned(),
        source,
    };
    let mark = leftovers::mark_of_launch(&launch.host_mark);
    let (command, output) = command(launch, &mark).map_err(failed)?;
    let (started, starting) = oneshot::channel();
    let (ended, exit) = watch::channel(None);
    std::thread::Builder::new()
        .name("kernel".to_owned())
        .stack_size(WAITING_STACK_BYTES)
        .spawn(move || run(command, &family, &mark, started, &ended))
        .map_err(failed)?;
    let pid = starting
        .await
        .map_err(|_| failed(io::Error::other("its thread ended")))?
        .map_err(failed)?;
    Ok(LocalProcess { pid, exit, output })
}

/// The command to run, and its captured output.
fn command(launch: &Launch, mark: &str) -> io::Result<(Command, Arc<Output>)> {
    let (reader, writer) = io::pipe()?;
    let output = Output::capture(
        reader.into(),
        launch.kernel_id.clone(),
        launch.stderr_tail_bytes_max,
    )?;
    let (program, arguments) = launch.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        // We are its direct parent, so ipykernel may watch us (with another's pid it would end itself).
        .env("JPY_PARENT_PID", std::process::id().to_string())
        .env(leftovers::MARK, mark)
        .current_dir(&launch.directory)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    #[cfg(target_os = "linux")]
    let entrance = launch.group.as_ref().map(|group| group.entrance()).transpose()?;
    #[expect(unsafe_code, reason = "the only way to run something between fork and exec")]
    // SAFETY: all are system calls that are safe between fork and exec; nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            // A session, not only a group: `bash -i` as a kernel's child has trouble without one.
            rustix::process::setsid()?;
            // A server that a script started in its background ignores these two, and who ignores a signal passes that
            // on: a kernel without a handler of its own could never be interrupted.
            for interrupt in [nix::sys::signal::SIGINT, nix::sys::signal::SIGQUIT] {
                nix::sys::signal::signal(interrupt, nix::sys::signal::SigHandler::SigDfl)?;
            }
            #[cfg(target_os = "linux")]
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            // Before it is the kernel's program, so that nothing that starts is outside.
            #[cfg(target_os = "linux")]
            if let Some(entrance) = &entrance {
                rustix::io::write(entrance, b"0")?;
            }
            Ok(())
        });
    }
    Ok((command, output))
}

/// What the kernel's thread does.
fn run(
    mut command: Command,
    family: &Family,
    mark: &str,
    started: oneshot::Sender<io::Result<Pid>>,
    ended: &watch::Sender<Option<Exit>>,
) {
    let spawned = family.spawn(&mut command);
    // Our ends of the pipe go, so that it is closed when the kernel and its children have closed theirs.
    drop(command);
    match spawned {
        Err(error) => {
            // Whoever asked may have given up.
            let _asker = started.send(Err(error));
        }
        Ok((mut child, pid)) => {
            if started.send(Ok(pid)).is_err() {
                signal_group(pid, Signal::Kill);
            }
            let exit = family.wait(pid);
            family.end(pid, mark);
            // Told before the process id is free for others, see `LocalProcess::signal`.
            ended.send_replace(Some(exit));
            if let Err(error) = child.wait() {
                warn!(pid = pid.as_raw_nonzero(), %error, "failed to reap a kernel");
            }
            family.forget(pid);
        }
    }
}

/// Waits for the kernel's end, and leaves its process id taken.
fn wait(pid: Pid) -> Exit {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match rustix::process::waitid(WaitId::Pid(pid), options) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                warn!(pid = pid.as_raw_nonzero(), %error, "failed to wait for a kernel");
                return Exit::Unknown;
            }
            Ok(status) => return status.map_or(Exit::Unknown, |status| exit_of(&status)),
        }
    }
}

pub(super) fn pid_of(child: &Child) -> io::Result<Pid> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::other("it has no process id"))
}

pub(super) fn exit_of(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

/// Signals everything in the group of `pid`. That nothing is left is no error.
fn signal_group(pid: Pid, signal: Signal) -> Option<io::Error> {
    let signal = match signal {
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    match rustix::process::kill_process_group(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => None,
        Err(error) => Some(error.into()),
    }
}

/// A kernel of this machine.
struct LocalProcess {
    pid: Pid,
    exit: watch::Receiver<Option<Exit>>,
    output: Arc<Output>,
}

impl Process for LocalProcess {
    fn id(&self) -> Option<u32> {
        u32::try_from(self.pid.as_raw_nonzero().get()).ok()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        // Once it has ended its id may be somebody else's. While this is borrowed, its end cannot be told, and
        // so its id not become free.
        let exit = self.exit.borrow();
        if exit.is_some() {
            return Ok(());
        }
        signal_group(self.pid, signal).map_or(Ok(()), Err)
    }

    fn ended(&self) -> BoxFuture<'_, Exit> {
        let mut exit = self.exit.clone();
        async move {
            let exit = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
            // A child that left the group may hold the pipe open for ever, so the wait has an end.
            let _closed = tokio::time::timeout(LAST_OUTPUT_WAIT, self.output.closed()).await;
            exit.unwrap_or(Exit::Unknown)
        }
        .boxed()
    }

    fn stderr_tail(&self) -> String {
        self.output.tail()
    }
}

impl Drop for LocalProcess {
    fn drop(&mut self) {
        if let Err(error) = self.signal(Signal::Kill) {
            warn!(pid = self.pid.as_raw_nonzero(), %error, "failed to kill a kernel");
        }
    }
}
