//! The short options: aliases (`--port=…` for `--ServerApp.port=…`) and flags (`--no-browser`), as the reference has
//! them in `jupyter server`, `lab`, `notebook` and `nbclassic`, and our own.

use serde_json::Value;

/// An option that stands for a setting and takes its value.
#[derive(Debug)]
pub struct Alias {
    /// Its name, without dashes.
    pub name: &'static str,
    /// The class and trait it sets.
    pub setting: (&'static str, &'static str),
    /// One line of help; `None` for those that only exist so that known words are understood.
    pub help: Option<&'static str>,
}

/// An option without a value.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What it sets.
    pub settings: &'static [(&'static str, &'static str, FlagValue)],
    /// One line of help.
    pub help: Option<&'static str>,
}

/// What a flag sets a trait to.
#[derive(Debug, Clone, Copy)]
pub enum FlagValue {
    /// True or false.
    Switch(bool),
    /// A text.
    Text(&'static str),
}

impl From<FlagValue> for Value {
    fn from(value: FlagValue) -> Self {
        match value {
            FlagValue::Switch(switch) => Value::Bool(switch),
            FlagValue::Text(text) => Value::String(text.to_owned()),
        }
    }
}

use FlagValue::{Switch, Text};

const fn alias(name: &'static str, class: &'static str, setting: &'static str, help: &'static str) -> Alias {
    Alias {
        name,
        setting: (class, setting),
        help: Some(help),
    }
}

const fn quiet(name: &'static str, class: &'static str, setting: &'static str) -> Alias {
    Alias {
        name,
        setting: (class, setting),
        help: None,
    }
}

/// All aliases, in the order the help shows them.
pub const ALIASES: &[Alias] = &[
    alias(
        "port",
        "ServerApp",
        "port",
        "port to listen on (8888; 0 for any free one)",
    ),
    alias(
        "port-retries",
        "ServerApp",
        "port_retries",
        "how many more ports to try when it is taken (50)",
    ),
    alias(
        "ip",
        "ServerApp",
        "ip",
        "address to listen on (localhost; `*` for all)",
    ),
    alias(
        "sock",
        "ServerApp",
        "sock",
        "listen on this Unix socket instead of a port",
    ),
    alias(
        "sock-mode",
        "ServerApp",
        "sock_mode",
        "permissions of that socket (0600)",
    ),
    alias(
        "notebook-dir",
        "ServerApp",
        "root_dir",
        "directory to serve (the current one)",
    ),
    alias(
        "preferred-dir",
        "ServerApp",
        "preferred_dir",
        "directory that the front ends open first",
    ),
    alias(
        "policy",
        "Adrastea",
        "policy",
        "who may do what: owner, read-only, read-write or temporary",
    ),
    alias(
        "browser",
        "ServerApp",
        "browser",
        "command that opens the browser",
    ),
    alias(
        "config",
        "JupyterApp",
        "config_file",
        "configuration file to read (.json)",
    ),
    alias(
        "log-level",
        "Application",
        "log_level",
        "DEBUG, INFO, WARN, ERROR or CRITICAL",
    ),
    quiet("app-dir", "LabApp", "app_dir"),
    quiet("transport", "KernelManager", "transport"),
    quiet("keyfile", "ServerApp", "keyfile"),
    quiet("certfile", "ServerApp", "certfile"),
    quiet("client-ca", "ServerApp", "client_ca"),
    quiet("pylab", "ServerApp", "pylab"),
    quiet("gateway-url", "GatewayClient", "url"),
    quiet("watch", "LabApp", "watch"),
];

const fn flag(
    name: &'static str,
    settings: &'static [(&'static str, &'static str, FlagValue)],
    help: &'static str,
) -> Flag {
    Flag {
        name,
        settings,
        help: Some(help),
    }
}

const fn lab_flag(name: &'static str, settings: &'static [(&'static str, &'static str, FlagValue)]) -> Flag {
    Flag {
        name,
        settings,
        help: None,
    }
}

/// All flags, in the order the help shows them.
pub const FLAGS: &[Flag] = &[
    flag(
        "setup",
        &[("Adrastea", "setup", Switch(true))],
        "first make a Python environment with the front ends, once",
    ),
    flag(
        "keep-kernels",
        &[("Adrastea", "keep_kernels", Switch(true))],
        "leave kernels to the next server here when this one stops",
    ),
    flag(
        "no-browser",
        &[
            ("ServerApp", "open_browser", Switch(false)),
            ("ExtensionApp", "open_browser", Switch(false)),
        ],
        "do not open a browser",
    ),
    flag(
        "allow-root",
        &[("ServerApp", "allow_root", Switch(true))],
        "run even as the user root",
    ),
    flag(
        "debug",
        &[
            ("ServerApp", "log_level", Text("DEBUG")),
            ("ExtensionApp", "log_level", Text("DEBUG")),
        ],
        "log everything",
    ),
    flag(
        "y",
        &[("JupyterApp", "answer_yes", Switch(true))],
        "do not ask before stopping on Ctrl-C",
    ),
    flag(
        "show-config",
        &[("Application", "show_config", Switch(true))],
        "print the settings that were given, and exit",
    ),
    flag(
        "show-config-json",
        &[("Application", "show_config_json", Switch(true))],
        "the same as JSON",
    ),
    lab_flag(
        "generate-config",
        &[("JupyterApp", "generate_config", Switch(true))],
    ),
    lab_flag("autoreload", &[("ServerApp", "autoreload", Switch(true))]),
    lab_flag("script", &[("FileContentsManager", "save_script", Switch(true))]),
    lab_flag(
        "no-script",
        &[("FileContentsManager", "save_script", Switch(false))],
    ),
    lab_flag("no-mathjax", &[("NotebookApp", "enable_mathjax", Switch(false))]),
    lab_flag("core-mode", &[("LabApp", "core_mode", Switch(true))]),
    lab_flag("dev-mode", &[("LabApp", "dev_mode", Switch(true))]),
    lab_flag("skip-dev-build", &[("LabApp", "skip_dev_build", Switch(true))]),
    lab_flag("splice-source", &[("LabApp", "splice_source", Switch(true))]),
    lab_flag(
        "expose-app-in-browser",
        &[
            ("LabApp", "expose_app_in_browser", Switch(true)),
            ("JupyterNotebookApp", "expose_app_in_browser", Switch(true)),
        ],
    ),
    lab_flag(
        "extensions-in-dev-mode",
        &[("LabApp", "extensions_in_dev_mode", Switch(true))],
    ),
    lab_flag("collaborative", &[("LabApp", "collaborative", Switch(true))]),
    lab_flag(
        "custom-css",
        &[
            ("LabApp", "custom_css", Switch(true)),
            ("JupyterNotebookApp", "custom_css", Switch(true)),
        ],
    ),
];

/// The alias of that name.
pub fn alias_named(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.name == name)
}

/// The flag of that name.
pub fn flag_named(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The option that `name` was probably meant to be.
pub fn nearest(name: &str) -> Option<&'static str> {
    let names = ALIASES
        .iter()
        .map(|alias| alias.name)
        .chain(FLAGS.iter().map(|flag| flag.name));
    let nearest = names.map(|known| (distance(name, known), known)).min()?;
    (nearest.0 <= 2 && name.len() > 2).then_some(nearest.1)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b))
                .min(rows[i][j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("prot"), Some("port"));
        assert_eq!(nearest("no-brwoser"), Some("no-browser"));
        assert_eq!(nearest("something-else"), None);
        assert_eq!(nearest("x"), None);
    }

    #[test]
    fn no_name_means_two_things() {
        let mut names: Vec<_> = ALIASES
            .iter()
            .map(|it| it.name)
            .chain(FLAGS.iter().map(|it| it.name))
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
