//! Requests that another site's page may have sent in the name of a user.

use authorization::{Ownership, policies};
use http::StatusCode;
use identity::IdentityConfig;

use crate::service::{WITH_TOKEN, ask, config, get, logged_in, owner, post, serve};

#[tokio::test]
async fn a_cookie_alone_changes_nothing_without_its_xsrf() {
    let server = owner();
    let login = logged_in(&server).await;
    let refused = post(&server, "/api/kernels", &[&login]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let both = format!("{login}; _xsrf=0123456789abcdef");
    for (headers, path, expected) in [
        (
            vec![both.as_str(), "x-xsrftoken: 0123456789abcdef"],
            "/api/kernels",
            StatusCode::OK,
        ),
        (
            vec![both.as_str()],
            "/api/kernels?_xsrf=0123456789abcdef",
            StatusCode::OK,
        ),
        (
            vec![both.as_str(), "x-xsrftoken: other"],
            "/api/kernels",
            StatusCode::FORBIDDEN,
        ),
        (
            vec![login.as_str(), "x-xsrftoken: 0123456789abcdef"],
            "/api/kernels",
            StatusCode::FORBIDDEN,
        ),
    ] {
        assert_eq!(
            post(&server, path, &headers).await.status,
            expected,
            "{headers:?} {path}"
        );
    }
    assert_eq!(
        post(&server, "/api/kernels", &[WITH_TOKEN]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_xsrf_check_can_be_switched_off_but_not_the_origin_check() {
    let off = IdentityConfig {
        disable_check_xsrf: true,
        ..config()
    };
    let server = serve(policies::owner(), Ownership::in_memory(), off);
    let login = logged_in(&server).await;
    let foreign = post(&server, "/api/kernels", &[&login, "origin: https://evil.org"]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(
        post(&server, "/api/kernels", &[&login]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_api_hides_from_pages_of_other_sites() {
    let server = owner();
    let login = logged_in(&server).await;
    let foreign = "origin: https://evil.org";
    assert_eq!(
        get(&server, "/api/me", &[&login, foreign]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get(&server, "/api/me", &[WITH_TOKEN, foreign]).await.status,
        StatusCode::OK
    );
    assert_eq!(
        get(&server, "/api/me", &[&login, "origin: http://localhost:8888"])
            .await
            .status,
        StatusCode::OK
    );
    let socket = get(&server, "/api/kernels/7/channels", &[&login, foreign]).await;
    assert_eq!(socket.status, StatusCode::FORBIDDEN);
    assert_eq!(
        get(&server, "/api/kernels/7/channels", &[&login]).await.body,
        "upgraded"
    );
    assert_eq!(
        get(&server, "/tree/x", &[&login, foreign]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_allowed_origin_may_and_is_told_so() {
    let open = IdentityConfig {
        allow_origin: "https://good.org".to_owned(),
        allow_credentials: true,
        ..config()
    };
    let server = serve(policies::owner(), Ownership::in_memory(), open);
    let login = logged_in(&server).await;
    let answer = get(&server, "/api/me", &[&login, "origin: https://good.org"]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "https://good.org");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let other = get(&server, "/api/me", &[&login, "origin: https://good.org.evil.org"]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_has_the_token_may_use_it_from_any_page() {
    let answer = get(&owner(), "/api/me", &[WITH_TOKEN, "origin: https://any.org"]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://any.org");
    assert_eq!(
        get(&owner(), "/api", &["origin: https://any.org"])
            .await
            .header("access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn a_file_is_not_embedded_by_other_sites() {
    let server = owner();
    let login = logged_in(&server).await;
    let nobody = get(&server, "/files/x", &[&login]).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    assert!(
        nobody.body.contains("Blocking request from unknown origin"),
        "{}",
        nobody.body
    );
    let evil = get(&server, "/files/x", &[&login, "referer: https://evil.org/"]).await;
    assert!(
        evil.body
            .contains("Blocking Cross Origin request from https://evil.org/."),
        "{}",
        evil.body
    );
    assert_eq!(
        get(
            &server,
            "/files/x",
            &[&login, "referer: http://localhost:8888/lab"]
        )
        .await
        .body,
        "file x"
    );
    assert_eq!(get(&server, "/files/x", &[WITH_TOKEN]).await.body, "file x");
    let xsrf = format!("{login}; _xsrf=abc");
    assert_eq!(get(&server, "/files/x?_xsrf=abc", &[&xsrf]).await.body, "file x");
}

#[tokio::test]
async fn a_page_that_shows_the_xsrf_token_sets_its_cookie_once() {
    let server = owner();
    let login = logged_in(&server).await;
    let page = get(&server, "/tree/x", &[&login]).await;
    assert_eq!(page.cookies(), [format!("_xsrf={}", page.body)]);
    assert!(!page.header("set-cookie").contains("HttpOnly"));
    let again = get(&server, "/tree/x", &[&format!("{login}; _xsrf={}", page.body)]).await;
    assert_eq!(
        (again.body.as_str(), again.cookies().len()),
        (page.body.as_str(), 0)
    );
}

#[tokio::test]
async fn a_route_that_checks_itself_is_reached_without_xsrf_but_not_without_login() {
    let server = owner();
    let login = logged_in(&server).await;
    let foreign = post(&server, "/api/report", &[&login, "origin: https://evil.org"]).await;
    assert_eq!(foreign.status, StatusCode::OK);
    assert_eq!(
        post(&server, "/api/report", &[]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_public_form_needs_the_cookies_value_in_its_field() {
    let server = owner();
    let form = async |headers: &[&str], field: &str| ask(&server, "POST", "/form", headers, field).await;
    assert_eq!(form(&["cookie: _xsrf=abc"], "abc").await.body, "taken");
    let missing = form(&["cookie: _xsrf=abc"], "").await;
    assert!(
        missing.body.contains("'_xsrf' argument missing from POST"),
        "{missing:?}"
    );
    assert_eq!(
        form(&["cookie: _xsrf=abc"], "abd").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(form(&[], "abc").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        form(&["cookie: _xsrf=abc", "origin: https://evil.org"], "abc")
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}
