//! What a kernel has started and is nobody's child any more becomes the child of the kernel's host: so also what has left
//! the kernel's group and session, and dropped the mark from its environment, is found when the kernel ends.
//!
//! Only for a process whose children are all a kernel's: a host that is a process of its own.

use std::{
    collections::HashSet,
    io,
    process::{Child, Command},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tracing::warn;

use super::{
    Exit,
    local::{exit_of, pid_of},
};

/// How long what a kernel has left may take to end. Whoever flees faster than they are killed is not caught.
const END_WAIT: Duration = Duration::from_secs(5);

/// How often to look whether what was killed has ended.
const END_LOOK: Duration = Duration::from_millis(1);

/// The children of this process.
#[derive(Clone)]
pub(super) struct Orphans {
    /// Those that are kernels, which others wait for. A plain mutex, held while one is started or all others are killed.
    kernels: Arc<Mutex<HashSet<Pid>>>,
}

impl Orphans {
    /// Takes orphans in from now on.
    pub(super) fn adopt() -> io::Result<Self> {
        // The system only looks whether there is one.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        Ok(Self {
            kernels: Arc::default(),
        })
    }

    /// Starts a kernel.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<(Child, Pid)> {
        let mut kernels = self.kernels();
        let child = command.spawn()?;
        let pid = pid_of(&child)?;
        kernels.insert(pid);
        Ok((child, pid))
    }

    /// Waits for the kernel's end, and leaves its process id taken. Orphans that end meanwhile leave no zombies.
    pub(super) fn wait(&self, kernel: Pid) -> Exit {
        let (ended, now) = (WaitIdOptions::EXITED, WaitIdOptions::NOHANG);
        loop {
            let waited = waitid(WaitId::All, ended | WaitIdOptions::NOWAIT)
                .and_then(|_| waitid(WaitId::Pid(kernel), ended | WaitIdOptions::NOWAIT | now));
            match waited {
                Ok(Some(status)) => return exit_of(&status),
                // Another kernel's end is seen by who waits for that.
                Ok(None) if self.reap() == 0 => sleep(END_LOOK),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    warn!(pid = kernel.as_raw_nonzero(), %error, "failed to wait for a kernel");
                    return Exit::Unknown;
                }
            }
        }
    }

    /// Kills all orphans, and those that become orphans by that, and waits until they are gone.
    pub(super) fn end(&self) {
        let until = Instant::now() + END_WAIT;
        while self.kill() > 0 {
            if self.reap() == 0 {
                sleep(END_LOOK);
            }
            if Instant::now() > until {
                warn!("what a kernel has started does not end");
                return;
            }
        }
    }

    /// A kernel is reaped; its id may become another's.
    pub(super) fn forget(&self, kernel: Pid) {
        self.kernels().remove(&kernel);
    }

    /// Kills those there are now, and counts them.
    fn kill(&self) -> usize {
        let kernels = self.kernels();
        let own_group = rustix::process::getpgrp();
        let orphans = children().into_iter().filter(|pid| !kernels.contains(pid));
        let killing = orphans.map(|pid| {
            // Their ids are theirs until they are reaped, which only happens here. Errors mean that they have ended.
            let _ended = kill_process(pid, Signal::KILL);
            // All at once, so that none starts another meanwhile.
            if let Ok(group) = rustix::process::getpgid(Some(pid))
                && group != own_group
            {
                let _ended = kill_process_group(group, Signal::KILL);
            }
        });
        killing.count()
    }

    /// Reaps those that have ended, and counts them.
    fn reap(&self) -> usize {
        let kernels = self.kernels();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let has_ended = |pid: &Pid| matches!(waitid(WaitId::Pid(*pid), options), Ok(Some(_)));
        let orphans = children().into_iter().filter(|pid| !kernels.contains(pid));
        orphans.filter(has_ended).count()
    }

    fn kernels(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All children of this process, also those that have ended and are not reaped.
fn children() -> Vec<Pid> {
    // Where the system does not tell, there are other ways to find most of them (`leftovers`).
    let threads = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let parse = |list: String| {
        let numbers = list.split_whitespace().map(str::parse);
        numbers.flatten().filter_map(Pid::from_raw).collect::<Vec<_>>()
    };
    lists.flat_map(parse).collect()
}
