//! The finished service: base URL, identification, routes. Nothing can be added behind the guard's back.
#![expect(
    clippy::disallowed_types,
    reason = "it holds the one router that `router.rs` built"
)]

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use futures::future::BoxFuture;
use http::{Method, StatusCode, Uri, request::Parts, uri::PathAndQuery};
use identity::IdentityProvider;
use tower::{Service, ServiceExt};

use crate::{
    Site, Surface, fallback,
    identify::{Identification, identify},
    refusal::{error_for, page},
};

/// What the page says to a browser that came under another name than this server's own.
const FOREIGN_HOST: &str = "This server answers to local names only. Whoever runs it can allow others with \
    ServerApp.allow_remote_access=True.";

/// The API's own state of health and version: asking for them is no activity.
const NO_ACTIVITY: [&str; 4] = [
    "/api",
    "/api/status",
    "/api/resolvePath",
    "/api/security/csp-report",
];

/// All routes behind the guard, ready to be served. A cheap clone.
#[derive(Clone)]
pub struct GuardedService {
    router: Router,
    provider: IdentityProvider,
    site: Arc<Site>,
}

impl GuardedService {
    pub(crate) fn new(router: Router, provider: IdentityProvider, site: Site) -> Self {
        let router = router
            .fallback(async |request: Request| {
                let (parts, _) = request.into_parts();
                fallback::not_found(&parts)
            })
            .method_not_allowed_fallback(async || fallback::method_not_allowed());
        Self {
            router,
            provider,
            site: Arc::new(site),
        }
    }

    async fn answer(self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let below = self
            .provider
            .base_url()
            .strip(parts.uri.path())
            .map(str::to_owned);
        if let Some(below) = &below {
            parts.uri = with_path(&parts.uri, below);
        }
        let surface = Surface::of(parts.uri.path());
        let identification = identify(&parts, &self.provider, &self.site).await;
        // Cookies and headers of the response depend on the head of the request, which the handler consumes.
        let head = head_of(&parts);
        let mut response = if !self.provider.check_host(&parts) {
            let sentence = if surface == Surface::Page {
                FOREIGN_HOST
            } else {
                "Forbidden"
            };
            error_for(
                &parts,
                Some(&identification.visitor),
                surface,
                StatusCode::FORBIDDEN,
                sentence,
            )
        } else if parts.method == Method::OPTIONS {
            fallback::options(&parts, &identification.visitor)
        } else if below.is_none() {
            page(&parts, Some(&identification.visitor), StatusCode::NOT_FOUND, "")
        } else {
            parts.extensions.insert(identification.visitor.clone());
            let routed = self
                .router
                .clone()
                .oneshot(Request::from_parts(parts, body))
                .await;
            routed.unwrap_or_else(|never| match never {})
        };
        self.finish(&head, &identification, surface, &mut response);
        response
    }

    /// What every response gets.
    fn finish(
        &self,
        head: &Parts,
        identification: &Identification,
        surface: Surface,
        response: &mut Response,
    ) {
        let visitor = &identification.visitor;
        identification.finish(head, response);
        let by = visitor.who.as_ref().map(|(_, by)| *by);
        for (name, value) in self.provider.cors_headers(&head.headers, by) {
            response.headers_mut().entry(name).or_insert(value);
        }
        let counts = surface == Surface::Api
            && by.is_some()
            && !NO_ACTIVITY.contains(&head.uri.path())
            && !head
                .uri
                .query()
                .is_some_and(|query| query.contains("no_track_activity"));
        if counts {
            self.site.activity.touch(SystemTime::now());
        }
    }
}

impl Service<Request<Body>> for GuardedService {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each request gets a clone of the router, which is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

/// The head of a request without what layers put into it.
fn head_of(parts: &Parts) -> Parts {
    let (mut head, ()) = http::Request::new(()).into_parts();
    head.method = parts.method.clone();
    head.uri = parts.uri.clone();
    head.headers = parts.headers.clone();
    head
}

/// The same address with another path.
fn with_path(uri: &Uri, path: &str) -> Uri {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path_and_query.ok().or(parts.path_and_query);
    // A part of a valid path after a slash is a valid path, so this does not fail; if it did, the old address is no
    // route and ends as a 404.
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
