//! The Python of the tests: a virtual environment below the target directory, with the front ends, a kernel,
//! and the browser driver at the versions of `tests/requirements.txt`, and beside them, not installed, the packages
//! of `tests/notebook-packages.txt` for the notebooks they hold, and those of `tests/extension-packages.txt`, which only
//! some tests see.
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
    let directory = workspace::target()?.join("test-python");
    let python = directory.join("bin/python");
    once(&directory, "requirements.txt", |requirements| {
        eprintln!("    making {} (once, a few minutes)", directory.display());
        create(&directory)?;
        pip(&python, &["install", "--quiet", "--requirement"], requirements)
    })?;
    once(&directory, "notebook-packages.txt", |packages| {
        let notebooks = directory.join("notebooks");
        remove(&notebooks)?;
        let command = [
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
        ];
        let dest = notebooks.display().to_string();
        pip(
            &python,
            &[&command[..], &[&dest, "--requirement"]].concat(),
            packages,
        )
    })?;
    once(&directory, "extension-packages.txt", |packages| {
        let extensions = directory.join("extensions");
        remove(&extensions)?;
        let target = extensions.display().to_string();
        let command = [
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            &target,
            "--requirement",
        ];
        pip(&python, &command, packages)
    })?;
    Ok(python)
}

/// Does what a file of `tests/` asks for, unless it was done for just this content. A stamp holds the content.
fn once(directory: &Path, file: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let asked_for = workspace::root().join("tests").join(file);
    let wanted = fs::read_to_string(&asked_for).with_context(|| format!("read {}", asked_for.display()))?;
    let stamp = directory.join(format!("done-{file}"));
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    make(&asked_for)?;
    fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))
}

fn pip(python: &Path, arguments: &[&str], requirements: &Path) -> Result<()> {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "--disable-pip-version-check"])
        .args(arguments)
        .arg(requirements);
    process::run(&mut command).context(
        "the test environment is not complete\nhint: pip needs network access, or PIP_INDEX_URL set to a mirror",
    )
}

fn create(directory: &Path) -> Result<()> {
    remove(directory)?;
    let system_python = environment::find_program(&["python3"])
        .context("found no python3 on PATH\nhint: install Python 3.11 or newer")?;
    check_version(&system_python)?;
    // Debian keeps the part of Python that makes environments in a package of its own.
    if !succeeds(Command::new(&system_python).args(["-c", "import ensurepip"])) {
        packages::install(packages::Package::PythonVenv)?;
    }
    process::run(Command::new(&system_python).args(["-m", "venv"]).arg(directory))
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    Ok(())
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
