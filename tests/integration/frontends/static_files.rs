//! Files of the front ends, and what is not one.

use super::site::{builder, page_config};

#[tokio::test]
async fn files_of_all_front_ends_are_public_and_kept_by_browsers() {
    let server = builder().start().await;
    let lab = server.as_owner().get("/lab").await.expect(200);
    let html = lab.text();
    let script = html
        .split("src=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a script");
    let answer = server.anonymous().get(script).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/javascript");
    assert!(
        script.contains("?v=") && answer.header("cache-control").contains("max-age=31536000"),
        "{script}"
    );

    let extension = page_config(&lab)["federated_extensions"][0].clone();
    let (name, load) = (
        extension["name"].as_str().expect("a name"),
        extension["load"].as_str().expect("a file"),
    );
    for path in [
        format!("/lab/extensions/{name}/{load}"),
        "/static/favicons/favicon-busy-1.ico".to_owned(),
        "/static/base/images/favicon-notebook.ico".to_owned(),
        "/static/nbclassic/components/requirejs/require.js".to_owned(),
        "/static/nbclassic/js/main.min.js".to_owned(),
        "/nbextensions/jupyter-js-widgets/extension.js".to_owned(),
        "/static/adrastea/style.css".to_owned(),
        "/favicon.ico".to_owned(),
        "/robots.txt".to_owned(),
    ] {
        let answer = server.anonymous().get(&path).await.expect(200);
        assert!(!answer.body.is_empty(), "{path}");
        assert!(!answer.header("cache-control").contains("immutable"), "{path}");
    }
}

#[tokio::test]
async fn an_unchanged_file_is_a_304_and_a_part_of_one_is_a_206() {
    let server = builder().start().await;
    let path = "/static/favicons/favicon.ico";
    let whole = server.anonymous().get(path).await.expect(200);
    let since = server
        .anonymous()
        .with_header("if-modified-since", whole.header("last-modified"));
    let _ = since.get(path).await.expect(304);
    let part = server
        .anonymous()
        .with_header("range", "bytes=0-3")
        .get(path)
        .await
        .expect(206);
    assert_eq!(part.body, whole.body[..4]);
    assert_eq!(
        server
            .anonymous()
            .head(path)
            .await
            .expect(200)
            .header("content-length"),
        whole.body.len().to_string()
    );
}

#[tokio::test]
async fn nothing_outside_is_served() {
    let server = builder().start().await;
    for path in [
        "/static/",
        "/static/lab",
        "/static/lab/none.js",
        "/static/..%2f..%2f__init__.py",
        "/static/lab/..%2F..%2F..%2Fkernels%2Fpython3%2Fkernel.json",
        "/static/nbclassic/%2Fetc%2Fpasswd",
        "/lab/extensions/..%2F..%2Fkernels%2Fpython3%2Fkernel.json",
        "/nbextensions/none.js",
        "/static/adrastea/../../x",
    ] {
        let _ = server.anonymous().get(path).await.expect(404);
    }
    let _ = server
        .anonymous()
        .get("/lab/api/themes/..%2Fschemas%2Fx")
        .await
        .expect(404);
}

#[tokio::test]
async fn themes_refer_to_their_own_files() {
    let server = builder().setting("ServerApp.base_url", "/x/").start().await;
    let path = "/lab/api/themes/@jupyterlab/theme-dark-extension/index.css";
    let style = server.anonymous().get(path).await.expect(200);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(style.text().contains("--jp-layout-color0"), "{}", style.text());
    let _ = server
        .anonymous()
        .get("/lab/api/themes/none/index.css")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_users_own_style_comes_first_and_is_for_users() {
    let server = builder()
        .config_file("custom/custom.css", "body { color: red }")
        .start()
        .await;
    let owner = server.as_owner();
    assert_eq!(
        owner.get("/custom/custom.css").await.expect(200).text(),
        "body { color: red }"
    );
    for path in ["/custom/custom.js", "/custom/custom-preload.js"] {
        assert_eq!(
            owner.get(path).await.expect(200).header("content-type"),
            "text/javascript",
            "{path}"
        );
    }
    let _ = owner.get("/custom/none.js").await.expect(404);
    let _ = server.anonymous().get("/custom/custom.css").await.expect(302);
}
