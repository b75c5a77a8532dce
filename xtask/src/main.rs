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

use std::process::ExitCode;

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

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Test(arguments) => commands::test::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Docs(arguments) => commands::docs::run(&arguments),
    }
}
