//! The version of a file goes out as its `ETag`; `If-None-Match` saves a reader the answer, and `If-Match` keeps two
//! writers from overwriting each other.

use http::Method;
use serde_json::{Value, json};
use test_support::{Answer, TestClient, TestServer};

use super::{notebook, read, tree};

const FILE: &str = "/api/contents/a.txt";

fn text(content: &str) -> Value {
    json!({"type": "file", "format": "text", "content": content})
}

async fn tag(client: &TestClient, path: &str) -> String {
    let tag = client.get(path).await.expect(200).header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
    tag
}

#[track_caller]
fn refused(answer: Answer) {
    let body = answer.expect(412).json();
    assert!(
        body["message"].as_str().unwrap().contains("has changed on disk"),
        "{body}"
    );
    assert_eq!(body["reason"], Value::Null);
}

#[tokio::test]
async fn a_file_has_one_entity_tag_however_it_is_read() {
    let server = TestServer::builder()
        .file("n.ipynb", notebook(1).to_string())
        .start()
        .await;
    let client = server.with_token();
    let version = tag(&client, "/api/contents/n.ipynb").await;
    for query in [
        "content=0",
        "type=file",
        "type=file&format=base64",
        "hash=1&content=0",
        "type=notebook",
    ] {
        assert_eq!(
            tag(&client, &format!("/api/contents/n.ipynb?{query}")).await,
            version,
            "{query}"
        );
    }
    assert_eq!(tag(&client, "/files/n.ipynb").await, version);
    for path in ["/api/contents/n.ipynb", "/files/n.ipynb"] {
        assert_eq!(client.head(path).await.expect(200).header("etag"), version);
    }
    std::fs::write(server.root().join("n.ipynb"), notebook(2).to_string()).unwrap();
    assert_ne!(tag(&client, "/api/contents/n.ipynb").await, version);
}

#[tokio::test]
async fn head_of_contents_has_the_headers_of_get_and_no_body() {
    let server = TestServer::builder().file("d/a.txt", "hello").start().await;
    let owner = server.as_owner();
    for path in [
        "/api/contents/d/a.txt",
        "/api/contents/d/a.txt?content=0",
        "/api/contents/d",
        "/api/contents",
    ] {
        let (get, head) = (
            owner.get(path).await.expect(200),
            owner.head(path).await.expect(200),
        );
        assert!(head.body.is_empty());
        for name in [
            "content-type",
            "content-length",
            "last-modified",
            "content-security-policy",
        ] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            assert_ne!(head.header(name), "", "{path}: {name}");
        }
    }
    assert!(owner.head("/api/contents/none").await.expect(404).body.is_empty());
}

#[tokio::test]
async fn a_reader_who_has_the_version_gets_no_body() {
    let server = TestServer::builder()
        .file("a.txt", "x")
        .file("d/b.txt", "y")
        .start()
        .await;
    let owner = server.with_token();
    for path in [FILE, "/files/a.txt", "/api/contents/d"] {
        let version = tag(&owner, path).await;
        for known in [version.clone(), format!("\"x\", W/{version}"), "*".to_owned()] {
            let answer = owner
                .with_header("if-none-match", &known)
                .get(path)
                .await
                .expect(304);
            assert_eq!(
                (answer.body.len(), answer.header("etag")),
                (0, &*version),
                "{path}"
            );
        }
        owner
            .with_header("if-none-match", "\"other\"")
            .get(path)
            .await
            .expect(200);
    }
    // A listing changes with what is in the directory.
    let listing = tag(&owner, "/api/contents/d").await;
    std::fs::write(server.root().join("d/b.txt"), "longer").unwrap();
    owner
        .with_header("if-none-match", &listing)
        .get("/api/contents/d")
        .await
        .expect(200);
    owner
        .with_header("if-none-match", "*")
        .get("/api/contents/none")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_version_of_files_counts_before_its_date() {
    let server = TestServer::builder().file("a.txt", "hello").start().await;
    let client = server.with_token();
    let answer = client.get("/files/a.txt").await.expect(200);
    let (version, date) = (
        answer.header("etag").to_owned(),
        answer.header("last-modified").to_owned(),
    );
    let with_date = client.with_header("if-modified-since", &date);
    with_date.get("/files/a.txt").await.expect(304);
    with_date
        .with_header("if-none-match", "\"x\"")
        .get("/files/a.txt")
        .await
        .expect(200);
    let part = client.with_header("range", "bytes=1-2");
    assert_eq!(
        part.with_header("if-range", &version)
            .get("/files/a.txt")
            .await
            .expect(206)
            .body,
        b"el"
    );
    for other in ["\"x\"", &date] {
        assert_eq!(
            part.with_header("if-range", other)
                .get("/files/a.txt")
                .await
                .expect(200)
                .body,
            b"hello"
        );
    }
}

#[tokio::test]
async fn who_knows_another_version_changes_nothing() {
    let server = TestServer::builder()
        .file("a.txt", "x")
        .file("d/b", "")
        .start()
        .await;
    let owner = server.as_owner();
    owner.post_empty(&format!("{FILE}/checkpoints")).await.expect(201);
    let old = tag(&owner, FILE).await;
    owner.put(FILE, &text("y")).await.expect(200);
    let before = tree(&server);
    let late = owner.with_header("if-match", &old);
    refused(late.put(FILE, &text("z")).await);
    refused(late.patch(FILE, &json!({"path": "b.txt"})).await);
    refused(late.delete(FILE).await);
    refused(late.post_empty(&format!("{FILE}/checkpoints/checkpoint")).await);
    refused(late.put("/api/contents/new.txt", &text("z")).await);
    refused(late.delete("/api/contents/d").await);
    // A header that makes no sense is no licence.
    refused(
        owner
            .with_header("if-match", "nonsense")
            .put(FILE, &text("z"))
            .await,
    );
    refused(
        owner
            .with_header("if-none-match", "*")
            .put(FILE, &text("z"))
            .await,
    );
    refused(
        owner
            .with_header("if-match", "*")
            .put("/api/contents/new.txt", &text("z"))
            .await,
    );
    assert_eq!((tree(&server), read(&server, "a.txt")), (before, b"y".to_vec()));
    late.delete("/api/contents/none").await.expect(404);
    late.patch("/api/contents/none", &json!({"path": "b"}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_writer_goes_on_with_the_version_of_the_last_answer() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let answer = owner
        .with_header("if-none-match", "*")
        .put(FILE, &text("1"))
        .await
        .expect(201);
    let mut version = answer.header("etag").to_owned();
    for content in ["2", "3"] {
        let answer = owner
            .with_header("if-match", &version)
            .put(FILE, &text(content))
            .await
            .expect(200);
        assert_ne!(answer.header("etag"), version);
        version = answer.header("etag").to_owned();
        assert_eq!(tag(&owner, FILE).await, version);
    }
    let chunk = |chunk: i64, content: &str| json!({"type": "file", "format": "text", "content": content, "chunk": chunk});
    for (number, content) in [(1, "a"), (2, "b"), (-1, "c")] {
        let answer = owner
            .with_header("if-match", &version)
            .put(FILE, &chunk(number, content))
            .await
            .expect(200);
        version = answer.header("etag").to_owned();
    }
    assert_eq!(read(&server, "a.txt"), b"abc");
    let to = json!({"path": "b.txt"});
    let answer = owner
        .with_header("if-match", &version)
        .patch(FILE, &to)
        .await
        .expect(200);
    let version = answer.header("etag").to_owned();
    owner
        .with_header("if-match", &version)
        .delete("/api/contents/b.txt")
        .await
        .expect(204);
    assert!(tree(&server).iter().all(|name| name.starts_with('.')));
}

#[tokio::test]
async fn a_trusted_notebook_is_read_anew() {
    let cell = json!({"id": "a", "cell_type": "code", "metadata": {}, "source": "", "execution_count": null,
        "outputs": [{"output_type": "display_data", "data": {"text/html": "<b>"}, "metadata": {}}]});
    let content = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let server = TestServer::builder()
        .file("n.ipynb", content.to_string())
        .start()
        .await;
    let owner = server.as_owner();
    let version = tag(&owner, "/api/contents/n.ipynb").await;
    // Where times come from a coarse clock it must have ticked since the file was written.
    test_support::eventually(
        "the notebook has another version when it is trusted",
        async || {
            owner.post_empty("/api/contents/n.ipynb/trust").await.expect(201);
            let again = owner
                .with_header("if-none-match", &version)
                .get("/api/contents/n.ipynb")
                .await;
            (again.status == 200).then_some(again)
        },
    )
    .await;
    let model = owner.get("/api/contents/n.ipynb").await.expect(200).json();
    assert_eq!(model["content"]["cells"][0]["metadata"]["trusted"], true);
    assert_eq!(read(&server, "n.ipynb"), content.to_string().as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_clients_who_know_one_version_one_wins_each_round() {
    let server = TestServer::builder().file("a.txt", "start").start().await;
    let owner = server.as_owner();
    for round in 0..10 {
        let client = owner.with_header("if-match", &tag(&owner, FILE).await);
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..8 {
            let client = client.clone();
            clients.spawn(async move {
                let content = format!("{round} {number}");
                let request = client.request(Method::PUT, FILE).body(text(&content).to_string());
                (client.send(request).await.status.as_u16(), content)
            });
        }
        let answers = clients.join_all().await;
        let winners: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert!(
            answers.iter().all(|(status, _)| [200, 412].contains(status)),
            "{answers:?}"
        );
        assert_eq!(read(&server, "a.txt"), winners[0].1.as_bytes());
    }
}

#[tokio::test]
async fn a_version_that_is_asked_for_is_compared_strongly_and_by_all() {
    let server = TestServer::builder().file("a.txt", "x").start().await;
    let client = server.with_token();
    client
        .post_empty("/api/contents/a.txt/checkpoints")
        .await
        .expect(201);
    let version = tag(&client, FILE).await;
    let checkpoint = format!("{FILE}/checkpoints/checkpoint");
    for other in [format!("W/{version}"), "\"other\"".to_owned()] {
        let other = client.with_header("if-match", &other);
        refused(other.put(FILE, &text("y")).await);
        refused(other.patch(FILE, &json!({})).await);
        refused(other.patch(FILE, &json!({"path": null})).await);
        refused(other.delete(&checkpoint).await);
        refused(other.get(FILE).await);
        other.get("/files/a.txt").await.expect(412);
    }
    assert_eq!(read(&server, "a.txt"), b"x");
    let same = client.with_header("if-match", &version);
    same.get(FILE).await.expect(200);
    assert_eq!(same.get("/files/a.txt").await.expect(200).body, b"x");
    same.patch(FILE, &json!({})).await.expect(200);
    same.delete(&checkpoint).await.expect(204);
}
