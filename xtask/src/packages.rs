//! The system's package manager, for the two things Cargo and pip cannot bring.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{environment, process};

/// A package manager and its words.
struct Manager {
    program: &'static str,
    refresh: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    chromium: &'static str,
    /// The package that gives `python3 -m venv`, where it is not part of Python.
    venv: &'static str,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: Some(&["update"]),
        install: &["install", "-y", "--no-install-recommends"],
        chromium: "chromium",
        venv: "python3-venv",
    },
    Manager {
        program: "dnf",
        refresh: None,
        install: &["install", "-y"],
        chromium: "chromium",
        venv: "python3",
    },
    Manager {
        program: "pacman",
        refresh: None,
        install: &["-Sy", "--noconfirm", "--needed"],
        chromium: "chromium",
        venv: "python",
    },
    Manager {
        program: "zypper",
        refresh: None,
        install: &["--non-interactive", "install"],
        chromium: "chromium",
        venv: "python3",
    },
    Manager {
        program: "apk",
        refresh: None,
        install: &["add"],
        chromium: "chromium",
        venv: "python3",
    },
    Manager {
        program: "brew",
        refresh: None,
        install: &["install", "--cask"],
        chromium: "chromium",
        venv: "python3",
    },
];

/// Something the system's package manager brings.
#[derive(Clone, Copy)]
pub(crate) enum Package {
    Chromium,
    PythonVenv,
}

/// Installs `package`; as root, or through `sudo`.
pub(crate) fn install(package: Package) -> Result<()> {
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| environment::find_program(&[manager.program]).is_some())
    else {
        bail!("found none of the package managers apt-get, dnf, pacman, zypper, apk, brew");
    };
    let name = match package {
        Package::Chromium => manager.chromium,
        Package::PythonVenv => manager.venv,
    };
    eprintln!("    installing {name} with {}", manager.program);
    if let Some(refresh) = manager.refresh {
        process::run(command(manager)?.args(refresh))?;
    }
    process::run(command(manager)?.args(manager.install).arg(name))
}

fn command(manager: &Manager) -> Result<Command> {
    let mut command = Command::new("env");
    if manager.program != "brew" && !is_root()? {
        command = Command::new("sudo");
        command.arg("env");
    }
    // Behind `sudo`, which hands on no variables.
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(manager.program);
    Ok(command)
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("run `id -u`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}
