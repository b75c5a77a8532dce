//! The process of a host, as its parent sees it.

use std::{
    fmt,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Notify, watch},
    time::timeout,
};
use tracing::{debug, warn};

use crate::{
    Exit, KernelError,
    host_process::setup::{Report, Setup},
};

/// The command of the program that is a host.
const COMMAND: &str = "kernel-host";

/// How long a host may take to launch its kernel. Starting a program takes milliseconds, on a busy machine more.
const LAUNCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How long what a report may be.
const REPORT_BYTES_MAX: u64 = 64 << 10;

/// How long the system may take to tell how a host ended whose connection is closed.
const EXIT_WAIT: Duration = Duration::from_secs(2);

/// A host that this process has started.
pub(super) struct HostProcess {
    exit: watch::Receiver<Option<Exit>>,
    kill: Arc<Notify>,
}

impl HostProcess {
    /// Starts a host, and gives what waits until it has launched its kernel and listens. One that does not is to be
    /// killed.
    pub(super) fn spawn(
        program: &Path,
        setup: &Setup,
    ) -> Result<(Self, impl Future<Output = Result<(), KernelError>>), KernelError> {
        let failed = |doing: &'static str| move |source: std::io::Error| host_error(doing, &source);
        let mut child = Command::new(program)
            // As the program is mostly `/proc/self/exe`.
            .arg0("adrastea")
            .arg(COMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed("start its process"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let launching = async {
            let launched = async {
                let problem = || host_error("talk to it", &"it has no standard input and output");
                tell(stdin.ok_or_else(problem)?, setup).await?;
                hear(stdout.ok_or_else(problem)?).await
            };
            let launched = timeout(LAUNCH_TIMEOUT, launched).await;
            launched.unwrap_or_else(|_| Err(host_error("launch the kernel", &"it takes too long")))
        };
        Ok((Self::watch(child), launching))
    }

    fn watch(mut child: Child) -> Self {
        let (ended, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let asked = kill.clone();
        // Ends with the process; a host that outlives this one is the system's to reap.
        tokio::spawn(async move {
            let status = loop {
                tokio::select! {
                    status = child.wait() => break status,
                    () = asked.notified() => {
                        if let Err(error) = child.start_kill() {
                            debug!(%error, "failed to kill the host of a kernel");
                        }
                    }
                }
            };
            ended.send_replace(Some(status.map_or(Exit::Unknown, exit_of)));
        });
        Self { exit, kill }
    }

    /// Kills it, and its kernel with it.
    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// How it ended. It must have been seen to be gone.
    pub(super) async fn exit(&mut self) -> Exit {
        let ended = timeout(EXIT_WAIT, self.exit.wait_for(Option::is_some)).await;
        match ended {
            Ok(Ok(exit)) => exit.unwrap_or(Exit::Unknown),
            Ok(Err(_)) | Err(_) => Exit::Unknown,
        }
    }
}

async fn tell(mut stdin: ChildStdin, setup: &Setup) -> Result<(), KernelError> {
    let text = serde_json::to_vec(setup).map_err(|error| host_error("write down what to launch", &error))?;
    match stdin.write_all(&text).await {
        Ok(()) => Ok(()),
        // It says why it does not listen.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(host_error("tell it what to launch", &error)),
    }
}

async fn hear(stdout: ChildStdout) -> Result<(), KernelError> {
    let mut line = String::new();
    let read = BufReader::new(stdout)
        .take(REPORT_BYTES_MAX)
        .read_line(&mut line)
        .await;
    read.map_err(|error| host_error("hear how the launch went", &error))?;
    match serde_json::from_str(&line) {
        Ok(Report::Launched) => Ok(()),
        Ok(Report::Failed(failure)) => {
            let gone = || host_error("launch the kernel", &"it is gone");
            Err(failure.into_error().unwrap_or_else(gone))
        }
        Err(error) => {
            warn!(%error, "the host of a kernel ended before it said how the launch went");
            Err(host_error(
                "launch the kernel",
                &"it ended before it said anything",
            ))
        }
    }
}

fn host_error(doing: &str, problem: &impl fmt::Display) -> KernelError {
    KernelError::Host {
        problem: format!("could not {doing}: {problem}"),
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}
