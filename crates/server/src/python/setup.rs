//! `--setup`: a Python environment with the front ends and a kernel, made once in the data directory.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::PythonEnvironment;

/// What the environment is to hold.
const PACKAGES: &[&str] = &["jupyterlab", "notebook", "nbclassic", "ipykernel"];

/// The directories those packages install.
const MODULES: &[&str] = &["jupyterlab", "notebook", "nbclassic", "ipykernel"];

/// Written last: an environment without it was interrupted and is made again.
const MARKER: &str = "adrastea-setup-complete";

/// How much of pip's error output is kept for the message.
const ERROR_OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// Why `--setup` did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no Python at all.
    #[error(
        "--setup needs Python 3 with venv; install it (Debian: `apt install python3-venv`) and run this again"
    )]
    NoPython,
    /// The environment could not be made.
    #[error("`{command}` failed: {reason}")]
    Venv {
        /// What was run.
        command: String,
        /// Its last words.
        reason: String,
    },
    /// pip could not reach the package index.
    #[error(
        "--setup could not reach the Python package index ({0}); check the network or pip's index setting and run this again"
    )]
    Network(String),
    /// pip failed for another reason.
    #[error("pip could not install {}: {reason}", PACKAGES.join(", "))]
    Install {
        /// Its last words.
        reason: String,
    },
    /// A file or directory could not be written.
    #[error("could not write `{path}`")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Whether `--setup` finished making the environment at `directory`.
pub(crate) fn is_complete(directory: &Path) -> bool {
    directory.join(MARKER).is_file()
}

/// The environment that has the three front ends and a kernel, if one at hand does.
pub(crate) fn complete_environment(environments: &[PythonEnvironment]) -> Option<&PythonEnvironment> {
    environments
        .iter()
        .find(|it| MODULES.iter().all(|module| it.package(module).is_some()))
}

/// Makes the environment at `directory` with `python`, telling what happens on standard error.
///
/// A virtual environment cannot be moved, so it is not made elsewhere first: what an interrupted run left is removed,
/// and the marker is written last.
pub(crate) fn make(directory: &Path, python: Option<&Path>) -> Result<(), SetupError> {
    let python = python.ok_or(SetupError::NoPython)?;
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| SetupError::Write { path, source }
    };
    if directory.exists() {
        tell("removing what an interrupted setup left");
        std::fs::remove_dir_all(directory).map_err(write(directory))?;
    }
    std::fs::create_dir_all(directory).map_err(write(directory))?;
    tell(&format!("making a Python environment in {}", directory.display()));
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(directory);
    run(&mut venv, |_| {}).map_err(|reason| SetupError::Venv {
        command: show(&venv),
        reason,
    })?;

    tell(&format!("installing {} (a few minutes)", PACKAGES.join(", ")));
    let mut progress = Progress::new();
    let mut pip = Command::new(directory.join("bin/python3"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
    ]);
    pip.args(["--retries", "1", "--timeout", "15"]).args(PACKAGES);
    let installed = run(&mut pip, |line| progress.line(line));
    progress.end();
    installed.map_err(|reason| match is_network_failure(&reason) {
        true => SetupError::Network(last_line(&reason)),
        false => SetupError::Install {
            reason: last_line(&reason),
        },
    })?;
    let marker = directory.join(MARKER);
    std::fs::write(&marker, "").map_err(write(&marker))?;
    tell("done");
    Ok(())
}

/// Runs a command, giving its output to `line` line by line. An error is the last of what it wrote to standard error.
fn run(command: &mut Command, mut line: impl FnMut(&str)) -> Result<(), String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let errors = child.stderr.take();
    // Read beside the output, or a command that writes much of both would wait for us for ever.
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(errors) = errors {
            let mut errors = BufReader::new(errors);
            // What does not fit, or is no text, is not needed for a message.
            let _ = errors
                .by_ref()
                .take(ERROR_OUTPUT_BYTES_MAX)
                .read_to_string(&mut text);
            let _ = std::io::copy(&mut errors, &mut std::io::sink());
        }
        text
    });
    if let Some(output) = child.stdout.take() {
        for text in BufReader::new(output).lines().map_while(Result::ok) {
            line(&text);
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let errors = errors.join().unwrap_or_default();
    match status.success() {
        true => Ok(()),
        false if errors.trim().is_empty() => Err(status.to_string()),
        false => Err(errors),
    }
}

fn is_network_failure(errors: &str) -> bool {
    const SIGNS: &[&str] = &[
        "NewConnectionError",
        "ConnectTimeoutError",
        "ProxyError",
        "Name or service not known",
        "Temporary failure in name resolution",
        "Network is unreachable",
        "Connection refused",
        "Could not fetch URL",
        "Max retries exceeded",
    ];
    SIGNS.iter().any(|sign| errors.contains(sign))
}

/// The last line that says something, without pip's `ERROR: `.
fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no output");
    line.trim().trim_start_matches("ERROR: ").to_owned()
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Progress goes to standard error before logging exists: the user asked for it and waits.
#[expect(clippy::print_stderr, reason = "the user watches")]
fn tell(message: &str) {
    eprintln!("adrastea: {message}");
}

/// One line that changes on a terminal; nothing but the stages elsewhere.
struct Progress {
    is_terminal: bool,
    packages: usize,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            packages: 0,
        }
    }

    fn line(&mut self, line: &str) {
        let stage = line.split_whitespace().next().unwrap_or_default();
        match stage {
            "Collecting" | "Downloading" => self.packages += usize::from(stage == "Collecting"),
            "Installing" => self.show(&format!("installing {} packages", self.packages)),
            _ => return,
        }
        if stage == "Collecting" {
            let name = line.split_whitespace().nth(1).unwrap_or_default();
            let name: String = name
                .chars()
                .take(40)
                .take_while(|it| !"<>=!~;(".contains(*it))
                .collect();
            self.show(&format!("collecting {} ({name})", self.packages));
        }
    }

    fn show(&self, text: &str) {
        if self.is_terminal {
            // A terminal that went away stops no setup.
            let _ = write!(std::io::stderr(), "\r\x1b[Kadrastea: {text}");
        }
    }

    fn end(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// A "python3" that makes a venv whose own "python3" is `pip`.
    fn python(root: &Path, pip: &str) -> PathBuf {
        let python = root.join("python3");
        let script = format!(
            "#!/bin/sh\nmkdir -p \"$3/bin\"\ncat > \"$3/bin/python3\" <<'END'\n#!/bin/sh\n{pip}\nEND\nchmod +x \"$3/bin/python3\"\n"
        );
        fs::write(&python, script).expect("python");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("mode");
        python
    }

    #[test]
    fn a_finished_setup_is_marked_and_an_interrupted_one_made_again() {
        let root = tempfile::tempdir().expect("directory");
        let directory = root.path().join("environment");
        fs::create_dir_all(directory.join("half")).expect("left over");
        assert!(!is_complete(&directory));
        make(
            &directory,
            Some(&python(root.path(), "echo Collecting x; echo Installing")),
        )
        .expect("made");
        assert!(is_complete(&directory));
        assert!(!directory.join("half").exists());
    }

    #[test]
    fn without_a_network_one_sentence_says_so() {
        let root = tempfile::tempdir().expect("directory");
        let directory = root.path().join("environment");
        let pip = "echo 'WARNING: Retrying: NewConnectionError(...): Name or service not known' >&2\n\
                   echo 'ERROR: No matching distribution found for jupyterlab' >&2\nexit 1";
        let error = make(&directory, Some(&python(root.path(), pip))).expect_err("no network");
        assert!(matches!(error, SetupError::Network(_)), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(!is_complete(&directory));
    }

    #[test]
    fn without_python_the_user_is_told_what_to_install() {
        let root = tempfile::tempdir().expect("directory");
        let error = make(&root.path().join("environment"), None).expect_err("no python");
        assert!(error.to_string().contains("python3-venv"));
    }
}
