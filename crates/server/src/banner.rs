//! What is said at the start: the URL, what is served to whom, which front ends and kernels were found and where, and
//! how to get what is missing.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use frontends::Frontends;
use kernels::{Kernelspec, NativeKernel};

use crate::config::{Config, TokenOrigin};
use crate::running::RunningServer;
use crate::urls::ShownToken;

/// How many kernels are listed.
const KERNELS_SHOWN_MAX: usize = 6;

/// The start of a server in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Banner {
    /// What serves what.
    pub(crate) title: String,
    /// The URLs, the best first.
    pub(crate) urls: Vec<String>,
    /// What is there, and what is not.
    pub(crate) rows: Vec<Row>,
}

/// One line about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) is_missing: bool,
}

impl Row {
    fn found(label: &str, text: String) -> Self {
        Self {
            label: label.to_owned(),
            text,
            is_missing: false,
        }
    }

    fn missing(label: &str, text: String) -> Self {
        Self {
            label: label.to_owned(),
            text,
            is_missing: true,
        }
    }
}

impl Banner {
    /// Looks at what the server found. `path` is what the URLs lead to.
    pub(crate) async fn of(config: &Config, server: &RunningServer, path: &str) -> Self {
        let token = match config.identity.token_origin {
            TokenOrigin::None => ShownToken::None,
            // One that was given is known to whoever gave it, and the screen may be seen by others.
            TokenOrigin::Given => ShownToken::Hidden,
            TokenOrigin::Generated => ShownToken::Shown(&config.identity.config.token),
        };
        let mut rows = front_ends(server.frontends());
        rows.extend(kernels(
            &server.kernels().kernelspecs().all().await,
            config.kernels.native_kernel.as_ref(),
        ));
        if let Some(row) = advice(&rows) {
            rows.push(row);
        }
        Self {
            title: format!(
                "Adrastea {} serves {} (policy: {})",
                env!("CARGO_PKG_VERSION"),
                config.directories.root_dir.display(),
                config.policy
            ),
            urls: server.place().urls(path, token),
            rows,
        }
    }

    /// Shows it on standard error. A terminal that is gone is no reason not to serve.
    pub(crate) fn show(&self) {
        let text = self.text(std::io::stderr().is_terminal());
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn text(&self, is_terminal: bool) -> String {
        let (bold, dim, end) = if is_terminal {
            ("\x1b[1m", "\x1b[2m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = format!("\n{bold}{}{end}\n\n", self.title);
        for url in &self.urls {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "    {url}");
        }
        text.push('\n');
        let width = self
            .rows
            .iter()
            .map(|row| row.label.chars().count())
            .max()
            .unwrap_or(0);
        for row in &self.rows {
            let dim = if row.is_missing { dim } else { "" };
            let dim_end = if dim.is_empty() { "" } else { end };
            let _ = writeln!(text, "  {dim}{:<width$}  {}{dim_end}", row.label, row.text);
        }
        text.push_str("\nStop with Ctrl-C (twice to skip the question).\n\n");
        text
    }
}

fn front_ends(frontends: &Frontends) -> Vec<Row> {
    let found = frontends.found().into_iter();
    let found = found.map(|it| {
        Row::found(
            it.front_end.name(),
            format!("{}  {}", it.version, it.location.display()),
        )
    });
    let missing = frontends.missing().into_iter();
    let missing = missing.map(|it| Row::missing(it.name(), format!("not found: {}", it.install_command())));
    found.chain(missing).collect()
}

/// Each with its kernelspec's directory. The native one has none; its interpreter tells which Python it is.
fn kernels(specs: &[Kernelspec], native: Option<&NativeKernel>) -> Vec<Row> {
    if specs.is_empty() {
        return vec![Row::missing(
            "Kernels",
            "none found: pip install ipykernel".to_owned(),
        )];
    }
    let location = |spec: &Kernelspec| match (native, &spec.resource_dir) {
        (Some(native), directory) if *directory == native.resource_dir => native.python.display().to_string(),
        (_, Some(directory)) => directory.display().to_string(),
        (_, None) => String::new(),
    };
    let mut texts: Vec<String> = specs
        .iter()
        .take(KERNELS_SHOWN_MAX)
        .map(|spec| format!("{}  {}", spec.name, location(spec)))
        .collect();
    if specs.len() > KERNELS_SHOWN_MAX {
        texts.push(format!("and {} more", specs.len() - KERNELS_SHOWN_MAX));
    }
    // The label stands once, beside the first of them.
    std::iter::once("Kernels")
        .chain(std::iter::repeat(""))
        .zip(texts)
        .map(|(label, text)| Row::found(label, text))
        .collect()
}

/// One way to get everything at once.
fn advice(rows: &[Row]) -> Option<Row> {
    let nothing_found = rows.iter().all(|row| row.is_missing);
    nothing_found.then(|| {
        Row::found(
            "Hint",
            "`adrastea lab --setup` makes an environment with all of them, once".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_line_up_and_a_pipe_gets_no_colours() {
        let banner = Banner {
            title: "T".to_owned(),
            urls: vec!["http://h/".to_owned()],
            rows: vec![
                Row::found("JupyterLab", "4".to_owned()),
                Row::missing("NBClassic", "not found".to_owned()),
            ],
        };
        let text = banner.text(false);
        assert!(text.contains("\n    http://h/\n"), "{text}");
        assert!(
            text.contains("  JupyterLab  4\n  NBClassic   not found\n"),
            "{text}"
        );
        assert!(!text.contains('\x1b'));
        assert!(banner.text(true).contains("\x1b[2mNBClassic"));
    }

    #[test]
    fn kernels_are_listed_with_where_they_are() {
        let native = NativeKernel {
            python: "/env/bin/python".into(),
            resource_dir: Some("/env/ipykernel/resources".into()),
        };
        let spec = |name: &str, directory: &str| Kernelspec {
            name: name.parse().expect("a name"),
            resource_dir: Some(directory.into()),
            spec: serde_json::from_str("{}").expect("a kernel.json"),
        };
        let specs = [
            spec("ir", "/share/jupyter/kernels/ir"),
            spec("python3", "/env/ipykernel/resources"),
        ];
        let rows = kernels(&specs, Some(&native));
        assert_eq!(
            rows,
            [
                Row::found("Kernels", "ir  /share/jupyter/kernels/ir".to_owned()),
                Row::found("", "python3  /env/bin/python".to_owned()),
            ]
        );
        let many = vec![spec("ir", "/ir"); KERNELS_SHOWN_MAX + 2];
        let rows = kernels(&many, None);
        assert_eq!(rows.len(), KERNELS_SHOWN_MAX + 1);
        assert_eq!(rows.last(), Some(&Row::found("", "and 2 more".to_owned())));
    }
}
