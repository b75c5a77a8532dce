//! A kernel's Unix sockets, reached without following links.
//!
//! The directory they lie in is the kernel's own. It could put a link in place of a socket, and whoever followed that, with
//! rights that the kernel may not have, would take what another kernel says for what this one says. So the directory is
//! opened once, when nobody else can have changed it; links on the way there (a linked home, `/var/run`) are those of whoever
//! chose it, and are never walked again. In it each connection, the first and all later ones, opens the socket's name without
//! following it, looks at what was opened, and connects to that very thing through its descriptor: what is put in its
//! place meanwhile is not met.
//!
//! A hard link is no such trick: who may make one to a socket may connect to it, too.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::{fd::OwnedFd, io::Errno};
use tokio::net::UnixStream;

use super::SocketError;

/// A directory that sockets lie in, held open. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct SocketDirectory {
    held: Arc<OwnedFd>,
    /// Where it was when it was opened.
    #[cfg_attr(
        target_os = "linux",
        expect(dead_code, reason = "other systems cannot connect through a descriptor")
    )]
    path: Arc<Path>,
}

/// A socket in it.
#[derive(Clone, Debug)]
pub(crate) struct IpcSocket {
    directory: SocketDirectory,
    /// One name, no path.
    name: OsString,
}

impl SocketDirectory {
    /// Opens it. Links in its path are followed: whoever chose the path chose them.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self {
            held: Arc::new(rustix::fs::open(path, flags, Mode::empty())?),
            path: path.canonicalize()?.into(),
        })
    }

    /// The directory of sockets whose paths begin with `prefix`, opened, and what their names begin with.
    pub(crate) fn of_prefix(prefix: &Path) -> io::Result<(Self, OsString)> {
        let name = prefix.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = prefix.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Self::open(parent.unwrap_or(Path::new(".")))?, name.to_owned()))
    }

    /// The socket of this name.
    pub(crate) fn socket(&self, name: impl AsRef<OsStr>) -> IpcSocket {
        IpcSocket {
            directory: self.clone(),
            name: name.as_ref().to_owned(),
        }
    }
}

impl IpcSocket {
    /// Connects, once.
    pub(super) async fn connect(&self) -> Result<UnixStream, SocketError> {
        let (_held, path) = self.opened()?;
        Ok(UnixStream::connect(path).await?)
    }

    /// Removes what has its name, be it a link. A directory is given another name: what is in it may be endless, and goes
    /// with the one that the sockets lie in.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match rustix::fs::unlinkat(&*self.directory.held, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // Systems say either of a directory.
            Err(Errno::ISDIR | Errno::PERM) => Ok(self.set_aside()?),
            Err(error) => Err(error.into()),
        }
    }

    fn set_aside(&self) -> Result<(), Errno> {
        let (directory, aside) = (&*self.directory.held, format!("left-{}", uuid::Uuid::new_v4()));
        rustix::fs::renameat(directory, &self.name, directory, aside)
    }

    /// The socket itself, and a path that leads to nothing else for as long as it is held.
    #[cfg(target_os = "linux")]
    fn opened(&self) -> Result<(OwnedFd, PathBuf), SocketError> {
        use rustix::fd::AsRawFd;
        // A single name: there is nothing on the way that could be a link but itself.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let socket = rustix::fs::openat(&*self.directory.held, &self.name, flags, Mode::empty());
        let socket = socket.map_err(io::Error::from)?;
        check(rustix::fs::fstat(&socket).map_err(io::Error::from)?.st_mode)?;
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        Ok((socket, path.into()))
    }

    /// Where sockets have no descriptors before they are connected, what is looked at may be replaced before it is
    /// connected to: no wall, but such systems have none between kernels either.
    #[cfg(not(target_os = "linux"))]
    fn opened(&self) -> Result<((), PathBuf), SocketError> {
        let stat = rustix::fs::statat(&*self.directory.held, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        check(stat.map_err(io::Error::from)?.st_mode)?;
        Ok(((), self.directory.path.join(&self.name)))
    }
}

fn check(mode: rustix::fs::RawMode) -> Result<(), SocketError> {
    let found = match FileType::from_raw_mode(mode) {
        FileType::Socket => return Ok(()),
        FileType::Symlink => "a link",
        _ => "something else",
    };
    Err(SocketError::NoSocket { found })
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[tokio::test]
    async fn a_link_in_place_of_a_socket_is_not_followed_and_one_above_the_directory_is() {
        let root = tempfile::tempdir().unwrap();
        let (own, other) = (root.path().join("own"), root.path().join("other"));
        for dir in [&own, &other] {
            std::fs::create_dir(dir).unwrap();
        }
        symlink(&own, root.path().join("linked")).unwrap();
        let prefix = root.path().join("linked/s");
        let (directory, name) = SocketDirectory::of_prefix(&prefix).unwrap();
        assert_eq!(name, "s");
        let socket = directory.socket("s-1");
        let listener = UnixListener::bind(own.join("s-1")).unwrap();
        let _others = UnixListener::bind(other.join("s-1")).unwrap();
        socket.connect().await.unwrap();
        listener.accept().unwrap();

        std::fs::remove_file(own.join("s-1")).unwrap();
        symlink(other.join("s-1"), own.join("s-1")).unwrap();
        let refused = socket.connect().await.unwrap_err();
        assert!(
            matches!(refused, SocketError::NoSocket { found: "a link" }),
            "{refused}"
        );
        assert!(refused.is_hostile());
        // What is removed is the link.
        socket.remove().unwrap();
        socket.remove().unwrap();
        assert!(other.join("s-1").exists());
    }

    #[tokio::test]
    async fn a_directory_in_place_of_a_socket_makes_room_with_all_that_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        let socket = SocketDirectory::open(root.path()).unwrap().socket("s-1");
        std::fs::create_dir_all(root.path().join("s-1/full")).unwrap();
        socket.remove().unwrap();
        let _listener = UnixListener::bind(root.path().join("s-1")).unwrap();
        socket.connect().await.unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_put_in_place_of_the_directory_is_not_met() {
        let root = tempfile::tempdir().unwrap();
        let (own, other) = (root.path().join("own"), root.path().join("other"));
        for dir in [&own, &other] {
            std::fs::create_dir(dir).unwrap();
        }
        let socket = SocketDirectory::open(&own).unwrap().socket("s-1");
        let _others = UnixListener::bind(other.join("s-1")).unwrap();
        std::fs::rename(&own, root.path().join("away")).unwrap();
        symlink(&other, &own).unwrap();
        let refused = socket.connect().await.unwrap_err();
        assert!(matches!(&refused, SocketError::Io { source } if source.kind() == io::ErrorKind::NotFound));
    }
}
