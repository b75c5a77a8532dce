//! `--help`: one screen, the options of the reference and ours.

use std::fmt::Write;
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::error::ServerError;
use crate::settings::options::{ALIASES, FLAGS};

const COMMANDS: &[(&str, &str)] = &[
    ("lab", "JupyterLab"),
    ("notebook", "Notebook 7"),
    ("nbclassic", "the classic Notebook"),
    ("server", "the server alone, no browser (the same as no command)"),
    ("list", "the servers that run (--json, --jsonlist)"),
    ("stop [PORT|SOCKET]", "stop one of them"),
    ("restart [PORT|SOCKET]", "restart one; its kernels go on"),
    ("paths", "Jupyter's directories (--json)"),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("adrastea lab", "JupyterLab in this directory"),
    ("adrastea lab --setup", "the same where nothing is installed yet"),
    ("adrastea notebook work/a.ipynb", "one notebook"),
    ("adrastea lab --policy=read-only", "to look at, not to touch"),
];

pub(super) fn print() -> Result<ExitCode, ServerError> {
    super::print(&text(std::io::stdout().is_terminal()))
}

/// The help; headings stand out on a terminal.
fn text(is_terminal: bool) -> String {
    let (bold, end) = if is_terminal {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<(String, &str)>| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "\n{bold}{title}{end}");
        for (left, right) in lines {
            let _ = writeln!(text, "  {left:<32} {right}");
        }
    };
    let plain = |lines: &'static [(&str, &str)]| -> Vec<(String, &'static str)> {
        lines
            .iter()
            .map(|(left, right)| ((*left).to_owned(), *right))
            .collect()
    };
    section("Commands", plain(COMMANDS));
    let flags = FLAGS.iter().filter_map(|flag| {
        let dashes = if flag.name.len() == 1 { "-" } else { "--" };
        Some((format!("{dashes}{}", flag.name), flag.help?))
    });
    let aliases = ALIASES
        .iter()
        .filter_map(|alias| Some((format!("--{}=…", alias.name), alias.help?)));
    section("Options", aliases.chain(flags).collect());
    section(
        "Settings",
        vec![(
            "--Class.trait=…".to_owned(),
            "a setting, as in Jupyter's configuration files",
        )],
    );
    section("Examples", plain(EXAMPLES));
    format!(
        "Adrastea {}: a Jupyter server\n\n{bold}Usage{end}\n  adrastea [COMMAND] [OPTIONS] [FILE|DIRECTORY]\n{text}",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_on_a_terminal() {
        for line in text(false).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
