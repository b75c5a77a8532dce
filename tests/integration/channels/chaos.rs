//! Connections that stall, wait and break at any byte: every output is in its cell once, and in its place.

use std::time::{Duration, Instant};

use test_support::{Fault, Faults, TestClient, TestProxy, TestServer, TestSocket};
use wire::Message;

use super::{cell, is_idle, kind, parent, shown, start_kernel};
use crate::compatibility::choices::{Choices, seed};

/// Kernels that are tried at the same time.
const KERNELS: u64 = 6;

/// Cells that each of them runs.
const CELLS: u64 = 60;

/// How often the connection breaks during one cell at most: then it is let alone, or it might go on for ever.
const CUTS_MAX: u64 = 12;

/// What to do with what comes from the server, decided by a seed.
fn faults(seed: u64) -> Faults {
    let mut choices = Choices::of(seed);
    let mut cuts = 0;
    Box::new(move |bytes| match choices.below(40) {
        0 if cuts < CUTS_MAX => {
            cuts += 1;
            Fault::Cut(choices.below(bytes + 1))
        }
        1 => Fault::Wait(milliseconds(choices.below(60))),
        2..6 => Fault::Wait(milliseconds(choices.below(3))),
        _ => Fault::None,
    })
}

fn milliseconds(number: usize) -> Duration {
    Duration::from_millis(number as u64)
}

fn no_faults() -> Faults {
    Box::new(|_| Fault::None)
}

/// A front end: connects again when the connection breaks, and forgets a request that is done.
struct FrontEnd {
    client: TestClient,
    kernel: String,
    session: String,
    connections: u64,
}

impl FrontEnd {
    async fn connect(&mut self) -> TestSocket {
        loop {
            self.connections += 1;
            let socket = self
                .client
                .channels_unless_broken(&self.kernel, &self.session)
                .await;
            if let Some(socket) = socket {
                return socket;
            }
        }
    }

    /// What answers the cell, over as many connections as it takes.
    async fn run(
        &mut self,
        socket: &mut TestSocket,
        cell: &Message,
        proxy: &TestProxy,
        seed: u64,
    ) -> Vec<Message> {
        let id = cell.header().unwrap().msg_id.to_string();
        socket.send(cell).await;
        let (mut answers, mut idle, mut replied) = (Vec::new(), false, false);
        while !(idle && replied) {
            let Ok(Some(message)) = socket.next_unless_broken().await else {
                *socket = self.connect().await;
                continue;
            };
            if parent(&message) != id {
                continue;
            }
            if answers.is_empty() {
                // The request has arrived: a front end's own messages are not the server's to keep.
                proxy.change(faults(seed));
            }
            idle |= is_idle(&message);
            replied |= kind(&message).ends_with("_reply");
            answers.push(message);
        }
        proxy.change(no_faults());
        answers
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_connections_every_output_is_in_its_cell_once_and_in_order() {
    let began = Instant::now();
    let first = seed().unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    println!("ADRASTEA_TEST_SEED={first}");
    let server = TestServer::start().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..KERNELS {
        let address = server.server().local_address().unwrap();
        let owner = server.as_owner();
        running.spawn(async move {
            let proxy = TestProxy::start(address, no_faults()).await;
            let mut front_end = FrontEnd {
                kernel: start_kernel(&owner).await,
                client: owner.through(proxy.address()),
                session: format!("session-{number}"),
                connections: 0,
            };
            for cell in 0..CELLS {
                let seed = first.wrapping_add(number * CELLS + cell);
                run_one(&mut front_end, &proxy, seed).await;
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

async fn run_one(front_end: &mut FrontEnd, proxy: &TestProxy, seed: u64) {
    let mut socket = front_end.connect().await;
    let code = "burst 40 100\nprint 15 times every 1\nclear\nburst 60 30\nprint 10 times every 1";
    let answers = front_end.run(&mut socket, &cell(code), proxy, seed).await;
    let burst = (0..60).map(|number: u32| format!("{number:<30}"));
    let printed = (0..10).map(|number| format!("{number}\n"));
    let expected: String = burst.chain(printed).collect();
    assert_eq!(shown(&answers), expected, "ADRASTEA_TEST_SEED={seed}");
    assert_no_unexpected_duplicates(&answers, seed);
}

/// A message comes twice only where that is said: outputs after a `clear_output`, replies and `status`.
fn assert_no_unexpected_duplicates(answers: &[Message], seed: u64) {
    let mut seen = std::collections::HashSet::new();
    for message in answers {
        match kind(message).as_str() {
            // The server's own has no buffers and another id each time; the kernel's is one of its outputs.
            "clear_output" => seen.clear(),
            "stream" => assert!(
                seen.insert(message.header().unwrap().msg_id.to_string()),
                "an output came twice, ADRASTEA_TEST_SEED={seed}"
            ),
            _ => {}
        }
    }
}
