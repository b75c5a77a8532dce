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
    last: Option<(Instant, KernelUsage)>,
}

/// The CPU time of a tree, from one look to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    used: Duration,
}

impl Clock {
    /// Notes the processes there are, and gives what was used since the last time. It never goes back: the time of a
    /// child that nobody waited for is gone with it.
    pub(super) fn advance(&mut self, processes: &[Stat]) -> Duration {
        let sum = processes
            .iter()
            .fold(0_u64, |sum, stat| sum.saturating_add(stat.cpu_ticks));
        let used = ticks(sum);
        let since = used.saturating_sub(self.used);
        self.used = self.used.max(used);
        since
    }

    /// All that was used.
    pub(super) fn used(&self) -> Duration {
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
        if let Some((at, usage)) = state.last
            && now.duration_since(at) < FRESH
        {
            return Some(usage);
        }
        let (pid, launched) = state.target?;
        let processes = state.tree.look(&[pid]);
        let since = state.last.map_or(launched, |(at, _)| at);
        let used = state.clock.advance(&processes);
        let living = || processes.iter().filter(|stat| !stat.is_zombie);
        let usage = KernelUsage {
            kernel_cpu: percent(used, now.duration_since(since)),
            kernel_memory: memory(living()),
            cpu_time: state.clock.used().as_secs_f64(),
            processes: living().count() as u64,
        };
        if usage.processes == 0 {
            return None;
        }
        state.last = Some((now, usage));
        Some(usage)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of these processes together, in bytes. What they share counts once where the system can tell, as in
/// jupyter-resource-usage; for processes of other users it cannot.
pub(super) fn memory<'a>(processes: impl Iterator<Item = &'a Stat>) -> u64 {
    processes
        .map(|stat| stat.proportional_bytes().unwrap_or_else(|| stat.resident_bytes()))
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
        assert_eq!(clock.advance(&[stat(1, 110)]), Duration::ZERO);
        assert_eq!(clock.advance(&[stat(1, 200)]), ticks(50));
        assert_eq!(clock.used(), ticks(200));
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
