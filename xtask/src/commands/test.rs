//! `cargo xtask test`: everything, on a machine that has only Rust, Python 3 and a system package manager.
//!
//! What the tests need is brought first: the Python environment and the browser. Then the Rust tests run, then
//! the front ends in the browser. A failure in one part does not hide the other; any failure fails the command.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::commands::docs;
use crate::process::{self, Told};
use crate::{chromium, environment, python, workspace};

/// What to test; without arguments everything.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run one part alone
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Run the browser tests against Jupyter's own server, to see that the tests are right
    #[arg(long)]
    reference: bool,
    /// Run only tests whose name contains this
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The generated documents are those of this server
    Docs,
    /// `cargo test` of the whole workspace
    Rust,
    /// The front ends in Chromium
    Browser,
}

/// What the tests are told of their surroundings.
struct Surroundings {
    python: PathBuf,
    chromium: Option<PathBuf>,
    server: PathBuf,
    fake_kernel: PathBuf,
    artifacts: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let parts = match arguments.only {
        Some(part) => vec![part],
        None if arguments.reference => vec![Part::Browser],
        None => vec![Part::Docs, Part::Rust, Part::Browser],
    };
    let surroundings = prepare(parts.contains(&Part::Browser))?;
    let mut results = Vec::new();
    for part in parts {
        let started = Instant::now();
        let told = match part {
            Part::Docs => documents(&surroundings),
            Part::Rust => rust_tests(&surroundings, arguments)?,
            Part::Browser => browser_tests(&surroundings, arguments)?,
        };
        results.push((part, started.elapsed(), told));
    }
    // The closing lines of every runner once more, so that the end of a log tells the whole story.
    step("results");
    for (part, duration, told) in &results {
        let verdict = if told.success { "ok" } else { "FAILED" };
        eprintln!("    {}: {verdict} in {} s", part.name(), duration.as_secs());
        for line in &told.lines {
            println!("{line}");
        }
    }
    if results.iter().any(|(_, _, told)| !told.success) {
        bail!(
            "some tests failed; screenshots and server logs are in {}",
            surroundings.artifacts.display()
        );
    }
    Ok(())
}

fn prepare(with_browser: bool) -> Result<Surroundings> {
    step("test Python");
    let python = python::test_environment()?;
    let chromium = if with_browser {
        step("browser");
        Some(chromium::find_or_install()?)
    } else {
        None
    };
    step("server and synthetic kernel");
    cargo(&["build", "--package", "server", "--bin", "adrastea"])?;
    cargo(&["build", "--package", "fake-kernel"])?;
    let target = workspace::target()?;
    let artifacts = target.join("test-artifacts");
    std::fs::create_dir_all(&artifacts).with_context(|| format!("make {}", artifacts.display()))?;
    Ok(Surroundings {
        python,
        chromium,
        server: target.join("debug/adrastea"),
        fake_kernel: target.join("debug/fake-kernel"),
        artifacts,
    })
}

fn documents(surroundings: &Surroundings) -> Told {
    step("generated documents");
    match docs::check(&surroundings.server) {
        Ok(()) => Told {
            lines: Vec::new(),
            success: true,
        },
        Err(error) => Told {
            lines: vec![format!("{error:#}")],
            success: false,
        },
    }
}

fn rust_tests(surroundings: &Surroundings, arguments: &Arguments) -> Result<Told> {
    step("Rust tests");
    let mut command = Command::new("cargo");
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(workspace::root());
    if let Some(filter) = &arguments.filter {
        command.arg(filter);
    }
    surroundings.tell(&mut command);
    // Binaries without a test that ran say nothing worth repeating.
    process::run_and_keep(&mut command, |line| {
        let is_result = line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed; 0 ignored;");
        is_result || line.starts_with("NOT RUN:")
    })
}

fn browser_tests(surroundings: &Surroundings, arguments: &Arguments) -> Result<Told> {
    step("browser tests");
    let mut command = Command::new(&surroundings.python);
    command
        .args(["-m", "pytest", "-p", "no:cacheprovider"])
        .arg(workspace::root().join("tests/browser"))
        .current_dir(workspace::root());
    if arguments.reference {
        command.arg("--server=reference");
    }
    if let Some(filter) = &arguments.filter {
        command.args(["-k", filter]);
    }
    surroundings.tell(&mut command);
    process::run_and_keep(&mut command, |line| {
        line.starts_with("FAILED ")
            || line.starts_with("ERROR ")
            || (line.starts_with("==") && line.contains(" in "))
    })
}

impl Surroundings {
    fn tell(&self, command: &mut Command) {
        command
            .env(environment::PYTHON, &self.python)
            .env(environment::BINARY, &self.server)
            .env(environment::FAKE_KERNEL, &self.fake_kernel)
            .env(environment::ARTIFACTS, &self.artifacts)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(chromium) = &self.chromium {
            command.env(environment::CHROMIUM, chromium);
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Docs => "documents",
            Part::Rust => "Rust tests",
            Part::Browser => "browser tests",
        }
    }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    process::run(
        Command::new("cargo")
            .args(arguments)
            .current_dir(workspace::root()),
    )
}

fn step(name: &str) {
    eprintln!("==> {name}");
}
