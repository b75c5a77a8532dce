//! Kernels and their output: Adrastea beside the reference and the raw relay, with the targets of the channels.
//!
//! What we use counts with the hosts of the kernels, unless a row says otherwise.

mod output;
mod scale;
mod stalled;

use anyhow::Result;

use crate::report::{Report, Target};
use crate::side::{Server, Side};

/// How much work a row does.
#[derive(Clone, Copy)]
struct Size {
    /// How many times each side runs each row.
    rounds: usize,
    round_trips: usize,
    /// WebSockets that are open and idle.
    sockets: usize,
    /// Kernels that run and are idle.
    kernels: usize,
}

const FULL: Size = Size {
    rounds: 5,
    round_trips: 400,
    sockets: 1_000,
    kernels: 200,
};
const QUICK: Size = Size {
    rounds: 2,
    round_trips: 100,
    sockets: 200,
    kernels: 40,
};

const TARGETS: &[(&str, Target)] = &[
    (output::SMALL, Target::AtLeast(150_000.0)),
    (output::SMALL_CPU, Target::AtMost(4.0)),
    (output::LARGE, Target::AtLeast(900.0)),
    (output::ROUND_TRIP, Target::WithinLimit(2.5)),
    (output::PACED_LOST, Target::AtMost(0.0)),
    (output::FAN_OUT_CPU, Target::AtMost(4.0)),
    (output::WRONG, Target::AtMost(0.0)),
    (stalled::MEMORY, Target::AtMost(4.0)),
    (scale::SOCKET_MEMORY, Target::AtMost(100.0)),
    (scale::KERNEL_MEMORY, Target::AtMost(100.0)),
    (scale::HOST_MEMORY, Target::AtMost(6.0)),
    (scale::START_CPU, Target::AtMost(4.0)),
    (scale::IDLE_CPU, Target::AtMost(0.1)),
];

/// Runs every row on all sides in turn.
pub(crate) async fn run(quick: bool) -> Result<Report> {
    let size = if quick { QUICK } else { FULL };
    let mut report = Report::new(TARGETS);
    let servers = started().await?;
    output::run(&servers, size, &mut report).await?;
    // Anew, because what output has left in memory is not what idle kernels take.
    let servers = started().await?;
    scale::run(&servers, size, &mut report).await?;
    stalled::run(&servers, size, &mut report).await?;
    Ok(report)
}

async fn started() -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for side in &Side::all_with_relay()? {
        servers.push(side.start().await?.0);
    }
    Ok(servers)
}
