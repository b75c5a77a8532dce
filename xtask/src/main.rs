//! `cargo xtask`: what the project does to itself. It tests the whole product and writes the generated documents.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a build tool speaks to the person who started it"
)]

mod chromium;
mod commands;
mod environment;
mod packages;
mod process;
mod python;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Test Adrastea and write its generated documents"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Test everything: the Rust tests, then the front ends in a browser
    Test(commands::test::Arguments),
    /// Measure Adrastea beside Jupyter's own server and print the ratios
    Bench(commands::bench::Arguments),
    /// Write docs/routes.md from the routes of the server
    Docs(commands::docs::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Test(arguments) => commands::test::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Docs(arguments) => commands::docs::run(&arguments),
    }
}
