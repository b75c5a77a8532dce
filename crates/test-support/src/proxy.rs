//! A TCP proxy in front of a server, to break what goes through it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// How much is passed on at once.
const CHUNK_BYTES: usize = 1_024;

/// A running proxy; connections through it end with it.
pub struct TestProxy {
    address: SocketAddr,
    down: Shared,
    up: Shared,
    accepting: AbortHandle,
}

/// What happens to what goes one way: asked about each piece, with its length.
pub type Faults = Box<dyn FnMut(usize) -> Fault + Send>;

type Shared = Arc<Mutex<Faults>>;

/// What happens to one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is passed on.
    None,
    /// It is passed on after a while.
    Wait(Duration),
    /// Only so much of it is passed on, then the connection breaks.
    Cut(usize),
}

impl TestProxy {
    /// A proxy to `upstream` that lets everything pass.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("the port's number");
        let no_faults = || Arc::new(Mutex::new(Box::new(|_: usize| Fault::None) as Faults));
        let (down, up) = (no_faults(), no_faults());
        let shared = (down.clone(), up.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(client, upstream, shared.clone()));
            }
        });
        Self {
            address,
            down,
            up,
            accepting: accepting.abort_handle(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on to what comes from the server, and to what goes to it.
    pub fn change(&self, down: Faults, up: Faults) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down;
        *self.up.lock().unwrap_or_else(PoisonError::into_inner) = up;
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(client: TcpStream, upstream: SocketAddr, (down, up): (Shared, Shared)) {
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("a TCP socket");
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // When either ends, dropping the rest breaks both connections.
    tokio::select! {
        () = pass(from_client, to_server, &up) => {}
        () = pass(from_server, to_client, &down) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, faults: &Mutex<Faults>) {
    let mut piece = vec![0; CHUNK_BYTES];
    while let Ok(bytes @ 1..) = from.read(&mut piece).await {
        let fault = (faults.lock().unwrap_or_else(PoisonError::into_inner))(bytes);
        if let Fault::Wait(pause) = fault {
            tokio::time::sleep(pause).await;
        }
        let passed = match fault {
            Fault::Cut(passed) => passed.min(bytes),
            Fault::None | Fault::Wait(_) => bytes,
        };
        let sent = to.write_all(&piece[..passed]).await;
        if sent.is_err() || matches!(fault, Fault::Cut(_)) {
            return;
        }
    }
}
