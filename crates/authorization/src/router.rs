//! The guarded router: the only way to register a handler, and the table of what is registered.
#![expect(
    clippy::disallowed_types,
    reason = "this is the one place that builds an axum router"
)]

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    routing::{MethodFilter, on},
};

use identity::IdentityProvider;

use crate::{
    Access, DeclaresAccess, ForgeryCheck, Guard, GuardedHandler, GuardedService, Requirement, Site, Surface,
    access::{Route, sealed::Admit},
};

/// The largest body of a request, in bytes, where the router was not told otherwise.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Routes behind one guard. A handler's first argument says who may call it; a handler without one does not compile.
///
/// A path ending in `/{*path}` also serves the two forms of its root: `/api/contents/{*path}` is `/api/contents`
/// and `/api/contents/` too, with an empty name. Registering the same method and path twice panics at start.
pub struct GuardedRouter<S> {
    guard: Guard,
    router: Router<S>,
    table: Vec<RouteEntry>,
    body_limit: DefaultBodyLimit,
}

/// One line of the route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// `GET` (which answers HEAD too), `POST`, …, or `WEBSOCKET`.
    pub method: &'static str,
    /// The path below the base URL, as registered.
    pub path: &'static str,
    /// What it asks of callers.
    pub requirement: Requirement,
    /// How refusals look.
    pub surface: Surface,
    /// The handler's name, `api::contents::rename`.
    pub handler: &'static str,
    /// Who keeps other sites' pages from using it.
    pub forgery_check: ForgeryCheck,
    /// What documentation should say about it, as "minimal so far".
    pub note: Option<&'static str>,
}

impl RouteEntry {
    /// Every path it is reachable under: itself, and for `/{*path}` the root with and without its slash.
    #[must_use]
    pub fn forms(&self) -> Vec<String> {
        forms(self.path)
    }
}

impl<S: Clone + Send + Sync + 'static> GuardedRouter<S> {
    /// No routes yet, behind this guard.
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self {
            guard,
            router: Router::new(),
            table: Vec::new(),
            body_limit: DefaultBodyLimit::max(BODY_BYTES_MAX),
        }
    }

    /// Bodies of the routes registered from here on have at most so many bytes; a larger one is a 413.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_limit = DefaultBodyLimit::max(bytes);
        self
    }

    /// Bodies of the routes registered from here on may be as large as the whole server allows. Only for routes that
    /// ask for a login: what is read lies in memory.
    #[must_use]
    pub fn bodies_as_large_as_the_server_allows(mut self) -> Self {
        self.body_limit = DefaultBodyLimit::disable();
        self
    }

    /// Registers a handler of GET, which answers HEAD too.
    #[must_use]
    pub fn get<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register("GET", MethodFilter::GET, path, handler, ForgeryCheck::ByGuard)
    }

    /// Registers a handler of POST.
    #[must_use]
    pub fn post<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register("POST", MethodFilter::POST, path, handler, ForgeryCheck::ByGuard)
    }

    /// Registers a handler of POST that must itself see to it that no other site's page sends the request in the
    /// user's name, or does no harm if one does. The reason goes into the route table.
    #[must_use]
    pub fn post_checking_forgery_itself<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
        reason: &'static str,
    ) -> Self {
        self.register(
            "POST",
            MethodFilter::POST,
            path,
            handler,
            ForgeryCheck::ByHandler(reason),
        )
    }

    /// Registers a handler of PUT.
    #[must_use]
    pub fn put<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register("PUT", MethodFilter::PUT, path, handler, ForgeryCheck::ByGuard)
    }

    /// Registers a handler of PATCH.
    #[must_use]
    pub fn patch<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register("PATCH", MethodFilter::PATCH, path, handler, ForgeryCheck::ByGuard)
    }

    /// Registers a handler of DELETE.
    #[must_use]
    pub fn delete<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register(
            "DELETE",
            MethodFilter::DELETE,
            path,
            handler,
            ForgeryCheck::ByGuard,
        )
    }

    /// Registers a handler of GET that upgrades to a WebSocket. Pages of other sites are refused unless allowed.
    #[must_use]
    pub fn websocket<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.register(
            "WEBSOCKET",
            MethodFilter::GET,
            path,
            handler,
            ForgeryCheck::ByGuard,
        )
    }

    /// Says something about the route registered last, for the documentation: `.note("minimal so far")`.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        if let Some(last) = self.table.last_mut() {
            last.note = Some(note);
        }
        self
    }

    /// The routes of both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// Every route, in the order of registration.
    #[must_use]
    pub fn table(&self) -> &[RouteEntry] {
        &self.table
    }

    /// Closes the router: from here on it can only be served. `identify` stands in front of every route, and what is
    /// no route has its answers ([`crate::fallbacks`]). Routes are written without the base URL, which is stripped here.
    #[must_use]
    pub fn into_service(self, state: S, identity: IdentityProvider, site: Site) -> GuardedService {
        GuardedService::new(self.router.with_state(state), identity, site)
    }

    /// Registers the handler behind the guard under every form of the path.
    ///
    /// # Panics
    /// At start, when the path cannot name the handler's resource or is taken.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as everywhere else one gives a handler away"
    )]
    fn register<H: GuardedHandler<T, S>, T: DeclaresAccess + 'static>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
        forgery_check: ForgeryCheck,
    ) -> Self {
        if let Err(wrong) = <T::Access as Admit>::fits(path) {
            panic!("{method} {path} cannot name its resource: {wrong}");
        }
        let surface = if method == "WEBSOCKET" {
            Surface::WebSocket
        } else {
            Surface::of(path)
        };
        self.table.push(RouteEntry {
            method,
            path,
            requirement: <T::Access as Access>::REQUIREMENT,
            surface,
            handler: std::any::type_name::<H>(),
            forgery_check,
            note: None,
        });
        let route = Route {
            surface,
            forgery_check,
        };
        let body_limit = self.body_limit;
        for form in forms(path) {
            let (guard, handler) = (self.guard.clone(), handler.clone());
            let guarded = move |State(state): State<S>, request: Request| async move {
                let (mut parts, body) = request.into_parts();
                match <T::Access as Admit>::admit(&mut parts, &guard, route).await {
                    Ok(proof) => {
                        let mut request = Request::from_parts(parts, body);
                        body_limit.apply(&mut request);
                        handler.call(proof, request, state).await
                    }
                    Err(refusal) => refusal.answer(&parts, surface),
                }
            };
            self.router = self.router.route(&form, on(filter, guarded));
        }
        self
    }
}

fn forms(path: &str) -> Vec<String> {
    match path.split_once("/{*") {
        None => vec![path.to_owned()],
        Some(("", _)) => vec!["/".to_owned(), path.to_owned()],
        Some((root, _)) => vec![root.to_owned(), format!("{root}/"), path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, extract::Query};

    use super::*;
    use crate::{
        Action, Anyone, Authorized, Collection, Identified, Ownership, Read, Resource, ResourceKind, Write,
    };

    enum Kernels {}

    impl Resource for Kernels {
        const KINDS: &'static [ResourceKind] = &[ResourceKind::Kernels];
        const PARAMETER: &'static str = "kernel_id";
        type Name = u32;
    }

    enum Files {}

    impl Resource for Files {
        const KINDS: &'static [ResourceKind] = &[ResourceKind::Contents];
        const PARAMETER: &'static str = "path";
        type Name = String;
    }

    fn guard() -> Guard {
        Guard::new(crate::policies::owner(), Ownership::in_memory())
    }

    #[test]
    fn every_shape_of_handler_is_accepted_and_stands_in_the_table() {
        async fn version(_anyone: Anyone) {}
        async fn list(auth: Identified) -> String {
            auth.identity().username.to_string()
        }
        async fn create(_auth: Authorized<Write, Collection<Kernels>>, _body: Json<()>) {}
        async fn get(auth: Authorized<Read, Kernels>) -> String {
            auth.resource().to_string()
        }
        async fn read(
            _auth: Authorized<Read, Files>,
            State(()): State<()>,
            _query: Query<Vec<(String, String)>>,
            _body: String,
        ) {
        }

        let routes = GuardedRouter::<()>::new(guard())
            .get("/api", version)
            .get("/api/kernels", list)
            .post("/api/kernels", create)
            .get("/api/kernels/{kernel_id}", get)
            .get("/files/{*path}", read)
            .note("minimal so far");

        let lines: Vec<_> = routes
            .table()
            .iter()
            .map(|entry| (entry.method, entry.path, entry.requirement))
            .collect();
        let authorized = |action, kinds| Requirement::Authorized { action, kinds };
        assert_eq!(
            lines,
            [
                ("GET", "/api", Requirement::Anyone),
                ("GET", "/api/kernels", Requirement::Identified),
                (
                    "POST",
                    "/api/kernels",
                    authorized(Action::Write, &[ResourceKind::Kernels])
                ),
                (
                    "GET",
                    "/api/kernels/{kernel_id}",
                    authorized(Action::Read, &[ResourceKind::Kernels])
                ),
                (
                    "GET",
                    "/files/{*path}",
                    authorized(Action::Read, &[ResourceKind::Contents])
                ),
            ]
        );
        let last = routes.table().last().expect("five routes");
        assert_eq!(last.note, Some("minimal so far"));
        assert_eq!(last.surface, Surface::Page);
        assert_eq!(last.forms(), ["/files", "/files/", "/files/{*path}"]);
    }

    #[test]
    #[should_panic(expected = "it has no parameter `kernel_id`")]
    fn a_route_that_cannot_name_its_resource_panics_at_start() {
        async fn get(_auth: Authorized<Read, Kernels>) {}
        let _ = GuardedRouter::<()>::new(guard()).get("/api/kernels/{id}", get);
    }

    #[test]
    #[should_panic(expected = "Overlapping method route")]
    fn a_duplicate_route_panics_at_start() {
        async fn get(_auth: Authorized<Read, Kernels>) {}
        let _ = GuardedRouter::<()>::new(guard())
            .get("/api/kernels/{kernel_id}", get)
            .get("/api/kernels/{kernel_id}", get);
    }
}
