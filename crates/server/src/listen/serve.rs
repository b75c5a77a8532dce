//! Accepting connections and speaking HTTP on them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};
use tracing::{debug, warn};

use super::Listener;

/// How long a client may take to send the head of a request.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The head of a request (tornado's `max_header_size`), and what is read ahead of it.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Header fields of a request.
const HEADERS_MAX: usize = 200;

/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end; `None` on a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) Option<SocketAddr>);

/// The open connections, and the signals that end them.
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    draining: watch::Sender<()>,
}

impl Connections {
    /// Lets running requests finish for at most `grace`, then cuts what is left.
    pub(crate) async fn close(mut self, grace: Duration) {
        // Nobody listens any more when every connection is closed: that is no error.
        let _ = self.draining.send(());
        let all_done = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_done).await.is_err() {
            debug!("cutting {} connections that are still open", self.tasks.len());
        }
        self.tasks.shutdown().await;
    }
}

/// Accepts connections until `stop`, and hands over those that are still open.
pub(crate) async fn serve<S>(listener: Listener, service: S, stop: CancellationToken) -> Connections
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (draining, is_draining) = watch::channel(());
    let mut tasks = JoinSet::new();
    match listener {
        Listener::Tcp(listeners) => {
            let (sender, mut accepted) = tokio::sync::mpsc::channel(1);
            for listener in listeners {
                let (sender, stop) = (sender.clone(), stop.clone());
                tasks.spawn(async move {
                    while let Some((stream, peer)) =
                        accept(listener.accept(), &stop, || listener.accept()).await
                    {
                        if sender.send((stream, peer)).await.is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            while let Some((stream, peer)) = accepted.recv().await {
                // Without this every small answer waits 40 ms for the acknowledgement of the one before it.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!("a connection from {peer} was gone at once: {error}");
                    continue;
                }
                tasks.spawn(connection(
                    stream,
                    Peer(Some(peer)),
                    service.clone(),
                    is_draining.clone(),
                ));
                reap(&mut tasks);
            }
        }
        Listener::Unix(listener) => {
            while let Some((stream, _)) = accept(listener.accept(), &stop, || listener.accept()).await {
                tasks.spawn(connection(
                    stream,
                    Peer(None),
                    service.clone(),
                    is_draining.clone(),
                ));
                reap(&mut tasks);
            }
        }
    }
    Connections { tasks, draining }
}

/// The next connection; `None` when it is time to stop.
async fn accept<T, F: Future<Output = std::io::Result<T>>>(
    first: F,
    stop: &CancellationToken,
    again: impl Fn() -> F,
) -> Option<T> {
    let mut next = first;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = next => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) if is_about_one_connection(&error) => debug!("a connection failed at once: {error}"),
            Err(error) => {
                // Most likely no file descriptors are left: some will be, when others close.
                warn!("cannot accept connections: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        next = again();
    }
}

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Forgets the tasks that are done.
fn reap(tasks: &mut JoinSet<()>) {
    while tasks.try_join_next().is_some() {}
}

async fn connection<S, I>(stream: I, peer: Peer, service: S, mut draining: watch::Receiver<()>)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        if let Peer(Some(address)) = peer {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        service.clone().oneshot(request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    let connection = http
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // It changes once; an error means that the server is gone already.
        _ = draining.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!("a connection ended early: {error}");
    }
}
