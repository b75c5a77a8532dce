//! What comes and goes leaves nothing behind: descriptors, threads, tasks, processes, files, rows and memory are where
//! they were.
//!
//! The real program shows what the system counts; tasks are counted where the server runs in the test's own runtime.

mod connections;
mod footprint;
mod kernels;
mod tasks;

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use test_support::{DEADLINE, TestClient, request};
use wire::{Channel, Subprotocol};

use crate::channels::{cell, run, start_kernel};

/// Connections that are open at the same time.
const CONNECTIONS_AT_ONCE: usize = 20;

/// Kernels that run at the same time; a kernel's start is work, and more at once end no sooner.
const KERNELS_AT_ONCE: usize = 4;

/// What has been the same for so many looks is at rest.
const LOOKS_AT_REST: usize = 20;

/// Looks until it sees what is right; fails with what it saw last.
async fn until_right<T: Debug>(look: impl Fn() -> T, mut is_right: impl FnMut(&T) -> bool) -> T {
    let began = std::time::Instant::now();
    loop {
        let seen = look();
        if is_right(&seen) {
            return seen;
        }
        assert!(began.elapsed() < DEADLINE, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Looks until nothing moves any more.
async fn at_rest<T: Debug + Clone + PartialEq>(look: impl Fn() -> T) -> T {
    let (mut last, mut looks) = (look(), 0);
    until_right(look, |seen| {
        looks = if *seen == last { looks + 1 } else { 0 };
        last = seen.clone();
        looks == LOOKS_AT_REST
    })
    .await
}

/// Connects to a kernel so often, many at a time, and leaves in every way there is.
async fn connect_and_leave(client: &TestClient, kernel: &str, times: usize) {
    futures::stream::iter(0..times)
        .for_each_concurrent(CONNECTIONS_AT_ONCE, |number| connect_once(client, kernel, number))
        .await;
}

async fn connect_once(client: &TestClient, kernel: &str, number: usize) {
    let subprotocol = if number.is_multiple_of(3) {
        Subprotocol::Legacy
    } else {
        Subprotocol::V1
    };
    // Some come back, more than are remembered.
    let session = format!("page-{}", number % 300);
    let mut socket = client.channels(kernel, &session, subprotocol).await;
    match number % 4 {
        0 => socket.close().await,
        // Cut: dropped without a goodbye.
        1 => {}
        // Cut in the middle of a cell.
        2 => socket.send(&cell("print hello")).await,
        _ => {
            let question = request(Channel::Shell, "kernel_info_request", &session, &json!({}));
            socket.send(&question).await;
            socket.answers_to(&question).await;
            socket.close().await;
        }
    }
}

/// Starts and ends so many kernels, a few at a time, each of which runs a cell for somebody.
async fn start_and_end(client: &TestClient, kernels: usize, code: &str) {
    futures::stream::iter(0..kernels)
        .for_each_concurrent(KERNELS_AT_ONCE, async |number| {
            let kernel = start_kernel(client).await;
            let mut socket = client.channels(&kernel, "page", Subprotocol::V1).await;
            run(&mut socket, code).await;
            // Some leave first, some are there when it ends.
            if number.is_multiple_of(2) {
                socket.close().await;
                client.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
            } else {
                client.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
                socket.rest().await;
            }
        })
        .await;
}
