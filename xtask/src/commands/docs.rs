//! `cargo xtask docs`: the documents that are written by the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// Write the documents, or only compare.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when docs/routes.md is not what the server would say
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    process::run(
        Command::new("cargo")
            .args(["build", "--package", "server", "--bin", "adrastea"])
            .current_dir(workspace::root()),
    )?;
    let server = workspace::target()?.join("debug/adrastea");
    if arguments.check {
        return check(&server);
    }
    let path = routes_file();
    fs::write(&path, routes(&server)?).with_context(|| format!("write {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Fails when docs/routes.md is not what this server says of itself.
pub(crate) fn check(server: &Path) -> Result<()> {
    let path = routes_file();
    let written = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    if written != routes(server)? {
        bail!(
            "docs/routes.md is not what the server serves\nhint: run `cargo xtask docs` and commit the result"
        );
    }
    Ok(())
}

fn routes_file() -> PathBuf {
    workspace::root().join("docs/routes.md")
}

/// The route table as the server prints it, in Markdown.
fn routes(server: &Path) -> Result<String> {
    let output = Command::new(server)
        .arg("routes")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run `adrastea routes`")?;
    if !output.status.success() {
        bail!("`adrastea routes` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).context("read the answer of `adrastea routes`")
}
