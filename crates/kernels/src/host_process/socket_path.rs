//! Unix sockets by paths of any length. A socket's address holds some hundred bytes, and runtime directories may be
//! deep: so the directory is opened, and the address goes through it. That also keeps to the directory that was meant.

use std::{
    io,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fd::{AsRawFd, OwnedFd},
    fs::{Mode, OFlags},
};
use tokio::net::UnixStream;

/// How long to wait when a listener has too many waiting at its door.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

/// Listens, without blocking.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    let (_dir, short) = short(path)?;
    let listener = UnixListener::bind(short)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects; waits for as long as the listener's queue is full.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let (_dir, short) = short(path)?;
    loop {
        match UnixStream::connect(&short).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(QUEUE_PAUSE).await,
            connected => return connected,
        }
    }
}

/// A short name for `path`, good for as long as the directory is held.
fn short(path: &Path) -> io::Result<(OwnedFd, PathBuf)> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let held = rustix::fs::open(
        dir,
        OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let short = if cfg!(target_os = "linux") {
        PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd())).join(name)
    } else {
        path.to_owned()
    };
    Ok((held, short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_socket_in_a_deep_directory_can_be_reached() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let path = deep.join("s");
        let _listener = bind(&path).unwrap();
        connect(&path).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_meets_a_full_queue_holds_nobody_else_up() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("s");
        let listener = bind(&path).unwrap();
        let mut connected = Vec::new();
        let mut waiting = loop {
            let mut next = Box::pin(connect(&path));
            match futures::poll!(&mut next) {
                std::task::Poll::Ready(stream) => connected.push(stream.unwrap()),
                std::task::Poll::Pending => break next,
            }
        };
        listener.accept().unwrap();
        (&mut waiting).await.unwrap();
    }
}
