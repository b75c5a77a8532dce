//! What the server and all its kernels use together, and the machine they are on.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    HostVirtualMemory,
    machine::{CpuTicks, cpu_count},
    meter::{Clock, percent},
    process::{Pid, Stat, text},
    tree::Tree,
};
use crate::Kernel;

/// What was measured so short ago is not measured again.
const FRESH: Duration = Duration::from_millis(500);

/// What the server's processes use: itself, hosts of kernels, kernels, and all that those started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServerUsage {
    /// Resident memory in bytes; what is shared counts for each.
    pub rss: u64,
    /// Memory in bytes, what is shared counted once; `None` where the system does not tell.
    pub pss: Option<u64>,
    /// Percent of one core since it was measured last; at first, since the server was started.
    pub cpu_percent: f64,
}

/// What the machine has and uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineUsage {
    /// What it is called.
    pub hostname: String,
    /// How many processors it has.
    pub cpu_count: u64,
    /// Percent of all of them that were busy since it was measured last; `None` the first time.
    pub cpu_percent: Option<f64>,
    /// Its memory; `None` where the system does not tell.
    pub memory: Option<HostVirtualMemory>,
}

/// Measures this process with all that belongs to it. A cheap handle; nothing is measured unless somebody asks.
#[derive(Clone)]
pub struct ServerMeter(Arc<Mutex<State>>);

struct State {
    tree: Tree,
    clock: Clock,
    since: Instant,
    /// Up to then.
    cpu_time: Duration,
    last: Option<ServerUsage>,
    machine: Option<(Instant, CpuTicks, Option<f64>)>,
}

impl ServerMeter {
    /// Counts CPU time from now on.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            tree: Tree::default(),
            clock: Clock::default(),
            since: Instant::now(),
            cpu_time: Duration::ZERO,
            last: None,
            machine: None,
        })))
    }

    /// What the server with these kernels uses. Those of another server, which went on, are no children of this process.
    pub async fn measure(&self, kernels: &[Kernel]) -> ServerUsage {
        let kernels = kernels
            .iter()
            .filter_map(|kernel| kernel.status().borrow().process_id);
        let kernels: Vec<Pid> = kernels.filter_map(|pid| Pid::try_from(pid).ok()).collect();
        let meter = self.clone();
        // Many processes take a while.
        let measured = tokio::task::spawn_blocking(move || meter.state().measure(&kernels)).await;
        measured.unwrap_or_default()
    }

    /// What the machine has and uses.
    #[must_use]
    pub fn machine(&self) -> MachineUsage {
        MachineUsage {
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            cpu_count: cpu_count(),
            cpu_percent: self.state().machine_percent(),
            memory: HostVirtualMemory::now(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ServerMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn measure(&mut self, kernels: &[Pid]) -> ServerUsage {
        let now = Instant::now();
        let elapsed = now.duration_since(self.since);
        if let Some(last) = self.last.filter(|_| elapsed < FRESH) {
            return last;
        }
        let processes = self.tree.look(&roots(kernels), u64::MAX);
        let cpu_time = self.clock.advance(&processes);
        let used = cpu_time.saturating_sub(std::mem::replace(&mut self.cpu_time, cpu_time));
        let mut usage = ServerUsage {
            // The first look counts what was used before anybody looked: by a server that has begun anew in its process, or
            // by kernels that it found.
            cpu_percent: self.last.map_or(0.0, |_| percent(used, elapsed)),
            ..ServerUsage::default()
        };
        for process in processes.iter().filter(|process| !process.is_zombie) {
            usage.rss = usage.rss.saturating_add(process.resident_bytes());
            // As psutil is used: one that may not be looked at counts for nothing.
            if let Some(bytes) = process.proportional_bytes() {
                usage.pss = Some(usage.pss.unwrap_or_default().saturating_add(bytes));
            }
        }
        (self.since, self.last) = (now, Some(usage));
        usage
    }

    fn machine_percent(&mut self) -> Option<f64> {
        let (now, ticks) = (Instant::now(), CpuTicks::now()?);
        let percent = match self.machine {
            Some((at, _, percent)) if now.duration_since(at) < FRESH => return percent,
            Some((_, before, _)) => ticks.percent_since(before),
            None => None,
        };
        self.machine = Some((now, ticks, percent));
        percent
    }
}

/// Whether it is a host: a kernel whose host has just gone is anybody's child.
fn is_host(pid: Pid) -> bool {
    let arguments = text(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.split('\0').any(|argument| argument == "kernel-host")
}

/// This process, the kernels, and the hosts of the kernels.
fn roots(kernels: &[Pid]) -> Vec<Pid> {
    let own = std::process::id();
    let mut roots: Vec<Pid> = Pid::try_from(own).into_iter().collect();
    for kernel in kernels {
        roots.push(*kernel);
        let parent = Stat::read(*kernel).map(|kernel| kernel.parent);
        roots.extend(parent.filter(|parent| is_host(*parent)));
    }
    roots
}
