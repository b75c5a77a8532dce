//! What is done through the contents API.

use serde_json::{Value, json};
use test_support::TestServer;

use super::{CONTENTS_SERVICE, emit_mark, subscribe, until_mark};

#[tokio::test]
async fn everything_that_is_done_through_the_api_is_an_event() {
    let server = TestServer::builder()
        .file("a.txt", "a")
        .file("d/x.txt", "x")
        .start()
        .await;
    let owner = server.as_owner();
    let mut socket = subscribe(&owner).await;
    let text = json!({"type": "file", "format": "text", "content": "1"});
    let one = |action: &str, path: &str| vec![json!({"action": action, "path": path})];
    let two = |action: &str, path: &str, source: &str| {
        vec![json!({"action": action, "path": path, "source_path": source})]
    };
    let steps: [(&str, &str, Value, Vec<Value>); 19] = [
        ("GET", "api/contents", json!(null), one("get", "")),
        ("GET", "api/contents/d?content=0", json!(null), one("get", "d")),
        ("GET", "api/contents/a.txt", json!(null), one("get", "a.txt")),
        ("GET", "api/contents/none", json!(null), vec![]),
        ("PUT", "api/contents/n.txt", text.clone(), one("save", "n.txt")),
        ("PUT", "api/contents/none/n.txt", text, vec![]),
        (
            "PUT",
            "api/contents/dd",
            json!({"type": "directory"}),
            one("save", "dd"),
        ),
        (
            "POST",
            "api/contents/d",
            json!({"type": "file"}),
            one("save", "d/untitled"),
        ),
        (
            "POST",
            "api/contents/d",
            json!({"copy_from": "a.txt"}),
            two("copy", "d/a.txt", "a.txt"),
        ),
        (
            "POST",
            "api/contents",
            json!({"copy_from": "d"}),
            two("copy", "d-Copy1", "d"),
        ),
        (
            "PATCH",
            "api/contents/n.txt",
            json!({"path": "d/m.txt"}),
            two("rename", "d/m.txt", "n.txt"),
        ),
        ("PATCH", "api/contents/a.txt", json!({"path": "a.txt"}), vec![]),
        ("PATCH", "api/contents/none", json!({"path": "b.txt"}), vec![]),
        (
            "DELETE",
            "api/contents/d/m.txt",
            json!(null),
            one("delete", "d/m.txt"),
        ),
        ("DELETE", "api/contents/none", json!(null), vec![]),
        ("POST", "api/contents/a.txt/checkpoints", json!(null), vec![]),
        (
            "POST",
            "api/contents/a.txt/checkpoints/checkpoint",
            json!(null),
            one("save", "a.txt"),
        ),
        (
            "DELETE",
            "api/contents/a.txt/checkpoints/checkpoint",
            json!(null),
            vec![],
        ),
        ("GET", "files/a.txt", json!(null), vec![]),
    ];
    for (method, path, body, expected) in steps {
        let request = owner.request(method.parse().unwrap(), path);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        owner.send(request.body(body)).await;
        emit_mark(&server).await;
        let expected: Vec<Value> = expected
            .into_iter()
            .map(|mut event| {
                event["schema_id"] = json!(CONTENTS_SERVICE);
                event
            })
            .collect();
        let mut events = until_mark(&mut socket).await;
        // A directory that is looked at for the first time while it changes is told to be read again.
        events.retain(|event| event["action"] != "refresh");
        assert_eq!(events, expected, "{method} {path}");
    }
}
