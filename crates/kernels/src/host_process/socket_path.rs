//! Unix sockets by paths of any length. A socket's address holds some hundred bytes, and runtime directories may be
//! deep: so the directory is opened, and the address goes through it. That also keeps to the directory that was meant.

use std::{
    io,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
};

use rustix::{
    fd::{AsRawFd, OwnedFd},
    fs::{Mode, OFlags},
};

/// Listens, without blocking.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    let (_dir, short) = short(path)?;
    let listener = UnixListener::bind(short)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects; later reads and writes do not block. Connecting to a socket of this machine does not wait for anybody but
/// a listener whose queue is full.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (_dir, short) = short(path)?;
    let stream = UnixStream::connect(short)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
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
    #[test]
    fn a_socket_in_a_deep_directory_can_be_reached() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let path = deep.join("s");
        let _listener = bind(&path).unwrap();
        connect(&path).unwrap();
    }
}
