//! Others find a server by its files.

use std::os::unix::fs::PermissionsExt;

use super::process::Home;

#[tokio::test]
async fn the_runtime_file_has_the_references_keys_and_goes_on_sigterm() {
    let home = Home::new();
    let mut server = home
        .start(&[
            "--ServerApp.port=0",
            "--ServerApp.base_url=/a%40b/",
            "--IdentityProvider.token=T",
        ])
        .await;
    let keys: Vec<&String> = server.info.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "base_url", "hostname", "password", "pid", "port", "root_dir", "secure", "sock", "token", "url",
            "version"
        ]
    );
    let port = &server.info["port"];
    assert_eq!(server.info["url"], format!("http://localhost:{port}/a%40b/"));
    assert_eq!(
        server.info["root_dir"],
        home.path("root").to_str().expect("a path")
    );
    let files = home.path("runtime");
    let pid = &server.info["pid"];
    for name in [
        format!("jpserver-{pid}.json"),
        format!("jpserver-{pid}-open.html"),
        "jupyter_cookie_secret".into(),
    ] {
        let mode = files.join(&name).metadata().expect(&name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let page = std::fs::read_to_string(files.join(format!("jpserver-{pid}-open.html"))).expect("a page");
    assert!(page.contains("/a%40b/?token=T"), "{page}");
    assert_eq!(server.get("api/sessions").await, 200);

    server.signal("TERM");
    assert!(server.ended().await.success());
    let left: Vec<_> = files
        .read_dir()
        .expect("files")
        .map(|it| it.expect("a file").file_name())
        .collect();
    assert_eq!(left, ["jupyter_cookie_secret"]);
}

#[tokio::test]
async fn a_token_that_was_given_is_not_shown_and_one_that_was_made_is() {
    let home = Home::new();
    let given = home
        .start(&["--port=0", "--IdentityProvider.token=very-secret"])
        .await;
    assert_eq!(given.get("api/sessions").await, 200);
    assert!(!given.log().contains("very-secret"), "{}", given.log());
    drop(given);
    let made = home.start(&["--port=0"]).await;
    assert!(made.token().len() >= 32);
    assert!(made.log().contains(&made.token()), "{}", made.log());
}
