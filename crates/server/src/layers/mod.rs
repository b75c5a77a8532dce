//! What happens to every request before it is routed, and to every answer after it. Read from top to bottom.

mod access_log;
mod body_limit;
mod entity_tag;
mod headers;
mod panics;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use http::{Request, Response};

use hyper::body::Incoming;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutBody};

pub(crate) use access_log::AccessLog;
pub(crate) use body_limit::BodyLimit;
pub(crate) use headers::ResponseHeaders;

/// How long nothing of a request's body may arrive while it is read. However slow, what moves is not cut off.
const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The whole stack, ready to be given connections.
pub(crate) type Stack = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// Puts the layers around the routes.
pub(crate) fn stack<S, B>(
    routes: S,
    access_log: AccessLog,
    headers: ResponseHeaders,
    body_limit: BodyLimit,
) -> Stack
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let layers = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(Body::new))
        // Outermost, so that what is logged is what was sent.
        .layer(from_fn_with_state(Arc::new(access_log), access_log::write))
        // Outside of all that can answer by itself: refusals need these headers, too.
        .layer(from_fn_with_state(Arc::new(headers), headers::add))
        .layer(from_fn(entity_tag::answer))
        .layer(from_fn(panics::catch))
        // Our limit takes the place of axum's.
        .layer(from_fn_with_state(Arc::new(body_limit), body_limit::apply))
        .layer(RequestBodyTimeoutLayer::new(BODY_STALL_TIMEOUT))
        .map_request(|request: Request<TimeoutBody<Body>>| request.map(Body::new))
        .layer(DefaultBodyLimit::disable())
        .service(routes);
    BoxCloneSyncService::new(layers)
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequest;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;
    use tower::ServiceExt;

    use super::*;

    /// The first line of the answer to `sent`, from a handler that wants the whole body.
    async fn answer_to(sent: &[u8], then: impl AsyncFnOnce(&mut tokio::io::DuplexStream)) -> String {
        let routes = tower::service_fn(async |request: Request<Body>| {
            let read = Bytes::from_request(request, &()).await;
            let status = read.map_or_else(|rejection| rejection.status(), |_| http::StatusCode::OK);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        });
        let base_url = identity::BaseUrl::new("/");
        let limit = BodyLimit {
            base_url: base_url.clone(),
            bytes_max: 1000,
        };
        let headers = ResponseHeaders::new(base_url, Vec::new());
        let stack = stack(routes, AccessLog::default(), headers, limit);
        let (mut client, server) = tokio::io::duplex(4096);
        let service = service_fn(move |request| stack.clone().oneshot(request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let serving = tokio::spawn(connection);
        client.write_all(sent).await.expect("a server that reads");
        then(&mut client).await;
        let mut answer = vec![0; 4096];
        let count = client.read(&mut answer).await.expect("an answer");
        serving.abort();
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let start = Instant::now();
        let line = answer_to(HEAD, async |_| {}).await;
        assert_eq!(line, "HTTP/1.1 400 Bad Request");
        assert!(start.elapsed() >= BODY_STALL_TIMEOUT);
        assert!(start.elapsed() < 2 * BODY_STALL_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_not() {
        let slowly = async |client: &mut tokio::io::DuplexStream| {
            for _ in 0..3 {
                tokio::time::sleep(BODY_STALL_TIMEOUT * 3 / 4).await;
                client.write_all(b"x").await.expect("a server that reads");
            }
        };
        assert_eq!(answer_to(HEAD, slowly).await, "HTTP/1.1 200 OK");
    }
}
