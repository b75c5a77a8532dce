//! `cargo xtask bench`: Adrastea beside Jupyter's own server, interleaved, with ratios printed.

use std::process::Command;

use anyhow::Result;

use crate::{environment, process, python, workspace};

/// How much to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fewer rounds: a look, not a number to quote
    #[arg(long)]
    quick: bool,
    /// What to measure: the whole server; reading and saving beside a bare handler as well; or kernels and their
    /// output beside a raw relay
    #[arg(value_enum, default_value_t = Suite::Server)]
    suite: Suite,
}

/// A group of rows.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Suite {
    Server,
    Contents,
    Channels,
}

impl Suite {
    fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Contents => "contents",
            Self::Channels => "channels",
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let python = python::test_environment()?;
    for (package, binary) in [("server", "adrastea"), ("fake-kernel", "fake-kernel")] {
        let build = ["build", "--release", "--package", package, "--bin", binary];
        process::run(Command::new("cargo").args(build).current_dir(workspace::root()))?;
    }
    let release = workspace::target()?.join("release");
    let mut benchmark = Command::new("cargo");
    benchmark
        .args(["bench", "--package", "tests", "--bench", "server", "--"])
        .arg(arguments.suite.word())
        .args(arguments.quick.then_some("--quick"))
        .current_dir(workspace::root())
        .env(environment::PYTHON, python)
        .env(environment::BINARY, release.join("adrastea"))
        .env(environment::FAKE_KERNEL, release.join("fake-kernel"));
    process::run(&mut benchmark)
}
