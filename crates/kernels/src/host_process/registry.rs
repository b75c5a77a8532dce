//! Which hosts there are, written down so that the next server finds them.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use store::{HostRow, Store, StoreError};
use tracing::{error, warn};

use super::setup::{HostAddress, Secret};
use crate::KernelId;

/// The records of the server's instance, if it keeps any.
#[derive(Clone)]
pub(crate) struct Registry(Option<Store>);

/// One kernel and its host.
#[derive(Clone, Debug)]
pub(crate) struct HostRecord {
    pub(crate) kernel_id: KernelId,
    pub(crate) name: Arc<str>,
    pub(crate) directory: PathBuf,
    pub(crate) address: HostAddress,
}

impl Registry {
    pub(crate) fn new(store: Option<Store>) -> Self {
        Self(store)
    }

    /// Writes a host down. One that cannot be is used all the same; the next server will not find it.
    pub(crate) async fn note(&self, record: &HostRecord) {
        let Some(store) = &self.0 else { return };
        let row = HostRow {
            kernel_id: record.kernel_id.to_string(),
            name: record.name.to_string(),
            directory: bytes(&record.directory),
            socket: bytes(&record.address.socket),
            secret: record.address.secret.reveal().to_owned(),
        };
        if let Err(error) = store.put_host(row).await {
            error!(kernel.id = %record.kernel_id, %error, "failed to write down where a kernel's host is");
        }
    }

    /// Forgets a host that is gone.
    pub(crate) async fn forget(&self, address: &HostAddress) {
        let Some(store) = &self.0 else { return };
        if let Err(error) = store.remove_host(bytes(&address.socket)).await {
            error!(%error, "failed to forget where a kernel's host was");
        }
    }

    /// All that were written down, in the order their kernels were started.
    pub(crate) async fn all(&self) -> Result<Vec<HostRecord>, StoreError> {
        let Some(store) = &self.0 else {
            return Ok(Vec::new());
        };
        Ok(store.hosts().await?.into_iter().filter_map(record).collect())
    }
}

fn record(row: HostRow) -> Option<HostRecord> {
    let HostRow {
        kernel_id,
        name,
        directory,
        socket,
        secret,
    } = row;
    let Ok(kernel_id) = kernel_id.parse() else {
        warn!("left out the record of a kernel whose id is none");
        return None;
    };
    Some(HostRecord {
        kernel_id,
        name: name.into(),
        directory: path(directory),
        address: HostAddress {
            socket: path(socket),
            secret: Secret::known(secret),
        },
    })
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}
