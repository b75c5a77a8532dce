//! The socket of a host: who may come in, one server at a time, and how long to wait for the next.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    connection::{Connection, Left, Memory},
    log::Log,
};
use crate::{
    Phase,
    connection_file::create_private_dir,
    host::HostHandle,
    host_process::{
        protocol::{
            FrameReader, FrameWriter, ProtocolError, Wanted, frame_bytes_max, greet_server, split,
            unproven_bytes_max,
        },
        setup::{HostAddress, Secret, Setup},
        socket_path,
    },
};

/// How many may be at the door who have not proven anything. When one more comes, the process that has sent the most is
/// sent away: a kernel knows where its host listens, and must not keep a server out.
const UNPROVEN_MAX: usize = 64;

/// How long a host whose kernel has ended waits for the server that started it.
const FIRST_SERVER_WAIT: Duration = Duration::from_secs(30);

/// How long to wait when the system cannot give us another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The socket.
pub(super) struct Door {
    listener: UnixListener,
    _file: SocketFile,
}

/// The name of the socket, gone from the directory when dropped.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            warn!(%error, "failed to remove the socket of a kernel's host");
        }
    }
}

/// A server that has proven to know the secret.
struct Caller {
    reader: FrameReader,
    writer: FrameWriter,
    wanted: Wanted,
}

impl Door {
    /// Listens, for the owner alone.
    pub(super) fn open(address: &HostAddress) -> io::Result<Self> {
        let path = address.socket.clone();
        if let Some(dir) = path.parent() {
            create_private_dir(dir)?;
        }
        let listener = socket_path::bind(&path)?;
        let file = SocketFile(path);
        std::fs::set_permissions(&file.0, Permissions::from_mode(0o600))?;
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            _file: file,
        })
    }

    /// Serves whoever comes, until the kernel is gone and nobody is interested any more, or nobody has come for too
    /// long.
    pub(super) async fn serve(self, setup: &Setup, handle: Arc<HostHandle>, log: Arc<Log>) {
        let body_bytes_max = frame_bytes_max(setup.settings.limits.message_bytes_max);
        let (proven, mut callers) = mpsc::channel(1);
        let accepting = tokio::spawn(accept(
            self.listener,
            setup.address.secret.clone(),
            body_bytes_max,
            proven,
        ));
        let memory = Arc::new(Memory::new(setup.clone()));
        let mut current: Option<JoinHandle<Left>> = None;
        let mut alone_since = Instant::now();
        let mut was_served = false;
        let mut status = handle.status.clone();
        loop {
            let has_ended = matches!(status.borrow().phase, Phase::Ended(_));
            let patience = match has_ended && !was_served {
                // The server that started it still wants to know how it ended.
                true => FIRST_SERVER_WAIT,
                false => setup.orphan_timeout,
            };
            if has_ended && was_served && current.is_none() {
                // Nobody is there to be told.
                break;
            }
            tokio::select! {
                Some(Caller { reader, writer, wanted }) = callers.recv() => {
                    // The instance's lock says who the server is: whoever comes last.
                    if let Some(before) = current.take() {
                        before.abort();
                        let _ended = before.await;
                    }
                    let connection = Connection::new(handle.clone(), memory.clone(), log.clone());
                    current = Some(tokio::spawn(connection.serve(reader, writer, wanted)));
                    was_served = true;
                }
                left = ended(&mut current) => {
                    current = None;
                    alone_since = Instant::now();
                    match left {
                        Left::Released => break,
                        Left::Lost(error) => info!(%error, "the server has gone"),
                    }
                }
                () = sleep_until(alone_since + patience), if current.is_none() => {
                    warn!(kernel.id = %setup.plan.kernel_id, "no server has come for too long");
                    // It may have ended by itself.
                    let _gone = handle.shutdown().await;
                    break;
                }
                ended = status.wait_for(|status| matches!(status.phase, Phase::Ended(_))), if current.is_none() && !has_ended => {
                    drop(ended);
                }
            }
        }
        accepting.abort();
    }
}

/// The end of the connection there is; never, when there is none.
async fn ended(current: &mut Option<JoinHandle<Left>>) -> Left {
    match current {
        Some(connection) => connection
            .await
            .unwrap_or_else(|stopped| Left::Lost(io::Error::other(stopped).into())),
        None => std::future::pending().await,
    }
}

async fn accept(listener: UnixListener, secret: Secret, body_bytes_max: usize, proven: mpsc::Sender<Caller>) {
    let mut unproven = Unproven::default();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "the host of a kernel cannot accept a server");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let (secret, proven) = (secret.clone(), proven.clone());
        let greeting = tokio::spawn(async move {
            match greet(stream, &secret, body_bytes_max).await {
                // The door is closed only when the host ends.
                Ok(caller) => drop(proven.send(caller).await),
                Err(error) => info!(%error, "turned somebody away from the host of a kernel"),
            }
        });
        unproven.add(process, greeting.abort_handle());
    }
}

/// Whoever is at the door, by process, the longest there first.
#[derive(Default)]
struct Unproven(Vec<(Option<i32>, AbortHandle)>);

impl Unproven {
    fn add(&mut self, process: Option<i32>, greeting: AbortHandle) {
        self.0.retain(|(_, greeting)| !greeting.is_finished());
        self.0.push((process, greeting));
        if self.0.len() <= UNPROVEN_MAX {
            return;
        }
        let count = |process| self.0.iter().filter(|(other, _)| *other == process).count();
        let greediest = self
            .0
            .iter()
            .map(|(process, _)| *process)
            .max_by_key(|process| count(*process));
        let oldest = self.0.iter().position(|(process, _)| Some(*process) == greediest);
        if let Some(oldest) = oldest {
            let (_, greeting) = self.0.remove(oldest);
            greeting.abort();
        }
    }
}

async fn greet(stream: UnixStream, secret: &Secret, body_bytes_max: usize) -> Result<Caller, ProtocolError> {
    let (mut reader, mut writer) = split(stream, unproven_bytes_max());
    let wanted = greet_server(&mut reader, &mut writer, secret).await?;
    reader.allow(body_bytes_max);
    Ok(Caller {
        reader,
        writer,
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_and_the_directory_it_lies_in_are_for_their_owner_alone_and_the_socket_goes_with_the_door()
     {
        let runtime_dir = tempfile::tempdir().unwrap();
        let hosts_dir = runtime_dir.path().join("hosts");
        let address = HostAddress {
            socket: hosts_dir.join("host.sock"),
            secret: Secret::random().unwrap(),
        };
        let door = Door::open(&address).unwrap();
        let rights = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(rights(&address.socket), 0o600);
        assert_eq!(rights(&hosts_dir), 0o700);
        drop(door);
        assert!(!address.socket.exists());
    }
}
