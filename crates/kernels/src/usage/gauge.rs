//! Where the server asks what a kernel uses.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{KernelUsage, Meter};
use crate::Kernel;

/// How long a host may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// What is older is not shown any more.
const SHOWN_FOR: Duration = Duration::from_secs(60);

/// Questions to a host that is another process. Dropped unanswered, they say that nobody knows.
pub(crate) type AskHost = oneshot::Sender<KernelUsage>;

/// What is known of what a kernel uses, and whom to ask for more.
pub(crate) struct Gauge {
    source: Source,
    /// A plain mutex, never held across an await.
    known: Mutex<Option<(Instant, KernelUsage)>>,
    /// Whoever asks while it is being measured waits and gets the same. An async mutex on purpose.
    turn: tokio::sync::Mutex<()>,
}

enum Source {
    Here(Arc<Meter>),
    Host(mpsc::Sender<AskHost>),
}

impl Gauge {
    /// Of a kernel whose processes are measured here.
    pub(crate) fn here(meter: Arc<Meter>) -> Self {
        Self::new(Source::Here(meter))
    }

    /// Of a kernel whose host is another process, which is asked through these.
    pub(crate) fn of_host(questions: mpsc::Sender<AskHost>) -> Self {
        Self::new(Source::Host(questions))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// What the kernel used when it was measured last, if that was lately.
    pub(crate) fn known(&self) -> Option<KernelUsage> {
        self.known_since(SHOWN_FOR)
    }

    /// What the kernel uses, measured at most so long ago; `None` when nobody knows.
    pub(crate) async fn measure(&self, age_max: Duration) -> Option<KernelUsage> {
        let _turn = self.turn.lock().await;
        if let Some(known) = self.known_since(age_max) {
            return Some(known);
        }
        let usage = match &self.source {
            Source::Here(meter) => measure_here(meter.clone()).await,
            Source::Host(questions) => ask(questions).await,
        };
        *self.lock() = usage.map(|usage| (Instant::now(), usage));
        usage
    }

    fn known_since(&self, age_max: Duration) -> Option<KernelUsage> {
        let known = *self.lock();
        known.and_then(|(at, usage)| (at.elapsed() <= age_max).then_some(usage))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, KernelUsage)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn measure_here(meter: Arc<Meter>) -> Option<KernelUsage> {
    // The memory of a large process takes a while to count.
    let measured = tokio::task::spawn_blocking(move || meter.measure()).await;
    measured.ok().flatten()
}

async fn ask(questions: &mpsc::Sender<AskHost>) -> Option<KernelUsage> {
    let (answer, answered) = oneshot::channel();
    let asked = async {
        questions.send(answer).await.ok()?;
        answered.await.ok()
    };
    timeout(ANSWER_WAIT, asked).await.ok().flatten()
}

/// Measures all of these at once, those that were not measured for so long, but waits no longer than `wait_max`.
pub(crate) async fn measure_all(kernels: &[Kernel], age_max: Duration, wait_max: Duration) {
    let measuring = kernels.iter().map(|kernel| kernel.usage(age_max));
    // What is not known by then is known the next time.
    let _late = timeout(wait_max, join_all(measuring)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_again_at_once_gets_the_same_and_the_host_is_not_asked() {
        let (questions, mut asked) = mpsc::channel::<AskHost>(1);
        let gauge = Gauge::of_host(questions);
        assert_eq!(gauge.known(), None);
        let usage = KernelUsage {
            kernel_memory: 7,
            ..KernelUsage::default()
        };
        let answering = async {
            let question = asked.recv().await.unwrap();
            question.send(usage).unwrap();
        };
        let (measured, ()) = tokio::join!(gauge.measure(Duration::from_secs(60)), answering);
        assert_eq!(measured, Some(usage));
        assert_eq!(gauge.measure(Duration::from_secs(60)).await, Some(usage));
        assert_eq!(gauge.known(), Some(usage));
        // A host of an older version cannot be asked.
        drop(asked);
        assert_eq!(gauge.measure(Duration::ZERO).await, None);
        assert_eq!(gauge.known(), None);
    }
}
