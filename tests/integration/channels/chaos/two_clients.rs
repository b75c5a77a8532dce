//! Two browsers on one kernel, one of them of the old kind, each with a bad connection of its own: a question to one of
//! them, displays that change, and messages with buffers.

use std::collections::HashSet;
use std::time::Instant;

use test_support::TestServer;
use wire::{Channel, Message, Subprotocol};

use super::{FrontEnd, Part, Weather, assert_no_unexpected_duplicates, faults, first_seed};
use crate::channels::{cell, content, kind, start_kernel};

/// Kernels that are tried at the same time.
const KERNELS: u64 = 5;

/// Cells that each of them runs, for the one and the other browser in turn.
const CELLS: u64 = 30;

/// Of so many cells one has a connection that stands still for a while.
const CELLS_PER_STALL: u64 = 10;

const STALL_MS_MAX: usize = 2_500;

const CODE: &str = "burst 30 100
show first one
print 15 times every 1
buffers 2 2000
update first two
clear
burst 40 30
show second three
input name?
print 10 times every 1
update second four
buffers 3 10
result done";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_connections_of_two_both_have_everything_that_is_theirs() {
    let began = Instant::now();
    let first = first_seed();
    println!("ADRASTEA_TEST_SEED={first}");
    let server = TestServer::start().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..KERNELS {
        let kernel = start_kernel(&server.as_owner()).await;
        let mut one = FrontEnd::new(&server, &kernel, "one", Subprotocol::V1).await;
        let mut other = FrontEnd::new(&server, &kernel, "other", Subprotocol::Legacy).await;
        running.spawn(async move {
            // What is told to who is new; from then on the kernel knows them.
            for front_end in [&mut one, &mut other] {
                front_end.next().await.expect("the kernel's status");
            }
            for cell in 0..CELLS {
                let seed = first.wrapping_add(number * CELLS + cell);
                match cell % 2 {
                    0 => run_one(&mut one, &mut other, seed).await,
                    _ => run_one(&mut other, &mut one, seed).await,
                }
            }
            one.connections + other.connections
        });
    }
    let connections: u64 = running.join_all().await.into_iter().sum();
    println!(
        "{} cells over {connections} connections in {:?}",
        KERNELS * CELLS,
        began.elapsed()
    );
    assert!(connections > KERNELS * CELLS * 2, "the connections hardly broke");
}

async fn run_one(asks: &mut FrontEnd, watches: &mut FrontEnd, seed: u64) {
    let cell = cell(CODE);
    asks.ask(&cell).await;
    let stall_ms_max = seed.is_multiple_of(CELLS_PER_STALL).then_some(STALL_MS_MAX);
    let weather = |pieces_per_cut| Weather {
        pieces_per_cut,
        stall_ms_max,
    };
    let [(a, b), (c, d)] = [(1, 2), (3, 4)];
    let way = |number: u64, pieces_per_cut| faults(seed.rotate_left(8) ^ number, weather(pieces_per_cut));
    let (for_one, for_other) = ([way(a, 40), way(b, 15)], [way(c, 40), way(d, 15)]);
    let (asked, watched) = tokio::join!(
        asks.hear(&cell, Part::Asks, Some(for_one)),
        watches.hear(&cell, Part::Watches, Some(for_other)),
    );
    let answers = std::mem::take(&mut asks.answers_given);
    for heard in [&asked, &watched] {
        assert_whole(heard, &answers, seed);
    }
    let strange = watched.iter().find(|message| message.channel != Channel::Iopub);
    assert!(
        strange.is_none(),
        "{strange:?} is for the other, ADRASTEA_TEST_SEED={seed}"
    );
}

fn assert_whole(heard: &[Message], answers: &[String], seed: u64) {
    let burst: String = (0..40).map(|number: u32| format!("{number:<30}")).collect();
    let printed: String = (0..10).map(|number| format!("{number}\n")).collect();
    let shown = shown(heard);
    let is_right = |answer: &String| shown == format!("{burst}[four]{answer}\n{printed}[done]");
    assert!(
        answers.iter().any(is_right),
        "{shown:?} with {answers:?}, ADRASTEA_TEST_SEED={seed}"
    );
    assert_no_unexpected_duplicates(heard, seed);
    assert_eq!(
        buffers(heard),
        [2_000, 2_000, 10, 10, 10],
        "ADRASTEA_TEST_SEED={seed}"
    );
}

/// What stands in the cell: what was printed and, in brackets, what is displayed in the end.
fn shown(heard: &[Message]) -> String {
    let (mut shown, mut is_cleared_by_next) = (Vec::<(Option<String>, String)>::new(), false);
    for message in heard {
        let content = content(message);
        let text = || content["data"]["text/plain"].as_str().unwrap();
        let id = content["transient"]["display_id"].as_str().map(str::to_owned);
        let output = match kind(message).as_str() {
            "clear_output" => {
                is_cleared_by_next = true;
                continue;
            }
            "update_display_data" => {
                let places = shown.iter_mut().filter(|(place, _)| *place == id);
                places.for_each(|(_, shows)| *shows = format!("[{}]", text()));
                continue;
            }
            "stream" => content["text"].as_str().unwrap().to_owned(),
            "display_data" | "execute_result" => format!("[{}]", text()),
            _ => continue,
        };
        if std::mem::take(&mut is_cleared_by_next) {
            shown.clear();
        }
        shown.push((id, output));
    }
    shown.into_iter().map(|(_, output)| output).collect()
}

/// How long the buffers are that came, those of each message once.
fn buffers(heard: &[Message]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_new = |message: &&Message| seen.insert(message.header().unwrap().msg_id.to_string());
    let comms = heard.iter().filter(|message| kind(message) == "comm_msg");
    let buffers = comms.filter(is_new).flat_map(|message| &message.buffers);
    buffers.map(bytes::Bytes::len).collect()
}
