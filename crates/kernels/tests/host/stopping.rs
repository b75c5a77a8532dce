//! What a manager that stops does with kernels that are just being launched.

use std::sync::{Arc, atomic::Ordering};

use kernels::{KernelError, KernelManager, Phase, StartKernel};

use crate::support::{HeldUp, eventually, fake, manager};

/// Stops while one kernel runs and another is being launched.
async fn stops<S: Future<Output = ()> + Send + 'static>(stop: impl FnOnce(KernelManager) -> S) {
    let dir = tempfile::tempdir().unwrap();
    let held = Arc::new(HeldUp::default());
    let manager = manager(&dir, held.clone(), |_| {});
    held.gate.notify_one();
    let kernel = manager.start(fake()).await.unwrap();
    let starting = tokio::spawn({
        let manager = manager.clone();
        async move { manager.start(fake()).await }
    });
    eventually("the launch", || held.waiting.load(Ordering::SeqCst) == 2).await;
    let stopping = tokio::spawn(stop(manager.clone()));
    let one_more = || StartKernel {
        id: Some(kernel.id().clone()),
        ..fake()
    };
    while !matches!(manager.start(one_more()).await, Err(KernelError::Stopping)) {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    held.gate.notify_one();
    stopping.await.unwrap();
    let refused = starting.await.unwrap().unwrap_err();
    assert!(matches!(refused, KernelError::Stopping), "{refused}");
    assert!(matches!(kernel.status().borrow().phase, Phase::Ended(_)));
    eventually("the end of both", || manager.list().is_empty()).await;
    let runtime = dir.path().join("runtime");
    let left: Vec<_> = std::fs::read_dir(runtime).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_kernel_that_is_being_launched_when_all_are_ended_ends_too() {
    stops(|manager| async move { manager.shutdown_all().await }).await;
}

#[tokio::test]
async fn a_kernel_that_cannot_outlive_the_server_ends_with_it_when_it_was_just_being_launched() {
    stops(|manager| async move { manager.leave().await }).await;
}
