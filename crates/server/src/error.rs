//! What can go wrong before the server serves.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::settings::command_line::UsageError;
use crate::settings::reader::BadSetting;

/// Why the server did not start (or a command of it failed). Reads well after "failed to start: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The command line cannot be understood.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A setting has the wrong type or a value out of its range.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The directory that `JUPYTER_NO_CONFIG` asks for.
    #[error("could not make an empty configuration directory")]
    TemporaryConfigDirectory {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A configuration file exists and cannot be read, or was named and does not exist.
    #[error("could not read the configuration file `{path}`")]
    ReadConfigFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A configuration file is no JSON object.
    #[error("the configuration file `{path}` is not valid JSON")]
    ParseConfigFile {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A configuration file of another format.
    #[error("the configuration file `{path}` has version {version}; only version 1 is known")]
    ConfigFileVersion {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: String,
    },
    /// A configuration file with a value where a class should be.
    #[error("in the configuration file `{path}`, `{class}` must be an object with settings of that class")]
    ConfigFileShape {
        /// The file.
        path: PathBuf,
        /// The key.
        class: String,
    },
    /// The file or directory on the command line.
    #[error("no such file or directory: {path}")]
    NoSuchPath {
        /// Made absolute.
        path: PathBuf,
    },
    /// A directory that a setting names.
    #[error("no such directory: {path} (from {setting})")]
    NoSuchDirectory {
        /// Made absolute.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
    },
    /// `file_to_run` outside `root_dir`.
    #[error("the file to open, {file}, is not below the directory to serve, {root_dir}")]
    FileOutsideRoot {
        /// The file.
        file: PathBuf,
        /// The directory.
        root_dir: PathBuf,
    },
    /// Two settings that exclude each other, or one that this build cannot honour and that would be unsafe to ignore.
    #[error("{message}")]
    Unsupported {
        /// The whole sentence.
        message: String,
    },
    /// The user is root and did not say that this is meant.
    #[error("running as root is not recommended; use --allow-root to bypass")]
    Root,
    /// A directory or file of the server itself.
    #[error("could not write `{path}`")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the server itself.
    #[error("could not read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The name to listen on has no address.
    #[error("could not find an address for `{ip}`")]
    Resolve {
        /// As it was given.
        ip: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Every port that may be tried is taken.
    #[error("{}", no_port(*first, *tried))]
    NoPort {
        /// The port asked for.
        first: u16,
        /// How many were tried.
        tried: usize,
    },
    /// Listening failed for another reason than a port in use.
    #[error("could not listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another server listens on the socket.
    #[error("the socket {path} is already in use")]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// The socket could not be made.
    #[error("could not listen on the socket {path}")]
    ListenSocket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `--setup` did not succeed.
    #[error(transparent)]
    Setup(#[from] crate::python::setup::SetupError),
    /// Random bytes could not be had.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// A service refused its configuration.
    #[error("could not start {what}")]
    Service {
        /// The service.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ServerError {
    /// The message with those of everything that caused it, joined by colons.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Whether it is the command line that is wrong (exit status 2, as `argparse` has it).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }
}

fn no_port(first: u16, tried: usize) -> String {
    match tried {
        1 => format!("port {first} is not available"),
        _ => format!("no available port could be found (tried {tried}, from {first} on)"),
    }
}
