//! The login page, as a browser uses it.

use http::Method;
use test_support::{Answer, TOKEN, TestClient, TestServer, TestServerBuilder};

/// `passwd("mypassword")` of jupyter_server 2.21.
const HASHED: &str = "argon2:$argon2id$v=19$m=10240,t=10,p=8$fzlKE7G34PnU22bliRqZPQ$IK/ChsBM/k62CH4F6sSPBgoRTA30qPwe/TilG7Wt/54";

/// Without the scheme by which tests say who they are, nothing is different here: it only looks at its own header.
fn builder() -> TestServerBuilder {
    TestServer::builder().policy("owner")
}

/// Sends the login form with these fields.
async fn submit(browser: &TestClient, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form(fields);
    let request = browser
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded");
    browser.send(request.body(body)).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

/// A browser that has seen the form, and the value of its `_xsrf`.
async fn at_the_form(server: &TestServer) -> (TestClient, String) {
    let browser = server.anonymous().with_cookies();
    let page = browser.get("/login").await.expect(200);
    let xsrf = page.cookie("_xsrf").expect("the cookie `_xsrf`");
    assert!(page.text().contains(&xsrf), "the form has the token in it");
    (browser, xsrf)
}

#[tokio::test]
async fn the_token_typed_into_the_form_logs_in_and_leads_on() {
    let server = builder().start().await;
    let (browser, xsrf) = at_the_form(&server).await;
    browser.get("/api/me").await.expect(403);

    let answer = submit(
        &browser,
        "/login?next=%2Ftree%2Fa%3Fb",
        &[("_xsrf", &xsrf), ("password", TOKEN)],
    )
    .await;
    assert_eq!(answer.expect(302).header("location"), "/tree/a?b");
    let first = browser.get("/api/me").await.expect(200).json();
    assert!(
        first["identity"]["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("Anonymous ")),
        "{first}"
    );
    assert_eq!(browser.get("/api/me").await.json(), first);
    // Whoever is logged in does not see the form again.
    assert_eq!(
        browser
            .get("/login?next=%2Flab")
            .await
            .expect(302)
            .header("location"),
        "/lab"
    );
}

#[tokio::test]
async fn a_wrong_password_is_401_with_the_form_again() {
    let server = builder().start().await;
    let (browser, xsrf) = at_the_form(&server).await;
    let answer = submit(&browser, "/login", &[("_xsrf", &xsrf), ("password", "wrong")])
        .await
        .expect(401);
    assert!(answer.text().contains("Invalid credentials"));
    assert_eq!(answer.cookie("username-"), None);
    browser.get("/api/me").await.expect(403);
}

#[tokio::test]
async fn a_form_without_its_xsrf_is_refused_as_a_page() {
    let server = builder().start().await;
    let (browser, _) = at_the_form(&server).await;
    for fields in [
        vec![("password", TOKEN)],
        vec![("_xsrf", "0123"), ("password", TOKEN)],
    ] {
        let answer = submit(&browser, "/login", &fields).await.expect(403);
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{answer:?}"
        );
        assert_eq!(answer.cookie("username-"), None);
    }
    browser.get("/api/me").await.expect(403);
}

#[tokio::test]
async fn a_hashed_password_logs_in_and_without_a_token_there_is_no_other_way() {
    let server = builder()
        .setting("PasswordIdentityProvider.hashed_password", HASHED)
        .setting("IdentityProvider.token", "")
        .start()
        .await;
    let (browser, xsrf) = at_the_form(&server).await;
    submit(&browser, "/login", &[("_xsrf", &xsrf), ("password", "")])
        .await
        .expect(401);
    submit(
        &browser,
        "/login",
        &[("_xsrf", &xsrf), ("password", "otherpassword")],
    )
    .await
    .expect(401);
    server.anonymous().get("/api/me?token=").await.expect(403);
    let answer = submit(
        &browser,
        "/login",
        &[("_xsrf", &xsrf), ("password", "mypassword")],
    )
    .await;
    assert_eq!(answer.expect(302).header("location"), "/");
    browser.get("/api/me").await.expect(200);
}

#[tokio::test]
async fn the_form_leads_nowhere_else() {
    let server = builder().setting("ServerApp.base_url", "/a%40b/").start().await;
    let (browser, xsrf) = at_the_form(&server).await;
    for next in [
        r"\\tree",
        "//host",
        "///google.com",
        "https:///a%40b/extra",
        "https://evil.org/",
        "/other",
    ] {
        let query = form(&[("next", next)]);
        let answer = submit(
            &browser,
            &format!("/login?{query}"),
            &[("_xsrf", &xsrf), ("password", TOKEN)],
        )
        .await;
        assert_eq!(answer.expect(302).header("location"), "/a%40b/", "{next}");
    }
    let fields = [("_xsrf", xsrf.as_str()), ("password", TOKEN)];
    let kept = submit(&browser, "/login?next=%2Fa%2540b%2Ftree%2F%2Fsomething", &fields)
        .await
        .expect(302);
    assert_eq!(kept.header("location"), "/a%40b/tree//something");
}

#[tokio::test]
async fn logging_out_removes_the_cookie_and_works_for_anyone() {
    let server = builder().start().await;
    let (browser, xsrf) = at_the_form(&server).await;
    submit(&browser, "/login", &[("_xsrf", &xsrf), ("password", TOKEN)])
        .await
        .expect(302);
    browser.get("/api/me").await.expect(200);
    let page = browser.get("/logout").await.expect(200);
    assert!(page.text().contains("Successfully logged out."));
    browser.get("/api/me").await.expect(403);
    server.anonymous().get("/logout").await.expect(200);
}

#[tokio::test]
async fn a_login_survives_a_restart_of_the_server_but_not_a_new_password() {
    let server = builder().start().await;
    let (browser, xsrf) = at_the_form(&server).await;
    let login = submit(&browser, "/login", &[("_xsrf", &xsrf), ("password", TOKEN)])
        .await
        .expect(302);
    let cookie = login.cookie("username-").expect("a login cookie");
    assert!(!cookie.is_empty());
    // What keeps it is the file with the secret, which only its owner reads.
    let secret = server.runtime_dir().join("jupyter_cookie_secret");
    let metadata = std::fs::metadata(&secret).expect("the file with the secret");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(metadata.permissions().mode() & 0o077, 0);
    }
    assert!(metadata.len() >= 32);
}
