//! Where a kernel will listen: five ports nobody else is given, or a directory of its own.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::Permissions,
    io,
    net::{IpAddr, SocketAddr},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt};

use tracing::warn;

use crate::{
    ConnectionFile, KernelError, Transport, connection_file,
    sockets::{Endpoint, SocketDirectory},
};

/// Shell, iopub, stdin, control, heartbeat.
const SOCKETS: usize = 5;

/// What stands for the ports of sockets in a directory.
const IPC_PORTS: [u16; SOCKETS] = [1, 2, 3, 4, 5];

/// What the names of sockets in a directory begin with.
const OWN_NAME: &str = "s";

/// How much of its host's mark is in the name of a directory.
const MARK_DIGITS: usize = 12;

/// How many ports are tried before giving up: each try that fails met a port another kernel holds.
const TRIES_MAX: usize = 1_000;

/// Ports that kernels of this process hold. Where a kernel cannot bind a port while we are bound to it, the system may
/// give it out again between our choosing and the kernel's binding: without this, two kernels started together may get
/// the same one.
static PORTS_HELD: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// Addresses of one kernel; free again when dropped.
pub(crate) enum Addresses {
    /// Ports of an address.
    Tcp {
        /// The address.
        ip: IpAddr,
        /// One for each socket.
        ports: [u16; SOCKETS],
        /// Bound, so that the system gives the ports to nobody else.
        reserved: Vec<OwnedFd>,
    },
    /// Sockets named `<dir>/s-1` to `<dir>/s-5`.
    Ipc {
        /// Gone with everything in it when dropped.
        dir: tempfile::TempDir,
        /// The same, open since it was made.
        sockets: SocketDirectory,
    },
    /// Those of a kernel that somebody else started, at an address.
    TcpElsewhere(IpAddr),
    /// Those of a kernel that somebody else started, in a directory.
    IpcElsewhere {
        /// Where they are.
        sockets: SocketDirectory,
        /// What their names begin with.
        name: OsString,
    },
}

impl Addresses {
    /// Finds free addresses for a kernel whose host has this mark.
    pub(crate) fn find(transport: &Transport, host_mark: &str) -> Result<Self, KernelError> {
        let found = match transport {
            Transport::Tcp { ip } => Self::find_ports(*ip),
            Transport::Ipc { dir } => {
                let private = || {
                    connection_file::create_private_dir(dir)?;
                    // Other users cannot even look.
                    let for_owner = Permissions::from_mode(0o700);
                    let dir = tempfile::Builder::new()
                        .prefix(&own_prefix(host_mark))
                        .permissions(for_owner)
                        .tempdir_in(dir)?;
                    let sockets = SocketDirectory::open(dir.path())?;
                    Ok(Self::Ipc { dir, sockets })
                };
                private()
            }
        };
        found.map_err(|source| KernelError::Addresses { source })
    }

    /// Those of a kernel that somebody else started.
    pub(crate) fn elsewhere(file: &ConnectionFile) -> Result<Self, KernelError> {
        let found = match file.transport.as_str() {
            "tcp" => file
                .ip
                .parse()
                .map(Self::TcpElsewhere)
                .map_err(|_| io::Error::other("its `ip` is no IP address")),
            _ => SocketDirectory::of_prefix(Path::new(&file.ip))
                .map(|(sockets, name)| Self::IpcElsewhere { sockets, name }),
        };
        found.map_err(|source| KernelError::Addresses { source })
    }

    /// Where the socket with this number in the connection file is.
    pub(crate) fn endpoint(&self, port: u16) -> Endpoint {
        match self {
            Self::Tcp { ip, .. } | Self::TcpElsewhere(ip) => Endpoint::Tcp(SocketAddr::new(*ip, port)),
            Self::Ipc { sockets, .. } => Endpoint::Ipc(sockets.socket(format!("{OWN_NAME}-{port}"))),
            Self::IpcElsewhere { sockets, name } => {
                let mut name = name.clone();
                name.push(format!("-{port}"));
                Endpoint::Ipc(sockets.socket(name))
            }
        }
    }

    fn find_ports(ip: IpAddr) -> io::Result<Self> {
        let (mut ports, mut reserved) = (Vec::with_capacity(SOCKETS), Vec::with_capacity(SOCKETS));
        for _ in 0..TRIES_MAX {
            let (port, socket) = reserve_port(ip)?;
            if held().get_or_insert_default().insert(port) {
                ports.push(port);
                reserved.push(socket);
            }
            if let Ok(ports) = <[u16; SOCKETS]>::try_from(ports.as_slice()) {
                return Ok(Self::Tcp { ip, ports, reserved });
            }
        }
        give_back(&ports);
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no free ports"))
    }

    /// Lets the kernel bind them: call right before it is launched. On Linux it can while ports stay reserved, for as
    /// long as the kernel lives and between its processes; elsewhere they are free from here on. What the process before
    /// has left in place of its sockets is removed: it is not this one's.
    pub(crate) fn hand_over(&mut self) {
        match self {
            Self::Tcp { reserved, .. } if !cfg!(target_os = "linux") => reserved.clear(),
            Self::Ipc { sockets, .. } => {
                for port in IPC_PORTS {
                    if let Err(error) = sockets.socket(format!("{OWN_NAME}-{port}")).remove() {
                        warn!(%error, port, "failed to remove what a kernel left in place of its socket");
                    }
                }
            }
            Self::Tcp { .. } | Self::TcpElsewhere(_) | Self::IpcElsewhere { .. } => {}
        }
    }

    /// The connection file that names them.
    pub(crate) fn connection_file(
        &self,
        kernel_name: &str,
        session: Option<&str>,
    ) -> Result<ConnectionFile, KernelError> {
        let (transport, ip, [shell_port, iopub_port, stdin_port, control_port, hb_port]) = match self {
            Self::Tcp { ip, ports, .. } => ("tcp", ip.to_string(), *ports),
            Self::TcpElsewhere(_) | Self::IpcElsewhere { .. } => {
                return Err(KernelError::Addresses {
                    source: io::ErrorKind::Unsupported.into(),
                });
            }
            Self::Ipc { dir, .. } => {
                let prefix: PathBuf = dir.path().join(OWN_NAME);
                ("ipc", prefix.to_string_lossy().into_owned(), IPC_PORTS)
            }
        };
        let (key, signature_scheme) = connection_file::new_key()?;
        Ok(ConnectionFile {
            shell_port,
            iopub_port,
            stdin_port,
            control_port,
            hb_port,
            ip,
            key,
            transport: transport.to_owned(),
            signature_scheme,
            kernel_name: kernel_name.to_owned(),
            jupyter_session: session.map(str::to_owned),
        })
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        if let Self::Tcp { ports, .. } = self {
            give_back(ports);
        }
    }
}

/// Removes the directories that a host of this mark has left which was killed.
pub(crate) fn remove_leftovers(dir: &Path, host_mark: &str) -> io::Result<()> {
    let prefix = own_prefix(host_mark);
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// What the names of a host's directories begin with; short, as all of a socket's path must be.
fn own_prefix(host_mark: &str) -> String {
    let digits = host_mark.chars().filter(char::is_ascii_hexdigit);
    format!("k{}", digits.take(MARK_DIGITS).collect::<String>())
}

/// A port that the system gives to nobody who asks for any, nor uses for connections. Linux lets others bind it by its
/// number, when they set `SO_REUSEADDR` as servers do (`ZeroMQ` among them) and nobody listens on it.
fn reserve_port(ip: IpAddr) -> io::Result<(u16, OwnedFd)> {
    let family = match ip {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddr::new(ip, 0))?;
    let bound = SocketAddr::try_from(getsockname(&socket)?)?;
    Ok((bound.port(), socket))
}

fn give_back(ports: &[u16]) {
    let mut held = held();
    for port in ports {
        held.get_or_insert_default().remove(port);
    }
}

fn held() -> MutexGuard<'static, Option<HashSet<u16>>> {
    PORTS_HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    const MARK: &str = "0123-4567-89ab-cdef";

    fn tcp() -> Transport {
        Transport::Tcp {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    #[test]
    fn kernels_never_share_a_port() {
        let mut kernels: Vec<Addresses> = (0..40).map(|_| Addresses::find(&tcp(), "m").unwrap()).collect();
        for kernel in &mut kernels {
            kernel.hand_over();
        }
        kernels.extend((0..40).map(|_| Addresses::find(&tcp(), "m").unwrap()));
        let files = kernels
            .iter()
            .map(|kernel| kernel.connection_file("x", None).unwrap());
        let ports = files.flat_map(|file| {
            [
                file.shell_port,
                file.iopub_port,
                file.stdin_port,
                file.control_port,
                file.hb_port,
            ]
        });
        let ports: Vec<u16> = ports.collect();
        let distinct: HashSet<&u16> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len());
    }

    #[test]
    fn a_kernel_can_bind_what_was_handed_over() {
        let mut kernel = Addresses::find(&tcp(), "m").unwrap();
        let port = kernel.connection_file("x", None).unwrap().shell_port;
        kernel.hand_over();
        // More than once, as the processes of one kernel do.
        for _ in 0..2 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            listener.accept().unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_stays_reserved_while_its_kernel_lives() {
        let mut kernel = Addresses::find(&tcp(), "m").unwrap();
        let port = kernel.connection_file("x", None).unwrap().shell_port;
        kernel.hand_over();
        let another = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        assert_eq!(bind(&another, &address), Err(rustix::io::Errno::ADDRINUSE));
        drop(kernel);
        bind(&another, &address).unwrap();
    }

    #[test]
    fn an_ipc_directory_is_private_and_goes_with_its_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let sockets = dir.path().join("sockets");
        let transport = Transport::Ipc { dir: sockets.clone() };
        let kernel = Addresses::find(&transport, MARK).unwrap();
        let file = kernel.connection_file("x", Some("nb.ipynb")).unwrap();
        let own = std::path::Path::new(&file.ip).parent().unwrap().to_owned();
        assert_eq!(
            std::fs::metadata(&own).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(file.transport, "ipc");
        drop(kernel);
        assert!(!own.exists());

        let left = Addresses::find(&transport, MARK).unwrap();
        let other = Addresses::find(&transport, "f123-4567-89ab-cdef").unwrap();
        for dir in [&left, &other].map(|kernel| kernel.connection_file("x", None).unwrap().ip) {
            std::fs::write(format!("{dir}-1"), "").unwrap();
        }
        remove_leftovers(&sockets, MARK).unwrap();
        let stays = std::fs::read_dir(&sockets).unwrap();
        assert_eq!(stays.count(), 1);
        drop(other);
        assert!(remove_leftovers(&sockets, MARK).is_ok());
    }
}
