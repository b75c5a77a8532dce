//! Measures trees of processes.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    KernelUsage,
    process::{Pid, Stat, ticks},
    tree::Tree,
};

/// What was measured so short ago is not measured again: clocks of processes tick a hundred times a second.
const FRESH: Duration = Duration::from_millis(200);

/// The meter of one kernel.
pub(crate) struct Meter {
    /// Held while it is measured; whoever waits gets the same.
    state: Mutex<State>,
}

struct State {
    /// The kernel's process and when it was launched; none while it is started again, or if it is of another machine.
    target: Option<(Pid, Instant)>,
    tree: Tree,
    clock: Clock,
    last: Option<Measured>,
}

#[derive(Clone, Copy)]
struct Measured {
    at: Instant,
    usage: KernelUsage,
    cpu_time: Duration,
}

/// What a kernel's processes are seen to use at once, without asking what they share: that takes long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Memory, what is shared counted for each process.
    pub(crate) resident_bytes: u64,
    /// Since the kernel was started.
    pub(crate) cpu_time: Duration,
    pub(crate) processes: u64,
    /// Processes and their threads.
    pub(crate) tasks: u64,
}

impl Look {
    /// Percent of one core that was used since then.
    pub(crate) fn percent_since(&self, before: &Self, elapsed: Duration) -> f64 {
        percent(self.cpu_time.saturating_sub(before.cpu_time), elapsed)
    }
}

/// The CPU time of a tree, from one look to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    used: Duration,
}

impl Clock {
    /// Notes the processes there are, and gives all that was used. It never goes back: the time of a child that nobody
    /// waited for is gone with it.
    pub(super) fn advance(&mut self, processes: &[Stat]) -> Duration {
        let sum = processes
            .iter()
            .fold(0_u64, |sum, stat| sum.saturating_add(stat.cpu_ticks));
        self.used = self.used.max(ticks(sum));
        self.used
    }
}

impl Meter {
    /// Of a kernel whose launches carry this mark.
    pub(crate) fn new(host_mark: String) -> Self {
        Self {
            state: Mutex::new(State {
                target: None,
                tree: Tree::marked(host_mark),
                clock: Clock::default(),
                last: None,
            }),
        }
    }

    /// From now on of this process.
    pub(crate) fn aim(&self, process_id: Option<u32>) {
        let mut state = self.state();
        let pid = process_id.and_then(|pid| Pid::try_from(pid).ok());
        state.target = pid.map(|pid| (pid, Instant::now()));
        state.tree.forget();
        state.clock = Clock::default();
        state.last = None;
    }

    /// What the kernel uses; `None` when it has no process here. Reads files of the system: it blocks for a moment.
    pub(crate) fn measure(&self) -> Option<KernelUsage> {
        let mut state = self.state();
        let now = Instant::now();
        if let Some(last) = state.last
            && now.duration_since(last.at) < FRESH
        {
            return Some(last.usage);
        }
        let (_, launched) = state.target?;
        let processes = state.living(u64::MAX);
        let (at, before) = state
            .last
            .map_or((launched, Duration::ZERO), |last| (last.at, last.cpu_time));
        let cpu_time = state.clock.used;
        let usage = KernelUsage {
            kernel_cpu: percent(cpu_time.saturating_sub(before), now.duration_since(at)),
            kernel_memory: memory(&processes),
            cpu_time: cpu_time.as_secs_f64(),
            processes: processes.len() as u64,
        };
        if usage.processes == 0 {
            return None;
        }
        state.last = Some(Measured {
            at: now,
            usage,
            cpu_time,
        });
        Some(usage)
    }

    /// What the kernel is seen to use; `None` when it has no process. Where there are more than `tasks_max` processes and
    /// threads, not all are looked at.
    pub(crate) fn look(&self, tasks_max: u64) -> Option<Look> {
        let mut state = self.state();
        let processes = state.living(tasks_max);
        let sum = |of: fn(&Stat) -> u64| processes.iter().map(of).fold(0, u64::saturating_add);
        (!processes.is_empty()).then(|| Look {
            resident_bytes: sum(Stat::resident_bytes),
            cpu_time: state.clock.used,
            processes: processes.len() as u64,
            tasks: sum(|stat| stat.threads),
        })
    }

    /// The kernel's memory in bytes, what is shared counted once.
    pub(crate) fn memory(&self) -> u64 {
        memory(&self.state().living(u64::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The processes there are now.
    fn living(&mut self, tasks_max: u64) -> Vec<Stat> {
        let Some((pid, _)) = self.target else {
            return Vec::new();
        };
        let mut processes = self.tree.look(&[pid], tasks_max);
        self.clock.advance(&processes);
        processes.retain(|stat| !stat.is_zombie);
        processes
    }
}

/// The memory of these processes together, in bytes. What they share counts once where the system can tell, as in
/// jupyter-resource-usage; for processes of other users it cannot.
fn memory(processes: &[Stat]) -> u64 {
    processes
        .iter()
        .map(Stat::memory_bytes)
        .fold(0, u64::saturating_add)
}

/// Percent of one core, to a tenth.
pub(super) fn percent(used: Duration, within: Duration) -> f64 {
    let within = within.as_secs_f64();
    if within <= 0.0 {
        return 0.0;
    }
    (used.as_secs_f64() / within * 1_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: Pid, cpu_ticks: u64) -> Stat {
        Stat {
            pid,
            parent: 1,
            session: 1,
            started: 1,
            threads: 1,
            cpu_ticks,
            resident_pages: 1,
            is_zombie: false,
        }
    }

    #[test]
    fn time_does_not_go_back_when_a_process_ends() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance(&[stat(1, 100), stat(2, 50)]), ticks(150));
        assert_eq!(clock.advance(&[stat(1, 110)]), ticks(150));
        assert_eq!(clock.advance(&[stat(1, 200)]), ticks(200));
    }

    #[test]
    fn percents_are_of_one_core() {
        let check = |used, within, expected: f64| {
            let percent = percent(Duration::from_millis(used), Duration::from_millis(within));
            assert!((percent - expected).abs() < 1e-9, "{percent}");
        };
        check(500, 1_000, 50.0);
        check(4_000, 1_000, 400.0);
        check(1, 3_000, 0.0);
        check(2, 3_000, 0.1);
        check(1, 0, 0.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_kernel_without_a_process_has_no_usage() {
        let meter = Meter::new("meter-a".to_owned());
        assert_eq!(meter.measure(), None);
        meter.aim(Some(std::process::id()));
        let usage = meter.measure().unwrap();
        assert!(usage.processes >= 1 && usage.kernel_memory > 1 << 18, "{usage:?}");
        assert_eq!(meter.measure(), Some(usage), "so shortly after it is the same");
        meter.aim(None);
        assert_eq!(meter.measure(), None);
    }
}
