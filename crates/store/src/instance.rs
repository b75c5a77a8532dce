//! The file of one instance: what a server at one root, under one URL, on one port keeps from one run to the next.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tracing::warn;

use crate::{Store, StoreError, writer::private_file};

/// What makes two runs the same instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceKey {
    /// The root directory, with links resolved.
    pub root_dir: PathBuf,
    /// The base URL.
    pub base_url: String,
    /// The port or socket that was asked for, not the one that was free.
    pub listen: String,
}

/// The state of this instance, in its file while no other server has it, else in memory.
pub struct Instance {
    store: Store,
    /// Locked as long as this lives; `None` in memory.
    lock: Option<File>,
    /// The file of the state.
    file: Option<PathBuf>,
}

impl Instance {
    /// Opens the file of this instance below the data directory and locks it. When another server has it, says so in
    /// the log and keeps state in memory.
    ///
    /// # Errors
    /// When the file or its lock cannot be made or read; not when another server has it.
    pub fn open(data_dir: &Path, key: &InstanceKey) -> Result<Self, StoreError> {
        let file = data_dir.join("adrastea").join("instances").join(key.file_name());
        let lock_path = file.with_extension("lock");
        private_file(&lock_path)?;
        let prepare = |source| StoreError::Prepare {
            path: lock_path.clone(),
            source,
        };
        let lock = OpenOptions::new().write(true).open(&lock_path).map_err(prepare)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                store: Store::open(&file)?,
                lock: Some(lock),
                file: Some(file),
            }),
            Err(TryLockError::WouldBlock) => {
                warn!(
                    root_dir = %key.root_dir.display(), base_url = %key.base_url, listen = %key.listen,
                    "another server has this root directory, base URL and port; this one keeps its state in memory \
                     and forgets it when it ends",
                );
                Self::in_memory()
            }
            Err(TryLockError::Error(source)) => Err(prepare(source)),
        }
    }

    /// State that ends with the process.
    ///
    /// # Errors
    /// When the thread that writes cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::in_memory()?,
            lock: None,
            file: None,
        })
    }

    /// The state. It must not outlive the instance, whose lock makes it safe to write.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A directory beside the file, for state that is no rows of a table; it need not exist. `None` in memory.
    #[must_use]
    pub fn directory(&self, what: &str) -> Option<PathBuf> {
        Some(self.file.as_ref()?.with_extension(what))
    }

    /// Whether the state outlives the process.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.lock.is_some()
    }
}

impl InstanceKey {
    /// A name for the file: the key may hold any character and any length.
    fn file_name(&self) -> String {
        let mut digest = Sha256::new();
        for part in [
            self.root_dir.as_os_str().as_encoded_bytes(),
            self.base_url.as_bytes(),
            self.listen.as_bytes(),
        ] {
            digest.update(part);
            digest.update([0]);
        }
        let digest = hex::encode(digest.finalize());
        format!("{}.sqlite", digest.get(..32).unwrap_or(&digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(listen: &str) -> InstanceKey {
        InstanceKey {
            root_dir: "/srv".into(),
            base_url: "/".to_owned(),
            listen: listen.to_owned(),
        }
    }

    #[tokio::test]
    async fn state_comes_back_for_the_same_instance_only() {
        let data = tempfile::tempdir().unwrap();
        let first = Instance::open(data.path(), &key("8888")).unwrap();
        assert!(first.is_persistent());
        first.store().claim("kernels", "a", "ada").await.unwrap();
        drop(first);
        let again = Instance::open(data.path(), &key("8888")).unwrap();
        assert_eq!(again.store().owners().await.unwrap().len(), 1);
        let other = Instance::open(data.path(), &key("9999")).unwrap();
        assert_eq!(other.store().owners().await.unwrap(), []);
    }

    #[test]
    fn a_second_server_of_the_same_instance_keeps_its_state_in_memory() {
        let data = tempfile::tempdir().unwrap();
        let first = Instance::open(data.path(), &key("8888")).unwrap();
        assert!(!Instance::open(data.path(), &key("8888")).unwrap().is_persistent());
        drop(first);
        assert!(Instance::open(data.path(), &key("8888")).unwrap().is_persistent());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let _instance = Instance::open(data.path(), &key("8888")).unwrap();
        let directory = data.path().join("adrastea/instances");
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("x.sqlite");
        drop(Store::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::TooNew { found: 99, .. })
        ));
    }
}
