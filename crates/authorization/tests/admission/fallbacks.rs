//! What is no route, or not with this method.

use http::StatusCode;

use crate::service::{WITH_TOKEN, ask, below, get, owner, post};

#[tokio::test]
async fn a_trailing_slash_goes_and_the_query_stays() {
    for (base, path, location) in [
        ("/", "/foo/", "/foo"),
        ("/", "/foo/?a=b&c", "/foo?a=b&c"),
        ("/", "////foo///", "/foo"),
        ("/", "//example.com/", "/example.com"),
        ("/", r"/\example.com/", "/%5Cexample.com"),
        ("/", "/api/kernels/", "/api/kernels"),
        ("/a%40b/", "/a@b/x%20y/", "/a%40b/x%20y"),
        ("/a%40b/", "/a%40b//example.com/", "/a%40b/example.com"),
    ] {
        let answer = get(&below(base), path, &[]).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::FOUND, location),
            "{path}"
        );
    }
    let posted = post(&owner(), "/foo/", &[]).await;
    assert_eq!(posted.status, StatusCode::FOUND);
}

#[tokio::test]
async fn what_is_not_there_is_the_404_page_also_below_api() {
    for path in ["/nowhere", "/api/nowhere", "/api/kernels/not-a-number", "/"] {
        let answer = get(&owner(), path, &[WITH_TOKEN]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::NOT_FOUND, "<h1>404</h1>"),
            "{path}"
        );
    }
    let elsewhere = get(&below("/x/"), "/api", &[]).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn routes_are_below_the_base_url_however_it_is_encoded() {
    for path in ["/a%40b/api", "/a@b/api"] {
        assert_eq!(get(&below("/a%40b/"), path, &[]).await.body, "version", "{path}");
    }
    let cookie = get(&below("/a%40b"), "/a%40b/api/me", &[WITH_TOKEN]).await;
    assert!(
        cookie.header("set-cookie").contains("Path=/a%40b/;"),
        "{cookie:?}"
    );
}

#[tokio::test]
async fn a_path_route_serves_its_root_in_both_forms_and_decodes_names_once() {
    let server = owner();
    for (path, expected) in [
        ("/files", "file "),
        ("/files/", "file "),
        ("/files/a%20b/%C3%A9", "file a b/é"),
        ("/files/100%2525", "file 100%25"),
        ("/files/a%2Fb", "file a/b"),
    ] {
        assert_eq!(get(&server, path, &[WITH_TOKEN]).await.body, expected, "{path}");
    }
    assert_eq!(
        get(&server, "/files/%FF", &[WITH_TOKEN]).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_method_a_route_does_not_know_is_405_in_json() {
    let answer = ask(&owner(), "PUT", "/api/me", &[WITH_TOKEN], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.body, r#"{"message":"Method Not Allowed","reason":null}"#);
}

#[tokio::test]
async fn head_is_get_without_a_body_and_needs_the_same() {
    assert_eq!(
        ask(&owner(), "HEAD", "/api/me", &[], "").await.status,
        StatusCode::FORBIDDEN
    );
    let answer = ask(&owner(), "HEAD", "/api/me", &[WITH_TOKEN], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn options_are_answered_anywhere_with_the_cors_headers() {
    for path in ["/api/kernels", "/nowhere"] {
        let answer = ask(&owner(), "OPTIONS", path, &["origin: https://evil.org"], "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "accept, content-type, authorization, x-xsrftoken"
        );
        assert_eq!(
            answer.header("access-control-allow-methods"),
            "GET, PUT, POST, PATCH, DELETE, OPTIONS"
        );
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}
