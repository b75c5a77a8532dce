//! Stopping: Ctrl-C asks first, a second Ctrl-C or SIGTERM does not.

use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

/// How long the question waits for an answer, as in the reference.
const ANSWER_TIMEOUT_S: i64 = 5;

/// The signal that asks for a restart.
pub(crate) const RESTART: rustix::process::Signal = rustix::process::Signal::URG;

/// What somebody wants of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That it stops.
    Stop,
    /// That it goes and leaves kernels to the next.
    Leave,
    /// The same, and that the next takes its place in this process.
    Restart,
}

/// The signals that matter to a server. Made before anybody can find the server: until then a signal just kills it.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    inform: Signal,
    leave: Signal,
    /// One that others ignore: a server that knows nothing of it goes on.
    restart: Signal,
    /// Only heard so that it does not kill: a file that grows over a limit is an error of that save.
    _file_too_large: Signal,
}

impl Signals {
    /// From here on these signals are heard.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            inform: signal(SignalKind::user_defined1())?,
            leave: signal(SignalKind::user_defined2())?,
            restart: signal(SignalKind::from_raw(RESTART.as_raw()))?,
            _file_too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the wish to stop, and says which. `running` describes the server, for the question and for SIGUSR1.
    pub async fn stop_requested(&mut self, answer_yes: bool, running: impl Fn() -> String) -> Wish {
        // As in the reference: without a terminal nobody could answer.
        let asks = io::stdin().is_terminal() && !answer_yes;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {
                    info!("received SIGTERM, stopping");
                    return Wish::Stop;
                }
                _ = self.leave.recv() => {
                    info!("received SIGUSR2, leaving kernels to the next server");
                    return Wish::Leave;
                }
                _ = self.restart.recv() => {
                    info!("received SIGURG, restarting");
                    return Wish::Restart;
                }
                _ = self.inform.recv() => info!("{}", running()),
                _ = self.interrupt.recv() => {
                    info!("interrupted");
                    if !asks || is_confirmed(&running(), &mut self.interrupt, &mut self.terminate).await {
                        return Wish::Stop;
                    }
                    info!("resuming operation...");
                }
            }
        }
    }
}

/// Asks on the terminal. Yes, another Ctrl-C and SIGTERM mean yes; anything else, and silence, no.
async fn is_confirmed(running: &str, interrupt: &mut Signal, terminate: &mut Signal) -> bool {
    say(&format!("{running}\nShut down this Jupyter server (y/[n])? "));
    tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        answer = tokio::task::spawn_blocking(line) => match answer.map_err(io::Error::other).flatten() {
            Ok(Some(answer)) => {
                let answer = answer.to_lowercase();
                answer.starts_with('y') && !answer.contains('n')
            }
            Ok(None) => {
                say("\nNo answer for 5s: ");
                false
            }
            Err(problem) => {
                error!("could not read the answer: {problem}");
                false
            }
        },
    }
}

/// One line from the terminal; `None` when none came in time. Read only when there is one: a read that blocks could not
/// be given up.
fn line() -> io::Result<Option<String>> {
    let stdin = io::stdin();
    let wait = Timespec {
        tv_sec: ANSWER_TIMEOUT_S,
        tv_nsec: 0,
    };
    if rustix::event::poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&wait))? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    Ok(Some(line))
}

/// To the person at the terminal. One that is gone cannot be told anything.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
