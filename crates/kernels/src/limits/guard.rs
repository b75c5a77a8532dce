//! A process whose limits are kept: looked at again and again while it may use much, seldom while it does nothing, and
//! killed when it exceeds one.

use std::{
    io,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{Limit, ResourceLimits, cgroup::Group};
use crate::{
    ExecutionState, Exit, KernelStatus, Process, Signal,
    usage::{Look, Meter},
};

/// How often a kernel is looked at that works.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// The same when it uses more than half of the memory it may use: it may use all by the next look.
const CLOSE_PAUSE: Duration = Duration::from_millis(25);

/// How often one is looked at that does nothing: longer and longer, up to the second.
const IDLE_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// One that uses less of a core than this does nothing, whatever it says.
const IDLE_PERCENT_MAX: f64 = 2.0;

/// A process and what it may use.
pub(crate) struct Guarding {
    pub(crate) process: Arc<dyn Process>,
    pub(crate) limits: ResourceLimits,
    /// The control group that it is in, if it is in one.
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) meter: Arc<Meter>,
    /// What the kernel says that it does.
    pub(crate) status: watch::Receiver<KernelStatus>,
}

/// Keeps the limits of a process, for as long as what comes back is there.
pub(crate) fn guard(guarding: Guarding) -> Arc<dyn Process> {
    if guarding.limits.is_unlimited() || guarding.process.id().is_none() {
        return guarding.process;
    }
    let exceeded = Arc::new(OnceLock::new());
    let (process, group) = (guarding.process.clone(), guarding.group.clone());
    let watching = tokio::spawn(watch_over(guarding, exceeded.clone()));
    Arc::new(Guarded {
        process,
        group,
        exceeded,
        verdict: OnceLock::new(),
        watching,
    })
}

/// See [`guard`].
struct Guarded {
    process: Arc<dyn Process>,
    group: Option<Arc<Group>>,
    /// Why it was killed.
    exceeded: Arc<OnceLock<Limit>>,
    /// How it ended, once that is known.
    verdict: OnceLock<Exit>,
    watching: JoinHandle<()>,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Process for Guarded {
    fn id(&self) -> Option<u32> {
        self.process.id()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        if signal == Signal::Kill
            && let Some(group) = &self.group
        {
            group.kill();
        }
        self.process.signal(signal)
    }

    fn ended(&self) -> BoxFuture<'_, Exit> {
        async move {
            let exit = self.process.ended().await;
            *self.verdict.get_or_init(|| self.explained(exit))
        }
        .boxed()
    }

    fn stderr_tail(&self) -> String {
        self.process.stderr_tail()
    }
}

impl Guarded {
    /// How it ended, in the light of what is known. Its group is not needed any more.
    fn explained(&self, exit: Exit) -> Exit {
        let killed_by_system = self.group.as_ref().and_then(|group| group.ending());
        if let Some(group) = &self.group {
            group.remove();
        }
        match (self.exceeded.get(), killed_by_system) {
            (Some(limit), _) => Exit::Limit(*limit),
            (None, Some(exit)) => exit,
            (None, None) => exit,
        }
    }
}

/// Looks until the process exceeds a limit, then kills it. Stopped when it has ended.
async fn watch_over(mut guarding: Guarding, exceeded: Arc<OnceLock<Limit>>) {
    let mut before: Option<(Instant, Look)> = None;
    let mut idle_pause = IDLE_PAUSES.0;
    loop {
        let now = Instant::now();
        let Some((look, limit)) = guarding.look().await else {
            // It has ended, or is about to.
            return;
        };
        if let Some(limit) = limit {
            let pid = guarding.process.id();
            info!(pid, "killing a kernel: {limit}");
            // Set before: who sees it end sees why.
            let _first = exceeded.set(limit);
            if let Some(group) = &guarding.group {
                group.kill();
            }
            if let Err(error) = guarding.process.signal(Signal::Kill) {
                warn!(pid, %error, "failed to kill a kernel that exceeds a limit");
            }
            return;
        }
        let is_working = guarding.says_busy()
            || before.is_some_and(|(then, last)| look.percent_since(&last, now - then) > IDLE_PERCENT_MAX);
        before = Some((now, look));
        if is_working {
            idle_pause = IDLE_PAUSES.0;
            let is_close = guarding
                .limits
                .memory_bytes
                .is_some_and(|bytes| look.resident_bytes > bytes / 2);
            sleep(if is_close { CLOSE_PAUSE } else { BUSY_PAUSE }).await;
        } else {
            let begins = guarding
                .status
                .wait_for(|status| status.execution_state == ExecutionState::Busy);
            // Its status is watched by who asks; when nobody sends it any more the kernel is gone.
            if let Ok(Err(_)) = timeout(idle_pause, begins).await {
                return;
            }
            idle_pause = IDLE_PAUSES.1.min(idle_pause * 2);
        }
    }
}

impl Guarding {
    fn says_busy(&self) -> bool {
        self.status.borrow().execution_state == ExecutionState::Busy
    }

    /// What it uses, and which limit that exceeds; `None` when it is gone.
    async fn look(&self) -> Option<(Look, Option<Limit>)> {
        let (meter, limits, group) = (self.meter.clone(), self.limits, self.group.clone());
        // It reads files of the system, of a fork bomb many.
        let looked = tokio::task::spawn_blocking(move || {
            let most = limits.processes.unwrap_or(u64::MAX);
            let look = meter.look(most)?;
            Some((look, exceeded_by(&look, &limits, group.as_deref(), &meter)))
        });
        looked.await.ok().flatten()
    }
}

/// Which limit is exceeded.
fn exceeded_by(look: &Look, limits: &ResourceLimits, group: Option<&Group>, meter: &Meter) -> Option<Limit> {
    if let Some(count) = limits.processes
        && (look.tasks > count || group.is_some_and(Group::has_refused_processes))
    {
        return Some(Limit::Processes(count));
    }
    if let Some(time) = limits.cpu_time {
        let used = group.and_then(Group::cpu_time).unwrap_or(look.cpu_time);
        if used > time {
            return Some(Limit::CpuTime(time));
        }
    }
    match limits.memory_bytes {
        // What is resident counts what is shared for each process: only when that is too much, it is counted closely.
        Some(bytes)
            if !group.is_some_and(Group::limits_memory)
                && look.resident_bytes > bytes
                && (look.processes == 1 || is_surely_above(bytes, meter)) =>
        {
            Some(Limit::Memory(bytes))
        }
        Some(_) | None => None,
    }
}

/// Counts what is shared once. Processes are looked at one after the other, and may fork or end meanwhile: what is counted
/// twice once is not so again.
fn is_surely_above(bytes: u64, meter: &Meter) -> bool {
    (0..2).all(|_| meter.memory() > bytes)
}
