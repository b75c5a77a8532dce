//! What a kernel leaves behind: its children, also those a shell has put into process groups of their own. A daemon
//! that makes a session of its own gets away.

use rustix::process::{Pid, Signal, kill_process_group};
use tracing::warn;

/// How often to look again: what is being killed may still be starting others.
#[cfg(target_os = "linux")]
const LOOKS_MAX: usize = 10;

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
    for _ in 0..LOOKS_MAX {
        if kill_members(leader) == 0 {
            return;
        }
    }
}

/// Kills the members of a session that still run, and counts them.
#[cfg(target_os = "linux")]
fn kill_members(leader: Pid) -> usize {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    // Without /proc there is nothing more to find out.
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut killed = 0_usize;
    for pid in numbers.filter_map(Pid::from_raw).filter(|pid| *pid != leader) {
        if !is_member(pid, leader) {
            continue;
        }
        // Looked at again once it is held: the number may have become another process's meanwhile. Errors mean
        // that it has ended.
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && is_member(pid, leader)
            && pidfd_send_signal(process, Signal::KILL).is_ok()
        {
            killed = killed.saturating_add(1);
        }
    }
    killed
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
