//! One client a kernel, and cells that print a lot.

use std::time::Instant;

use test_support::TestServer;
use wire::Subprotocol;

use super::{FrontEnd, Part, Weather, assert_no_unexpected_duplicates, faults, first_seed};
use crate::channels::{cell, shown, start_kernel};

/// Kernels that are tried at the same time.
const KERNELS: u64 = 6;

/// Cells that each of them runs.
const CELLS: u64 = 60;

const DOWN: Weather = Weather {
    pieces_per_cut: 40,
    stall_ms_max: None,
};

/// Little goes up, and what does is an answer to a ping.
const UP: Weather = Weather {
    pieces_per_cut: 15,
    stall_ms_max: None,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_connections_every_output_is_in_its_cell_once_and_in_order() {
    let began = Instant::now();
    let first = first_seed();
    println!("ADRASTEA_TEST_SEED={first}");
    let server = TestServer::start().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..KERNELS {
        let kernel = start_kernel(&server.as_owner()).await;
        let session = format!("session-{number}");
        let mut front_end = FrontEnd::new(&server, &kernel, &session, Subprotocol::V1).await;
        running.spawn(async move {
            for cell in 0..CELLS {
                let seed = first.wrapping_add(number * CELLS + cell);
                run_one(&mut front_end, seed).await;
            }
            front_end.connections
        });
    }
    let connections: u64 = running.join_all().await.into_iter().sum();
    println!(
        "{} cells over {connections} connections in {:?}",
        KERNELS * CELLS,
        began.elapsed()
    );
    assert!(
        connections > KERNELS * CELLS * 3 / 2,
        "the connections hardly broke"
    );
}

async fn run_one(front_end: &mut FrontEnd, seed: u64) {
    let code = "burst 40 100\nprint 15 times every 1\nclear\nburst 60 30\nprint 10 times every 1";
    let cell = cell(code);
    front_end.ask(&cell).await;
    let faults = [faults(seed, DOWN), faults(!seed, UP)];
    let heard = front_end.hear(&cell, Part::Asks, Some(faults)).await;
    let burst = (0..60).map(|number: u32| format!("{number:<30}"));
    let printed = (0..10).map(|number| format!("{number}\n"));
    let expected: String = burst.chain(printed).collect();
    assert_eq!(shown(&heard), expected, "ADRASTEA_TEST_SEED={seed}");
    assert_no_unexpected_duplicates(&heard, seed);
}
