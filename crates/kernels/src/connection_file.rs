//! The connection file: where a kernel listens and how its messages are signed.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use wire::{Signer, WireError};

use crate::{KernelError, KernelId};

/// The only scheme kernels agree on.
const SIGNATURE_SCHEME: &str = "hmac-sha256";

/// How many random bytes a key has.
const KEY_BYTES: usize = 32;

/// What a kernel reads when it starts
/// (<https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>). Its `Debug` does not show
/// the key.
#[derive(Clone, Deserialize, Serialize)]
pub struct ConnectionFile {
    /// Requests.
    pub shell_port: u16,
    /// Output.
    pub iopub_port: u16,
    /// The kernel's questions.
    pub stdin_port: u16,
    /// Urgent requests.
    pub control_port: u16,
    /// Heartbeat.
    pub hb_port: u16,
    /// An address, or for ipc the path sockets' names begin with (`<ip>-<port>`).
    pub ip: String,
    /// Signs messages. A secret.
    pub key: String,
    /// `tcp` or `ipc`.
    pub transport: String,
    /// How messages are signed.
    pub signature_scheme: String,
    /// The name of the kernelspec; files that others write may leave it out.
    #[serde(default)]
    pub kernel_name: String,
    /// The document the kernel is for (`JPY_SESSION_NAME`), when it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jupyter_session: Option<String>,
}

impl ConnectionFile {
    /// Where the file of a kernel lies.
    #[must_use]
    pub fn path(runtime_dir: &Path, id: &KernelId) -> PathBuf {
        runtime_dir.join(format!("kernel-{id}.json"))
    }

    /// The signer for its messages.
    ///
    /// # Errors
    /// When the signature scheme is unknown.
    pub fn signer(&self) -> Result<Signer, WireError> {
        Signer::new(&self.signature_scheme, self.key.as_bytes())
    }

    /// Writes it for the owner's eyes only (0600), in one step, replacing what is there.
    pub(crate) fn write(&self, path: &Path) -> Result<(), KernelError> {
        let written = || -> io::Result<()> {
            let dir = path.parent().unwrap_or(Path::new("."));
            create_private_dir(dir)?;
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.flush()?;
            file.persist(path)?;
            Ok(())
        };
        written().map_err(|source| KernelError::WriteConnectionFile {
            path: path.to_owned(),
            source,
        })
    }
}

impl std::fmt::Debug for ConnectionFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ConnectionFile")
            .field("transport", &self.transport)
            .field("ip", &self.ip)
            .field("shell_port", &self.shell_port)
            .finish_non_exhaustive()
    }
}

/// Makes a directory that is there for its owner alone (as `jupyter_core` makes the runtime directory). One that
/// exists stays as it is.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A fresh key, and the scheme it is for.
pub(crate) fn new_key() -> Result<(String, String), KernelError> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| KernelError::Key {
        source: io::Error::other(error),
    })?;
    Ok((hex::encode(key), SIGNATURE_SCHEME.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn connection_file() -> ConnectionFile {
        ConnectionFile {
            shell_port: 1,
            iopub_port: 2,
            stdin_port: 3,
            control_port: 4,
            hb_port: 5,
            ip: "127.0.0.1".to_owned(),
            key: "secret-key".to_owned(),
            transport: "tcp".to_owned(),
            signature_scheme: SIGNATURE_SCHEME.to_owned(),
            kernel_name: "python3".to_owned(),
            jupyter_session: None,
        }
    }

    #[test]
    fn only_the_owner_can_read_it_and_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = ConnectionFile::path(&dir.path().join("runtime"), &"a-b-c-d-e".parse().unwrap());
        connection_file().write(&path).unwrap();
        connection_file().write(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(path.file_name().unwrap(), "kernel-a-b-c-d-e.json");
        let read: ConnectionFile = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((read.shell_port, read.hb_port), (1, 5));
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert!(!format!("{:?}", connection_file()).contains("secret"));
    }

    #[test]
    fn keys_are_long_and_differ() {
        let (first, second) = (new_key().unwrap().0, new_key().unwrap().0);
        assert_eq!(first.len(), KEY_BYTES * 2);
        assert_ne!(first, second);
    }
}
