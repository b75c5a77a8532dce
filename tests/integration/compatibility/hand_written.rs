//! What front ends ask, one after the other, as they ask it.

use serde_json::{Value, json};

use super::pair::{Configuration, Pair, describe};
use super::request::Request;

fn get(target: &str) -> Request {
    Request::new("GET", target)
}

fn put(target: &str, body: &Value) -> Request {
    Request::new("PUT", target).json(body)
}

fn post(target: &str, body: &Value) -> Request {
    Request::new("POST", target).json(body)
}

fn patch(target: &str, body: &Value) -> Request {
    Request::new("PATCH", target).json(body)
}

fn delete(target: &str) -> Request {
    Request::new("DELETE", target)
}

fn reading() -> Vec<Request> {
    vec![
        get("api/contents"),
        get("api/contents/"),
        get("api/contents/d?content=1"),
        get("api/contents/d?content=0"),
        get("api/contents/d?type=directory"),
        get("api/contents/d?type=file"),
        get("api/contents/d?type=notebook"),
        get("api/contents/d?format=text"),
        get("api/contents/a.txt"),
        get("api/contents/a.txt?content=0"),
        get("api/contents/a.txt?content=0&hash=1"),
        get("api/contents/a.txt?hash=1"),
        get("api/contents/a.txt?format=base64"),
        get("api/contents/a.txt?type=directory"),
        get("api/contents/a.txt?type=notebook"),
        get("api/contents/a.txt?type=bogus"),
        get("api/contents/a.txt?format=bogus"),
        get("api/contents/a.txt?content=2"),
        get("api/contents/a.txt?hash=2"),
        get("api/contents/b.bin"),
        get("api/contents/b.bin?format=text"),
        get("api/contents/b.bin?content=0"),
        get("api/contents/d/n.ipynb"),
        get("api/contents/d/n.ipynb?type=file"),
        get("api/contents/d/n.ipynb?type=file&format=base64"),
        get("api/contents/d/n.ipynb?content=0&hash=1"),
        get("api/contents/invalid.ipynb"),
        get("api/contents/bad.ipynb"),
        get("api/contents/link"),
        get("api/contents/broken"),
        get("api/contents/broken?content=0"),
        get("api/contents/none"),
        get("api/contents/none?content=0&hash=0"),
        get("api/contents/.hidden"),
        get("api/contents/.hidden/x"),
        get("api/contents/sp%20ace%20%C3%BC.txt"),
        get("api/contents/a.txt/checkpoints"),
        get("files/a.txt"),
        get("files/a.txt?download=1"),
        get("files/a.txt?download="),
        get("files/b.bin"),
        get("files/d/n.ipynb"),
        get("files/d/x.py"),
        get("files/sp%20ace%20%C3%BC.txt?download=1"),
        get("files/none"),
        get("files/.hidden/x"),
        get("files/d"),
        get("files/a.txt").header("Range", "bytes=0-0"),
        get("files/a.txt").header("Range", "bytes=-1"),
        get("files/a.txt").header("Range", "bytes=1-"),
        get("files/a.txt").header("Range", "bytes=9-"),
        get("files/a.txt").header("Range", "bytes=0-100"),
        get("files/a.txt").header("Range", "bytes=0-0,2-2"),
        Request::new("HEAD", "files/a.txt"),
        get("view/none"),
        get("api/resolvePath?path=d/x.py"),
        get("api/resolvePath?path=none"),
        get("api/notebooks/d/n.ipynb"),
    ]
}

fn writing() -> Vec<Request> {
    let file = |text: &str| json!({"type": "file", "format": "text", "content": text});
    let nb = |mark| json!({"type": "notebook", "format": "json", "content": crate::contents::notebook(mark)});
    vec![
        put("api/contents/new.txt", &file("1")),
        put("api/contents/new.txt", &file("22")),
        put("api/contents/s%20%23%C3%BC.txt", &file("")),
        put("api/contents/new.ipynb", &nb(1)),
        put("api/contents/new.ipynb", &nb(2)),
        get("api/contents/new.ipynb"),
        get("files/new.ipynb"),
        put("api/contents/empty.ipynb", &json!({"type": "notebook"})),
        put("api/contents/by-name.ipynb", &json!({"format": "json"})),
        put("api/contents/newdir", &json!({"type": "directory"})),
        put("api/contents/newdir", &json!({"type": "directory"})),
        put("api/contents/a.txt", &json!({"content": "x", "format": "text"})),
        put("api/contents/a.txt", &json!({"type": "file", "format": "text"})),
        put("api/contents/a.txt", &json!({"type": "file", "content": "x"})),
        put(
            "api/contents/a.txt",
            &json!({"type": "file", "content": "x", "format": "json"}),
        ),
        put("api/contents/a.txt", &json!({"copy_from": "b.bin"})),
        put(
            "api/contents/a.txt",
            &json!({"type": null, "content": "x", "format": "text"}),
        ),
        put(
            "api/contents/bogus.txt",
            &json!({"type": "bogus", "content": "x", "format": "text"}),
        ),
        put("api/contents/.h", &file("")),
        put(
            "api/contents/y",
            &json!({"path": ".h", "type": "file", "format": "text", "content": ""}),
        ),
        put(
            "api/contents/chunk",
            &json!({"type": "file", "format": "base64", "chunk": 1, "content": "aGVs"}),
        ),
        put(
            "api/contents/chunk",
            &json!({"type": "file", "format": "base64", "chunk": -1, "content": "bG8="}),
        ),
        put(
            "api/contents/chunk.ipynb",
            &json!({"type": "notebook", "format": "json", "chunk": 1, "content": {}}),
        ),
        get("api/contents/chunk"),
        put("api/contents/d", &json!({})),
        post("api/contents/d", &json!({"type": "notebook"})),
        post("api/contents/d", &json!({"type": "notebook"})),
        post("api/contents/d", &json!({"ext": ".tar.gz"})),
        post("api/contents/d", &json!({"ext": ".tar.gz"})),
        post("api/contents/d", &json!({"type": "directory"})),
        post("api/contents/d", &json!({"type": "directory"})),
        post("api/contents/", &Value::Null),
        post("api/contents/a.txt", &json!({})),
        post("api/contents/none", &json!({})),
        post("api/contents", &json!({"copy_from": "a.txt"})),
        post("api/contents", &json!({"copy_from": "a-Copy1.txt"})),
        post("api/contents/d", &json!({"copy_from": "/a.txt"})),
        post("api/contents", &json!({"copy_from": "d/n.ipynb"})),
        post("api/contents", &json!({"copy_from": "d/e"})),
        post("api/contents/d", &json!({"copy_from": "d/e"})),
        post("api/contents", &json!({"copy_from": ".hidden/x"})),
        post("api/contents/copy.txt", &json!({"copy_from": "a.txt"})),
        post("api/contents/no/copy.txt", &json!({"copy_from": "a.txt"})),
        patch("api/contents/new.txt", &json!({"path": "d/renamed.txt"})),
        patch("api/contents/d/renamed.txt", &json!({"path": "a.txt"})),
        patch("api/contents/d/renamed.txt", &json!({"path": ".h"})),
        patch("api/contents/d/renamed.txt", &json!({"path": "d/renamed.txt"})),
        patch("api/contents/none", &json!({"path": "other"})),
        patch("api/contents/none", &Value::Null),
        post("api/contents/a.txt/checkpoints", &Value::Null),
        get("api/contents/a.txt/checkpoints"),
        put("api/contents/a.txt", &file("changed")),
        post("api/contents/a.txt/checkpoints/checkpoint", &Value::Null),
        get("api/contents/a.txt"),
        delete("api/contents/a.txt/checkpoints/checkpoint"),
        delete("api/contents/a.txt/checkpoints/checkpoint"),
        post("api/contents/d/n.ipynb/trust", &Value::Null),
        get("api/contents/d/n.ipynb"),
        delete("api/contents/new.ipynb"),
        delete("api/contents/.hidden"),
        delete("api/contents/none"),
        delete("api/contents/"),
        delete("api/contents/d/e"),
        get("api/contents"),
        get("api/contents/d"),
    ]
}

#[tokio::test]
async fn requests_of_front_ends_are_answered_alike() {
    let mut pair = Pair::start(&Configuration::DEFAULT).await;
    let requests: Vec<Request> = reading().into_iter().chain(writing()).collect();
    let outcome = pair.run(&requests).await;
    let wrong: Vec<String> = outcome
        .wrong
        .iter()
        .map(|(_, exchange)| describe(exchange))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
