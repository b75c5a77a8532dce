//! A small server behind the guard, and requests to it.

use std::{sync::Arc, time::SystemTime};

use authorization::{
    Activity, Anyone, Authorized, Authorizer, Collection, ErrorPages, Execute, Guard, GuardedRouter,
    GuardedService, Identified, NotFound, Ownership, PageError, Read, Resource, ResourceKind, ResourceRef,
    Site, Write, policies,
};
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use identity::{BaseUrl, IdentityConfig, IdentityProvider};
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "the-token";

pub(crate) enum Kernels {}

impl Resource for Kernels {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Kernels];
    const PARAMETER: &'static str = "kernel_id";
    type Name = u32;

    fn missing(id: &u32) -> NotFound {
        NotFound::Json(format!("Kernel does not exist: {id}"))
    }
}

pub(crate) enum Files {}

impl Resource for Files {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Contents];
    const PARAMETER: &'static str = "path";
    type Name = String;

    fn references(name: &String) -> Vec<ResourceRef> {
        vec![ResourceRef::path(ResourceKind::Contents, name)]
    }
}

async fn version(_anyone: Anyone) -> &'static str {
    "version"
}
async fn me(auth: Identified) -> String {
    auth.identity().username.to_string()
}
async fn create(auth: Authorized<Write, Collection<Kernels>>) -> &'static str {
    if auth.claim::<Kernels>(&7).await.is_ok() {
        "created"
    } else {
        "somebody else has it"
    }
}
async fn kernel(auth: Authorized<Read, Kernels>) -> Result<String, NotFound> {
    match auth.resource() {
        7 => Ok("kernel 7".to_owned()),
        other => Err(Kernels::missing(other)),
    }
}
async fn channels(_auth: Authorized<Execute, Kernels>) -> &'static str {
    "upgraded"
}
async fn file(auth: Authorized<Read, Files>) -> Result<String, authorization::Denied> {
    auth.comes_from_our_pages()?;
    Ok(format!("file {}", auth.resource()))
}
async fn page(auth: Authorized<Read, Files>) -> String {
    auth.xsrf_token().expect("random numbers")
}
async fn report(_auth: Identified) {}
async fn public_form(anyone: Anyone, body: String) -> Result<&'static str, authorization::Denied> {
    anyone.check_form(Some(&body).filter(|body| !body.is_empty()).map(String::as_str))?;
    Ok("taken")
}

struct PlainPages;

impl ErrorPages for PlainPages {
    fn render(&self, error: &PageError<'_>) -> String {
        format!("<h1>{}</h1>{}", error.status.as_u16(), error.message)
    }
}

pub(crate) fn config() -> IdentityConfig {
    IdentityConfig {
        token: TOKEN.to_owned(),
        cookie_secret: b"secret".to_vec(),
        ..IdentityConfig::default()
    }
}

/// The server with this policy and these settings.
pub(crate) fn serve(
    authorizer: Arc<dyn Authorizer>,
    ownership: Ownership,
    config: IdentityConfig,
) -> GuardedService {
    let guard = Guard::new(authorizer, ownership);
    let site = Site {
        pages: Arc::new(PlainPages),
        activity: Activity::since(SystemTime::UNIX_EPOCH),
    };
    let provider = IdentityProvider::new(config).expect("good settings");
    GuardedRouter::new(guard)
        .get("/api", version)
        .get("/api/me", me)
        .post("/api/kernels", create)
        .get("/api/kernels/{kernel_id}", kernel)
        .websocket("/api/kernels/{kernel_id}/channels", channels)
        .get("/files/{*path}", file)
        .get("/tree/{*path}", page)
        .post_checking_forgery_itself("/api/report", report, "a test")
        .post_checking_forgery_itself("/form", public_form, "a test")
        .into_service((), provider, site)
}

pub(crate) fn owner() -> GuardedService {
    serve(policies::owner(), Ownership::in_memory(), config())
}

pub(crate) fn below(base_url: &str) -> GuardedService {
    let config = IdentityConfig {
        base_url: BaseUrl::new(base_url),
        ..config()
    };
    serve(policies::owner(), Ownership::in_memory(), config)
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// `name=value` of each cookie that is set.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let set = self
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().expect("ASCII"));
        set.filter_map(|cookie| cookie.split(';').next())
            .map(str::to_owned)
            .collect()
    }
}

/// Sends a request with headers given as `name: value`, and a body.
pub(crate) async fn ask(
    service: &GuardedService,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|header| header.starts_with("host:")) {
        request = request.header("host", "localhost:8888");
    }
    for header in headers {
        let (name, value) = header.split_once(": ").expect("`name: value`");
        request = request.header(name, value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let Ok(response) = service.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body in memory").to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

pub(crate) async fn get(service: &GuardedService, path: &str, headers: &[&str]) -> Answer {
    ask(service, "GET", path, headers, "").await
}

pub(crate) async fn post(service: &GuardedService, path: &str, headers: &[&str]) -> Answer {
    ask(service, "POST", path, headers, "").await
}

pub(crate) const WITH_TOKEN: &str = "authorization: token the-token";

/// The header with the cookies of somebody who logged in.
pub(crate) async fn logged_in(service: &GuardedService) -> String {
    let answer = get(service, "/api/me", &[WITH_TOKEN]).await;
    format!("cookie: {}", answer.cookies().first().expect("a login cookie"))
}
