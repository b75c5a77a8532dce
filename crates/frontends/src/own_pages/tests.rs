use super::{
    ErrorPage, HomeEntry, HomePage, LoginPage, LogoutPage, Message, MissingEntry, OwnPages, ViewPage,
};

fn login(message: Option<Message>) -> String {
    OwnPages::new("/a%40b/").login_page(&LoginPage {
        next: "/a%40b/tree/x y?q=\"1\"&r",
        xsrf_token: "2|abc",
        message,
        login_available: true,
        token_available: true,
        allow_password_change: true,
    })
}

#[test]
fn the_login_form_has_the_fields_scripts_expect() {
    let page = login(None);
    assert!(
        page.contains(
            r#"<form action="/a%40b/login?next=/a%2540b/tree/x%20y%3Fq%3D%221%22%26r" method="post">"#
        ),
        "{page}"
    );
    assert_eq!(
        page.matches(r#"<input type="hidden" name="_xsrf" value="2|abc">"#)
            .count(),
        2
    );
    assert!(page.contains(r#"name="password" id="password_input""#));
    assert!(page.contains(r#"name="new_password""#));
    assert!(page.contains(r#"href="/a%40b/static/adrastea/style.css?v="#));
    assert!(!page.contains(r#"class="message"#));
}

#[test]
fn a_message_is_escaped_and_has_its_class() {
    let page = login(Some(Message::error("Invalid <credentials>")));
    assert!(
        page.contains(r#"<div class="message error" role="alert">"#),
        "{page}"
    );
    assert!(page.contains("Invalid &lt;credentials&gt;"));
}

#[test]
fn the_logout_page_says_so_and_leads_to_the_login_page() {
    let message = Some(Message::info("Successfully logged out."));
    let page = OwnPages::new("/").logout_page(&LogoutPage {
        message,
        login_available: true,
    });
    assert!(
        page.contains(r#"<div class="message info" role="status">"#),
        "{page}"
    );
    assert!(page.contains("Successfully logged out.") && page.contains(r#"href="/login""#));
}

#[test]
fn an_error_page_says_what_happened() {
    let page = OwnPages::new("/").error_page(&ErrorPage {
        status: 404,
        status_message: "Not Found",
        message: "<no such file>",
    });
    assert!(page.contains("<h1>404 : Not Found</h1>"), "{page}");
    assert!(page.contains("You are requesting a page that does not exist!"));
    assert!(page.contains("&lt;no such file&gt;"));
}

#[test]
fn the_start_page_names_what_is_there_and_what_is_missing() {
    let page = OwnPages::new("/").home_page(&HomePage {
        front_ends: vec![HomeEntry {
            name: "JupyterLab 4".into(),
            url: "/lab".into(),
            description: "d",
        }],
        missing: vec![MissingEntry {
            name: "NBClassic",
            command: "pip install nbclassic",
        }],
    });
    assert!(
        page.contains(r#"<a href="/lab"><strong>JupyterLab 4</strong>"#),
        "{page}"
    );
    assert!(page.contains("<code>pip install nbclassic</code>"));
}

#[test]
fn a_viewed_file_stands_in_a_sandboxed_frame() {
    let page = OwnPages::new("/").view_page(&ViewPage {
        title: "x.html",
        file_url: "/files/x.html",
    });
    assert!(
        page.contains(r#"<iframe id="iframe" sandbox="allow-scripts" src="/files/x.html""#),
        "{page}"
    );
}

#[test]
fn assets_are_found_by_name() {
    let pages = OwnPages::new("/");
    assert!(
        pages
            .asset("style.css")
            .is_some_and(|asset| !asset.bytes.is_empty())
    );
    assert!(pages.asset("../style.css").is_none());
}
