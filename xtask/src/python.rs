//! The Python of the tests: a virtual environment below the target directory, with the front ends, a kernel,
//! and the browser driver at the versions of `tests/requirements.txt`.
//!
//! It is made once. A stamp holds the requirements it was made from; when they change it is made anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{environment, packages, process, workspace};

/// The interpreter of the test environment, made if it is not there.
pub(crate) fn test_environment() -> Result<PathBuf> {
    if let Some(chosen) = environment::path(environment::PYTHON) {
        return Ok(chosen);
    }
    let requirements = workspace::root().join("tests/requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("read {}", requirements.display()))?;
    let directory = workspace::target()?.join("test-python");
    let stamp = directory.join("requirements-installed.txt");
    let python = directory.join("bin/python");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("    making {} (once, a few minutes)", directory.display());
    create(&directory)?;
    process::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--quiet",
                "--requirement",
            ])
            .arg(&requirements),
    )
    .context("the test environment is not complete\nhint: pip needs network access, or PIP_INDEX_URL set to a mirror")?;
    fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))?;
    Ok(python)
}

fn create(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    let system_python = environment::find_program(&["python3"])
        .context("found no python3 on PATH\nhint: install Python 3.11 or newer")?;
    check_version(&system_python)?;
    // Debian keeps the part of Python that makes environments in a package of its own.
    if !succeeds(Command::new(&system_python).args(["-c", "import ensurepip"])) {
        packages::install(packages::Package::PythonVenv)?;
    }
    process::run(Command::new(&system_python).args(["-m", "venv"]).arg(directory))
}

fn check_version(python: &Path) -> Result<()> {
    if succeeds(Command::new(python).args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])) {
        return Ok(());
    }
    bail!(
        "{} is older than Python 3.11, which the front ends under test need",
        python.display()
    )
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
