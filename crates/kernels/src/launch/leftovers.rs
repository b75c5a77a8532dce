//! What a kernel leaves behind: its children, also those a shell has put into process groups of their own, and daemons
//! that made sessions of their own. Those are known by a variable in the environment, which all that a kernel starts
//! inherits. One that took care to drop it is found by a host that is a process of its own (`orphans`).

use rustix::process::{Pid, Signal, kill_process_group};
use tracing::warn;

/// The variable that marks what a kernel starts. Its value is of one launch.
pub(super) const MARK: &str = "ADRASTEA_LAUNCH";

/// How often to look again: what is being killed may still be starting others.
#[cfg(target_os = "linux")]
const LOOKS_MAX: usize = 10;

/// How long the system may take to end a process that was killed.
#[cfg(target_os = "linux")]
const KILL_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// A mark for one more launch of a host.
pub(super) fn mark_of_launch(host_mark: &str) -> String {
    format!("{host_mark}/{}", uuid::Uuid::new_v4())
}

/// Kills all that carries the mark of a host that is gone. The system has ended its kernel, but not what that started.
pub(crate) fn kill_leftovers(host_mark: &str) {
    #[cfg(target_os = "linux")]
    {
        let mark = format!("{host_mark}/");
        kill_all(None, |pid| {
            has_mark(pid, |value| value.starts_with(mark.as_bytes()))
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = host_mark;
}

/// Kills everything in the group and session that `leader` leads or led. Its process id must still be taken.
pub(super) fn kill(leader: Pid) {
    match kill_process_group(leader, Signal::KILL) {
        // Nothing is left.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => {
            warn!(pid = leader.as_raw_nonzero(), %error, "failed to kill what a kernel left behind")
        }
    }
    #[cfg(target_os = "linux")]
    kill_all(Some(leader), |pid| is_member(pid, leader));
}

/// Kills everything that carries the mark of this launch and is not `leader`.
pub(super) fn kill_marked(leader: Pid, mark: &str) {
    #[cfg(target_os = "linux")]
    kill_all(Some(leader), |pid| {
        has_mark(pid, |value| value == mark.as_bytes())
    });
    #[cfg(not(target_os = "linux"))]
    let _ = (leader, mark);
}

/// Kills all but `leader` until nothing is left.
#[cfg(target_os = "linux")]
fn kill_all(leader: Option<Pid>, is_leftover: impl Fn(Pid) -> bool) {
    for _ in 0..LOOKS_MAX {
        if kill_once(leader, &is_leftover) == 0 {
            return;
        }
    }
}

/// Kills what still runs, and counts it.
#[cfg(target_os = "linux")]
fn kill_once(leader: Option<Pid>, is_leftover: &impl Fn(Pid) -> bool) -> usize {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    // Without /proc there is nothing more to find out.
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut killed = 0_usize;
    for pid in numbers
        .filter_map(Pid::from_raw)
        .filter(|pid| Some(*pid) != leader)
    {
        if !is_leftover(pid) {
            continue;
        }
        // Looked at again once it is held: the number may have become another process's meanwhile. Errors mean
        // that it has ended.
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && is_leftover(pid)
            && pidfd_send_signal(&process, Signal::KILL).is_ok()
        {
            wait_for(&process);
            killed = killed.saturating_add(1);
        }
    }
    killed
}

/// Waits until a process that was killed has ended, but not for ever: one that hangs in the system ends when that does.
#[cfg(target_os = "linux")]
fn wait_for(process: &std::os::fd::OwnedFd) {
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let until = Instant::now() + KILL_WAIT;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let at_most = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or_default(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&at_most)) {
            // A signal came to this thread; it says nothing about the process.
            Err(rustix::io::Errno::INTR) => {}
            Ok(1..) => return,
            Ok(0) | Err(_) => {
                warn!("a process that a kernel started was killed and has still not ended");
                return;
            }
        }
    }
}

/// Whether a process is in the session of `leader` and no zombie.
#[cfg(target_os = "linux")]
fn is_member(pid: Pid, leader: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| {
        let (state, session) = state_and_session(&stat).unwrap_or_default();
        session == leader.as_raw_nonzero().get() && state != "Z" && state != "X"
    })
}

/// Whether a process carries the mark of a host; `None` when that cannot be said yet: while a program takes the place of
/// another, its environment is empty for a moment.
pub(crate) fn has_mark_of(pid: i32, host_mark: &str) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        let of_launch = |value: &[u8]| {
            let launch = value.strip_prefix(host_mark.as_bytes());
            launch.is_some_and(|launch| launch.starts_with(b"/"))
        };
        match environment(pid) {
            Ok(environment) if environment.is_empty() => None,
            environment => Some(environment.is_ok_and(|environment| names_mark(&environment, of_launch))),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (pid, host_mark);
        Some(false)
    }
}

/// Whether a process has such a mark in its environment. A zombie has none any more, and those of others cannot be read.
#[cfg(target_os = "linux")]
fn has_mark(pid: Pid, is_such: impl Fn(&[u8]) -> bool) -> bool {
    environment(pid.as_raw_nonzero().get()).is_ok_and(|environment| names_mark(&environment, is_such))
}

#[cfg(target_os = "linux")]
fn environment(pid: i32) -> std::io::Result<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/environ"))
}

#[cfg(target_os = "linux")]
fn names_mark(environment: &[u8], is_such: impl Fn(&[u8]) -> bool) -> bool {
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| {
        let value = variable.strip_prefix(MARK.as_bytes());
        value
            .and_then(|value| value.strip_prefix(b"="))
            .is_some_and(&is_such)
    })
}

/// `pid (name) state parent group session …`; the name may hold anything.
#[cfg(target_os = "linux")]
fn state_and_session(stat: &str) -> Option<(&str, i32)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let session = fields.nth(2)?.parse().ok()?;
    Some((state, session))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_read_past_any_name() {
        assert_eq!(state_and_session("7 (a) b) S 1 2 33 0 -1"), Some(("S", 33)));
        assert_eq!(state_and_session("7 (a"), None);
    }
}
