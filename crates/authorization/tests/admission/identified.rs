//! Who is logged in, and what those see who are not.

use http::StatusCode;
use identity::IdentityConfig;

use crate::service::{WITH_TOKEN, ask, below, config, get, logged_in, owner, post, serve};
use authorization::{Ownership, policies};

#[tokio::test]
async fn without_login_an_api_says_forbidden_and_a_page_leads_to_the_login() {
    let server = owner();
    let api = get(&server, "/api/me", &[]).await;
    assert_eq!(
        (api.status, api.body.as_str()),
        (StatusCode::FORBIDDEN, r#"{"message":"Forbidden","reason":null}"#)
    );
    let page = get(&server, "/files/a%20b.txt?x=1&y", &[]).await;
    assert_eq!(page.status, StatusCode::FOUND);
    assert_eq!(
        page.header("location"),
        "/login?next=%2Ffiles%2Fa%2520b.txt%3Fx%3D1%26y"
    );
    let socket = get(&server, "/api/kernels/7/channels", &[]).await;
    assert_eq!(socket.status, StatusCode::FORBIDDEN);
    let unsafe_api = post(&server, "/api/kernels", &[]).await;
    assert_eq!(unsafe_api.status, StatusCode::FORBIDDEN);
    assert_eq!(
        unsafe_api.body,
        r#"{"message":"'_xsrf' argument missing from POST","reason":null}"#
    );
    assert_eq!(get(&server, "/api", &[]).await.body, "version");
}

#[tokio::test]
async fn the_login_page_leads_back_below_the_base_url() {
    let page = get(&below("/a%40b/"), "/a@b/tree/x", &[]).await;
    assert_eq!(page.header("location"), "/a%40b/login?next=%2Fa%2540b%2Ftree%2Fx");
}

#[tokio::test]
async fn a_token_in_query_or_header_logs_in_and_its_cookie_keeps_the_user() {
    let server = owner();
    let headers = [
        "authorization: token the-token",
        "authorization: Bearer the-token",
        "authorization: BEARER   the-token",
    ];
    for header in headers {
        assert_eq!(
            get(&server, "/api/me", &[header]).await.status,
            StatusCode::OK,
            "{header}"
        );
    }
    let first = get(&server, "/api/me?token=the-token", &[]).await;
    assert!(
        first.header("set-cookie").starts_with("username-localhost-8888="),
        "{first:?}"
    );
    assert!(first.header("set-cookie").contains("HttpOnly"));
    let cookie = format!("cookie: {}", first.cookies()[0]);
    let again = get(&server, "/api/me", &[&cookie]).await;
    assert_eq!(again.body, first.body);
    assert!(again.cookies().is_empty());
    let with_both = get(&server, "/api/me", &[WITH_TOKEN, &cookie]).await;
    assert_eq!(
        (with_both.body.as_str(), with_both.cookies().len()),
        (first.body.as_str(), 0)
    );
    let somebody_else = get(&server, "/api/me", &[WITH_TOKEN]).await;
    assert_ne!(somebody_else.body, first.body);
}

#[tokio::test]
async fn a_wrong_token_with_a_good_cookie_is_the_cookies_user() {
    let server = owner();
    assert_eq!(
        get(&server, "/api/me?token=wrong", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        get(&server, "/api/me", &["authorization: token wrong"])
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    let cookie = logged_in(&server).await;
    assert_eq!(
        get(&server, "/api/me?token=wrong", &[&cookie]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_broken_cookie_is_cleared_and_a_missing_one_is_not() {
    let server = below("/x/");
    let broken = get(&server, "/x/api/me", &["cookie: username-localhost-8888=broken"]).await;
    let cleared: Vec<_> = broken
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(cleared.len(), 2);
    assert!(cleared.iter().all(|cookie| cookie.contains("Max-Age=0")));
    assert!(
        cleared[0].contains("Path=/x/;") && cleared[1].contains("Path=/;"),
        "{cleared:?}"
    );
    assert!(get(&server, "/x/api/me", &[]).await.cookies().is_empty());
}

#[tokio::test]
async fn a_cookie_of_another_server_or_key_is_nobody() {
    let cookie = logged_in(&owner()).await;
    let other_key = IdentityConfig {
        cookie_secret: b"other".to_vec(),
        ..config()
    };
    let other = serve(policies::owner(), Ownership::in_memory(), other_key);
    assert_eq!(
        get(&other, "/api/me", &[&cookie]).await.status,
        StatusCode::FORBIDDEN
    );
    let other_port = get(&owner(), "/api/me", &[&cookie, "host: localhost:9999"]).await;
    assert_eq!(other_port.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_authentication_off_everybody_is_an_anonymous_user_whom_the_cookie_keeps() {
    let off = IdentityConfig {
        token: String::new(),
        ..config()
    };
    let server = serve(policies::owner(), Ownership::in_memory(), off);
    let first = get(&server, "/api/me", &[]).await;
    assert_eq!(first.status, StatusCode::OK);
    let again = get(&server, "/api/me", &[&format!("cookie: {}", first.cookies()[0])]).await;
    assert_eq!(again.body, first.body);
    // Another site's page could still send requests.
    assert_eq!(
        post(&server, "/api/kernels", &[]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_foreign_host_is_refused_unless_remote_access_is_allowed() {
    let headers = [WITH_TOKEN, "host: evil.org"];
    assert_eq!(
        get(&owner(), "/api", &headers).await.status,
        StatusCode::FORBIDDEN
    );
    let open = IdentityConfig {
        allow_remote_access: true,
        ..config()
    };
    let server = serve(policies::owner(), Ownership::in_memory(), open);
    assert_eq!(get(&server, "/api", &headers).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_public_stays_public_when_unauthenticated_access_is_off() {
    let closed = IdentityConfig {
        allow_unauthenticated_access: false,
        ..config()
    };
    let server = serve(policies::owner(), Ownership::in_memory(), closed);
    assert_eq!(get(&server, "/api", &[]).await.status, StatusCode::OK);
    let nowhere = get(&server, "/nowhere", &[]).await;
    assert_eq!(
        (nowhere.status, nowhere.header("location")),
        (StatusCode::FOUND, "/login?next=%2Fnowhere")
    );
    assert_eq!(
        ask(&server, "DELETE", "/nowhere", &[], "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        get(&server, "/nowhere", &[WITH_TOKEN]).await.status,
        StatusCode::NOT_FOUND
    );
}
