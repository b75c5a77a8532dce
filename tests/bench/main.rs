//! The benchmark: Adrastea beside the Python server, interleaved, on one machine.
//!
//! `cargo xtask bench` builds what it needs and runs it. Every row runs on all sides in turn
//! (ours, reference, ours, reference, …), so that a busy minute hurts all; the medians and their
//! ratios are printed, then each target with whether it is kept. The program fails when one is not.
#![allow(clippy::print_stdout, reason = "the table is the product of this program")]

mod channels;
mod contents;
mod http;
mod kernel;
mod limit;
mod relay;
mod report;
mod server;
mod side;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(limit::WORD) => return limit::serve(&arguments).await,
        Some(relay::WORD) => return relay::serve(&arguments).await,
        _ => {}
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let suite = arguments.iter().find(|argument| !argument.starts_with('-'));
    let report = match suite.map_or("server", String::as_str) {
        "server" => server::run(quick).await?,
        "contents" => contents::run(quick).await?,
        "channels" => channels::run(quick).await?,
        other => bail!("there is no suite `{other}`: `server`, `contents` or `channels`"),
    };
    report.print();
    report.check()
}
