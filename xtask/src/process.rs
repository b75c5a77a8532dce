//! Running other programs: their output is the user's, their failure is an error with a name.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `command` with its output on the terminal; fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = name(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// What a program said that is worth repeating, and whether it ended well.
pub(crate) struct Told {
    pub(crate) lines: Vec<String>,
    pub(crate) success: bool,
}

/// Runs `command` with its standard output passed on and the lines that `keep` chooses remembered.
pub(crate) fn run_and_keep(command: &mut Command, keep: impl Fn(&str) -> bool) -> Result<Told> {
    let name = name(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {name}"))?;
    let output = child
        .stdout
        .take()
        .with_context(|| format!("read the output of {name}"))?;
    let mut lines = Vec::new();
    let mut terminal = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("read the output of {name}"))?;
        let line = String::from_utf8_lossy(&line);
        writeln!(terminal, "{line}").context("write to the terminal")?;
        if keep(&line) {
            lines.push(line.into_owned());
        }
    }
    let status = child.wait().with_context(|| format!("wait for {name}"))?;
    Ok(Told {
        lines,
        success: status.success(),
    })
}

fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    match command.get_args().next() {
        Some(first) => format!("`{program} {}`", first.to_string_lossy()),
        None => format!("`{program}`"),
    }
}
