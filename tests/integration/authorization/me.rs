//! `/api/me`.

use serde_json::json;
use test_support::TestServer;

const ALL: &str =
    "%7B%22contents%22%3A%5B%22read%22%2C%22write%22%5D%2C%22kernels%22%3A%5B%22execute%22%5D%7D";

#[tokio::test]
async fn it_says_who_one_is_and_what_one_may_do() {
    let server = TestServer::start().await;
    let owner = server
        .as_owner()
        .get(&format!("/api/me?permissions={ALL}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        owner["identity"],
        json!({
            "username": "owner", "name": "owner", "display_name": "owner",
            "initials": null, "avatar_url": null, "color": null,
        }),
    );
    let fields = ["name", "display_name", "initials", "avatar_url", "color"];
    assert_eq!(
        owner["permissions"],
        json!({"contents": ["read", "write"], "kernels": ["execute"], "updatable_fields": fields}),
    );
    let viewer = server
        .as_viewer()
        .get(&format!("/api/me?permissions={ALL}"))
        .await
        .expect(200)
        .json();
    assert_eq!(viewer["permissions"]["contents"], json!(["read"]));
    assert_eq!(viewer["permissions"]["kernels"], json!([]));
}

#[tokio::test]
async fn what_is_no_resource_or_action_is_not_allowed() {
    let server = TestServer::start().await;
    let asked = "%7B%22contents%22%3A%5B%22fly%22%5D%2C%22nothing%22%3A%5B%22read%22%5D%7D";
    let answer = server
        .as_owner()
        .get(&format!("/api/me?permissions={asked}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &answer["permissions"]["contents"],
            &answer["permissions"]["nothing"]
        ),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn what_is_no_question_is_400() {
    let server = TestServer::start().await;
    for bad in [
        "%5B%5D",
        "x",
        "%7B%22contents%22%3A%22read%22%7D",
        "%7B%22contents%22%3A%5B1%5D%7D",
    ] {
        let answer = server
            .as_owner()
            .get(&format!("/api/me?permissions={bad}"))
            .await
            .expect(400)
            .json();
        let message = answer["message"].as_str().expect("a message");
        assert!(
            message.starts_with("permissions should be a JSON dict of"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn one_can_change_what_one_is_called_and_the_cookie_keeps_it() {
    let server = TestServer::builder().policy("owner").start().await;
    let me = server.with_token().with_cookies();
    let before = me.get("/api/me").await.expect(200).json();
    let changed = me
        .patch("/api/me", &json!({"name": "Ada", "color": "red"}))
        .await
        .expect(200)
        .json();
    assert_eq!(changed["status"], "success");
    let after = me.get("/api/me").await.expect(200).json();
    assert_eq!(after["identity"]["username"], before["identity"]["username"]);
    assert_eq!(
        (&after["identity"]["name"], &after["identity"]["color"]),
        (&json!("Ada"), &json!("red"))
    );

    for bad in [
        json!({"username": "root"}),
        json!({"name": 1}),
        json!({"name": "x".repeat(513)}),
        json!({}),
    ] {
        me.patch("/api/me", &bad).await.expect(400);
    }
    assert_eq!(me.get("/api/me").await.json(), after);
}
