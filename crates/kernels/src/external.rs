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
use rustix::fs::{FileType, Mode, OFlags, Stat};
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
                let let_go = take_in(&kernels, &dir, &vacant.key().0).await;
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

async fn take_in(kernels: &KernelManager, dir: &Path, file: &Path) -> Option<CancellationToken> {
    let (looked_into, named) = (dir.to_owned(), file.to_owned());
    let reading = tokio::task::spawn_blocking(move || read(&looked_into, &named));
    // Cut off only when the server stops.
    let connection = match reading.await.ok()? {
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

/// Who writes a connection file says what the server connects to, and with which key: it must be our user, and nobody else
/// may have put the file there or may change it.
fn read(dir: &Path, file: &Path) -> io::Result<ConnectionFile> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let dir = rustix::fs::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let of_dir = rustix::fs::fstat(&dir)?;
    let is_shared = of_dir.st_mode & (WRITABLE_BY_OTHERS | STICKY) == WRITABLE_BY_OTHERS;
    if !is_owner_trusted(&of_dir) || is_shared {
        return Err(io::Error::other("its directory is one that others can change"));
    }
    // A link leads elsewhere, and a pipe would keep us waiting.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, name, flags, Mode::empty())?;
    let of_file = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(of_file.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is no file"));
    }
    if !is_owner_trusted(&of_file) || of_file.st_mode & (WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS) != 0 {
        return Err(io::Error::other("others can change it; `chmod go-w` it"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::from(file);
    file.take(CONNECTION_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_OTHERS: u32 = 0o002;
/// In a directory: only who owns a file can put another in its place.
const STICKY: u32 = 0o1000;

/// Whether it is our user's, or root's.
fn is_owner_trusted(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
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

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn only_files_that_nobody_else_can_change_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kernel.json");
        let connection = r#"{"transport": "ipc", "ip": "k", "key": "", "signature_scheme": "hmac-sha256",
            "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}"#;
        std::fs::write(&file, connection).unwrap();
        let reads = |of_file: u32, of_dir: u32| {
            std::fs::set_permissions(&file, Permissions::from_mode(of_file)).unwrap();
            std::fs::set_permissions(dir.path(), Permissions::from_mode(of_dir)).unwrap();
            read(dir.path(), &file).is_ok()
        };
        assert!(reads(0o600, 0o700) && reads(0o644, 0o775) && reads(0o600, 0o1777));
        assert!(!reads(0o664, 0o700) && !reads(0o646, 0o700) && !reads(0o600, 0o777));
        assert!(reads(0o600, 0o700));
        let link = dir.path().join("link.json");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(read(dir.path(), &link).is_err());
        let pipe = dir.path().join("pipe.json");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        assert!(read(dir.path(), &pipe).is_err());
    }
}
