//! A client of the server: HTTP verbs that take a path below the base URL, and WebSockets.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use wire::Subprotocol;

use crate::socket::{Refused, TestSocket};
use crate::wait::within;

/// Somebody who talks to a [`crate::TestServer`]. Follows no redirect, and keeps cookies only when asked to.
#[derive(Clone)]
pub struct TestClient {
    http: reqwest::Client,
    /// `http://127.0.0.1:1234/base/`.
    url: String,
    headers: HeaderMap,
}

impl TestClient {
    pub(crate) fn new(url: String, headers: HeaderMap) -> Self {
        Self {
            http: client(false),
            url,
            headers,
        }
    }

    /// A client of another server than the test's own, which shows a token: of the reference.
    pub fn of_another_server(url: &str, token: &str) -> Self {
        let anybody = Self::new(url.to_owned(), HeaderMap::new());
        anybody.with_header("authorization", &format!("token {token}"))
    }

    /// The same standing with a cookie jar of its own, as a browser has one.
    #[must_use]
    pub fn with_cookies(&self) -> Self {
        Self {
            http: client(true),
            url: self.url.clone(),
            headers: self.headers.clone(),
        }
    }

    /// The same, but through another address, as that of a proxy.
    #[must_use]
    pub fn through(&self, address: std::net::SocketAddr) -> Self {
        let url = self.url.parse::<http::Uri>().expect("a URL");
        Self {
            url: format!("http://{address}{}", url.path()),
            ..self.clone()
        }
    }

    /// The same with one more header on every request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let name: HeaderName = name.parse().expect("the name of a header");
        client
            .headers
            .insert(name, HeaderValue::from_str(value).expect("the value of a header"));
        client
    }

    /// The URL of a path below the base URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}", self.url, path.trim_start_matches('/'))
    }

    /// A request to be filled in and given to [`send`](Self::send).
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, self.url(path))
            .headers(self.headers.clone())
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        within("an answer", async {
            let response = request.send().await.expect("an answer of the server");
            let (status, headers) = (response.status(), response.headers().clone());
            let what = format!("{} {}", status, response.url());
            let body = response.bytes().await.expect("the body of the answer").to_vec();
            Answer {
                what,
                status,
                headers,
                body,
            }
        })
        .await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// HEAD.
    pub async fn head(&self, path: &str) -> Answer {
        self.send(self.request(Method::HEAD, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// OPTIONS.
    pub async fn options(&self, path: &str) -> Answer {
        self.send(self.request(Method::OPTIONS, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::POST, path, body).await
    }

    /// POST without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::PUT, path, body).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::PATCH, path, body).await
    }

    async fn with_body(&self, method: Method, path: &str, body: &Value) -> Answer {
        // Sent as the front ends send it.
        let request = self
            .request(method, path)
            .header("content-type", "text/plain;charset=UTF-8");
        self.send(request.body(body.to_string())).await
    }

    /// Opens the channels of a kernel.
    pub async fn channels(&self, kernel_id: &str, session_id: &str, subprotocol: Subprotocol) -> TestSocket {
        let path = format!("/api/kernels/{kernel_id}/channels?session_id={session_id}");
        match self.try_websocket(&path, subprotocol).await {
            Ok(socket) => socket,
            Err(refused) => panic!("the channels of kernel {kernel_id} were refused: {refused:?}"),
        }
    }

    /// Opens the channels of a kernel where connections break; `None` when this one did.
    pub async fn channels_unless_broken(
        &self,
        kernel_id: &str,
        session_id: &str,
        subprotocol: Subprotocol,
    ) -> Option<TestSocket> {
        let path = format!("/api/kernels/{kernel_id}/channels?session_id={session_id}");
        TestSocket::connect_unless_broken(&self.url(&path), &self.headers, subprotocol)
            .await?
            .ok()
    }

    /// Opens a WebSocket, or tells how it was refused.
    pub async fn try_websocket(&self, path: &str, subprotocol: Subprotocol) -> Result<TestSocket, Refused> {
        TestSocket::connect(&self.url(path), &self.headers, subprotocol).await
    }
}

fn client(cookies: bool) -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .cookie_store(cookies)
        // The tests' own server is never behind a proxy.
        .no_proxy()
        .build()
        .expect("an HTTP client")
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status and URL, for messages.
    what: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Itself, if the status is this one.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "most tests only want the check")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.what, self.text());
        self
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{}: no JSON ({error}): {}", self.what, self.text()),
        }
    }

    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The value of a cookie the answer sets.
    pub fn cookie(&self, name_begins_with: &str) -> Option<String> {
        let cookies = self.headers.get_all(http::header::SET_COOKIE).into_iter();
        cookies
            .filter_map(|cookie| cookie.to_str().ok())
            .find_map(|cookie| {
                let (name, rest) = cookie.split_once('=')?;
                name.starts_with(name_begins_with)
                    .then(|| rest.split(';').next().unwrap_or_default().to_owned())
            })
    }
}
