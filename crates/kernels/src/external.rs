//! Kernels that somebody else started. Their connection files lie in a directory, which is looked at again and again;
//! the server talks to them, and neither starts nor ends them.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{ConnectionFile, Exit, KernelManager, Launch, LaunchError, Launcher, Process, Signal};

/// How often the directory is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The longest connection file, in bytes.
const CONNECTION_FILE_BYTES_MAX: u64 = 64 << 10;

/// A file as it was seen: one that is written anew is of another kernel.
type Seen = (PathBuf, SystemTime);

/// Takes in kernels whose connection files appear in `dir`, and lets go of those whose files vanish. Never returns.
pub async fn find_external_kernels(kernels: KernelManager, dir: PathBuf) {
    // What lets go of each; `None` for what is no connection file.
    let mut known: HashMap<Seen, Option<CancellationToken>> = HashMap::new();
    loop {
        let looked_at = dir.clone();
        let seen = tokio::task::spawn_blocking(move || files_in(&looked_at)).await;
        let seen = seen.unwrap_or_default();
        known.retain(|file, let_go| {
            let stays = seen.contains(file);
            if let (false, Some(let_go)) = (stays, let_go) {
                let_go.cancel();
            }
            stays
        });
        for file in seen {
            if let Entry::Vacant(vacant) = known.entry(file) {
                let let_go = take_in(&kernels, &vacant.key().0).await;
                vacant.insert(let_go);
            }
        }
        sleep(LOOK_INTERVAL).await;
    }
}

fn files_in(dir: &Path) -> Vec<Seen> {
    // The directory may come later.
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((entry.path(), metadata.modified().ok()?))
    });
    files.collect()
}

async fn take_in(kernels: &KernelManager, file: &Path) -> Option<CancellationToken> {
    let connection = match read(file) {
        Ok(connection) => connection,
        Err(error) => {
            warn!(path = %file.display(), %error, "left out an external kernel: this is no connection file");
            return None;
        }
    };
    match kernels.take_in(connection, file.to_owned()).await {
        Ok((id, let_go)) => {
            info!(kernel.id = %id, path = %file.display(), "found an external kernel");
            Some(let_go)
        }
        Err(error) => {
            warn!(path = %file.display(), %error, "failed to connect to an external kernel");
            None
        }
    }
}

fn read(file: &Path) -> io::Result<ConnectionFile> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file)?;
    file.take(CONNECTION_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// "Starts" a kernel that runs already.
pub(crate) struct ExternalLauncher(pub(crate) CancellationToken);

impl Launcher for ExternalLauncher {
    fn launch<'a>(&'a self, _launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        let process = Arc::new(ExternalProcess(self.0.clone())) as Arc<dyn Process>;
        std::future::ready(Ok(process)).boxed()
    }
}

/// A process that is not ours. To this server it ends when the server lets go of it.
struct ExternalProcess(CancellationToken);

impl Process for ExternalProcess {
    fn id(&self) -> Option<u32> {
        None
    }

    fn signal(&self, _signal: Signal) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn ended(&self) -> BoxFuture<'_, Exit> {
        self.0.cancelled().map(|()| Exit::Unknown).boxed()
    }

    fn stderr_tail(&self) -> String {
        String::new()
    }
}
