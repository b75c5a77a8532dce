//! What happens to every request before it is routed, and to every answer after it. Read from top to bottom.

mod access_log;
mod entity_tag;
mod headers;
mod panics;

use std::convert::Infallible;
use std::sync::Arc;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use http::{Request, Response};

use hyper::body::Incoming;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};
use tower_http::body::Limited;
use tower_http::limit::RequestBodyLimitLayer;

pub(crate) use access_log::AccessLog;
pub(crate) use headers::ResponseHeaders;

/// The whole stack, ready to be given connections.
pub(crate) type Stack = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// Puts the layers around the routes.
pub(crate) fn stack<S, B>(
    routes: S,
    access_log: AccessLog,
    headers: ResponseHeaders,
    body_bytes_max: usize,
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
        // A body that says it is too large is refused before any of it is read; our limit takes the place of axum's.
        .layer(RequestBodyLimitLayer::new(body_bytes_max))
        .map_request(|request: Request<Limited<Body>>| request.map(Body::new))
        .layer(DefaultBodyLimit::disable())
        .service(routes);
    BoxCloneSyncService::new(layers)
}
