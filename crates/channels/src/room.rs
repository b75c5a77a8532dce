//! Room for telling again: what is retold is in memory whole, so only so much is at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use kernels::KernelId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many kernels are retold at once, one time each.
const AT_ONCE_MAX: usize = 4;

/// The room of all kernels. A cheap clone.
#[derive(Clone)]
pub struct RetellingRoom {
    all: Arc<Semaphore>,
    /// A plain mutex, never held across an await. Of kernels that nobody retells, nothing is kept.
    by_kernel: Arc<Mutex<HashMap<KernelId, Weak<Semaphore>>>>,
}

/// A place in the room, for as long as it is held.
#[derive(Debug)]
pub struct Place {
    /// In this order they are given back: who waits for the kernel alone then finds the room free.
    _in_all: OwnedSemaphorePermit,
    _of_kernel: OwnedSemaphorePermit,
}

impl Default for RetellingRoom {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            by_kernel: Arc::default(),
        }
    }
}

impl RetellingRoom {
    /// Waits until nobody else retells this kernel and there is room. `None` never comes while there is a server.
    pub async fn enter(&self, kernel: &KernelId) -> Option<Place> {
        let turn = self.turn(kernel);
        let of_kernel = turn.acquire_owned().await.ok()?;
        let in_all = self.all.clone().acquire_owned().await.ok()?;
        Some(Place {
            _in_all: in_all,
            _of_kernel: of_kernel,
        })
    }

    fn turn(&self, kernel: &KernelId) -> Arc<Semaphore> {
        let mut by_kernel = self.by_kernel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = by_kernel.get(kernel).and_then(Weak::upgrade) {
            return turn;
        }
        by_kernel.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Semaphore::new(1));
        by_kernel.insert(kernel.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place, if there is one now.
    async fn try_enter(room: &RetellingRoom, kernel: &KernelId) -> Option<Place> {
        tokio::select! {
            biased;
            place = room.enter(kernel) => place,
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn a_kernel_is_retold_to_one_at_a_time_and_few_kernels_at_once() {
        let room = RetellingRoom::default();
        let kernels: Vec<KernelId> = (0..=AT_ONCE_MAX).map(|_| KernelId::random()).collect();
        let mut places = Vec::new();
        for kernel in &kernels[..AT_ONCE_MAX] {
            places.push(try_enter(&room, kernel).await.unwrap());
            assert!(try_enter(&room, kernel).await.is_none());
        }
        assert!(try_enter(&room, &kernels[AT_ONCE_MAX]).await.is_none());
        places.clear();
        assert!(try_enter(&room, &kernels[AT_ONCE_MAX]).await.is_some());
        assert!(try_enter(&room, &kernels[0]).await.is_some());
    }
}
