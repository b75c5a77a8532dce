//! Listening on a Unix socket.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

use crate::error::ServerError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// Binds `path`, replacing the socket of a server that is gone.
pub(super) fn bind(path: &Path, mode: u32) -> Result<UnixListener, ServerError> {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket {
        if UnixStream::connect(path).is_ok() {
            return Err(ServerError::SocketInUse {
                path: path.to_owned(),
            });
        }
        // Nobody answers. If it cannot be removed, binding says why.
        let _ = std::fs::remove_file(path);
    }
    listen(path, mode).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::SocketInUse {
            path: path.to_owned(),
        },
        _ => ServerError::ListenSocket {
            path: path.to_owned(),
            source,
        },
    })
}

fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    // Before `listen`, so that nobody can connect while the permissions are still those of the umask.
    rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
    rustix::net::listen(&socket, BACKLOG)?;
    UnixListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_live_socket_is_refused_and_a_dead_one_replaced() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("s.sock");
        let first = bind(&path, 0o600).expect("bound");
        assert_eq!(
            path.metadata().expect("socket").permissions().mode() & 0o777,
            0o600
        );
        assert!(matches!(bind(&path, 0o600), Err(ServerError::SocketInUse { .. })));
        drop(first);
        bind(&path, 0o660).expect("bound again");
        assert_eq!(
            path.metadata().expect("socket").permissions().mode() & 0o777,
            0o660
        );
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_left_alone() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("notes.txt");
        std::fs::write(&path, "mine").expect("file");
        assert!(bind(&path, 0o600).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "mine");
    }
}
