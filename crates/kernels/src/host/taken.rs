//! What a server in another process has sent that the kernel does not have yet, and who is told when it has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use wire::Channel;

use super::handle::Lanes;

/// Messages on their way from servers to the kernel. A cheap handle.
#[derive(Clone, Default)]
pub(crate) struct OnTheirWay(Arc<Mutex<Counted>>);

/// A plain mutex around it, never held across an await.
#[derive(Default)]
struct Counted {
    /// How many there are.
    counts: Lanes<usize>,
    /// The server that is there now.
    told: Option<mpsc::UnboundedSender<Channel>>,
}

/// One of them, for as long as it is on its way.
pub(crate) struct Taken {
    channel: Channel,
    all: OnTheirWay,
}

impl OnTheirWay {
    /// From here on `told` hears of each that has arrived. Gives how many there are: what servers before have sent, too.
    pub(crate) fn tell(&self, told: mpsc::UnboundedSender<Channel>) -> Lanes<usize> {
        let mut counted = self.counted();
        counted.told = Some(told);
        counted.counts.clone()
    }

    /// One more.
    pub(crate) fn add(&self, channel: Channel) -> Taken {
        if let Some(count) = self.counted().counts.of_mut(channel) {
            *count = count.saturating_add(1);
        }
        let all = self.clone();
        Taken { channel, all }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut counted = self.all.counted();
        if let Some(count) = counted.counts.of_mut(self.channel) {
            *count = count.saturating_sub(1);
        }
        if let Some(told) = &counted.told {
            // A server that is gone counts nothing.
            let _gone = told.send(self.channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_of_what_those_before_it_have_sent_and_hears_when_the_kernel_has_it() {
        let all = OnTheirWay::default();
        let (told, mut first) = mpsc::unbounded_channel();
        assert_eq!(all.tell(told).shell, 0);
        let (one, _two) = (all.add(Channel::Shell), all.add(Channel::Shell));
        let _three = all.add(Channel::Stdin);
        let (told, mut second) = mpsc::unbounded_channel();
        let queued = all.tell(told);
        assert_eq!((queued.shell, queued.control, queued.stdin), (2, 0, 1));
        drop(one);
        assert_eq!(second.try_recv(), Ok(Channel::Shell));
        assert!(second.try_recv().is_err() && first.try_recv().is_err());
    }
}
