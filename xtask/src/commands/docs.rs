//! `cargo xtask docs`: the documents that are written by the program itself.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Write the documents, or only compare.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when docs/routes.md is not what the server would say
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let routes = routes()?;
    let path = workspace::root().join("docs/routes.md");
    if arguments.check {
        let written = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        if written != routes {
            bail!(
                "docs/routes.md is not what the server serves\nhint: run `cargo xtask docs` and commit the result"
            );
        }
        return Ok(());
    }
    fs::write(&path, routes).with_context(|| format!("write {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// The route table as the server prints it, in Markdown.
fn routes() -> Result<String> {
    let output = Command::new("cargo")
        .args([
            "run",
            "--quiet",
            "--package",
            "server",
            "--bin",
            "adrastea",
            "--",
            "routes",
        ])
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run `adrastea routes`")?;
    if !output.status.success() {
        bail!("`adrastea routes` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).context("read the answer of `adrastea routes`")
}
