//! The process at the other end of a connection.

use std::time::Duration;

use tokio::{
    net::UnixStream,
    time::{Instant, sleep},
};

/// How long the system may take to end a process that was killed.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// How often to look whether it has.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// The process that listens at the other end, held so that its number does not become another's.
pub(super) struct Peer(#[cfg(target_os = "linux")] rustix::fd::OwnedFd);

impl Peer {
    /// The one that listened when `stream` was connected; `None` where the system does not tell. It is the host once
    /// the greeting that follows has proven so.
    pub(super) fn of(stream: &UnixStream) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};
            let pid = stream.peer_cred().ok()?.pid().and_then(Pid::from_raw)?;
            // A host is another process, and may be killed; this one must not.
            if pid == getpid() {
                return None;
            }
            Some(Self(pidfd_open(pid, PidfdFlags::empty()).ok()?))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = stream;
            None
        }
    }

    /// Whether it is known to have ended.
    pub(super) fn has_ended(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let mut ends = [PollFd::new(&self.0, PollFlags::IN)];
            let at_once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            matches!(poll(&mut ends, Some(&at_once)), Ok(1))
        }
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Waits until it has ended, for as long as the system may take to end a process that was killed; whether it has.
    pub(super) async fn ended(&self) -> bool {
        let until = Instant::now() + KILL_WAIT;
        while !self.has_ended() {
            if Instant::now() >= until {
                return false;
            }
            sleep(LOOK_PAUSE).await;
        }
        true
    }

    /// Kills it.
    pub(super) fn kill(&self) {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Signal, pidfd_send_signal};
            match pidfd_send_signal(&self.0, Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => tracing::warn!(%error, "failed to kill the host of a kernel"),
            }
        }
    }
}
