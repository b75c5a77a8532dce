//! What somebody reads who starts the server for the first time.

use super::process::Home;

/// The status of the first URL in the log, as a browser would see it.
async fn status_of_shown_url(log: &str, path: &str) -> u16 {
    let url = log
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .expect("a URL");
    assert!(url.contains(path), "{url}");
    let client = reqwest::Client::builder()
        .no_proxy()
        .cookie_store(true)
        .build()
        .expect("a client");
    client.get(url).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_front_end_that_is_missing_leads_to_the_page_that_says_how_to_get_it() {
    let home = Home::new().with_variable("PATH", "/nowhere");
    home.write("root/a.ipynb", "{}");
    for arguments in [
        &["lab"][..],
        &["notebook"],
        &["nbclassic"],
        &["notebook", "a.ipynb"],
    ] {
        let server = home.start(&[arguments, &["--port=0"]].concat()).await;
        assert_eq!(status_of_shown_url(&server.log(), "/home?token=").await, 200);
        let pages = std::fs::read_dir(home.path("runtime")).expect("the runtime directory");
        let opened = pages
            .flatten()
            .find(|entry| entry.path().extension().is_some_and(|it| it == "html"));
        let opened = std::fs::read_to_string(opened.expect("a page to open").path()).expect("a page");
        assert!(opened.contains("/home?token="), "{opened}");
        drop(server);
        std::fs::remove_dir_all(home.path("runtime")).expect("a stopped server");
    }
}

#[tokio::test]
async fn without_a_front_end_asked_for_the_root_is_shown() {
    let home = Home::new().with_variable("PATH", "/nowhere");
    let server = home.start(&["--port=0"]).await;
    assert_eq!(status_of_shown_url(&server.log(), "/?token=").await, 200);
}

#[tokio::test]
async fn kernels_are_listed_with_their_directories() {
    let home = Home::new();
    let server = home.start(&["--port=0"]).await;
    let line = format!("python3  {}", home.path("data/kernels/python3").display());
    assert_eq!(server.log().matches(&line).count(), 1, "{}", server.log());
}
